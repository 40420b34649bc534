//! Where new tasks wait to be taken into their group.

use std::mem;

use super::{block::Block, ground::Room};
use crate::sys::{Arc, Mutex};

/// # Invariants
///
/// 1. A group closes in the look that finds the queue empty, or when it goes; nothing is added afterwards.
pub(super) struct Inbox<C> {
    /// The group's first block, where its door is.
    first: Arc<Block>,
    queue: Mutex<Queue<C>>,
}

struct Queue<C> {
    tasks: Fresh<C>,
    /// Where the next ones are put.
    room: Room,
    closed: bool,
}

/// Tasks that were not polled yet. One alone takes no allocation.
pub(super) struct Fresh<C> {
    first: Option<C>,
    /// Those after it.
    rest: Vec<C>,
}

impl<C> Fresh<C> {
    pub(super) const fn new() -> Self {
        Self { first: None, rest: Vec::new() }
    }

    pub(super) fn len(&self) -> usize {
        usize::from(self.first.is_some()) + self.rest.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.first.is_none() && self.rest.is_empty()
    }

    #[inline]
    fn push(&mut self, task: C) {
        if self.first.is_none() {
            self.first = Some(task);
        } else {
            self.rest.push(task);
        }
    }

    /// The next one, of those that [`Inbox::take`] has given.
    #[inline]
    pub(super) fn next(&mut self) -> Option<C> {
        self.first.take().or_else(|| self.rest.pop())
    }
}

impl<C> Inbox<C> {
    pub(super) fn new(first: Arc<Block>) -> Self {
        let queue = Queue { tasks: Fresh::new(), room: Room::default(), closed: false };
        Self { first, queue: Mutex::from(queue) }
    }

    /// Adds the task that `make` makes of `future`, and gives what else it makes; the future comes back
    /// if the group has closed. It is made under the lock.
    #[inline]
    pub(super) fn add<F, R>(
        &self,
        future: F,
        make: impl FnOnce(F, &mut Room) -> (C, R),
    ) -> Result<R, F> {
        let made = {
            let mut queue = self.queue.lock();
            if queue.closed {
                return Err(future);
            }
            let (task, made) = make(future, &mut queue.room);
            queue.tasks.push(task);
            made
        };
        self.first.door().knock();
        Ok(made)
    }

    /// Gives all tasks to `into`, which is empty: the next one of those after the first is the last.
    pub(super) fn take(&self, into: &mut Fresh<C>) {
        mem::swap(&mut self.queue.lock().tasks, into);
        into.rest.reverse();
    }

    pub(super) fn len(&self) -> usize {
        self.queue.lock().tasks.len()
    }

    /// Closes the group if nothing waits.
    pub(super) fn close(&self) -> bool {
        let mut queue = self.queue.lock();
        queue.closed |= queue.tasks.is_empty();
        queue.closed
    }

    /// Closes the group for good, and gives those that wait.
    pub(super) fn abandon(&self) -> Fresh<C> {
        let mut queue = self.queue.lock();
        queue.closed = true;
        mem::replace(&mut queue.tasks, Fresh::new())
    }
}
