//! The tasks of one run.

use std::{
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{Ordering, fence},
    },
    thread,
};

use async_executor::Executor;

use super::{
    alone::{Alone, Drive},
    ending::Ending,
    task::Task,
};

/// Where the tasks of a run are spawned, as long as it lasts.
pub(crate) struct Tasks {
    backend: &'static str,
    runs: Runs,
    ending: Arc<Ending>,
}

/// What runs them.
enum Runs {
    /// The thread of the run's own future.
    Here(Arc<Alone>),
    /// Workers. None when the run has ended. Nothing of anybody else's runs under the lock.
    Workers(RwLock<Option<Arc<Executor<'static>>>>),
}

impl Tasks {
    pub(super) fn new(backend: &'static str, has_workers: bool) -> Self {
        let runs = if has_workers {
            Runs::Workers(RwLock::new(Some(Arc::new(Executor::new()))))
        } else {
            Runs::Here(Alone::new())
        };
        Self { backend, runs, ending: Arc::new(Ending::new()) }
    }

    /// What workers run; none if there are to be none, and when the run has ended.
    pub(super) fn executor(&self) -> Option<Arc<Executor<'static>>> {
        match &self.runs {
            Runs::Here(_) => None,
            Runs::Workers(executor) => {
                executor.read().unwrap_or_else(PoisonError::into_inner).clone()
            }
        }
    }

    /// What the thread of the run's own future runs as well; none if there are workers.
    pub(super) fn drive(&self) -> Option<Drive> {
        match &self.runs {
            Runs::Here(alone) => Some(alone.drive()),
            Runs::Workers(_) => None,
        }
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
        let executor = match &self.runs {
            Runs::Here(alone) => return alone.spawn(task),
            Runs::Workers(executor) => executor.read().unwrap_or_else(PoisonError::into_inner),
        };
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
        let executor = match &self.runs {
            Runs::Here(alone) => {
                self.ending.announce();
                return alone.close(|| self.is_empty());
            }
            Runs::Workers(executor) => executor,
        };
        let executor = executor.write().unwrap_or_else(PoisonError::into_inner).take();
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

    /// Whether there is no task any more: each has a share in the ending, which goes after its future.
    fn is_empty(&self) -> bool {
        let is_empty = Arc::strong_count(&self.ending) == 1;
        // What the destructors of the last ones did is seen, wherever they ran.
        fence(Ordering::Acquire);
        is_empty
    }
}
