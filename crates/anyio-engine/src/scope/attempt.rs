//! How work ended, seen by what has to clean up after it.

use std::{
    any::Any,
    mem,
    panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind},
    pin::Pin,
    task::{Context, Poll},
};

use anyio_core::Cancelled;
use pin_project_lite::pin_project;

use crate::{
    context::{Body, Frame, Kind, ambient, lost, poll_again, poll_unwound},
    sys::Arc,
    tree::{Flags, Node, Role},
};

/// A frame that holds what encloses it, and stands for this.
pub(crate) const fn hold_of(role: Role, site: &'static Location<'static>) -> Kind<'static> {
    Kind::Scope(Flags::HOLD.with(role.flags()), Some(site))
}

/// A frame that waits for what runs elsewhere, and holds what is around it unless that may be left alone.
pub(crate) const fn call_of(abandons: bool, site: &'static Location<'static>) -> Kind<'static> {
    let flags = if abandons { Flags::PLAIN } else { Flags::HOLD };
    Kind::Scope(flags.with(Role::Call.flags()), Some(site))
}

/// A frame that holds what is around it, and is a part of something else to people.
pub(crate) const HIDDEN_HOLD: Kind<'static> =
    Kind::Scope(Flags::HOLD.with(Role::Boundary.flags()), None);

/// A frame whose body is dropped when an outer scope is cancelled.
pub(crate) const BOUNDARY: Kind<'static> = Kind::Scope(Role::Boundary.flags(), None);

/// The three ways to end.
#[derive(Debug)]
pub(crate) enum Outcome<T> {
    Value(T),
    Panicked(Box<dyn Any + Send>),
    Cut(Cancelled),
}

pub(crate) fn catch<R>(f: impl FnOnce() -> R) -> Result<R, Box<dyn Any + Send>> {
    // Whatever `f` leaves half done is dropped next and not looked at again.
    catch_unwind(AssertUnwindSafe(f))
}

/// Runs what nobody hears of if it panics.
pub(crate) fn hush(f: impl FnOnce()) {
    if let Err(payload) = catch(f) {
        forget(payload);
    }
}

/// Drops what a panic has left, where another one would do harm.
pub(crate) fn forget(payload: Box<dyn Any + Send>) {
    if let Err(payload) = catch(|| drop(payload)) {
        // Its destructor may be the one that panics.
        mem::forget(payload);
    }
}

pub(crate) type Caught<T> = Result<T, Box<dyn Any + Send>>;

/// Polls `body` in the boundary `frame`, a panic included; and whether it was cancelled when that
/// began.
pub(crate) fn poll_caught<F: Future>(
    frame: &Frame,
    body: Pin<&mut Body<F>>,
    cx: &mut Context<'_>,
) -> Caught<(bool, Poll<F::Output>)> {
    catch(|| frame.enter(&BOUNDARY, || (frame.is_effective_inside(), body.poll(cx))))
}

/// Says whether `body` has come to an end with that poll; drops it if it is due. `around` gives the
/// node of the frame around the boundary, with the waker registered.
pub(crate) fn conclude<F: Future>(
    frame: &Frame,
    body: Pin<&mut Body<F>>,
    polled: Caught<(bool, Poll<F::Output>)>,
    cx: &Context<'_>,
    around: impl FnOnce() -> Arc<Node>,
) -> Poll<Outcome<F::Output>> {
    Poll::Ready(match polled {
        Ok((_, Poll::Ready(value))) => Outcome::Value(value),
        Ok((cancelled, Poll::Pending)) => {
            let around = around();
            if !frame.boundary_is_due(&around, cx) {
                return Poll::Pending;
            }
            if !cancelled {
                return poll_again(cx);
            }
            match catch(|| body.clear()) {
                Ok(()) => Outcome::Cut(Cancelled::new(around.origin())),
                Err(payload) => Outcome::Panicked(payload),
            }
        }
        Err(payload) => {
            // The first panic is the one that is reported.
            hush(|| body.clear());
            Outcome::Panicked(payload)
        }
    })
}

pin_project! {
    /// Runs a future to one of its ends. To be used inside a [`Hold`].
    #[derive(Debug)]
    pub(super) struct Attempt<F> {
        frame: Frame,
        #[pin]
        body: Body<F>,
    }
}

impl<F: Future> Attempt<F> {
    pub(crate) const fn new(future: F) -> Self {
        Self { frame: Frame::new(), body: Body::new(future) }
    }
}

impl<F: Future> Future for Attempt<F> {
    type Output = Outcome<F::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let polled = poll_caught(this.frame, this.body.as_mut(), cx);
        let poll = conclude(this.frame, this.body, polled, cx, || {
            let Some(hold) = ambient::node() else { unreachable!("an attempt is inside a hold") };
            hold.waker().register(cx.waker());
            hold
        });
        if poll.is_ready() {
            this.frame.leave();
        }
        poll
    }
}

pin_project! {
    /// Holds what encloses it, from its first poll to its end; then gives what came of it.
    #[derive(Debug)]
    pub(super) struct Hold<F, T> {
        frame: Frame,
        #[pin]
        body: Body<F>,
        end: End<T>,
        site: &'static Location<'static>,
    }
}

/// The end of an obligation: a value to give, a panic to pass on, or an outer scope to wait for.
#[derive(Debug)]
pub(super) struct End<T> {
    what: &'static str,
    outcome: Option<Outcome<T>>,
}

impl<T> End<T> {
    pub(crate) const fn new(what: &'static str) -> Self {
        Self { what, outcome: None }
    }

    pub(crate) const fn is_known(&self) -> bool {
        self.outcome.is_some()
    }

    pub(super) fn set(&mut self, outcome: Outcome<T>) {
        self.outcome = Some(outcome);
    }

    /// A panic of the cleanup counts if there was none before.
    pub(super) fn set_panic(&mut self, payload: Box<dyn Any + Send>) {
        if !matches!(self.outcome, Some(Outcome::Panicked(_))) {
            self.outcome = Some(Outcome::Panicked(payload));
        }
    }

    /// To be called when the obligation has been let go.
    pub(super) fn poll(&mut self, cx: &Context<'_>) -> Poll<T> {
        match self.outcome.take() {
            Some(Outcome::Value(value)) => Poll::Ready(value),
            Some(Outcome::Panicked(payload)) => resume_unwind(payload),
            Some(Outcome::Cut(cancelled)) => {
                if poll_unwound(cx).is_ready() {
                    lost(self.what);
                }
                self.outcome = Some(Outcome::Cut(cancelled));
                Poll::Pending
            }
            None => panic!("a future was polled after it had ended"),
        }
    }
}

impl<F, T> Hold<F, T> {
    pub(crate) const fn new(
        what: &'static str,
        site: &'static Location<'static>,
        future: F,
    ) -> Self {
        Self { frame: Frame::new(), body: Body::new(future), end: End::new(what), site }
    }
}

impl<T, F: Future<Output = Outcome<T>>> Future for Hold<F, T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let mut this = self.project();
        if !this.end.is_known() {
            let (body, kind) = (this.body.as_mut(), hold_of(Role::Cleanup, this.site));
            let Poll::Ready(outcome) = this.frame.enter(&kind, || body.poll(cx)) else {
                this.frame.settle(kind, cx);
                return Poll::Pending;
            };
            this.end.set(outcome);
            this.frame.leave();
        }
        this.end.poll(cx)
    }
}
