//! Where new tasks wait to be taken into their group.

use std::mem;

use super::door::Door;
use crate::sys::{Arc, AtomicBool, Mutex, Ordering};

/// # Invariants
///
/// 1. A group closes only in the look that finds the queue empty, and nothing is added afterwards.
/// 2. `closed` says so before the lock does, for those who would only be refused.
pub(super) struct Inbox<C> {
    door: Arc<Door>,
    closed: AtomicBool,
    queue: Mutex<Queue<C>>,
}

struct Queue<C> {
    tasks: Vec<C>,
    closed: bool,
}

impl<C> Inbox<C> {
    pub(super) fn new(door: Arc<Door>) -> Self {
        let queue = Queue { tasks: Vec::new(), closed: false };
        Self { door, closed: AtomicBool::default(), queue: Mutex::from(queue) }
    }

    /// Adds what `task` makes, unless the group has closed.
    pub(super) fn add(&self, task: impl FnOnce() -> C) -> bool {
        // Made outside of the lock, and not at all if it were in vain.
        if self.closed.load(Ordering::Acquire) {
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
        if refused.is_none() {
            self.door.knock();
            return true;
        }
        drop(refused);
        false
    }

    pub(super) fn take(&self) -> Vec<C> {
        mem::take(&mut self.queue.lock().tasks)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn len(&self) -> usize {
        self.queue.lock().tasks.len()
    }

    /// Closes the group if nothing waits.
    pub(super) fn close(&self) -> bool {
        let mut queue = self.queue.lock();
        queue.closed |= queue.tasks.is_empty();
        if queue.closed {
            self.closed.store(true, Ordering::Release);
        }
        queue.closed
    }
}
