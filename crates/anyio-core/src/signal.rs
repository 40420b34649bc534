//! Signals of the operating system.

use std::{fmt, io};

use futures_core::Stream;

use crate::Executor;

/// Receiving the signals sent to the process.
///
/// # For implementors
///
/// The stream yields the signal that came, never ends by itself, and coalesces a signal that
/// arrives again before it was taken. Several streams may listen to one signal; each gets it.
///
/// ```
/// use std::io;
/// use anyio_core::{Signal, Signals};
/// # use anyio_core::{Executor, Spawn, NoRuntime};
/// # #[derive(Clone, Copy)] struct Island;
/// # #[derive(Clone)] struct Nobody;
/// # impl Executor for Island {
/// #     const NAME: &'static str = "island";
/// #     type Spawner = Nobody;
/// #     fn spawner() -> Result<Nobody, NoRuntime> { Ok(Nobody) }
/// # }
/// # impl Spawn for Nobody {
/// #     fn spawn_task<F: Future<Output = ()> + Send + 'static>(&self, task: F) { drop(task); }
/// # }
///
/// impl Signals for Island {
///     type SignalStream = futures_lite::stream::Pending<Signal>;
///     fn open_signals(signals: &[Signal]) -> io::Result<Self::SignalStream> {
///         if signals.is_empty() {
///             return Err(io::Error::new(io::ErrorKind::InvalidInput, "no signal was named"));
///         }
///         Ok(futures_lite::stream::pending()) // nobody calls
///     }
/// }
/// ```
pub trait Signals: Executor {
    /// Yields each signal that has come.
    type SignalStream: Stream<Item = Signal> + Send + Sync + Unpin + 'static;

    /// Starts listening to `signals`. What they did before, as ending the process, is off from
    /// now on.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for an empty list and for signals that cannot be caught; other errors are
    /// those of the operating system.
    fn open_signals(signals: &[Signal]) -> io::Result<Self::SignalStream>;
}

/// A signal, by the operating system's number.
///
/// On Windows [`INTERRUPT`](Self::INTERRUPT) is Ctrl-C and 21 (`SIGBREAK`) is Ctrl-Break; the others
/// do not exist there.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Signal(i32);

impl Signal {
    /// SIGHUP: the terminal is gone, or: read your configuration again.
    pub const HANGUP: Self = Self(1);
    /// SIGINT, Ctrl-C: the user wants the program to stop.
    pub const INTERRUPT: Self = Self(2);
    /// SIGQUIT.
    pub const QUIT: Self = Self(3);
    /// SIGTERM: the system wants the program to stop.
    pub const TERMINATE: Self = Self(15);

    /// The signal with the operating system's number `raw`, as `libc::SIGUSR1`.
    #[must_use]
    pub const fn from_raw(raw: i32) -> Self {
        Self(raw)
    }

    /// The operating system's number.
    #[must_use]
    pub const fn as_raw(self) -> i32 {
        self.0
    }
}

impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::HANGUP => f.write_str("Signal::HANGUP"),
            Self::INTERRUPT => f.write_str("Signal::INTERRUPT"),
            Self::QUIT => f.write_str("Signal::QUIT"),
            Self::TERMINATE => f.write_str("Signal::TERMINATE"),
            Self(raw) => write!(f, "Signal({raw})"),
        }
    }
}
