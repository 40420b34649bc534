//! What a task and its handle share.

use std::{
    fmt,
    panic::Location,
    pin::Pin,
    task::{Context, Poll, Waker, ready},
};

use anyio_core::{Cancelled, Cause, CauseKind, TaskStatus};

use super::{super::slot::label, pair::Shared};
use crate::{
    context::{Owner, Verdict, ambient},
    op,
    sys::{Arc, AtomicU8, Mutex, Ordering},
    tree::{Label, Node, Role},
};

/// It is small: a task's allocation is this and the future.
///
/// # Invariants
///
/// 1. `status` changes under the lock, when what belongs to it (value or cause) has been stored.
/// 2. A node is kept under the lock. So a cancellation finds the node, or the node finds the cancellation.
pub(super) struct Joint<T> {
    /// Few tasks have one.
    name: Option<Box<Arc<str>>>,
    location: &'static Location<'static>,
    /// The place of a [`TaskStatus`] in [`STATUS`].
    status: AtomicU8,
    inner: Mutex<Inner<T>>,
}

struct Inner<T> {
    value: Option<T>,
    /// Why the handle cancelled it, then why it was cancelled.
    cause: Option<Box<Cause>>,
    node: Option<Arc<Node>>,
    joiner: Option<Waker>,
}

const RUNNING: u8 = 0;
const CANCELLING: u8 = 1;
const FINISHED: u8 = 2;
const CANCELLED: u8 = 3;
const FAILED: u8 = 4;
const STATUS: [TaskStatus; 5] = [
    TaskStatus::Running,
    TaskStatus::Cancelling,
    TaskStatus::Finished,
    TaskStatus::Cancelled,
    TaskStatus::Failed,
];

/// How a task ended.
pub(super) enum End<T> {
    Value(T),
    Cut(Cause),
    Failed,
}

impl<T> Joint<T> {
    #[inline]
    pub(super) fn new(name: Option<Box<Arc<str>>>, location: &'static Location<'static>) -> Self {
        let inner = Inner { value: None, cause: None, node: None, joiner: None };
        Self { name, location, status: AtomicU8::from(RUNNING), inner: Mutex::from(inner) }
    }

    pub(super) const fn location(&self) -> &'static Location<'static> {
        self.location
    }

    fn name(&self) -> Option<&str> {
        self.name.as_deref().map(|name| &**name)
    }

    pub(super) fn name_of(&self) -> Option<Arc<str>> {
        self.name.as_deref().cloned()
    }

    pub(super) fn label(&self) -> Arc<str> {
        label(self.name.as_deref(), self.location)
    }

    /// Acquire: who sees that the task has ended, or was cancelled, sees what belongs to that.
    fn get(&self) -> u8 {
        self.status.load(Ordering::Acquire)
    }

    fn status(&self) -> TaskStatus {
        STATUS[usize::from(self.get())]
    }

    /// Whether the handle has cancelled the task.
    pub(super) fn is_cancelling(&self) -> bool {
        self.get() == CANCELLING
    }

    fn cancel(&self, cause: Cause) {
        let node = {
            let mut inner = self.inner.lock();
            if self.get() != RUNNING {
                return;
            }
            inner.cause = Some(Box::new(cause.clone()));
            self.status.store(CANCELLING, Ordering::Release);
            inner.node.clone()
        };
        if let Some(node) = node {
            node.cancel(cause);
        }
    }

    /// The task has ended.
    pub(super) fn end(&self, end: End<T>) {
        let (joiner, node) = {
            let mut inner = self.inner.lock();
            let status = match end {
                End::Value(value) => {
                    inner.value = Some(value);
                    FINISHED
                }
                End::Cut(cause) => {
                    inner.cause = Some(Box::new(cause));
                    CANCELLED
                }
                End::Failed => FAILED,
            };
            self.status.store(status, Ordering::Release);
            (inner.joiner.take(), inner.node.take())
        };
        drop(node);
        joiner.into_iter().for_each(Waker::wake);
    }

    /// Whether the task has ended, and how; if not, the waker is woken when it does.
    fn poll_end(&self, admitted: &mut bool, cx: &mut Context<'_>) -> Poll<u8> {
        if !*admitted {
            ready!(op::admit(cx));
            *admitted = true;
        }
        let status = self.get();
        if status > CANCELLING {
            return Poll::Ready(status);
        }
        let waker = cx.waker().clone();
        let mut inner = self.inner.lock();
        let status = self.get();
        if status > CANCELLING {
            return Poll::Ready(status);
        }
        let known = inner.joiner.replace(waker);
        drop(inner);
        drop(known);
        Poll::Pending
    }

    fn take(&self) -> Result<T, Cancelled> {
        if self.get() == FAILED {
            return Err(Cancelled::new(Cause::sibling_failed(self.label())));
        }
        let mut inner = self.inner.lock();
        inner.value.take().ok_or_else(|| {
            let cause = inner.cause.as_deref().cloned();
            Cancelled::new(cause.unwrap_or(Cause::of(CauseKind::Dropped)))
        })
    }
}

impl<T> Owner for Joint<T> {
    fn verdict(&self) -> Verdict {
        if self.is_cancelling() { Verdict::Cancelled } else { Verdict::AskOuter }
    }

    fn make(&self, outer: &dyn Fn() -> Option<Arc<Node>>) -> Arc<Node> {
        let label = Label::named(self.name_of(), self.location);
        let node = Node::new(Role::Task.flags(), |links| links.label = label);
        node.attach(outer());
        let missed = {
            let mut inner = self.inner.lock();
            inner.node = Some(Arc::clone(&node));
            inner.cause.as_deref().cloned()
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
    joint: Shared<T>,
}

impl<T> NestedHandle<T> {
    pub(super) const fn new(joint: Shared<T>) -> Self {
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
    joint: Shared<T>,
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
        if status != FINISHED && ambient::refuse_surely(cx.waker()) {
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
