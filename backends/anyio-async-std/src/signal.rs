//! Signals on async-std.

use std::io;

use anyio_async_io::SignalStream;
use anyio_core::{Signal, Signals};

use crate::AsyncStd;

impl Signals for AsyncStd {
    type SignalStream = SignalStream;

    fn open_signals(signals: &[Signal]) -> io::Result<SignalStream> {
        anyio_async_io::open_signals(signals)
    }
}
