//! Starting a runtime.

use std::error::Error;

use anyio_core::{RunError, RunOptions};
use anyio_engine::Erased;

use crate::any;

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
        let backend = self.backend.map_or_else(any::choose, Ok)?;
        backend.run(&self.options, future)
    }
}
