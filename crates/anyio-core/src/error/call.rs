//! That a call from a thread into a run has come to nothing.

use std::{error::Error, fmt, io};

use super::{Cancelled, NoRuntime};

/// A thread has asked for something to be run by a runtime, and has got no value for it.
///
/// Panics of what was run do not come as an error: they go on in the thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallError {
    reason: Reason,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Reason {
    NoRuntime(NoRuntime),
    Finished,
    Refused,
    Cancelled(Cancelled),
    Stopped,
    TimedOut,
    NotHeld,
}

impl CallError {
    /// The thread belongs to no runtime that it could call into.
    #[must_use]
    pub const fn no_runtime(error: NoRuntime) -> Self {
        Self { reason: Reason::NoRuntime(error) }
    }

    /// The run has ended, before the call or under it.
    #[must_use]
    pub const fn finished() -> Self {
        Self { reason: Reason::Finished }
    }

    /// The thread is one that the run needs: it would wait for itself.
    #[must_use]
    pub const fn refused() -> Self {
        Self { reason: Reason::Refused }
    }

    /// What was run has been cancelled.
    #[must_use]
    pub const fn cancelled(cancelled: Cancelled) -> Self {
        Self { reason: Reason::Cancelled(cancelled) }
    }

    /// The portal takes no more calls.
    #[must_use]
    pub const fn stopped() -> Self {
        Self { reason: Reason::Stopped }
    }

    /// The call was not waited for any longer; it goes on.
    #[must_use]
    pub const fn timed_out() -> Self {
        Self { reason: Reason::TimedOut }
    }

    /// The task has ended without holding out what was waited for.
    #[must_use]
    pub const fn not_held() -> Self {
        Self { reason: Reason::NotHeld }
    }

    /// Whether the thread belongs to no runtime that it could call into. Nothing has been run.
    #[must_use]
    pub const fn is_no_runtime(&self) -> bool {
        matches!(self.reason, Reason::NoRuntime(_))
    }

    /// Whether the run has ended, before the call or under it. What was to be run has been dropped.
    #[must_use]
    #[doc(alias = "RunFinishedError")]
    pub const fn is_finished(&self) -> bool {
        matches!(self.reason, Reason::Finished)
    }

    /// Whether the call came from a task of that same run, and would have waited for itself. Nothing
    /// has been run.
    #[must_use]
    pub const fn is_refused(&self) -> bool {
        matches!(self.reason, Reason::Refused)
    }

    /// Whether the portal had been stopped. Nothing has been run.
    #[must_use]
    pub const fn is_stopped(&self) -> bool {
        matches!(self.reason, Reason::Stopped)
    }

    /// Whether the time to wait was over. What was called goes on, and can be waited for again.
    #[must_use]
    pub const fn is_timed_out(&self) -> bool {
        matches!(self.reason, Reason::TimedOut)
    }

    /// Whether the task has ended, and has neither failed nor held out what was waited for.
    #[must_use]
    pub const fn is_not_held(&self) -> bool {
        matches!(self.reason, Reason::NotHeld)
    }

    /// Whether what was run, or the task that waits for the thread, has been cancelled.
    #[must_use]
    pub const fn is_cancelled(&self) -> bool {
        matches!(self.reason, Reason::Cancelled(_))
    }

    /// The cancellation, if that is what it was.
    #[must_use]
    pub const fn as_cancelled(&self) -> Option<&Cancelled> {
        match &self.reason {
            Reason::Cancelled(cancelled) => Some(cancelled),
            _ => None,
        }
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.reason {
            Reason::NoRuntime(error) => error.fmt(f),
            Reason::Finished => f.write_str("the run that was called into has ended"),
            Reason::Refused => f.write_str(
                "a task cannot block on its own run, which may need this thread to go on: `.await` the \
                 future instead, or call from a thread of its own, as `to_thread` gives one",
            ),
            Reason::Cancelled(cancelled) => cancelled.fmt(f),
            Reason::Stopped => f.write_str("the portal has been stopped and takes no more calls"),
            Reason::TimedOut => f.write_str("the call had not ended when the time to wait was over"),
            Reason::NotHeld => f.write_str(
                "the task has ended without holding out what was waited for: have it call \
                 `holding.hold(value).await` before it ends",
            ),
        }
    }
}

impl Error for CallError {}

impl From<CallError> for io::Error {
    fn from(error: CallError) -> Self {
        let kind = match &error.reason {
            Reason::NoRuntime(_) | Reason::Finished | Reason::Stopped => {
                io::ErrorKind::NotConnected
            }
            Reason::Refused => io::ErrorKind::Deadlock,
            // `Interrupted` would make `read_exact` and its like try again.
            Reason::Cancelled(_) | Reason::NotHeld => io::ErrorKind::Other,
            Reason::TimedOut => io::ErrorKind::TimedOut,
        };
        Self::new(kind, error)
    }
}

impl From<Cancelled> for CallError {
    fn from(cancelled: Cancelled) -> Self {
        Self::cancelled(cancelled)
    }
}

impl From<NoRuntime> for CallError {
    fn from(error: NoRuntime) -> Self {
        Self::no_runtime(error)
    }
}
