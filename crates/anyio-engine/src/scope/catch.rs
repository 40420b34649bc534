//! Looking at a cancellation on its way out.

use std::{
    panic::Location,
    pin::Pin,
    task::{Context, Poll, ready},
};

use anyio_core::Cancelled;
use pin_project_lite::pin_project;

use super::attempt::{BOUNDARY, hold_of};
use crate::{
    context::{Body, Frame, ambient, poll_again},
    op,
    tree::Role,
};

/// Runs `future`, and goes on after it even if it is cancelled, so that code may look at what it
/// has got so far. The next operation after it does not start: a cancellation is not over because
/// it was caught.
///
/// ```text
/// scope ───────┬─ cancel() ─────────────────────────────────┬─✂ the next operation
/// catch_cancelled(future) ─✂ cleanup ─┤ Err(Cancelled) ─ code ─┘
/// ```
///
/// It is the `except` block of other languages. To run cleanup that awaits, use
/// [`finally`](crate::finally) or put a [`shield`](crate::shield) into the handler.
///
/// In a scope that is cancelled already it does not begin, so that a loop around it ends.
///
/// # Cancel safety
///
/// Dropping it drops `future`.
///
/// # Errors
///
/// [`Cancelled`], with the cause of the scope that was cancelled.
///
/// # Examples
///
/// ```
/// # mod mini { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/mini/mod.rs")); }
/// # use mini::{Mini, run};
/// # use anyio_engine::{catch_cancelled};
/// # type CancelScope = anyio_engine::CancelScope<Mini>;
/// # run(async {
/// let scope = CancelScope::new();
/// let mut lines = Vec::new();
/// let result = scope
///     .run(async {
///         let caught = catch_cancelled(async {
///             lines.push("one");
///             scope.cancel();
///             std::future::pending::<()>().await;
///         })
///         .await;
///         println!("{} lines before {}", lines.len(), caught.unwrap_err());
///     })
///     .await;
/// assert!(result.is_ok()); // the work ended by itself, nothing waited after the catch
/// # });
/// ```
#[track_caller]
pub const fn catch_cancelled<F: Future>(future: F) -> CatchCancelled<F> {
    CatchCancelled {
        hold: Frame::new(),
        boundary: Frame::new(),
        body: Body::new(future),
        started: false,
        site: Location::caller(),
    }
}

pin_project! {
    /// Given by [`catch_cancelled`].
    #[must_use = "futures do nothing unless you `.await` them"]
    #[derive(Debug)]
    pub struct CatchCancelled<F> {
        hold: Frame,
        boundary: Frame,
        #[pin]
        body: Body<F>,
        started: bool,
        site: &'static Location<'static>,
    }
}

impl<F: Future> Future for CatchCancelled<F> {
    type Output = Result<F::Output, Cancelled>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if !*this.started {
            ready!(op::admit(cx));
            *this.started = true;
        }
        let kind = hold_of(Role::Catch, this.site);
        let (hold, boundary) = (this.hold, this.boundary);
        let body = this.body.as_mut();
        let (cancelled, poll) = hold.enter(&kind, || {
            boundary.enter(&BOUNDARY, || (ambient::is_effective(), body.poll(cx)))
        });
        let result = if let Poll::Ready(value) = poll {
            Ok(value)
        } else {
            let node = hold.settle(kind, cx);
            if !boundary.boundary_is_due(node, cx) {
                return Poll::Pending;
            }
            if !cancelled {
                return poll_again(cx);
            }
            let cancelled = Cancelled::new(node.origin());
            this.body.clear();
            Err(cancelled)
        };
        boundary.leave();
        hold.leave();
        Poll::Ready(result)
    }
}
