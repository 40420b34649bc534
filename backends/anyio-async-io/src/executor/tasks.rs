//! The tasks of one run.

use std::sync::{Arc, PoisonError, RwLock};

use async_executor::Executor;

use super::task::Task;

/// Where the tasks of a run are spawned, as long as it lasts.
pub(crate) struct Tasks {
    backend: &'static str,
    /// None when the run has ended. Nothing of anybody else's runs under the lock.
    executor: RwLock<Option<Arc<Executor<'static>>>>,
}

impl Tasks {
    pub(super) fn new(backend: &'static str) -> Self {
        Self { backend, executor: RwLock::new(Some(Arc::new(Executor::new()))) }
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
        let task = Task::new(task);
        let executor = self.executor.read().unwrap_or_else(PoisonError::into_inner);
        match &*executor {
            Some(executor) => executor.spawn(task).detach(),
            None => {
                drop(executor);
                drop(task);
            }
        }
    }

    /// From now on tasks are dropped instead of spawned. With the last handle on the executor, which
    /// this gives, those that there are get dropped, too.
    pub(super) fn close(&self) -> Option<Arc<Executor<'static>>> {
        self.executor.write().unwrap_or_else(PoisonError::into_inner).take()
    }
}
