//! That something was cancelled, and why.

use std::{error::Error, fmt, io, panic::Location, sync::Arc};

/// Why a scope was cancelled. The first cause wins and is never overwritten.
///
/// A cause is cheap to clone and prints as a clause: "deadline passed", "cancelled at
/// src/main.rs:7:15: user pressed stop".
#[derive(Clone, PartialEq, Eq)]
pub struct Cause {
    kind: CauseKind,
    text: Option<Arc<str>>,
    location: Option<&'static Location<'static>>,
}

/// The kinds of [`Cause`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CauseKind {
    /// Somebody called `cancel`.
    Explicit,
    /// A deadline passed.
    Deadline,
    /// Another member of the same task group failed or panicked.
    SiblingFailed,
    /// The program was interrupted from outside, as by Ctrl-C.
    Interrupt,
    /// The grace period of a shutdown ended, or the runtime itself shut down.
    Shutdown,
    /// The future that owned the scope was dropped before it had ended.
    Dropped,
    /// A task that only served others has nobody left to serve.
    Finished,
    /// A task that should have said that it is ready ended, or gave up saying it.
    NeverStarted,
}

impl Cause {
    /// A cancellation asked for by the code at the caller's location.
    #[must_use]
    #[track_caller]
    pub fn explicit() -> Self {
        Self { kind: CauseKind::Explicit, text: None, location: Some(Location::caller()) }
    }

    /// A cancellation asked for by the code at the caller's location, with its reason in words.
    #[must_use]
    #[track_caller]
    pub fn explicit_because(reason: impl Into<Arc<str>>) -> Self {
        let location = Some(Location::caller());
        Self { kind: CauseKind::Explicit, text: Some(reason.into()), location }
    }

    /// A sibling failed; `task` is its name.
    #[must_use]
    pub fn sibling_failed(task: impl Into<Arc<str>>) -> Self {
        Self { kind: CauseKind::SiblingFailed, text: Some(task.into()), location: None }
    }

    /// A cause that its kind says completely.
    #[must_use]
    pub const fn of(kind: CauseKind) -> Self {
        Self { kind, text: None, location: None }
    }

    /// What kind of cause this is.
    #[must_use]
    pub const fn kind(&self) -> CauseKind {
        self.kind
    }

    /// The words given with an explicit cancellation.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        self.text.as_deref().filter(|_| self.kind != CauseKind::SiblingFailed)
    }

    /// The name of the member whose failure was the cause.
    #[must_use]
    pub fn task(&self) -> Option<&str> {
        self.text.as_deref().filter(|_| self.kind == CauseKind::SiblingFailed)
    }

    /// Where an explicit cancellation was called.
    #[must_use]
    pub const fn location(&self) -> Option<&'static Location<'static>> {
        self.location
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            CauseKind::Explicit => f.write_str("cancelled")?,
            CauseKind::Deadline => f.write_str("deadline passed")?,
            CauseKind::SiblingFailed => f.write_str("another member of the group failed")?,
            CauseKind::Interrupt => f.write_str("interrupted")?,
            CauseKind::Shutdown => f.write_str("shut down")?,
            CauseKind::Dropped => f.write_str("dropped before it had ended")?,
            CauseKind::Finished => f.write_str("the tasks it served have ended")?,
            CauseKind::NeverStarted => f.write_str("the task never said that it had started")?,
        }
        if let Some(location) = self.location {
            write!(f, " at {location}")?;
        }
        if let Some(text) = &self.text {
            write!(f, ": {text}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cause({self})")
    }
}

/// The work was cancelled and has been unwound; its cleanup has run.
///
/// Cancelled means: it did not happen. [`cause`](Self::cause) says who asked for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cancelled {
    cause: Cause,
}

impl Cancelled {
    /// An error that reports `cause`. Engines and backends make it; applications receive it.
    #[must_use]
    pub const fn new(cause: Cause) -> Self {
        Self { cause }
    }

    /// Why the work was cancelled.
    #[must_use]
    pub const fn cause(&self) -> &Cause {
        &self.cause
    }
}

impl fmt::Display for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the work was cancelled ({})", self.cause)
    }
}

impl Error for Cancelled {}

impl From<Cancelled> for io::Error {
    /// The kind is `Other`: `Interrupted` would make `read_exact` and its like try again.
    fn from(cancelled: Cancelled) -> Self {
        Self::other(cancelled)
    }
}

/// The time given to `fail_after` or `fail_at` was over before the work had ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TimedOut {
    _private: (),
}

impl TimedOut {
    /// The error. Engines make it; applications receive it.
    #[must_use]
    pub const fn new() -> Self {
        Self { _private: () }
    }
}

impl fmt::Display for TimedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the work did not end before its deadline")
    }
}

impl Error for TimedOut {}

impl From<TimedOut> for io::Error {
    fn from(error: TimedOut) -> Self {
        Self::new(io::ErrorKind::TimedOut, error)
    }
}
