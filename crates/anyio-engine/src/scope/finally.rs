//! Cleanup that may await, and is never skipped by a cancellation.

use std::{
    panic::Location,
    pin::Pin,
    task::{Context, Poll, ready},
};

use pin_project_lite::pin_project;

use super::{
    attempt::{Attempt, End, Hold, Outcome, catch, conclude, hold_of, hush, poll_caught},
    shield::Shield,
};
use crate::{
    context::{Body, Frame, Kind},
    sys::Arc,
    tree::{Flags, Role},
};

const CLEANING_UP: Kind<'static> = Kind::Scope(Flags::SHIELD.with(Role::CleaningUp.flags()), None);

/// Runs `body` and then `cleanup`, however `body` ends: by itself, by a panic, or by a
/// cancellation, which waits for the cleanup.
///
/// ```text
/// body ──────┐ value, panic or ✂      outer scopes are held
/// cleanup    └────────────┐ shielded  from here to there
///                         └ value / the panic goes on / the outer scope takes over
/// ```
///
/// The cleanup runs under a shield; give it a deadline of its own if it might hang. Both futures
/// may share captures by `&`; to give both a `&mut`, use [`bracket`].
///
/// # Cancel safety
///
/// Dropping it *by hand* (as a foreign `select!` does) cannot await: `cleanup` is dropped with it.
///
/// # Panics
///
/// With the panic of `body`, after `cleanup` has run, or else with that of `cleanup`. Also if it is
/// moved out of a cancelled scope after that scope has unwound it.
///
/// # Examples
///
/// ```
/// # use std::cell::Cell;
/// # mod mini { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/mini/mod.rs")); }
/// # use mini::{Mini, run};
/// # use anyio_engine::{checkpoint, finally};
/// # type CancelScope = anyio_engine::CancelScope<Mini>;
/// # run(async {
/// let (scope, closed) = (CancelScope::new(), Cell::new(false));
/// let work = finally(
///     async {
///         scope.cancel();
///         std::future::pending::<()>().await;
///     },
///     async {
///         checkpoint().await; // say goodbye to the server
///         closed.set(true);
///     },
/// );
/// assert!(scope.run(work).await.is_err() && closed.get());
/// # });
/// ```
#[track_caller]
pub const fn finally<F, C>(body: F, cleanup: C) -> Finally<F, C>
where
    F: Future,
    C: Future<Output = ()>,
{
    Finally {
        hold: Frame::new(),
        inner: Frame::new(),
        body: Body::new(body),
        cleanup: Body::new(cleanup),
        end: End::new("`finally`"),
        site: Location::caller(),
    }
}

pin_project! {
    /// Given by [`finally`].
    #[must_use = "futures do nothing unless you `.await` them"]
    #[derive(Debug)]
    pub struct Finally<F: Future, C> {
        hold: Frame,
        // The body's boundary, then the cleanup's shield.
        inner: Frame,
        #[pin]
        body: Body<F>,
        #[pin]
        cleanup: Body<C>,
        end: End<F::Output>,
        site: &'static Location<'static>,
    }
}

impl<F: Future, C: Future<Output = ()>> Future for Finally<F, C> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        let kind = hold_of(Role::Cleanup, this.site);
        if !this.end.is_known() {
            let (hold, inner) = (&*this.hold, &*this.inner);
            let polled = hold.enter(&kind, || poll_caught(inner, this.body.as_mut(), cx));
            let settle = || Arc::clone(hold.settle(kind, cx));
            let outcome = ready!(conclude(inner, this.body, polled, cx, settle));
            this.end.set(outcome);
            this.inner.leave();
        }
        if this.cleanup.is_some() {
            let (hold, inner) = (&*this.hold, &*this.inner);
            let mut cleanup = this.cleanup.as_mut();
            match catch(|| {
                hold.enter(&kind, || inner.enter(&CLEANING_UP, || cleanup.as_mut().poll(cx)))
            }) {
                Ok(Poll::Ready(())) => {}
                Ok(Poll::Pending) => {
                    hold.settle(kind, cx).set_closing();
                    return Poll::Pending;
                }
                Err(payload) => {
                    hush(|| cleanup.clear());
                    this.end.set_panic(payload);
                }
            }
            this.inner.leave();
            this.hold.leave();
        }
        this.end.poll(cx)
    }
}

/// Lends `resource` to `body`, and then to `release`, however `body` ends.
///
/// Like [`finally`], for a resource that both need in `&mut`. Nothing can be cancelled between the
/// `await` that acquired the resource and the begin of `body`, so acquire it on the line before.
///
/// ```text
/// body(&mut r)    ──────┐ value, panic or ✂      outer scopes are held
/// release(&mut r)       └────────────┐ shielded  from here to there
///                                    └ value / the panic goes on / the outer scope takes over
/// ```
///
/// Inside a future that has to be `Send`, rustc takes a resource whose type has a lifetime in it for
/// one that "is not general enough"; [`finally`] has no such limit.
///
/// # Cancel safety
///
/// As of [`finally`].
///
/// # Panics
///
/// As [`finally`].
///
/// # Examples
///
/// ```
/// # mod mini { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/mini/mod.rs")); }
/// # use mini::{Mini, run};
/// # use anyio_engine::{bracket, checkpoint};
/// # run(async {
/// let mut log = vec!["open"];
/// let lines = bracket(
///     &mut log,
///     async |log| {
///         log.push("write");
///         log.len()
///     },
///     async |log| {
///         checkpoint().await;
///         log.push("close");
///     },
/// )
/// .await;
/// assert_eq!((lines, log), (2, vec!["open", "write", "close"]));
/// # });
/// ```
#[track_caller]
pub fn bracket<R: ?Sized, T>(
    resource: &mut R,
    body: impl AsyncFnOnce(&mut R) -> T,
    release: impl AsyncFnOnce(&mut R),
) -> impl Future<Output = T> {
    let site = Location::caller();
    Hold::new("`bracket`", site, async move {
        // Whatever a closure does before it gives its future belongs to the attempt, too.
        let outcome = Attempt::new(async { body(&mut *resource).await }).await;
        let release =
            Attempt::new(Shield::cleaning_up(site, async { release(&mut *resource).await }));
        match (outcome, release.await) {
            (Outcome::Panicked(first), _) | (_, Outcome::Panicked(first)) => {
                Outcome::Panicked(first)
            }
            (outcome, _) => outcome,
        }
    })
}
