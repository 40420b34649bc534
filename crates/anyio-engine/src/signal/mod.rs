//! The signals of the process, on Unix: one registry for all runtimes that are in it.
//!
//! ```text
//! signal ──▶ handler: notes when it came, and writes a byte ──▶ socket
//!            socket ──▶ thread: hands it to every receiver that listens, and wakes them
//! ```
//!
//! A handler may do next to nothing, hence the socket; a thread waits at its other end, and not a
//! reactor, since a receiver may outlive any runtime and be awaited on another. The handlers are those
//! of `signal-hook`, which everybody else in Rust uses, too: there is one for each signal, and who
//! listens past this registry, as with `tokio::signal`, is heard as well.
//!
//! # Invariants
//!
//! 1. The handler of a signal is installed when it is first listened to, and stays. As long as nobody
//!    listens, it does what the signal did before.
//! 2. A handler that finds that somebody listens sets `since` first and writes the byte afterwards;
//!    the thread reads the byte first and takes `since` afterwards. So what was noted is found. The
//!    byte says nothing: a forked child that writes one, before it becomes another program, has set a
//!    `since` of its own.
//! 3. Who closes the last receiver of a signal lowers `heard` first and takes `since` afterwards. A
//!    handler that had seen `heard` raised sets `since` later still, and the thread finds it, with
//!    nobody who listens. Either way what nobody has taken is raised again, once.
//! 4. The lock is never taken by a handler. Under it no waker is cloned, woken or dropped, and nothing
//!    is raised.

mod handler;
mod registry;
mod stream;

pub use stream::{SignalStream, open_signals};
