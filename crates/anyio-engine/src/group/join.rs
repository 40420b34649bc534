//! The handle on a task, and waiting for it.

use std::{
    fmt,
    marker::PhantomData,
    mem::ManuallyDrop,
    panic::Location,
    pin::Pin,
    sync::Arc as StdArc,
    task::{Context, Poll, ready},
};

use anyio_core::{Cancelled, Cause, TaskStatus};

use super::{lease::Stub, slot::Slot};
use crate::{context::ambient, op};

/// A handle on a task of a group. Dropping it changes nothing: the group owns the task.
///
/// ```text
/// task            ───────────────────┤ its value
/// handle.await         waits ────────┴──▶ Ok(value)
///
/// task            ─────✂ cleanup ────┤ the others of its group go on
/// handle.cancel() ─────┘             │
/// handle.await         waits ────────┴──▶ Err(Cancelled)
/// ```
///
/// `handle.await` is short for `handle.join().await`.
pub struct TaskHandle<T> {
    stub: Stub,
    name: Name,
    value: PhantomData<fn() -> T>,
}

/// In a box, since most have none: a handle is two words long. To let go of one that is there is a step
/// aside.
struct Name(ManuallyDrop<Option<Box<StdArc<str>>>>);

impl Drop for Name {
    #[inline]
    fn drop(&mut self) {
        if self.0.is_some() {
            self.let_go();
        }
    }
}

impl Name {
    #[cold]
    fn let_go(&mut self) {
        drop(self.0.take());
    }
}

impl<T> TaskHandle<T> {
    /// The one handle on the task of `stub`, whose value is a `T`.
    #[inline]
    pub(super) fn new(stub: Stub, name: Option<StdArc<str>>) -> Self {
        Self { stub, name: Name(ManuallyDrop::new(name.map(Box::new))), value: PhantomData }
    }

    pub(super) fn slot(&self) -> &Slot {
        self.stub.slot()
    }

    /// Waits for the task's value.
    ///
    /// # Cancel safety
    ///
    /// Atomic on the task: it goes on. The handle is consumed, so use [`wait`](Self::wait) first
    /// where the value must be kept.
    ///
    /// # Errors
    ///
    /// [`Cancelled`] if the task was cancelled. A task's own error goes to its group alone; waiting
    /// for such a task inside the group, which is cancelled then, does not return.
    pub fn join(self) -> Join<T> {
        Join { handle: self, admitted: false, ended: false }
    }

    /// Waits until the task has ended, however it ended. May be called again.
    ///
    /// # Cancel safety
    ///
    /// Atomic: nothing happens but the waiting.
    pub async fn wait(&mut self) {
        let mut admitted = false;
        std::future::poll_fn(|cx| poll_end(self.slot(), &mut admitted, cx)).await;
    }

    /// Cancels this task, and neither its siblings nor the group. It is unwound as any scope is.
    #[track_caller]
    pub fn cancel(&self) {
        self.slot().cancel(Cause::explicit());
    }

    /// How far the task has come.
    #[must_use]
    pub fn status(&self) -> TaskStatus {
        self.slot().status()
    }

    /// The name it was given.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.0.as_deref().map(|name| &**name)
    }

    /// Where it was spawned.
    #[must_use]
    pub fn location(&self) -> &'static Location<'static> {
        self.slot().location()
    }
}

fn poll_end(slot: &Slot, admitted: &mut bool, cx: &mut Context<'_>) -> Poll<()> {
    if !*admitted {
        ready!(op::admit(cx));
        *admitted = true;
    }
    if slot.poll_end(cx.waker()) { Poll::Ready(()) } else { Poll::Pending }
}

impl<T: 'static> IntoFuture for TaskHandle<T> {
    type Output = Result<T, Cancelled>;
    type IntoFuture = Join<T>;

    fn into_future(self) -> Join<T> {
        self.join()
    }
}

impl<T> fmt::Debug for TaskHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskHandle")
            .field("name", &self.name())
            .field("status", &self.status())
            .finish_non_exhaustive()
    }
}

impl<T: Send + 'static> anyio_core::TaskHandle<T> for TaskHandle<T> {
    fn join(self) -> impl Future<Output = Result<T, Cancelled>> + Send {
        self.join()
    }

    fn wait(&mut self) -> impl Future<Output = ()> + Send {
        self.wait()
    }

    fn cancel(&self) {
        self.cancel();
    }

    fn status(&self) -> TaskStatus {
        self.status()
    }

    fn name(&self) -> Option<&str> {
        self.name()
    }
}

/// Given by [`TaskHandle::join`].
#[must_use = "futures do nothing unless you `.await` them"]
pub struct Join<T> {
    handle: TaskHandle<T>,
    admitted: bool,
    ended: bool,
}

impl<T: 'static> Future for Join<T> {
    type Output = Result<T, Cancelled>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        assert!(!this.ended, "a future was polled after it had ended");
        let slot = this.handle.slot();
        ready!(poll_end(slot, &mut this.admitted, cx));
        // What a sibling's failure, or the cancellation of the whole group, has done to the task must
        // not become a second, made-up error of the body's `?`.
        if !slot.has_value() && ambient::refuse_surely(cx.waker()) {
            return Poll::Pending;
        }
        this.ended = true;
        Poll::Ready(slot.take().map(|value| match value.downcast() {
            Ok(value) => *value,
            Err(_) => unreachable!("a handle is made for the type of its task's value"),
        }))
    }
}

impl<T> fmt::Debug for Join<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Join").field("status", &self.handle.status()).finish_non_exhaustive()
    }
}
