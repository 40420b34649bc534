//! Keeping outer cancellations out.

use std::{
    panic::Location,
    pin::Pin,
    task::{Context, Poll},
};

use pin_project_lite::pin_project;

use crate::{
    context::{Body, Frame, Kind},
    tree::{Flags, Role},
};

/// Runs `future` to its end, even if a scope around it is cancelled meanwhile; that scope waits.
///
/// ```text
/// scope ──────┬─ cancel() ──────────────┬─✂ the code after the shield
///             │   held …                │
/// shield  ────┴── future goes on ───────┘ its value
/// ```
///
/// Meant for what must not be left half done, and best kept short: give it a deadline of its own
/// (`shield(move_on_after(…))`). Scopes *inside* the shield can be cancelled as ever.
///
/// # Cancel safety
///
/// Cancelling does not reach `future`; dropping does. A shield that is neither polled nor dropped
/// holds the scopes around it for ever; [`task_tree`](crate::task_tree) shows it, and with the feature
/// `tracing` a warning names it after a while.
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
#[track_caller]
pub const fn shield<F: Future>(future: F) -> Shield<F> {
    Shield::made(Role::Shield, Location::caller(), future)
}

pin_project! {
    /// Given by [`shield`].
    #[must_use = "futures do nothing unless you `.await` them"]
    #[derive(Debug)]
    pub struct Shield<F> {
        frame: Frame,
        #[pin]
        body: Body<F>,
        role: Role,
        site: &'static Location<'static>,
    }
}

impl<F: Future> Shield<F> {
    /// Around the cleanup of what was made at `site`.
    pub(super) const fn cleaning_up(site: &'static Location<'static>, cleanup: F) -> Self {
        Self::made(Role::CleaningUp, site, cleanup)
    }

    const fn made(role: Role, site: &'static Location<'static>, future: F) -> Self {
        Self { frame: Frame::new(), body: Body::new(future), role, site }
    }
}

impl<F: Future> Future for Shield<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        let kind = Kind::Scope(Flags::SHIELD.with(this.role.flags()), Some(this.site));
        let body = this.body.as_mut();
        let poll = this.frame.enter(&kind, || body.poll(cx));
        if poll.is_ready() {
            this.frame.leave();
        } else {
            this.frame.settle(kind, cx);
        }
        poll
    }
}
