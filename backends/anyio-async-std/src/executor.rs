//! Tasks on async-std, and a run of one's own.

use std::{io, thread};

use anyio_async_io::{Host, Spawner, Worker};
use anyio_core::{Executor, NoRuntime, Run, RunError, RunOptions};
use anyio_engine::Erased;
use async_std::task;

use crate::AsyncStd;

/// A handle on the executor of a run, or on async-std's global one. Given by [`Executor::spawner`].
pub type AsyncStdSpawner = Spawner<AsyncStd>;

impl Executor for AsyncStd {
    const NAME: &'static str = "async-std";

    type Spawner = AsyncStdSpawner;

    fn spawner() -> Result<AsyncStdSpawner, NoRuntime> {
        Ok(Spawner::current())
    }
}

impl Run for AsyncStd {
    fn run<F: Future>(options: &RunOptions, future: F) -> Result<F::Output, RunError> {
        anyio_async_io::run::<Self, F>(options, future)
    }
}

impl Host for AsyncStd {
    fn erased() -> &'static Erased {
        Self::erased()
    }

    fn is_running() -> bool {
        Self::detect().is_some()
    }

    fn block_on<F: Future>(future: F) -> F::Output {
        task::block_on(future)
    }

    /// A task of async-std's, on a thread of its own choice and name.
    fn start_worker(_: &str, worker: Worker) -> io::Result<Option<thread::JoinHandle<()>>> {
        drop(task::spawn(worker));
        Ok(None)
    }

    fn spawn_detached<F>(future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        // async-std detaches a task whose handle is dropped.
        drop(task::spawn(future));
    }
}
