//! The tasks of one run.

use std::{
    sync::{Arc, PoisonError, RwLock},
    thread,
};

use async_executor::Executor;

use super::{ending::Ending, task::Task};

/// Where the tasks of a run are spawned, as long as it lasts.
pub(crate) struct Tasks {
    backend: &'static str,
    /// None when the run has ended. Nothing of anybody else's runs under the lock.
    executor: RwLock<Option<Arc<Executor<'static>>>>,
    ending: Arc<Ending>,
}

impl Tasks {
    pub(super) fn new(backend: &'static str) -> Self {
        Self {
            backend,
            executor: RwLock::new(Some(Arc::new(Executor::new()))),
            ending: Arc::new(Ending::new()),
        }
    }

    /// What runs the tasks; none when the run has ended.
    pub(super) fn executor(&self) -> Option<Arc<Executor<'static>>> {
        self.executor.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The backend whose run it is.
    pub(super) const fn backend(&self) -> &'static str {
        self.backend
    }

    /// Spawns `task`; if the run has ended, drops it.
    pub(super) fn spawn<F>(&self, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let task = Task::within(Arc::clone(&self.ending), task);
        let executor = self.executor.read().unwrap_or_else(PoisonError::into_inner);
        match &*executor {
            Some(executor) => executor.spawn(task).detach(),
            None => {
                drop(executor);
                drop(task);
            }
        }
    }

    /// Ends the run: from now on tasks are dropped instead of spawned, and those that there are get
    /// dropped before this returns. If some worker is `at_work` still, those that it has are left to
    /// it.
    pub(super) fn close(&self, at_work: bool) {
        let executor = self.executor.write().unwrap_or_else(PoisonError::into_inner).take();
        self.ending.announce();
        let Some(executor) = executor else { return };
        while !executor.is_empty() {
            if executor.try_tick() {
                continue;
            }
            if at_work {
                break;
            }
            // Another thread is about to put a task it has woken into the queue.
            thread::yield_now();
        }
    }
}
