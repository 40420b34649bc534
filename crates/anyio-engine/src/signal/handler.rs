//! What runs inside of a signal handler, and how it gets there.
#![expect(unsafe_code, reason = "signal handlers are installed by hand; see `Watch::install`")]

use std::{
    fmt,
    io::{self, Write as _},
    mem::MaybeUninit,
    os::unix::net::UnixStream,
    ptr,
};

use anyio_core::Signal;
use signal_hook::{
    consts::FORBIDDEN,
    low_level::{emulate_default_handler, raise, register},
};

use crate::sys::{AtomicBool, AtomicU64, Ordering};

/// Counts the signals of the process, so that those that wait have an order.
static ARRIVALS: AtomicU64 = AtomicU64::new(0);

/// One signal, as its handler sees it. Sequentially consistent throughout: it is rare, and then the
/// invariants can be read as they stand.
pub(super) struct Watch {
    signal: Signal,
    /// Somebody listens.
    heard: AtomicBool,
    /// When it came first of those times that nobody has collected yet; 0 if it did not.
    since: AtomicU64,
    /// Before, it did what the system does with it; otherwise it was ignored, or somebody's handler
    /// was called, which still is.
    was_default: bool,
    /// Wakes the thread. It does not block.
    bell: &'static UnixStream,
}

impl Watch {
    /// Installs the handler, for the life of the process.
    pub(super) fn install(signal: Signal, bell: &'static UnixStream) -> io::Result<&'static Self> {
        let number = signal.as_raw();
        if FORBIDDEN.contains(&number) {
            let reason = "the system does not let it be caught, or it means that the program itself \
                          has gone wrong";
            return Err(refused(signal, reason));
        }
        let was_default = was_default(number).map_err(|error| explained(signal, error))?;
        let watch: &'static Self = Box::leak(Box::new(Self {
            signal,
            heard: AtomicBool::new(false),
            since: AtomicU64::new(0),
            was_default,
            bell,
        }));
        // SAFETY: the action has to be async-signal-safe and must not panic, nor lock, nor allocate.
        // `came` loads and stores atomics; it writes to a socket, which is one `write` or `send` of
        // the system (its error is a number, and dropping that frees nothing); and it emulates the
        // system's own action, which is made for handlers. It reaches nothing but `watch`, which is
        // never freed, and statics. `errno` is kept by signal-hook.
        let installed = unsafe { register(number, || watch.came()) };
        installed.map_err(|error| explained(signal, error))?;
        Ok(watch)
    }

    /// The signal has come. Runs inside of the handler.
    fn came(&self) {
        if self.heard.load(Ordering::SeqCst) {
            let now = ARRIVALS.fetch_add(1, Ordering::SeqCst) + 1;
            // One that has not been collected keeps its place.
            _ = self.since.compare_exchange(0, now, Ordering::SeqCst, Ordering::SeqCst);
            // If the socket is full, the thread has not read it yet.
            let mut bell = self.bell;
            _ = bell.write(&[0]);
        } else if self.was_default {
            do_default(self.signal.as_raw());
        }
    }

    /// Whether somebody listens, from now on.
    pub(super) fn set_heard(&self, heard: bool) {
        self.heard.store(heard, Ordering::SeqCst);
    }

    /// When it came, if it did since the last time.
    pub(super) fn collect(&self) -> Option<u64> {
        let since = self.since.swap(0, Ordering::SeqCst);
        (since != 0).then_some(since)
    }

    /// Whether it has a meaning to the system that it was kept from.
    pub(super) const fn was_default(&self) -> bool {
        self.was_default
    }

    pub(super) const fn signal(&self) -> Signal {
        self.signal
    }

    /// Has the signal come once more, in this thread.
    pub(super) fn raise_again(&self) {
        // It can be raised: it has a handler.
        _ = raise(self.signal.as_raw());
    }
}

/// Does what the system does with a signal that nobody handles. Runs inside of a handler.
fn do_default(number: i32) {
    if emulate_default_handler(number).is_err() {
        // One that signal-hook does not know, as a real-time signal: it ends the process.
        // SAFETY: `signal` may be called in a handler. The number is that of a signal which has been
        // caught, and `SIG_DFL` is no pointer to a function that would have to be one.
        unsafe { libc::signal(number, libc::SIG_DFL) };
        // Blocked while its handler runs; it comes right after that.
        _ = raise(number);
    }
}

/// Whether nobody has changed what the signal does.
fn was_default(number: i32) -> io::Result<bool> {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: with no new action `sigaction` changes nothing; what it is told to fill is a
    // `libc::sigaction` that is ours alone.
    if unsafe { libc::sigaction(number, ptr::null(), action.as_mut_ptr()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it has been filled, and before that it was all zero, which each of its fields may be:
    // numbers, and a function that may be missing.
    let action = unsafe { action.assume_init() };
    Ok(action.sa_sigaction == libc::SIG_DFL)
}

/// `signal` cannot be listened to, because of `reason`.
fn refused(signal: Signal, reason: impl fmt::Display) -> io::Error {
    let message = format!("{signal:?} cannot be received: {reason}");
    io::Error::new(io::ErrorKind::InvalidInput, message)
}

/// The system's word for a number that is no signal.
fn explained(signal: Signal, error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::InvalidInput => refused(signal, "there is no such signal"),
        _ => error,
    }
}
