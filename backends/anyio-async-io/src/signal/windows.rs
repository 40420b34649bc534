//! Signals on Windows: those of `async-signal`.

use std::{
    fmt, io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use anyio_core::Signal;
use anyio_engine::op::admit;
use async_signal::{Signal as Known, Signals};
use futures_core::Stream;

/// Starts listening to `signals`.
///
/// # Errors
///
/// `InvalidInput` for an empty list and for all but [`Signal::INTERRUPT`]; other errors are those of the
/// operating system.
pub fn open_signals(signals: &[Signal]) -> io::Result<SignalStream> {
    if signals.is_empty() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "no signal was named"));
    }
    let mut sources: Vec<Source> = Vec::with_capacity(signals.len());
    for &signal in signals {
        if sources.iter().all(|known| known.signal != signal) {
            sources.push(Source::open(signal)?);
        }
    }
    Ok(SignalStream { sources, next: 0 })
}

/// The signals that have come. Given by [`open_signals`].
///
/// A signal that comes again before it was taken counts once. The handlers stay for the life of the
/// process: dropping the stream does not bring back what the signal did before.
///
/// # Cancel safety
///
/// Atomic: in a cancelled scope nothing is taken.
///
/// # Fairness
///
/// After each signal the others are looked at first.
pub struct SignalStream {
    sources: Vec<Source>,
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
            let source = &mut this.sources[place];
            if source.poll(cx).is_ready() {
                this.next = place + 1;
                return Poll::Ready(Some(source.signal));
            }
        }
        Poll::Pending
    }
}

impl fmt::Debug for SignalStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.sources.iter().map(|source| source.signal)).finish()
    }
}

/// One signal. Each has a queue of its own, so that one that keeps coming does not crowd out
/// another.
struct Source {
    signal: Signal,
    queue: Signals,
}

impl Source {
    fn open(signal: Signal) -> io::Result<Self> {
        if signal != Signal::INTERRUPT {
            let reason = "on Windows async-signal has Signal::INTERRUPT only";
            let message = format!("{signal:?} cannot be received: {reason}");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        Signals::new([Known::Int]).map(|queue| Self { signal, queue })
    }

    /// Ready if it came since the last time, however often.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut came = Poll::Pending;
        // The queue has an end, even if there is more while this is emptying it.
        for _entry in 0..QUEUE {
            match Pin::new(&mut self.queue).poll_next(cx) {
                Poll::Ready(Some(Ok(_))) => came = Poll::Ready(()),
                // An error cannot be had from a pipe that is open at both ends.
                Poll::Ready(_) | Poll::Pending => break,
            }
        }
        came
    }
}

/// More signals than a queue can hold.
const QUEUE: usize = 1 << 16;
