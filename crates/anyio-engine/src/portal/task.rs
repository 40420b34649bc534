//! A task of a portal, and who waits for it.

use std::{
    any::Any,
    fmt, mem,
    panic::resume_unwind,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use anyio_core::{CallError, Cancelled};
use pin_project_lite::pin_project;

use crate::{
    context::{Body, Frame, RunId},
    group::TaskHandle,
    handover::Handover,
    scope::{HIDDEN_HOLD, Outcome, catch, conclude, poll_caught},
    sys::Arc,
    trace,
};

/// How a task has ended.
pub(super) enum End<T> {
    Value(T),
    Panicked(Box<dyn Any + Send>),
    Cut(Cancelled),
    /// The runtime has dropped it.
    Lost,
}

pub(super) type Shelf<T> = Handover<End<T>>;

/// A task that runs in a portal, for threads and for tasks of other runs. Given by
/// [`BlockingPortal::spawn`](super::BlockingPortal::spawn).
///
/// Dropping it changes nothing: the task goes on, and the portal waits for it.
///
/// It is a future, too, which gives what [`wait`](Self::wait) gives; see
/// [`call_async`](super::BlockingPortal::call_async) for one that cancels the task with its scope.
///
/// # Cancel safety
///
/// Atomic: cancelled, nothing has been taken, and it can be awaited again.
pub struct PortalTask<T> {
    pub(super) shelf: Arc<Shelf<T>>,
    pub(super) handle: TaskHandle<()>,
    pub(super) run: RunId,
    pub(super) taken: bool,
}

impl<T> PortalTask<T> {
    /// Waits for the task, and takes what it has ended in.
    ///
    /// # Errors
    ///
    /// [`CallError`]: the task was cancelled, by its handle or with its portal; the run has ended under
    /// it; or the call comes from a task of that run, and would wait for itself.
    ///
    /// # Panics
    ///
    /// With the panic of the task. Also if what it ended in has been taken.
    ///
    /// # Blocking
    ///
    /// Blocks the thread until the task has ended.
    #[doc(alias = "result")]
    pub fn wait(&mut self) -> Result<T, CallError> {
        self.wait_for(None)
    }

    /// As [`wait`](Self::wait), for no longer than `timeout`. The task goes on if that is over, and can be
    /// waited for again.
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait); also that the time was over.
    ///
    /// # Panics
    ///
    /// As [`wait`](Self::wait).
    ///
    /// # Blocking
    ///
    /// Blocks the thread until the task has ended or the time is over.
    pub fn wait_timeout(&mut self, timeout: Duration) -> Result<T, CallError> {
        self.wait_for(Some(timeout))
    }

    fn wait_for(&mut self, limit: Option<Duration>) -> Result<T, CallError> {
        let end = self.end(limit)?;
        self.open(end)
    }

    /// Waits for the end as it is.
    pub(super) fn end(&mut self, limit: Option<Duration>) -> Result<End<T>, CallError> {
        assert!(!self.taken, "the result of a portal's task has been taken");
        if !self.is_finished() && self.run.is_polled_here() {
            return Err(CallError::refused());
        }
        let end = self.shelf.wait(limit).ok_or_else(CallError::timed_out)?;
        self.taken = true;
        Ok(end)
    }

    fn open(&mut self, end: End<T>) -> Result<T, CallError> {
        self.taken = true;
        match end {
            End::Value(value) => Ok(value),
            End::Panicked(payload) => resume_unwind(payload),
            End::Cut(cancelled) => Err(cancelled.into()),
            End::Lost => Err(CallError::finished()),
        }
    }

    pub(super) const fn is_taken(&self) -> bool {
        self.taken
    }

    /// Whether the task has ended, so that [`wait`](Self::wait) does not block.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.taken || self.shelf.is_there()
    }

    /// Cancels the task, which unwinds and then gives a cancellation. One that has ended, or ends by
    /// itself, keeps its result. Does not block, and may be called at any time.
    #[track_caller]
    pub fn cancel(&self) {
        self.handle.cancel();
    }

    /// The task's name, if it was given one.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.handle.name()
    }
}

impl<T> Future for PortalTask<T> {
    type Output = Result<T, CallError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        assert!(!self.taken, "the result of a portal's task has been taken");
        let end = ready!(self.shelf.poll_take(cx));
        Poll::Ready(self.open(end))
    }
}

impl<T> Unpin for PortalTask<T> {}

impl<T> Drop for PortalTask<T> {
    fn drop(&mut self) {
        if let Some(end) = self.shelf.let_go() {
            discard(end);
        }
    }
}

impl<T> fmt::Debug for PortalTask<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PortalTask")
            .field("name", &self.name())
            .field("finished", &self.is_finished())
            .finish_non_exhaustive()
    }
}

/// What a task gives to nobody.
fn discard<T>(end: End<T>) {
    let dropped = match end {
        End::Panicked(payload) => Err(payload),
        end => catch(|| drop(end)),
    };
    if let Err(payload) = dropped {
        trace::abandoned_panic(&*payload);
    }
}

pin_project! {
    /// The task's own future: it fails nobody else, and says how it ended when nothing is left of it.
    pub(super) struct Delivered<F: Future> {
        hold: Frame,
        boundary: Frame,
        #[pin]
        body: Body<F>,
        // Until that is said.
        shelf: Option<Arc<Shelf<F::Output>>>,
    }

    impl<F: Future> PinnedDrop for Delivered<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if let Some(shelf) = this.shelf.take() {
                drop((mem::take(this.boundary), mem::take(this.hold)));
                let end = catch(|| this.body.as_mut().clear());
                deliver(&shelf, end.map_or_else(End::Panicked, |()| End::Lost));
            }
        }
    }
}

fn deliver<T>(shelf: &Shelf<T>, end: End<T>) {
    if let Some(end) = shelf.give(end) {
        discard(end);
    }
}

impl<F: Future> Delivered<F> {
    pub(super) fn new(future: F, shelf: Arc<Shelf<F::Output>>) -> Self {
        Self {
            hold: Frame::new(),
            boundary: Frame::new(),
            body: Body::new(future),
            shelf: Some(shelf),
        }
    }
}

impl<F: Future> Future for Delivered<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        let (hold, boundary) = (this.hold, this.boundary);
        let body = this.body.as_mut();
        let polled = hold.enter(&HIDDEN_HOLD, || poll_caught(boundary, body, cx));
        let settle = || Arc::clone(hold.settle(HIDDEN_HOLD, cx));
        let end = match ready!(conclude(boundary, this.body, polled, cx, settle)) {
            Outcome::Value(value) => End::Value(value),
            Outcome::Panicked(payload) => End::Panicked(payload),
            Outcome::Cut(cancelled) => End::Cut(cancelled),
        };
        boundary.leave();
        hold.leave();
        if let Some(shelf) = this.shelf.take() {
            deliver(&shelf, end);
        }
        Poll::Ready(())
    }
}
