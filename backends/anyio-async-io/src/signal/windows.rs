//! Signals on Windows.

use anyio_core::Signal;
use async_signal::Signal as Known;

/// Why a signal cannot be received.
pub(super) const REASON: &str = "on Windows async-signal has Signal::INTERRUPT only";

/// What `async-signal` calls `signal`.
pub(super) fn known(signal: Signal) -> Option<Known> {
    (signal == Signal::INTERRUPT).then_some(Known::Int)
}
