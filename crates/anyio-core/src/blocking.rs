//! Code that blocks its thread.

use crate::{Executor, NoRuntime};

/// A pool of threads for code that blocks.
///
/// # For callers
///
/// `to_thread` is the operation on top: it brings the result back and obeys scopes.
///
/// # For implementors
///
/// Every job is either run or dropped, and dropping is the news that it will not be run; which of
/// the two happens to a job that has not started when the runtime shuts down is yours to choose.
/// A job never panics.
///
/// ```
/// use anyio_core::{Blocking, NoRuntime};
/// # use anyio_core::{Executor, Spawn};
/// # #[derive(Clone, Copy)] struct Threads;
/// # #[derive(Clone)] struct ThreadSpawner;
/// # impl Executor for Threads {
/// #     const NAME: &'static str = "threads";
/// #     type Spawner = ThreadSpawner;
/// #     fn spawner() -> Result<ThreadSpawner, NoRuntime> { Ok(ThreadSpawner) }
/// # }
/// # impl Spawn for ThreadSpawner {
/// #     fn spawn_task<F: Future<Output = ()> + Send + 'static>(&self, task: F) { drop(task); }
/// # }
///
/// impl Blocking for Threads {
///     fn spawn_blocking<J: FnOnce() + Send + 'static>(job: J) -> Result<(), NoRuntime> {
///         std::thread::spawn(job);
///         Ok(())
///     }
/// }
/// # Threads::spawn_blocking(|| ())?;
/// # Ok::<(), NoRuntime>(())
/// ```
pub trait Blocking: Executor {
    /// Runs `job` on a thread that may block.
    ///
    /// # Errors
    ///
    /// [`NoRuntime`] outside of a runtime that has such threads; `job` is dropped.
    fn spawn_blocking<J>(job: J) -> Result<(), NoRuntime>
    where
        J: FnOnce() + Send + 'static;
}
