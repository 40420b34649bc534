//! Signals of the operating system.

use std::{
    future::poll_fn,
    io,
    pin::Pin,
    task::{Context, Poll},
};

use anyio_core::{Signal, Signals};
use anyio_engine::AnySignals;
use futures_core::Stream;

use crate::Any;

/// Starts listening to `signals`. What they did before, as ending the process, is off from now on.
///
/// Several receivers may listen to one signal; each gets it.
///
/// # Errors
///
/// `InvalidInput` for an empty list and for signals that cannot be caught; `NotConnected` outside
/// of any runtime; otherwise those of the operating system.
///
/// # Examples
///
/// Ctrl-C as a cancellation:
///
/// ```no_run
/// use anyio::{CancelScope, Signal, sleep_forever, task_group};
///
/// # anyio::run(async {
/// let mut signals = anyio::open_signal_receiver(&[Signal::INTERRUPT, Signal::TERMINATE])?;
/// let scope = CancelScope::new();
/// let stop = scope.clone();
/// task_group(async |tg| -> std::io::Result<()> {
///     tg.spawn(async move {
///         let signal = signals.receive().await;
///         stop.cancel_because(format!("{signal:?}"));
///     });
///     _ = scope.run(sleep_forever()).await;
///     println!("stopped: {}", scope.cause().unwrap());
///     Ok(())
/// })
/// .await
/// # }).unwrap();
/// ```
pub fn open_signal_receiver(signals: &[Signal]) -> io::Result<SignalReceiver> {
    Any::open_signals(signals).map(|signals| SignalReceiver { signals })
}

/// The signals that have come: a stream that does not end. Given by [`open_signal_receiver`].
///
/// A signal that comes again before it was taken counts once.
#[derive(Debug)]
pub struct SignalReceiver {
    signals: AnySignals,
}

impl SignalReceiver {
    /// Waits for the next signal.
    ///
    /// # Cancel safety
    ///
    /// Atomic: cancelled, it has taken none.
    pub async fn receive(&mut self) -> Signal {
        let next = poll_fn(|cx| Pin::new(&mut self.signals).poll_next(cx)).await;
        next.unwrap_or_else(|| unreachable!("a backend's stream of signals has ended"))
    }
}

impl Stream for SignalReceiver {
    type Item = Signal;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Signal>> {
        Pin::new(&mut self.signals).poll_next(cx)
    }
}
