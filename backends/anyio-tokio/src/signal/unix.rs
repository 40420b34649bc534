//! Signals on Unix: the engine's registry, which brings back what a signal did before. tokio's own
//! handlers never do.

use std::io;

use anyio_core::{Signal, Signals};
pub use anyio_engine::SignalStream;

use crate::{Tokio, executor};

impl Signals for Tokio {
    type SignalStream = SignalStream;

    fn open_signals(signals: &[Signal]) -> io::Result<SignalStream> {
        executor::current()?;
        anyio_engine::open_signals(signals)
    }
}
