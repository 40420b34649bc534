//! How the tasks of a run learn that it is over.
//!
//! The executor's own drop would do it, but for one gap: a task that another thread is waking at
//! that moment, and has not put into the queue yet, would get there after the queue was emptied,
//! and stay for ever.
//!
//! # Invariants
//!
//! 1. A task that has been pending has its waker here; one that has not is in the executor's queue,
//!    or on its way there.
//! 2. The end is announced before the wakers are taken, and looked for after a waker was left, both
//!    under the lock: each task that goes on waiting is woken, or sees it.
//! 3. So every task gets into the queue, and ends when it is polled there.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::Waker,
};

use slab::Slab;

/// The end of a run, for its tasks.
pub(super) struct Ending {
    over: AtomicBool,
    wakers: Mutex<Slab<Waker>>,
}

impl Ending {
    pub(super) const fn new() -> Self {
        Self { over: AtomicBool::new(false), wakers: Mutex::new(Slab::new()) }
    }

    /// The run is over: tasks end when they are polled, and all of them will be.
    pub(super) fn announce(&self) {
        let wakers = {
            let mut wakers = self.lock();
            // Release, so that who sees it without the lock sees what was done before.
            self.over.store(true, Ordering::Release);
            std::mem::take(&mut *wakers)
        };
        wakers.into_iter().for_each(|(_, waker)| waker.wake());
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    fn lock(&self) -> MutexGuard<'_, Slab<Waker>> {
        self.wakers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A task's place among the wakers; left when it is dropped.
pub(super) struct Place {
    ending: Arc<Ending>,
    key: Option<usize>,
}

impl Place {
    pub(super) const fn new(ending: Arc<Ending>) -> Self {
        Self { ending, key: None }
    }

    pub(super) fn is_over(&self) -> bool {
        self.ending.is_over()
    }

    /// Leaves the task's waker, which is the same always, unless it is there.
    pub(super) fn take(&mut self, waker: &Waker) {
        if self.key.is_some() {
            return;
        }
        let mut wakers = self.ending.lock();
        if self.is_over() {
            drop(wakers);
            waker.wake_by_ref();
        } else {
            self.key = Some(wakers.insert(waker.clone()));
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            let waker = self.ending.lock().try_remove(key);
            drop(waker);
        }
    }
}
