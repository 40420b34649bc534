//! Where new tasks wait to be taken into their group.

use std::mem;

use crate::sys::{Arc, AtomicBool, Mutex, Ordering};
use crate::tree::Node;

/// # Invariants
///
/// 1. Who adds a task and sees that the group is being polled does not wake it: the group looks
///    into the queue once more after it has said that it is not polled any more.
/// 2. A group closes only in the look that finds the queue empty, and nothing is added afterwards.
pub(super) struct Inbox<C> {
    node: Arc<Node>,
    polled: AtomicBool,
    queue: Mutex<Queue<C>>,
}

struct Queue<C> {
    tasks: Vec<C>,
    closed: bool,
}

impl<C> Inbox<C> {
    pub(super) fn new(node: Arc<Node>) -> Self {
        let queue = Queue { tasks: Vec::new(), closed: false };
        Self { node, polled: AtomicBool::default(), queue: Mutex::from(queue) }
    }

    /// Adds what `task` makes, unless the group has closed.
    pub(super) fn add(&self, task: impl FnOnce() -> C) -> bool {
        // Made outside of the lock, and not at all if it were in vain.
        if self.queue.lock().closed {
            return false;
        }
        let task = task();
        let refused = {
            let mut queue = self.queue.lock();
            if queue.closed {
                Some(task)
            } else {
                queue.tasks.push(task);
                None
            }
        };
        let added = refused.is_none();
        drop(refused);
        if !self.polled.load(Ordering::SeqCst) {
            self.node.waker().wake();
        }
        added
    }

    pub(super) fn set_polled(&self, polled: bool) {
        self.polled.store(polled, Ordering::SeqCst);
    }

    pub(super) fn take(&self) -> Vec<C> {
        mem::take(&mut self.queue.lock().tasks)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.lock().tasks.is_empty()
    }

    /// Closes the group if nothing waits.
    pub(super) fn close(&self) -> bool {
        let mut queue = self.queue.lock();
        queue.closed |= queue.tasks.is_empty();
        queue.closed
    }
}
