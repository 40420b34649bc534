//! Signals on Windows: tokio's.

use std::{
    fmt, io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use anyio_core::{Signal, Signals};
use anyio_engine::op::admit;
use futures_core::Stream;
use tokio::signal::windows::{self, CtrlBreak, CtrlC};

use crate::{Tokio, executor};

/// Ctrl-Break.
const BREAK: Signal = Signal::from_raw(21);

impl Signals for Tokio {
    type SignalStream = SignalStream;

    fn open_signals(signals: &[Signal]) -> io::Result<SignalStream> {
        executor::current()?;
        if signals.is_empty() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "no signal was named"));
        }
        let mut sources: Vec<(Signal, Source)> = Vec::with_capacity(signals.len());
        for &signal in signals {
            if sources.iter().all(|&(known, _)| known != signal) {
                sources.push((signal, Source::open(signal)?));
            }
        }
        Ok(SignalStream { sources, next: 0 })
    }
}

/// The signals that have come. Given by [`Signals::open_signals`].
///
/// A signal that comes again before it was taken counts once. tokio keeps its handlers for the life
/// of the process: dropping the stream does not bring back what the signal did before.
///
/// # Cancel safety
///
/// Atomic: in a cancelled scope nothing is taken.
///
/// # Fairness
///
/// After each signal the others are looked at first.
pub struct SignalStream {
    sources: Vec<(Signal, Source)>,
    /// Which one is looked at first.
    next: usize,
}

impl Stream for SignalStream {
    type Item = Signal;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Signal>> {
        let this = self.get_mut();
        ready!(admit(cx));
        let count = this.sources.len();
        for turn in 0..count {
            let place = (this.next + turn) % count;
            let (signal, source) = &mut this.sources[place];
            if source.poll(cx).is_ready() {
                this.next = place + 1;
                return Poll::Ready(Some(*signal));
            }
        }
        Poll::Pending
    }
}

impl fmt::Debug for SignalStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.sources.iter().map(|(signal, _)| signal)).finish()
    }
}

/// One signal.
enum Source {
    Interrupt(CtrlC),
    Break(CtrlBreak),
}

impl Source {
    fn open(signal: Signal) -> io::Result<Self> {
        match signal {
            Signal::INTERRUPT => windows::ctrl_c().map(Self::Interrupt),
            BREAK => windows::ctrl_break().map(Self::Break),
            _ => {
                let reason = "Windows has Signal::INTERRUPT and SIGBREAK (21) only";
                let message = format!("{signal:?} cannot be received: {reason}");
                Err(io::Error::new(io::ErrorKind::InvalidInput, message))
            }
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Self::Interrupt(source) => source.poll_recv(cx),
            Self::Break(source) => source.poll_recv(cx),
        }
        .map(drop)
    }
}
