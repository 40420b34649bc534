//! Signals of the operating system.

use std::{
    future::poll_fn,
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use anyio_core::{Signal, Signals};
use anyio_engine::{AnySignals, ShutdownOnSignals};
use futures_core::Stream;

use crate::Any;

/// Starts listening to `signals`. What they did before, as ending the process, is off from now on.
///
/// Any number of receivers, on any runtimes, may listen to one signal; each gets it. On Unix, when the
/// last of them is dropped, the signal does again what it did before; so does one that came, and that
/// nobody has taken by then. (Others who listen past this library, as with `tokio::signal`, are heard as
/// well, but are not known here: let them begin before.) On Windows there is Ctrl-C, as
/// [`Signal::INTERRUPT`], and on tokio Ctrl-Break, as signal 21; handlers stay there.
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
/// They come out in the order in which they came in. A signal that comes again before it was taken
/// counts once, and keeps its place.
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

/// Runs `work` so that SIGTERM and SIGINT ask it to come to an end in peace (on Windows Ctrl-C, and on
/// tokio Ctrl-Break, too):
///
/// ```text
/// first signal ──▶ shutdown(grace): shutdown_requested() is ready, until_shutdown(…) ends …
///      … grace, or the second signal ──▶ cancelled: cleanup runs
///                                        a third one does what it does by itself: ends the process
/// ```
///
/// It listens from now on, before the work begins, until the work has ended. See
/// [`CancelScope::shutdown`](anyio_engine::CancelScope::shutdown).
///
/// # Cancel safety
///
/// Dropping it drops `work`.
///
/// # Errors
///
/// `io::Error` as [`open_signal_receiver`]. What the future gives is an error only if the work was
/// cut: [`Cancelled`](crate::Cancelled), with the cause [`Shutdown`](crate::CauseKind::Shutdown) when the
/// grace was over, or [`Interrupt`](crate::CauseKind::Interrupt) by a second signal.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use anyio::{memory_object_stream, shutdown_on_signals, until_shutdown};
///
/// # anyio::run(async {
/// let (jobs, queue) = memory_object_stream(8);
/// # jobs.send(1).await.unwrap();
/// # drop(jobs);
/// let serve = async {
///     let mut done = 0;
///     while let Some(Ok(_job)) = until_shutdown(queue.receive()).await {
///         done += 1;
///     }
///     done
/// };
/// match shutdown_on_signals(Duration::from_secs(10), serve)?.await {
///     Ok(done) => println!("{done} jobs done"),
///     Err(cancelled) => println!("{cancelled}"),
/// }
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
pub fn shutdown_on_signals<F: Future>(
    grace: Duration,
    work: F,
) -> io::Result<ShutdownOnSignals<Any, F>> {
    anyio_engine::shutdown_on_signals(grace, work)
}
