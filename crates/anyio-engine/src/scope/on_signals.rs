//! A shutdown that comes from outside.

use std::{
    fmt, io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use anyio_core::{Cancelled, Cause, CauseKind, Clock, Signal, Signals};
use futures_core::Stream as _;
use pin_project_lite::pin_project;

use super::{
    future::{Report, Scoped},
    handle::CancelScope,
};

/// The signals that ask a program to stop, those that are preferred first.
const STOP: &[&[Signal]] = if cfg!(windows) {
    // Ctrl-Break is not known to every backend.
    &[&[Signal::INTERRUPT, Signal::from_raw(21)], &[Signal::INTERRUPT]]
} else {
    &[&[Signal::TERMINATE, Signal::INTERRUPT]]
};

/// Runs `work` so that SIGTERM and SIGINT ask it to come to an end in peace (on Windows Ctrl-C, and
/// Ctrl-Break where the backend hears it):
///
/// ```text
/// first signal ──▶ shutdown(grace): shutdown_requested() is ready, until_shutdown(…) ends …
///      … grace, or the second signal ──▶ cancelled: cleanup runs
///                                        a third one does what it does by itself: ends the process
/// ```
///
/// It listens from now on, before the work begins, until the work has ended. See
/// [`CancelScope::shutdown`].
///
/// # Cancel safety
///
/// Dropping it drops `work`.
///
/// # Errors
///
/// `io::Error` if the signals cannot be received. What the future gives is an error only if the work was
/// cut: [`Cancelled`], with the cause [`Shutdown`](CauseKind::Shutdown) when the grace was over,
/// or [`Interrupt`](CauseKind::Interrupt) by a second signal.
pub fn shutdown_on_signals<B, F>(grace: Duration, work: F) -> io::Result<ShutdownOnSignals<B, F>>
where
    B: Clock + Signals,
    F: Future,
{
    let (preferred, others) = (STOP[0], &STOP[1..]);
    let signals = others.iter().fold(B::open_signals(preferred), |opened, others| {
        opened.or_else(|_| B::open_signals(others))
    })?;
    let scope = CancelScope::new();
    let work = scope.run(work);
    Ok(ShutdownOnSignals { signals: Some(signals), scope, grace, work })
}

pin_project! {
    /// Given by [`shutdown_on_signals`].
    #[must_use = "futures do nothing unless you `.await` them"]
    pub struct ShutdownOnSignals<B, F: Future>
    where
        B: Clock,
        B: Signals,
    {
        // Until the work is cancelled.
        signals: Option<B::SignalStream>,
        scope: CancelScope<B>,
        grace: Duration,
        #[pin]
        work: Scoped<B, F, Report>,
    }
}

impl<B: Clock + Signals, F: Future> Future for ShutdownOnSignals<B, F> {
    type Output = Result<F::Output, Cancelled>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        while let Some(signals) = this.signals {
            match Pin::new(signals).poll_next(cx) {
                Poll::Ready(Some(_)) if this.scope.shutdown_called() => {
                    this.scope.cancel_with(Cause::of(CauseKind::Interrupt));
                }
                Poll::Ready(Some(_)) => this.scope.shutdown(*this.grace),
                Poll::Ready(None) => *this.signals = None,
                Poll::Pending => break,
            }
            if this.scope.cancel_called() {
                *this.signals = None;
            }
        }
        let poll = this.work.poll(cx);
        if poll.is_ready() {
            *this.signals = None;
        }
        poll
    }
}

impl<B: Clock + Signals, F: Future> fmt::Debug for ShutdownOnSignals<B, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShutdownOnSignals")
            .field("scope", &self.scope)
            .field("grace", &self.grace)
            .finish_non_exhaustive()
    }
}
