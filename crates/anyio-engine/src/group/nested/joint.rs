//! What a task and its handle share.

use std::{
    fmt,
    panic::Location,
    pin::Pin,
    task::{Context, Poll, Waker, ready},
};

use anyio_core::{Cancelled, Cause, CauseKind, TaskStatus};

use super::super::slot::label;
use crate::{
    context::{Owner, Verdict, ambient},
    op,
    sys::{Arc, AtomicBool, Mutex, Ordering},
    tree::{Label, Node, Role},
};

/// All of it is under one lock: mostly there is one thread.
pub(super) struct Joint<T> {
    name: Option<Arc<str>>,
    location: &'static Location<'static>,
    /// Its handle has cancelled it. Raised under the lock, with the cause.
    cancelling: AtomicBool,
    inner: Mutex<Inner<T>>,
}

struct Inner<T> {
    status: TaskStatus,
    value: Option<T>,
    /// Why the handle cancelled it, then why it was cancelled.
    cause: Option<Cause>,
    node: Option<Arc<Node>>,
    joiner: Option<Waker>,
}

/// How a task ended.
pub(super) enum End<T> {
    Value(T),
    Cut(Cause),
    Failed,
}

impl<T> Joint<T> {
    pub(super) fn new(name: Option<Arc<str>>, location: &'static Location<'static>) -> Self {
        let inner = Inner {
            status: TaskStatus::Running,
            value: None,
            cause: None,
            node: None,
            joiner: None,
        };
        Self { name, location, cancelling: AtomicBool::default(), inner: Mutex::from(inner) }
    }

    pub(super) const fn location(&self) -> &'static Location<'static> {
        self.location
    }

    pub(super) fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    pub(super) fn name_of(&self) -> Option<Arc<str>> {
        self.name.clone()
    }

    pub(super) fn label(&self) -> Arc<str> {
        label(self.name.as_ref(), self.location)
    }

    fn status(&self) -> TaskStatus {
        self.inner.lock().status
    }

    /// Whether the handle has cancelled the task.
    pub(super) fn is_cancelling(&self) -> bool {
        self.cancelling.load(Ordering::Acquire)
    }

    fn cancel(&self, cause: Cause) {
        let node = {
            let mut inner = self.inner.lock();
            if inner.status != TaskStatus::Running {
                return;
            }
            inner.status = TaskStatus::Cancelling;
            self.cancelling.store(true, Ordering::Release);
            inner.cause = Some(cause.clone());
            inner.node.clone()
        };
        if let Some(node) = node {
            node.cancel(cause);
        }
    }

    /// The task has ended. What its handle does not want comes back.
    pub(super) fn end(&self, end: End<T>) {
        let (joiner, node) = {
            let mut inner = self.inner.lock();
            inner.status = match end {
                End::Value(value) => {
                    inner.value = Some(value);
                    TaskStatus::Finished
                }
                End::Cut(cause) => {
                    inner.cause = Some(cause);
                    TaskStatus::Cancelled
                }
                End::Failed => TaskStatus::Failed,
            };
            (inner.joiner.take(), inner.node.take())
        };
        drop(node);
        joiner.into_iter().for_each(Waker::wake);
    }

    fn poll_end(&self, admitted: &mut bool, cx: &mut Context<'_>) -> Poll<TaskStatus> {
        if !*admitted {
            ready!(op::admit(cx));
            *admitted = true;
        }
        let waker = cx.waker().clone();
        let mut inner = self.inner.lock();
        match inner.status {
            TaskStatus::Running | TaskStatus::Cancelling => {
                let known = inner.joiner.replace(waker);
                drop(inner);
                drop(known);
                Poll::Pending
            }
            ended => Poll::Ready(ended),
        }
    }

    fn take(&self) -> Result<T, Cancelled> {
        let mut inner = self.inner.lock();
        if inner.status == TaskStatus::Failed {
            drop(inner);
            return Err(Cancelled::new(Cause::sibling_failed(self.label())));
        }
        inner.value.take().ok_or_else(|| {
            Cancelled::new(inner.cause.clone().unwrap_or(Cause::of(CauseKind::Dropped)))
        })
    }
}

impl<T> Owner for Joint<T> {
    fn verdict(&self) -> Verdict {
        if self.is_cancelling() { Verdict::Cancelled } else { Verdict::AskOuter }
    }

    fn make(&self, outer: &dyn Fn() -> Option<Arc<Node>>) -> Arc<Node> {
        let label = Label::named(self.name.clone(), self.location);
        let node = Node::new(Role::Task.flags(), label, None, None);
        node.attach(outer());
        let missed = {
            let mut inner = self.inner.lock();
            inner.node = Some(Arc::clone(&node));
            inner.cause.clone()
        };
        if let Some(cause) = missed {
            node.cancel(cause);
        }
        node
    }
}

/// A handle on a task that runs inside of its group's own. Dropping it changes nothing.
///
/// `handle.await` is short for `handle.join().await`.
pub struct NestedHandle<T> {
    joint: Arc<Joint<T>>,
}

impl<T> NestedHandle<T> {
    pub(super) const fn new(joint: Arc<Joint<T>>) -> Self {
        Self { joint }
    }

    /// Waits for the task's value. To be awaited inside of the group, or when it has ended: the
    /// tasks run only while the group is polled.
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
    pub fn join(self) -> NestedJoin<T> {
        NestedJoin { joint: self.joint, admitted: false, ended: false }
    }

    /// Waits until the task has ended, however it ended. May be called again.
    ///
    /// # Cancel safety
    ///
    /// Atomic: nothing happens but the waiting.
    pub async fn wait(&mut self) {
        let mut admitted = false;
        std::future::poll_fn(|cx| self.joint.poll_end(&mut admitted, cx)).await;
    }

    /// Cancels this task, and neither its siblings nor the group. It is unwound as any scope is.
    #[track_caller]
    pub fn cancel(&self) {
        self.joint.cancel(Cause::explicit());
    }

    /// How far the task has come.
    #[must_use]
    pub fn status(&self) -> TaskStatus {
        self.joint.status()
    }

    /// The name it was given.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.joint.name()
    }

    /// Where it was spawned.
    #[must_use]
    pub fn location(&self) -> &'static Location<'static> {
        self.joint.location()
    }
}

impl<T> IntoFuture for NestedHandle<T> {
    type Output = Result<T, Cancelled>;
    type IntoFuture = NestedJoin<T>;

    fn into_future(self) -> NestedJoin<T> {
        self.join()
    }
}

impl<T> fmt::Debug for NestedHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NestedHandle")
            .field("name", &self.name())
            .field("status", &self.status())
            .finish_non_exhaustive()
    }
}

/// Given by [`NestedHandle::join`].
#[must_use = "futures do nothing unless you `.await` them"]
pub struct NestedJoin<T> {
    joint: Arc<Joint<T>>,
    admitted: bool,
    ended: bool,
}

impl<T> Future for NestedJoin<T> {
    type Output = Result<T, Cancelled>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        assert!(!this.ended, "a future was polled after it had ended");
        let status = ready!(this.joint.poll_end(&mut this.admitted, cx));
        // As with the handles of other tasks: what has cut this one must not look like a failure.
        if status != TaskStatus::Finished && ambient::refuse_surely(cx.waker()) {
            return Poll::Pending;
        }
        this.ended = true;
        Poll::Ready(this.joint.take())
    }
}

impl<T> fmt::Debug for NestedJoin<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NestedJoin").field("status", &self.joint.status()).finish_non_exhaustive()
    }
}
