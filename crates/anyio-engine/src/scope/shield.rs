//! Keeping outer cancellations out.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use pin_project_lite::pin_project;

use crate::{
    context::{Body, Frame, Kind},
    tree::Flags,
};

const SHIELD: Kind<'static> = Kind::Scope(Flags::SHIELD);

/// Runs `future` to its end, even if a scope around it is cancelled meanwhile; that scope waits.
///
/// Meant for what must not be left half done, and best kept short: give it a deadline of its own
/// (`shield(move_on_after(…))`). Scopes *inside* the shield can be cancelled as ever.
///
/// # Cancel safety
///
/// Cancelling does not reach `future`; dropping does. A shield that is neither polled nor dropped
/// holds the scopes around it for ever.
///
/// # Examples
///
/// ```
/// # mod mini { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/mini/mod.rs")); }
/// # use mini::{Mini, run};
/// # use anyio_engine::{checkpoint, shield};
/// # type CancelScope = anyio_engine::CancelScope<Mini>;
/// # run(async {
/// let scope = CancelScope::new();
/// let mut saved = false;
/// let result = scope
///     .run(async {
///         scope.cancel();
///         shield(async {
///             checkpoint().await; // would not return outside of the shield
///             saved = true;
///         })
///         .await;
///         checkpoint().await;
///     })
///     .await;
/// assert!(result.is_err() && saved);
/// # });
/// ```
pub const fn shield<F: Future>(future: F) -> Shield<F> {
    Shield { frame: Frame::new(), body: Body::new(future) }
}

pin_project! {
    /// Given by [`shield`].
    #[must_use = "futures do nothing unless you `.await` them"]
    #[derive(Debug)]
    pub struct Shield<F> {
        frame: Frame,
        #[pin]
        body: Body<F>,
    }
}

impl<F: Future> Future for Shield<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        let body = this.body.as_mut();
        let poll = this.frame.enter(SHIELD, || body.poll(cx));
        if poll.is_ready() {
            this.frame.leave();
        } else {
            this.frame.settle(SHIELD, cx);
        }
        poll
    }
}
