//! Signals on Unix: the engine's registry, which needs no reactor.

pub use anyio_engine::{SignalStream, open_signals};
