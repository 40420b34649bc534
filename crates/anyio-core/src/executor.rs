//! Running futures as tasks, and entering a runtime.

use crate::{NoRuntime, RunError};

/// Runs futures as tasks of their own.
///
/// The type that implements it is the *marker* of a backend: it holds nothing, is `Copy`, and is
/// written in type position, as in `Tokio::spawner()`.
///
/// # For callers
///
/// You will hardly call this directly: task groups do. A task belongs to the group that spawned
/// it, which waits for it, cancels it and takes its error.
///
/// # For implementors
///
/// [`Spawn::spawn_task`] is all that is needed. What a runtime's own tasks do when their handle is
/// dropped, or when they panic, does not matter: the handle is let go (detach it where dropping
/// cancels) and a future given here never panics out of its `poll`.
///
/// ```
/// use anyio_core::{Executor, NoRuntime, Spawn};
///
/// /// One thread a task: simple, complete, slow.
/// #[derive(Clone, Copy, Debug)]
/// struct Threads;
///
/// #[derive(Clone, Debug)]
/// struct ThreadSpawner;
///
/// impl Executor for Threads {
///     const NAME: &'static str = "threads";
///     type Spawner = ThreadSpawner;
///     fn spawner() -> Result<ThreadSpawner, NoRuntime> {
///         Ok(ThreadSpawner) // threads are there always
///     }
/// }
///
/// impl Spawn for ThreadSpawner {
///     fn spawn_task<F: Future<Output = ()> + Send + 'static>(&self, task: F) {
///         std::thread::spawn(move || futures_lite::future::block_on(task));
///     }
/// }
/// # Threads::spawner()?.spawn_task(async {});
/// # Ok::<(), NoRuntime>(())
/// ```
pub trait Executor: Copy + Send + Sync + Unpin + 'static {
    /// The name users write to choose this backend, as in `ANYIO_BACKEND=tokio`.
    const NAME: &'static str;

    /// A handle on one running executor.
    type Spawner: Spawn;

    /// The executor that runs the calling code.
    ///
    /// # Errors
    ///
    /// [`NoRuntime`], with the fix in its message, where none does.
    fn spawner() -> Result<Self::Spawner, NoRuntime>;
}

/// A handle on one running executor, usable from any thread.
///
/// An object that spawns keeps the handle it found when it was created, so that it goes on
/// spawning on the same runtime whoever uses it, from wherever.
pub trait Spawn: Clone + Send + Sync + 'static {
    /// Starts `task`. It runs until it ends, or until the runtime itself is shut down, which
    /// drops it.
    ///
    /// Where the runtime has been shut down already, `task` is dropped at once: dropping is how
    /// everybody who waits for the task learns of it.
    fn spawn_task<F>(&self, task: F)
    where
        F: Future<Output = ()> + Send + 'static;

    /// Whether `other` is a handle on the same executor, so that what is meant for the one may go by way of
    /// the other. If in doubt, it is not: then threads that block are not shared, which costs time alone.
    /// (Where it is, a handle may be kept for as long as somebody has the local values of a run.)
    #[must_use]
    fn is_same(&self, other: &Self) -> bool {
        _ = other;
        false
    }
}

/// Starting a runtime and driving one future on it.
///
/// Separate from [`Executor`], since code that lives inside somebody else's runtime needs that
/// one only. See [`RunOptions`] for an implementation's duties towards each option.
///
/// ```
/// use anyio_core::{Executor, NoRuntime, Run, RunError, RunOptions, Spawn};
/// # #[derive(Clone, Copy)] struct Threads;
/// # #[derive(Clone)] struct ThreadSpawner;
/// # impl Executor for Threads {
/// #     const NAME: &'static str = "threads";
/// #     type Spawner = ThreadSpawner;
/// #     fn spawner() -> Result<ThreadSpawner, NoRuntime> { Ok(ThreadSpawner) }
/// # }
/// # impl Spawn for ThreadSpawner {
/// #     fn spawn_task<F: Future<Output = ()> + Send + 'static>(&self, task: F) {
/// #         std::thread::spawn(move || futures_lite::future::block_on(task));
/// #     }
/// # }
///
/// impl Run for Threads {
///     fn run<F: Future>(_: &RunOptions, future: F) -> Result<F::Output, RunError> {
///         // A backend proper also sets the context; `anyio_engine::context::root` does that.
///         Ok(futures_lite::future::block_on(future))
///     }
/// }
/// assert_eq!(Threads::run(&RunOptions::default(), async { 7 })?, 7);
/// # Ok::<(), RunError>(())
/// ```
pub trait Run: Executor {
    /// Runs `future` to its end on a runtime of its own, in the calling thread, and shuts the
    /// runtime down. Tasks that are left over are dropped.
    ///
    /// # Errors
    ///
    /// [`RunError`] if the thread is already driving a runtime, or if the runtime could not be
    /// built.
    fn run<F: Future>(options: &RunOptions, future: F) -> Result<F::Output, RunError>;
}

/// How to start a runtime; the same words on every backend.
///
/// ```
/// let options = anyio_core::RunOptions::default().threads(4).thread_name("worker");
/// assert_eq!(options.worker_threads(), Some(4));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunOptions {
    threads: Option<usize>,
    thread_name: Option<String>,
}

impl RunOptions {
    /// How many threads run tasks beside the calling one. 0 runs everything in the calling thread.
    /// Without it, the number of cores decides.
    #[must_use]
    pub const fn threads(mut self, threads: usize) -> Self {
        self.threads = Some(threads);
        self
    }

    /// Everything runs in the calling thread: short for `threads(0)`.
    #[must_use]
    pub const fn current_thread(self) -> Self {
        self.threads(0)
    }

    /// What the runtime's threads are called. Without it, the backend's name and "worker".
    #[must_use]
    pub fn thread_name(mut self, name: impl Into<String>) -> Self {
        self.thread_name = Some(name.into());
        self
    }

    /// The number of worker threads asked for.
    #[must_use]
    pub const fn worker_threads(&self) -> Option<usize> {
        self.threads
    }

    /// The name asked for.
    #[must_use]
    pub fn worker_name(&self) -> Option<&str> {
        self.thread_name.as_deref()
    }
}
