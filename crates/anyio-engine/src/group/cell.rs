//! What a task and its handle share.

use std::{panic::Location, sync::Arc as StdArc};

use anyio_core::{Cancelled, Cause, CauseKind, TaskStatus};

use crate::{
    sys::{Arc, AtomicU8, AtomicUsize, AtomicWaker, Mutex, Ordering},
    tree::{Member, Node},
};

const CANCEL_CALLED: u8 = 1;
const FINISHED: u8 = 1 << 1;
const CANCELLED: u8 = 1 << 2;
const FAILED: u8 = 1 << 3;
const ENDED: u8 = FINISHED | CANCELLED | FAILED;

/// Who a task is, for people.
#[derive(Clone, Debug)]
pub(super) struct Label {
    pub(super) name: Option<StdArc<str>>,
    pub(super) location: &'static Location<'static>,
}

impl Label {
    /// The name, or where the task was spawned.
    pub(super) fn text(&self) -> StdArc<str> {
        self.name
            .clone()
            .unwrap_or_else(|| StdArc::from(format!("task spawned at {}", self.location)))
    }
}

/// A task's state.
///
/// # Invariants
///
/// 1. `state` gets one of the three `ENDED` bits once, with `Release`, after what belongs to it
///    (value or cause) was stored; who sees the bit with `Acquire` sees that too.
/// 2. A cancellation stores its cause before it looks at `node`; a node is stored before the cause is
///    looked at, both under the lock. So a cancellation reaches the node or is
///    in it from the start.
pub(super) struct TaskCell<T> {
    state: AtomicU8,
    /// The task itself.
    waker: AtomicWaker,
    /// Whoever waits for the task's end, through the one handle.
    joiner: AtomicWaker,
    label: Label,
    /// Where it stands among the group's members. Here rather than in the task itself, whose size is
    /// that of the runtime's allocation.
    place: AtomicUsize,
    inner: Mutex<Inner<T>>,
}

struct Inner<T> {
    node: Option<Arc<Node>>,
    /// Why the handle cancelled it, then why it was cancelled.
    cause: Option<Cause>,
    value: Option<T>,
}

/// How a task ended.
pub(super) enum End<T> {
    Value(T),
    Cut(Cause),
    Failed,
}

impl<T> TaskCell<T> {
    pub(super) const fn new(label: Label) -> Self {
        Self {
            state: AtomicU8::new(0),
            waker: AtomicWaker::new(),
            joiner: AtomicWaker::new(),
            label,
            place: AtomicUsize::new(usize::MAX),
            inner: Mutex::new(Inner { node: None, cause: None, value: None }),
        }
    }

    /// Relaxed: it is set before the task is spawned, which orders it before all that the task does.
    pub(super) fn set_place(&self, place: usize) {
        self.place.store(place, Ordering::Relaxed);
    }

    pub(super) fn place(&self) -> usize {
        self.place.load(Ordering::Relaxed)
    }

    pub(super) const fn label(&self) -> &Label {
        &self.label
    }

    pub(super) const fn waker(&self) -> &AtomicWaker {
        &self.waker
    }

    pub(super) const fn joiner(&self) -> &AtomicWaker {
        &self.joiner
    }

    fn has(&self, bits: u8) -> bool {
        self.state.load(Ordering::Acquire) & bits != 0
    }

    pub(super) fn has_ended(&self) -> bool {
        self.has(ENDED)
    }

    pub(super) fn has_failed(&self) -> bool {
        self.has(FAILED)
    }

    pub(super) fn is_cancel_called(&self) -> bool {
        self.has(CANCEL_CALLED)
    }

    pub(super) fn status(&self) -> TaskStatus {
        let state = self.state.load(Ordering::Acquire);
        if state & FINISHED != 0 {
            TaskStatus::Finished
        } else if state & CANCELLED != 0 {
            TaskStatus::Cancelled
        } else if state & FAILED != 0 {
            TaskStatus::Failed
        } else if state & CANCEL_CALLED != 0 {
            TaskStatus::Cancelling
        } else {
            TaskStatus::Running
        }
    }

    /// Why the handle cancelled the task.
    pub(super) fn own_cause(&self) -> Option<Cause> {
        self.inner.lock().cause.clone()
    }

    pub(super) fn cancel(&self, cause: Cause) {
        let node = {
            let mut inner = self.inner.lock();
            if self.has(ENDED | CANCEL_CALLED) {
                return;
            }
            inner.cause = Some(cause.clone());
            self.state.fetch_or(CANCEL_CALLED, Ordering::AcqRel);
            inner.node.clone()
        };
        if let Some(node) = node {
            node.cancel(cause);
        }
        self.waker.wake();
    }

    /// Keeps the node that the task has made for itself, and gives it what it has missed.
    pub(super) fn adopt(&self, node: &Arc<Node>) {
        let missed = {
            let mut inner = self.inner.lock();
            inner.node = Some(Arc::clone(node));
            inner.cause.clone()
        };
        if let Some(cause) = missed {
            node.cancel(cause);
        }
    }

    /// The task has ended. Its handle learns of it; [`wake_joiner`](Self::wake_joiner) comes after
    /// the group has been told.
    pub(super) fn end(&self, end: End<T>) {
        let bit = match &end {
            End::Value(_) => FINISHED,
            End::Cut(_) => CANCELLED,
            End::Failed => FAILED,
        };
        let node = {
            let mut inner = self.inner.lock();
            match end {
                End::Value(value) => inner.value = Some(value),
                End::Cut(cause) => inner.cause = Some(cause),
                End::Failed => {}
            }
            self.state.fetch_or(bit, Ordering::AcqRel);
            inner.node.take()
        };
        drop(node);
    }

    pub(super) fn wake_joiner(&self) {
        self.joiner.wake();
    }

    /// The value of a task that has ended, or why there is none. To be called once.
    pub(super) fn take(&self) -> Result<T, Cancelled> {
        if self.has(FAILED) {
            return Err(Cancelled::new(Cause::sibling_failed(self.label.text())));
        }
        let mut inner = self.inner.lock();
        inner.value.take().ok_or_else(|| {
            Cancelled::new(inner.cause.clone().unwrap_or(Cause::of(CauseKind::Dropped)))
        })
    }
}

impl<T: Send> Member for TaskCell<T> {
    fn wake(&self) {
        self.waker.wake();
    }
}
