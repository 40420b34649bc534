//! Starting a runtime.

use std::{
    error::Error,
    process::{ExitCode, Termination},
    time::Duration,
};

use anyio_core::{RunError, RunOptions};
use anyio_engine::Erased;

use crate::{PortalProvider, RunningPortal, any, entry};

/// Starts a runtime, runs `future` on it to its end, and shuts it down.
///
/// The backend is the one that the environment variable `ANYIO_BACKEND` names, else the first that
/// is compiled in, in the order tokio, smol, async-std. [`Runner`] has settings, and reports errors
/// instead of panicking.
///
/// It is one way in, and no privilege: inside a runtime that somebody else started, everything in
/// this crate works just as well.
///
/// # Panics
///
/// If the thread is already driving a runtime, if no backend is compiled in, if `ANYIO_BACKEND`
/// names one that is not, or if the system refuses to start it. Also with the panic of `future`.
///
/// # Blocking
///
/// Blocks the thread until `future` has ended. Tasks that are left over then are dropped.
///
/// # Examples
///
/// ```
/// let answer = anyio::run(async {
///     anyio::checkpoint().await;
///     42
/// });
/// assert_eq!(answer, 42);
/// ```
#[track_caller]
pub fn run<F: Future>(future: F) -> F::Output {
    Runner::new().run(future)
}

/// As [`run`], on `backend`, whatever `ANYIO_BACKEND` says.
///
/// # Panics
///
/// If the thread is already driving a runtime, or if the system refuses to start one. Also with the
/// panic of `future`.
///
/// # Blocking
///
/// Blocks the thread until `future` has ended. Tasks that are left over then are dropped.
///
/// # Examples
///
/// ```
/// for backend in anyio::available_backends() {
///     let name = anyio::run_with(backend, async { anyio::current_backend().map(|it| it.name()) });
///     assert_eq!(name, Ok(backend.name()));
/// }
/// ```
#[track_caller]
pub fn run_with<F: Future>(backend: &'static Erased, future: F) -> F::Output {
    Runner::new().backend(backend).run(future)
}

/// Settings for a runtime, and its start.
///
/// # Examples
///
/// ```
/// let runner = anyio::Runner::new().backend(anyio::Tokio::erased()).current_thread();
/// let thread = runner.run(async { std::thread::current().id() });
/// assert_eq!(thread, std::thread::current().id());
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "`run` starts the runtime"]
pub struct Runner {
    backend: Option<&'static Erased>,
    options: RunOptions,
    grace: Option<Duration>,
}

impl Runner {
    /// No settings: what [`run`] does.
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs on this backend, whatever `ANYIO_BACKEND` says. It may be one of
    /// [`available_backends`](crate::available_backends) or anybody's own.
    pub fn backend(mut self, backend: &'static Erased) -> Self {
        self.backend = Some(backend);
        self
    }

    /// How many threads run tasks beside the calling one. 0 runs everything in the calling thread.
    /// Without it, the number of cores decides.
    pub fn threads(mut self, threads: usize) -> Self {
        self.options = self.options.threads(threads);
        self
    }

    /// Runs everything in the calling thread: short for `threads(0)`.
    pub fn current_thread(self) -> Self {
        self.threads(0)
    }

    /// What the runtime's threads are called. Without it, the backend's name and "worker".
    pub fn thread_name(mut self, name: impl Into<String>) -> Self {
        self.options = self.options.thread_name(name);
        self
    }

    /// What a program that is run by [`run_main`](Self::run_main) has to come to an end, upon Ctrl-C,
    /// before it is cancelled. Without it, it is cancelled at once.
    pub const fn grace(mut self, grace: Duration) -> Self {
        self.grace = Some(grace);
        self
    }

    /// Starts a runtime, runs `future` on it to its end, and shuts it down. See
    /// [`run`].
    ///
    /// # Panics
    ///
    /// As [`run`].
    ///
    /// # Blocking
    ///
    /// Blocks the thread until `future` has ended.
    #[track_caller]
    pub fn run<F: Future>(&self, future: F) -> F::Output {
        match self.try_run(future) {
            Ok(output) => output,
            Err(error) => match error.source() {
                Some(cause) => panic!("{error}: {cause}"),
                None => panic!("{error}"),
            },
        }
    }

    /// As [`run`](Self::run), but does not panic if the runtime cannot be started.
    ///
    /// # Errors
    ///
    /// [`RunError`] if the thread is already driving a runtime, if the backend is missing, or if
    /// the system refuses to start it. `future` has not been polled then.
    ///
    /// # Panics
    ///
    /// With the panic of `future`.
    ///
    /// # Blocking
    ///
    /// Blocks the thread until `future` has ended.
    ///
    /// # Examples
    ///
    /// ```
    /// let inner = anyio::run(async { anyio::Runner::new().try_run(async {}) });
    /// assert!(inner.unwrap_err().is_nested());
    /// ```
    pub fn try_run<F: Future>(&self, future: F) -> Result<F::Output, RunError> {
        self.chosen()?.run(&self.options, future)
    }

    /// Runs `future` as a whole program, which Ctrl-C cancels: what
    /// [`#[anyio::main]`](macro@crate::main) does, without the attribute.
    ///
    /// The future runs in a scope. The first Ctrl-C (SIGINT; on Windows Ctrl-Break, too, where the
    /// backend has it) cancels the scope with the cause [`Interrupt`], so that the program unwinds,
    /// with all its cleanup. Then the exit code is 130. If the future ends by itself nevertheless,
    /// its value counts.
    ///
    /// With a [`grace`](Self::grace) period the first Ctrl-C only asks the program to
    /// [shut down](anyio_engine::CancelScope::shutdown), and [`until_shutdown`](crate::until_shutdown) and its like
    /// hear it; when the period is over, or at the next Ctrl-C, it is cancelled.
    ///
    /// The next Ctrl-C ends the process at once, also with 130, whatever keeps the program from
    /// ending: a cleanup, a shield, a thread, or a loop that does not let its runtime run. For it is
    /// a thread of its own that listens, on a small runtime of its own of the same backend. It never
    /// stops listening: a Ctrl-C that finds nothing to cancel ends the process.
    ///
    /// Others may listen as well: each [`open_signal_receiver`](crate::open_signal_receiver) in the
    /// program sees every Ctrl-C, too. A program that does not want to be cancelled by it uses
    /// [`run`](Self::run). If the backend cannot receive signals, the program runs all the same, and
    /// Ctrl-C does what it did before.
    ///
    /// [`Interrupt`]: crate::CauseKind::Interrupt
    ///
    /// # Panics
    ///
    /// As [`run`](Self::run).
    ///
    /// # Blocking
    ///
    /// Blocks the thread until `future` has ended.
    ///
    /// # Examples
    ///
    /// A backend, or a number of threads, that is only known at run time:
    ///
    /// ```
    /// use std::{io, process::ExitCode};
    ///
    /// fn main() -> ExitCode {
    ///     let threads = std::env::args().count();
    ///     anyio::Runner::new().threads(threads).run_main(async {
    ///         anyio::checkpoint().await;
    ///         io::Result::Ok(())
    ///     })
    /// }
    /// ```
    #[track_caller]
    pub fn run_main<F>(&self, future: F) -> ExitCode
    where
        F: Future,
        F::Output: Termination,
    {
        entry::run_main(self, future)
    }

    /// Runs a test, which may take no longer than `limit`: what
    /// [`#[anyio::test]`](macro@crate::test) does for each backend, without the attribute.
    ///
    /// The runtime is driven by a thread of its own. If the limit has passed, the test fails, and the
    /// thread is left behind. A panic of the test comes through.
    ///
    /// # Panics
    ///
    /// If the limit has passed; otherwise as [`run`](Self::run).
    ///
    /// # Blocking
    ///
    /// Blocks the thread until the test has ended or the limit has passed.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::{process::ExitCode, time::Duration};
    ///
    /// let limit = Some(Duration::from_secs(60));
    /// for threads in 0..5 {
    ///     let runner = anyio::Runner::new().threads(threads);
    ///     let result = runner.run_test(limit, async || anyio::checkpoint().await);
    ///     assert_eq!(result, ExitCode::SUCCESS);
    /// }
    /// ```
    #[track_caller]
    pub fn run_test<T, F>(&self, limit: Option<Duration>, test: T) -> ExitCode
    where
        T: FnOnce() -> F + Send + 'static,
        F: Future,
        F::Output: Termination,
    {
        entry::run_test(self.clone(), limit, test)
    }

    /// Starts a run in a thread of its own, and a portal into it: see [`start_blocking_portal`].
    ///
    /// The thread is called like the others of the runtime, if they were [named](Self::thread_name),
    /// and by the backend's name and "portal" otherwise.
    ///
    /// # Errors
    ///
    /// [`RunError`] as [`try_run`](Self::try_run), but for a run inside of a run: this one has its own thread.
    ///
    /// # Blocking
    ///
    /// Blocks until the runtime has started.
    ///
    /// # Examples
    ///
    /// ```
    /// let portal = anyio::Runner::new().threads(2).start_portal()?;
    /// assert_eq!(portal.call(async { 7 })?, 7);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// [`start_blocking_portal`]: crate::start_blocking_portal
    pub fn start_portal(&self) -> Result<RunningPortal, RunError> {
        let (backend, options) = (self.chosen()?, self.options.clone());
        let name = options.worker_name().map(str::to_owned);
        let name = name.unwrap_or_else(|| format!("{}-portal", backend.name()));
        anyio_engine::start_portal_with(name, move |future| backend.run(&options, future))
    }

    /// A portal that is shared, and started with these settings when somebody needs it: see
    /// [`PortalProvider`].
    #[must_use]
    pub fn portal_provider(&self) -> PortalProvider {
        let runner = self.clone();
        PortalProvider::with(move || runner.start_portal())
    }

    /// What its program has to come to an end, if that was set.
    pub(crate) const fn grace_period(&self) -> Option<Duration> {
        self.grace
    }

    /// The backend it runs on.
    pub(crate) fn chosen(&self) -> Result<&'static Erased, RunError> {
        self.backend.map_or_else(any::choose, Ok)
    }
}
