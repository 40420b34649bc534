//! Tasks on tokio, and a runtime of one's own.

use std::{io, time::Duration};

use anyio_core::{Executor, NoRuntime, Run, RunError, RunOptions, Spawn};
use anyio_engine::Erased;
use tokio::runtime::{Builder, Handle, Runtime};

use crate::Tokio;

/// What threads have that nobody waits for, when a run ends.
const PATIENCE: Duration = Duration::from_secs(1);

/// The runtime that runs the calling code, or whose handle it has entered.
#[inline]
pub(crate) fn current() -> Result<Handle, NoRuntime> {
    Handle::try_current().map_err(|_| {
        NoRuntime::new(format!(
            "no tokio runtime is running here{}: run the code with `anyio::run` or `Tokio::run`, \
             call it inside `#[tokio::main]`, or enter the handle of a runtime first",
            others(", but {} is")
        ))
    })
}

/// What tokio says about something of its, in words that name who uses it where, if the runtime it
/// belongs to has ended.
pub(crate) fn explain(error: io::Error) -> io::Error {
    // Errors of the system have a number, and a kind that says more.
    if error.kind() != io::ErrorKind::Other || error.raw_os_error().is_some() {
        return error;
    }
    let used = others(" and is used on {}");
    NoRuntime::new(format!(
        "this belongs to a tokio runtime that has ended{used}: open it where it is used, or keep that \
         runtime running ({error})"
    ))
    .into()
}

/// `words` about the backend that runs the calling code, if it is not this one.
fn others(words: &str) -> String {
    anyio_engine::running_backend()
        .map(Erased::name)
        .filter(|name| *name != Tokio::NAME)
        .map_or_else(String::new, |name| words.replace("{}", name))
}

impl Executor for Tokio {
    const NAME: &'static str = "tokio";

    type Spawner = TokioSpawner;

    #[inline]
    fn spawner() -> Result<TokioSpawner, NoRuntime> {
        current().map(TokioSpawner)
    }
}

/// A handle on one tokio runtime. Given by [`Executor::spawner`].
#[derive(Clone, Debug)]
pub struct TokioSpawner(Handle);

impl From<Handle> for TokioSpawner {
    fn from(handle: Handle) -> Self {
        Self(handle)
    }
}

impl Spawn for TokioSpawner {
    fn spawn_task<F>(&self, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        // tokio detaches a task whose handle is dropped.
        drop(self.0.spawn(task));
    }

    fn is_same(&self, other: &Self) -> bool {
        self.0.id() == other.0.id()
    }
}

impl Run for Tokio {
    fn run<F: Future>(options: &RunOptions, future: F) -> Result<F::Output, RunError> {
        if Handle::try_current().is_ok() || anyio_engine::running_backend().is_some() {
            return Err(RunError::nested(Self::NAME));
        }
        let mut builder = match options.worker_threads() {
            Some(0) => Builder::new_current_thread(),
            _ => Builder::new_multi_thread(),
        };
        if let Some(threads @ 1..) = options.worker_threads() {
            builder.worker_threads(threads);
        }
        builder.enable_all().thread_name(options.worker_name().unwrap_or("tokio-worker"));
        let runtime = builder.build().map_err(|error| RunError::build(Self::NAME, error))?;
        let runtime = ShutDown(Some(runtime));
        let Some(running) = &runtime.0 else { unreachable!("it is taken by the drop alone") };
        Ok(running.block_on(anyio_engine::root(Self::erased(), future)))
    }
}

/// Shuts the runtime down when it is dropped, also by a panic, and waits no longer than
/// [`PATIENCE`]. tokio's own drop waits for ever if a blocking job does not end.
struct ShutDown(Option<Runtime>);

impl Drop for ShutDown {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_timeout(PATIENCE);
        }
    }
}
