//! That there is no runtime to work on.

use std::{borrow::Cow, error::Error, fmt, io};

/// There is no running runtime here on which the call could work.
///
/// The message names the backend (or those compiled in) and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoRuntime {
    advice: Cow<'static, str>,
}

impl NoRuntime {
    /// An error whose message is `advice`: which runtime is missing, and the way to have it.
    #[must_use]
    pub fn new(advice: impl Into<Cow<'static, str>>) -> Self {
        Self { advice: advice.into() }
    }
}

impl fmt::Display for NoRuntime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.advice)
    }
}

impl Error for NoRuntime {}

impl From<NoRuntime> for io::Error {
    fn from(error: NoRuntime) -> Self {
        Self::new(io::ErrorKind::NotConnected, error)
    }
}

/// A runtime could not be started.
#[derive(Debug)]
pub struct RunError {
    reason: Reason,
}

#[derive(Debug)]
enum Reason {
    Nested(&'static str),
    Missing(NoRuntime),
    Build(&'static str, io::Error),
}

impl RunError {
    /// `run` was called on a thread of a running runtime (`backend` is the one refused).
    #[must_use]
    pub const fn nested(backend: &'static str) -> Self {
        Self { reason: Reason::Nested(backend) }
    }

    /// There is no backend to run on.
    #[must_use]
    pub const fn missing(error: NoRuntime) -> Self {
        Self { reason: Reason::Missing(error) }
    }

    /// The operating system refused what `backend` needs to start.
    #[must_use]
    pub const fn build(backend: &'static str, error: io::Error) -> Self {
        Self { reason: Reason::Build(backend, error) }
    }

    /// Whether the calling thread belonged to a running runtime.
    #[must_use]
    pub const fn is_nested(&self) -> bool {
        matches!(self.reason, Reason::Nested(_))
    }
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.reason {
            Reason::Nested(backend) => write!(
                f,
                "cannot run {backend} here: this thread belongs to a runtime that is running; \
                 `.await` the future instead, or call `run` from a thread of its own"
            ),
            Reason::Missing(error) => error.fmt(f),
            Reason::Build(backend, _) => write!(f, "{backend} could not be started"),
        }
    }
}

impl Error for RunError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.reason {
            Reason::Nested(_) | Reason::Missing(_) => None,
            Reason::Build(_, error) => Some(error),
        }
    }
}

/// A future could not be spawned; it is handed back untouched.
pub struct SpawnError<F> {
    future: F,
    missing: Option<NoRuntime>,
}

impl<F> SpawnError<F> {
    /// The group had closed.
    #[must_use]
    pub const fn closed(future: F) -> Self {
        Self { future, missing: None }
    }

    /// There was no runtime to spawn on.
    #[must_use]
    pub const fn no_runtime(future: F, error: NoRuntime) -> Self {
        Self { future, missing: Some(error) }
    }

    /// Whether the group had closed.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        self.missing.is_none()
    }

    /// The future, never polled.
    pub fn into_future(self) -> F {
        self.future
    }
}

impl<F> fmt::Display for SpawnError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.missing {
            None => f.write_str(
                "the task group has closed: its body and all its tasks have ended; \
                 spawn before that, or open another group",
            ),
            Some(error) => error.fmt(f),
        }
    }
}

impl<F> fmt::Debug for SpawnError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpawnError").field("closed", &self.is_closed()).finish_non_exhaustive()
    }
}

impl<F> Error for SpawnError<F> {}
