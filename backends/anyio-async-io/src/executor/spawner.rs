//! The handle on what runs tasks.

use std::{fmt, marker::PhantomData, sync::Arc};

use anyio_core::Spawn;

use super::{current, host::Host, task::Task, tasks::Tasks};

/// A handle on what runs the tasks of `H`: a run of [`run`](crate::run), or the executor that the
/// host has for everybody.
pub struct Spawner<H> {
    /// None: the host's.
    run: Option<Arc<Tasks>>,
    host: PhantomData<fn() -> H>,
}

impl<H: Host> Spawner<H> {
    /// The run of `H` that the calling code is part of; outside of all runs, the executor of the
    /// host's own.
    #[must_use]
    pub fn current() -> Self {
        let run = current::get().filter(|tasks| tasks.backend() == H::NAME);
        Self { run, host: PhantomData }
    }
}

impl<H: Host> Spawn for Spawner<H> {
    fn spawn_task<F>(&self, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        match &self.run {
            Some(tasks) => tasks.spawn(task),
            None => H::spawn_detached(Task::without(task)),
        }
    }

    fn is_same(&self, other: &Self) -> bool {
        match (&self.run, &other.run) {
            (Some(run), Some(other)) => Arc::ptr_eq(run, other),
            (run, other) => run.is_none() && other.is_none(),
        }
    }
}

impl<H> Clone for Spawner<H> {
    fn clone(&self) -> Self {
        Self { run: self.run.clone(), host: PhantomData }
    }
}

impl<H: Host> fmt::Debug for Spawner<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = if self.run.is_some() { "a run" } else { "the host" };
        f.debug_struct("Spawner").field("backend", &H::NAME).field("of", &of).finish()
    }
}
