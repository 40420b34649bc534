//! What differs between the runtimes that stand on this crate.

use std::{
    fmt, io,
    pin::Pin,
    task::{Context, Poll},
    thread::JoinHandle,
};

use anyio_core::Executor;
use anyio_engine::Erased;

/// What a backend on this crate says about its runtime. Implemented by the backend's marker.
pub trait Host: Executor {
    /// The backend without its type.
    fn erased() -> &'static Erased;

    /// Whether the calling code runs inside this runtime, started by somebody else, as far as that
    /// can be told.
    fn is_running() -> bool;

    /// Drives `future`, and the reactor, in the calling thread.
    fn block_on<F: Future>(future: F) -> F::Output;

    /// Has `worker` driven on a thread other than the calling one, and the reactor with it. Where
    /// that is a thread of its own, it is called `name`, and its handle is given.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    fn start_worker(name: &str, worker: Worker) -> io::Result<Option<JoinHandle<()>>>;

    /// Spawns `task` on what the runtime has for tasks that belong to no run of ours, and lets it
    /// go.
    fn spawn_detached<F>(task: F)
    where
        F: Future<Output = ()> + Send + 'static;
}

/// Runs the tasks of a run; ends when the run does. Given to [`Host::start_worker`].
#[must_use = "futures do nothing unless you `.await` them"]
pub struct Worker(Pin<Box<dyn Future<Output = ()> + Send>>);

impl Worker {
    pub(super) fn new(future: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(Box::pin(future))
    }
}

impl Future for Worker {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().poll(cx)
    }
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Worker")
    }
}
