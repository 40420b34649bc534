//! Coming to an end in peace.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use anyio_core::{Cause, CauseKind, Clock};
use pin_project_lite::pin_project;

use super::{
    future::{Report, Scoped},
    handle::CancelScope,
};
use crate::{
    context::ambient,
    op,
    sys::Arc,
    tree::{Flags, ListenerKey, Node},
};

/// Waits until a scope around the running code is asked to shut down, from however far out; no
/// shield keeps that from it. Without such a scope it waits for ever.
///
/// # Cancel safety
///
/// Atomic: nothing happens but the waiting. Once it is ready, it would be so again.
pub const fn shutdown_requested() -> ShutdownRequested {
    ShutdownRequested { admitted: false, place: None }
}

/// Whether a scope around the running code has been asked to shut down.
#[must_use]
pub fn is_shutdown_requested() -> bool {
    ambient::node().is_some_and(|node| node.flags().any(Flags::ASKED))
}

/// Runs `future` until a scope around it is asked to shut down: `None` then, and `future` has been
/// unwound, with its cleanup. Asked before, it does not even begin; what is ready in the moment of the
/// request counts.
///
/// It makes a loop that takes new work end, and lets the work go on that was taken:
/// `while let Some(connection) = until_shutdown(listener.accept()).await`.
///
/// ```text
/// until_shutdown(accept) ─ accept ──┤ Some(connection)
/// until_shutdown(accept) ─ accept ────✂ asked to shut down ─┤ None
/// until_shutdown(accept) ─┤ None: it was asked before
/// ```
///
/// # Cancel safety
///
/// Cancelling or dropping it does the same to `future`. What `future` loses when it is cancelled, a
/// shutdown loses, too: for operations that are *atomic*, that is nothing.
#[track_caller]
pub fn until_shutdown<C: Clock, F: Future>(future: F) -> UntilShutdown<C, F> {
    let scope = CancelScope::new();
    let work = scope.run(future);
    UntilShutdown { scope, work, request: Some(shutdown_requested()), begun: false }
}

pin_project! {
    /// Given by [`until_shutdown`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless you `.await` them"]
    pub struct UntilShutdown<C: Clock, F: Future> {
        scope: CancelScope<C>,
        #[pin]
        work: Scoped<C, F, Report>,
        // Until it was made.
        request: Option<ShutdownRequested>,
        begun: bool,
    }
}

impl<C: Clock, F: Future> Future for UntilShutdown<C, F> {
    type Output = Option<F::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if !*this.begun {
            // Or a loop whose work is always ready would go on for ever.
            if is_shutdown_requested() {
                ready!(op::admit(cx));
                return Poll::Ready(None);
            }
            *this.begun = true;
        }
        if let Poll::Ready(result) = this.work.as_mut().poll(cx) {
            return Poll::Ready(result.ok());
        }
        let Some(request) = this.request else { return Poll::Pending };
        ready!(Pin::new(request).poll(cx));
        *this.request = None;
        this.scope.cancel_with(Cause::of(CauseKind::Shutdown));
        this.work.poll(cx).map(Result::ok)
    }
}

/// Given by [`shutdown_requested`].
#[derive(Debug)]
#[must_use = "futures do nothing unless you `.await` them"]
pub struct ShutdownRequested {
    admitted: bool,
    place: Option<(Arc<Node>, ListenerKey)>,
}

impl ShutdownRequested {
    fn leave(&mut self) {
        if let Some((node, key)) = self.place.take() {
            node.unlisten(key);
        }
    }
}

impl Future for ShutdownRequested {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if !self.admitted {
            ready!(op::admit(cx));
            self.admitted = true;
        }
        self.leave();
        let Some(node) = ambient::node() else { return Poll::Pending };
        match node.listen(cx.waker()) {
            None => Poll::Ready(()),
            Some(key) => {
                self.place = Some((node, key));
                Poll::Pending
            }
        }
    }
}

impl Drop for ShutdownRequested {
    fn drop(&mut self) {
        self.leave();
    }
}
