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
/// Every job is either run or dropped; which of the two happens to a job that has not started when the
/// runtime shuts down is yours to choose. The handle tells of both, also to who polls it late, and with
/// whatever waker it was polled last. A job never panics.
///
/// Jobs are spawned from the threads of jobs, too. Where that cannot be, `NoRuntime` is the answer: then each
/// job gets a thread that was asked for by its call. And if the handles of an executor know each other
/// ([`Spawn::is_same`](crate::Spawn::is_same)), the jobs of a run share threads.
///
/// Most pools have such a handle. For those that have none there is `Job` in the engine, with which this is
/// three lines. Without it:
///
/// ```
/// use std::{pin::Pin, sync::Arc};
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
///     type Job<T: Send + 'static> = Pin<Box<dyn Future<Output = Option<T>> + Send>>;
///
///     fn spawn_blocking<J, T>(job: J) -> Result<Self::Job<T>, NoRuntime>
///     where
///         J: FnOnce() -> T + Send + 'static,
///         T: Send + 'static,
///     {
///         let value = Arc::new(async_lock::Mutex::new(None));
///         let mut place = value.try_lock_arc().expect("nobody else has it");
///         // Unlocked when the job has ended, or is dropped.
///         std::thread::spawn(move || *place = Some(job()));
///         Ok(Box::pin(async move { value.lock().await.take() }))
///     }
/// }
/// # let job = Threads::spawn_blocking(|| 7)?;
/// # assert_eq!(futures_lite::future::block_on(job), Some(7));
/// # Ok::<(), NoRuntime>(())
/// ```
pub trait Blocking: Executor {
    /// What becomes of a job: what it gives, or `None` if it will not be run. It is not polled again
    /// afterwards.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it lets the job go on alone, and what that gives is dropped.
    type Job<T: Send + 'static>: Future<Output = Option<T>> + Send + Unpin + 'static;

    /// Runs `job` on a thread that may block.
    ///
    /// # Errors
    ///
    /// [`NoRuntime`] outside of a runtime that has such threads; `job` is dropped.
    fn spawn_blocking<J, T>(job: J) -> Result<Self::Job<T>, NoRuntime>
    where
        J: FnOnce() -> T + Send + 'static,
        T: Send + 'static;
}
