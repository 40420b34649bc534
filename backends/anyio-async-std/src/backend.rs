//! The backend as a whole: its marker, and itself without its type.

use anyio_engine::Erased;

/// async-std as a backend. Holds nothing; stands in type position, as in `AsyncStd::spawner()`.
///
/// # Where tasks run
///
/// [`Run::run`](anyio_core::Run::run) drives the future in the calling thread, inside
/// [`async_std::task::block_on`]. Its tasks are run by *workers*, each of them a task of
/// async-std's own: so as many of them run at once as the options ask for, but no more than
/// async-std has threads (one a core, or what the variable `ASYNC_STD_THREAD_COUNT` says). With no
/// worker they run in the calling thread. The threads are async-std's and the process's: the option
/// for their name has no effect. For [`async_std::task::current`] and its task-local values, a
/// task is the worker that happens to run it.
///
/// Code that no run encloses, as in `async_std::main`, spawns with [`async_std::task::spawn`].
/// Timers, sockets and blocking jobs work anywhere, since reactor and pool belong to the process.
///
/// # How a run ends
///
/// [`Run::run`](anyio_core::Run::run) ends its workers and drops the tasks that are left over before
/// it returns, also when the future panics: none that a group owns, since groups wait for theirs,
/// but those that were spawned by hand, or whose group was dropped by hand. Tasks that were spawned
/// on async-std directly belong to no run and go on.
///
/// Threads cannot be interrupted. A task that computes without ever yielding is given one second and
/// then left to itself; those that its worker had taken up already are dropped when it yields. The same is so if others
/// keep all of async-std's threads from running the workers. A blocking job that nobody waits for is
/// not waited for: it runs on, and the program may exit around it. Jobs that have not started are
/// run when their turn comes, since the pool is the process's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a marker is written as a value, too")]
pub struct AsyncStd;

static ERASED: Erased = Erased::of::<AsyncStd>()
    .with_run::<AsyncStd>()
    .with_blocking::<AsyncStd>()
    .with_net::<AsyncStd>()
    .with_processes::<AsyncStd>()
    .with_signals::<AsyncStd>();

impl AsyncStd {
    /// The backend without its type, for `anyio::Runner` and `anyio::enter`.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(anyio_async_std::AsyncStd::erased().name(), "async-std");
    /// ```
    #[must_use]
    pub const fn erased() -> &'static Erased {
        &ERASED
    }

    /// The backend, if the calling code runs in a task of async-std's, or in its `block_on`.
    ///
    /// # Examples
    ///
    /// ```
    /// use anyio_async_std::AsyncStd;
    ///
    /// assert!(AsyncStd::detect().is_none());
    /// assert!(async_std::task::block_on(async { AsyncStd::detect() }).is_some());
    /// ```
    #[must_use]
    pub fn detect() -> Option<&'static Erased> {
        async_std::task::try_current().map(|_| &ERASED)
    }
}
