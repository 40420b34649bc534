//! Signals on smol.

use std::io;

use anyio_async_io::SignalStream;
use anyio_core::{Signal, Signals};

use crate::Smol;

impl Signals for Smol {
    type SignalStream = SignalStream;

    fn open_signals(signals: &[Signal]) -> io::Result<SignalStream> {
        anyio_async_io::open_signals(signals)
    }
}
