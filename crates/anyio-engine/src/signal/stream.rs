//! A receiver of signals.

use std::{
    fmt, io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use anyio_core::Signal;
use futures_core::Stream;

use super::registry;
use crate::op::admit;

/// Starts listening to `signals`: what a backend's `Signals` is made of on Unix.
///
/// It needs no runtime. Any number of receivers may listen to one signal, on any runtimes; each gets
/// it. The first one that listens takes the signal over, and the last one gives it back: when it is
/// dropped, the signal does again what it did before. See [`SignalStream`].
///
/// # Errors
///
/// `InvalidInput` for an empty list and for signals that cannot be caught; other errors are those of the
/// operating system. The signals that were named are left as they were.
///
/// # Examples
///
/// ```
/// use anyio_core::Signal;
///
/// let signals = anyio_engine::open_signals(&[Signal::HANGUP])?;
/// # drop(signals);
/// # std::io::Result::Ok(())
/// ```
pub fn open_signals(signals: &[Signal]) -> io::Result<SignalStream> {
    if signals.is_empty() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "no signal was named"));
    }
    let mut wanted = signals.to_vec();
    wanted.sort_unstable();
    wanted.dedup();
    let names = wanted.clone();
    registry::open(wanted).map(|key| SignalStream { key, signals: names })
}

/// The signals that have come. Given by [`open_signals`].
///
/// They come out in the order in which they came in. A signal that comes again before it was taken
/// counts once, and keeps its place.
///
/// When the last receiver of a signal is dropped, the signal does again what it did before. A handler
/// that somebody else had installed before is called all the time. A signal that came, and which no
/// receiver has taken by then, is not lost: it does at that moment what it did before, which may be
/// ending the process.
///
/// (Others who listen past this registry, as with `tokio::signal`, are heard, but not known here. Let
/// them begin before the first receiver does, or a signal that comes after the last one has gone ends
/// the process in spite of them.)
///
/// # Cancel safety
///
/// Atomic: in a cancelled scope nothing is taken.
///
/// # Fairness
///
/// A signal that keeps coming cannot keep out another one.
pub struct SignalStream {
    key: usize,
    signals: Vec<Signal>,
}

impl Stream for SignalStream {
    type Item = Signal;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Signal>> {
        ready!(admit(cx));
        match registry::take(self.key, cx.waker().clone()) {
            Some(signal) => Poll::Ready(Some(signal)),
            None => Poll::Pending,
        }
    }
}

impl Drop for SignalStream {
    fn drop(&mut self) {
        registry::close(self.key);
    }
}

impl fmt::Debug for SignalStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.signals).finish()
    }
}
