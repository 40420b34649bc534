//! The current backend's signals.

use std::io;

use anyio_core::{Signal, Signals};
use anyio_engine::AnySignals;

use super::{Any, current::backend_for};

impl Signals for Any {
    type SignalStream = AnySignals;

    fn open_signals(signals: &[Signal]) -> io::Result<AnySignals> {
        backend_for("receiving signals")?.open_signals(signals)
    }
}
