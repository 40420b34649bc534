//! Signals.

#[cfg_attr(unix, path = "unix.rs")]
#[cfg_attr(windows, path = "windows.rs")]
mod os;
mod stream;

pub use stream::{SignalStream, open_signals};
