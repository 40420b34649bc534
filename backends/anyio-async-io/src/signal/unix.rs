//! Signals on Unix.

use anyio_core::Signal;
use async_signal::Signal as Known;

/// Why a signal cannot be received.
pub(super) const REASON: &str =
    "the system does not let it be caught, or it is not wise to, or async-signal does not know it";

/// The signals that can be caught. The others are for the system (kill, stop), or mean that the
/// program itself has gone wrong (illegal instruction, floating point, segmentation).
const ALL: [Known; 24] = [
    Known::Hup,
    Known::Int,
    Known::Quit,
    Known::Trap,
    Known::Abort,
    Known::Bus,
    Known::Usr1,
    Known::Usr2,
    Known::Pipe,
    Known::Alarm,
    Known::Term,
    Known::Child,
    Known::Cont,
    Known::Tstp,
    Known::Ttin,
    Known::Ttou,
    Known::Urg,
    Known::Xcpu,
    Known::Xfsz,
    Known::Vtalarm,
    Known::Prof,
    Known::Winch,
    Known::Io,
    Known::Sys,
];

/// What `async-signal` calls `signal`.
pub(super) fn known(signal: Signal) -> Option<Known> {
    ALL.into_iter().find(|known| *known as i32 == signal.as_raw())
}
