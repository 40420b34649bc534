//! A call into a portal from another run.

use std::{
    fmt,
    panic::Location,
    pin::Pin,
    task::{Context, Poll, ready},
};

use anyio_core::{CallError, Executor};

use super::{handle::BlockingPortal, task::PortalTask};
use crate::{
    context::{Frame, Kind, poll_unwound},
    op,
    scope::call_of,
};

/// Given by [`BlockingPortal::call_async`].
#[must_use = "futures do nothing unless you `.await` them"]
pub struct CallAsync<B: Executor, F: Future> {
    frame: Frame,
    site: &'static Location<'static>,
    portal: BlockingPortal<B>,
    // Until it is spawned.
    future: Option<F>,
    task: Option<PortalTask<F::Output>>,
    abandons: bool,
    unwound: Option<CallError>,
}

impl<B: Executor, F: Future> CallAsync<B, F> {
    #[track_caller]
    pub(super) const fn new(portal: BlockingPortal<B>, future: F) -> Self {
        Self {
            frame: Frame::new(),
            site: Location::caller(),
            portal,
            future: Some(future),
            task: None,
            abandons: false,
            unwound: None,
        }
    }

    /// If the scope around the call is cancelled, returns at once; what runs is cancelled, and nobody
    /// waits for it.
    pub const fn abandon_on_cancel(mut self) -> Self {
        self.abandons = true;
        self
    }

    const fn kind(&self) -> Kind<'static> {
        call_of(self.abandons, self.site)
    }

    /// A cancellation that is that of the scope around is left to that scope.
    fn unwind(&mut self, error: CallError, cx: &Context<'_>) -> Poll<CallError> {
        let error = self.unwound.insert(error);
        ready!(poll_unwound(cx));
        Poll::Ready(error.clone())
    }
}

// The future is moved, and never pinned.
impl<B: Executor, F: Future> Unpin for CallAsync<B, F> {}

impl<B, F> Future for CallAsync<B, F>
where
    B: Executor,
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    type Output = Result<F::Output, CallError>;

    // The `.await` is where the task is from.
    #[track_caller]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        if let Some(error) = this.unwound.take() {
            return this.unwind(error, cx).map(Err);
        }
        if this.future.is_some() {
            ready!(op::admit(cx));
        }
        if let Some(future) = this.future.take() {
            match this.portal.spawn(future) {
                Ok(task) => this.task = Some(task),
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        let kind = this.kind();
        let Some(task) = &mut this.task else { panic!("a future was polled after it had ended") };
        this.frame.follow();
        if let Poll::Ready(result) = Pin::new(&mut *task).poll(cx) {
            this.task = None;
            this.frame.leave();
            return match result {
                Err(error) if error.is_cancelled() => this.unwind(error, cx).map(Err),
                result => Poll::Ready(result),
            };
        }
        if this.frame.settle(kind, cx).is_effective() {
            task.cancel();
        }
        Poll::Pending
    }
}

impl<B: Executor, F: Future> Drop for CallAsync<B, F> {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.cancel();
        }
    }
}

impl<B: Executor, F: Future> fmt::Debug for CallAsync<B, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallAsync")
            .field("portal", &self.portal)
            .field("started", &self.future.is_none())
            .finish_non_exhaustive()
    }
}
