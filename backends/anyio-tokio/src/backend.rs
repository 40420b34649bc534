//! The backend as a whole: its marker, and itself without its type.

use anyio_engine::Erased;
use tokio::runtime::Handle;

/// tokio as a backend. Holds nothing; stands in type position, as in `Tokio::spawner()`.
///
/// # How a run ends
///
/// [`Run::run`](anyio_core::Run::run) builds a runtime, drives the future in the calling thread,
/// and shuts the runtime down before it returns, also when the future panics. Tasks that are left
/// over are dropped: none that a group owns, since groups wait for theirs, but those that were
/// spawned on tokio directly, or whose group was dropped by hand.
///
/// Threads cannot be dropped. A blocking job that somebody still waits for keeps that somebody,
/// and with it the run, from ending. One that nobody waits for any more, such as a read of standard
/// input, is given one second and then left to itself: it runs on, and the program may exit
/// around it. The same second is what a task has that computes without ever yielding. Jobs that
/// have not started are dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a marker is written as a value, too")]
pub struct Tokio;

static ERASED: Erased = Erased::of::<Tokio>()
    .with_run::<Tokio>()
    .with_blocking::<Tokio>()
    .with_net::<Tokio>()
    .with_processes::<Tokio>()
    .with_signals::<Tokio>();

impl Tokio {
    /// The backend without its type, for `anyio::Runner` and `anyio::enter`.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(anyio_tokio::Tokio::erased().name(), "tokio");
    /// ```
    #[must_use]
    pub fn erased() -> &'static Erased {
        &ERASED
    }

    /// The backend, if the calling code runs on a tokio runtime or has entered a handle of one.
    ///
    /// # Examples
    ///
    /// ```
    /// use anyio_tokio::Tokio;
    ///
    /// assert!(Tokio::detect().is_none());
    ///
    /// let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// assert!(runtime.block_on(async { Tokio::detect() }).is_some());
    /// # std::io::Result::Ok(())
    /// ```
    #[must_use]
    pub fn detect() -> Option<&'static Erased> {
        Handle::try_current().is_ok().then_some(&ERASED)
    }
}
