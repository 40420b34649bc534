//! The backend as a whole: its marker, and itself without its type.

use anyio_engine::Erased;

/// smol as a backend. Holds nothing; stands in type position, as in `Smol::spawner()`.
///
/// # Where tasks run
///
/// [`Run::run`](anyio_core::Run::run) drives the future in the calling thread, and tasks on an
/// executor of the run's own with as many threads as its options ask for. Code that no run
/// encloses, as inside a `smol::block_on` or an `Executor` of your own, spawns on the global
/// executor of [`smol::spawn`]: nothing tells which executor runs the code, and that one is always
/// there. Timers, sockets and blocking jobs work anywhere, since reactor and pool belong to the
/// process.
///
/// # How a run ends
///
/// [`Run::run`](anyio_core::Run::run) ends its threads and drops the tasks that are left over before
/// it returns, also when the future panics: none that a group owns, since groups wait for theirs,
/// but those that were spawned by hand, or whose group was dropped by hand. Tasks on smol's global
/// executor belong to no run and go on.
///
/// Threads cannot be interrupted. A task that computes without ever yielding is given one second and
/// then left to itself; those that its worker had taken up already are dropped when it yields. A blocking job that nobody
/// waits for is not waited for: it runs on, and the program may exit around it. Jobs that have not
/// started are run when their turn comes, since the pool is the process's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a marker is written as a value, too")]
pub struct Smol;

static ERASED: Erased = Erased::of::<Smol>()
    .with_run::<Smol>()
    .with_blocking::<Smol>()
    .with_net::<Smol>()
    .with_processes::<Smol>()
    .with_signals::<Smol>();

impl Smol {
    /// The backend without its type, for `anyio::Runner` and `anyio::enter`.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(anyio_smol::Smol::erased().name(), "smol");
    /// ```
    #[must_use]
    pub const fn erased() -> &'static Erased {
        &ERASED
    }

    /// The backend: smol's reactor and its global executor start by themselves, so that its tasks
    /// and timers work wherever the code runs.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(anyio_smol::Smol::detect().is_some());
    /// ```
    #[must_use]
    pub const fn detect() -> Option<&'static Erased> {
        Some(&ERASED)
    }
}
