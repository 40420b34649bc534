//! Tasks on smol, and a run of one's own.

use std::{io, thread};

use anyio_async_io::{Host, Spawner, Worker};
use anyio_core::{Executor, NoRuntime, Run, RunError, RunOptions};
use anyio_engine::Erased;

use crate::Smol;

/// A handle on the executor of a run, or on smol's global one. Given by [`Executor::spawner`].
pub type SmolSpawner = Spawner<Smol>;

impl Executor for Smol {
    const NAME: &'static str = "smol";

    type Spawner = SmolSpawner;

    fn spawner() -> Result<SmolSpawner, NoRuntime> {
        Ok(Spawner::current())
    }
}

impl Run for Smol {
    fn run<F: Future>(options: &RunOptions, future: F) -> Result<F::Output, RunError> {
        anyio_async_io::run::<Self, F>(options, future)
    }
}

impl Host for Smol {
    fn erased() -> &'static Erased {
        Self::erased()
    }

    /// Never: a `smol::block_on` leaves no trace, and may be inside another one.
    fn is_running() -> bool {
        false
    }

    fn block_on<F: Future>(future: F) -> F::Output {
        async_io::block_on(future)
    }

    fn start_worker(name: &str, worker: Worker) -> io::Result<Option<thread::JoinHandle<()>>> {
        let thread = thread::Builder::new().name(name.to_owned());
        thread.spawn(|| async_io::block_on(worker)).map(Some)
    }

    fn spawn_detached<F>(task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        smol::spawn(task).detach();
    }
}
