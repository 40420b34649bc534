//! The one future behind every scope: `run`, `move_on_after`, `fail_after`.

use std::{
    fmt,
    marker::PhantomData,
    panic::Location,
    pin::Pin,
    task::{Context, Poll, ready},
};

use anyio_core::{Cancelled, Cause, Clock, TimedOut};
use pin_project_lite::pin_project;

use super::{
    control::Control,
    place::{Limit, Place},
    wait::Wait,
};
use crate::{
    context::{Body, Frame, lost, poll_again, poll_unwound},
    sys::Arc,
    tree::{self, Flags},
};

/// What a scope gives, by the way its work ended.
pub trait Ending {
    /// The type it gives for work that ends in `T`.
    type Output<T>;

    /// The work ended by itself.
    fn done<T>(value: T) -> Self::Output<T>;

    /// The scope was cancelled, and no scope around it.
    fn cut<T>(cancelled: Cancelled) -> Self::Output<T>;

    /// The work was unwound by an outer scope that no longer reaches it.
    fn unwound<T>(cancelled: Cancelled) -> Self::Output<T>;
}

/// `run`: says that it was cancelled, and why.
#[derive(Debug)]
#[non_exhaustive]
pub enum Report {}

impl Ending for Report {
    type Output<T> = Result<T, Cancelled>;

    fn done<T>(value: T) -> Result<T, Cancelled> {
        Ok(value)
    }

    fn cut<T>(cancelled: Cancelled) -> Result<T, Cancelled> {
        Err(cancelled)
    }

    fn unwound<T>(cancelled: Cancelled) -> Result<T, Cancelled> {
        Err(cancelled)
    }
}

/// `move_on_after`: gives nothing.
#[derive(Debug)]
#[non_exhaustive]
pub enum MoveOn {}

impl Ending for MoveOn {
    type Output<T> = Option<T>;

    fn done<T>(value: T) -> Option<T> {
        Some(value)
    }

    fn cut<T>(_: Cancelled) -> Option<T> {
        None
    }

    fn unwound<T>(_: Cancelled) -> Option<T> {
        None
    }
}

/// `fail_after`: gives an error, which a deadline alone can bring about.
#[derive(Debug)]
#[non_exhaustive]
pub enum Fail {}

impl Ending for Fail {
    type Output<T> = Result<T, TimedOut>;

    fn done<T>(value: T) -> Result<T, TimedOut> {
        Ok(value)
    }

    fn cut<T>(_: Cancelled) -> Result<T, TimedOut> {
        Err(TimedOut::new())
    }

    fn unwound<T>(_: Cancelled) -> Result<T, TimedOut> {
        lost("`fail_after` or `fail_at`")
    }
}

pin_project! {
    /// Work in a scope. Given by `CancelScope::run`, `move_on_after`, `fail_after` and their like.
    #[must_use = "futures do nothing unless you `.await` them"]
    pub struct Scoped<C: Clock, F: Future, K> {
        place: Place,
        wait: Wait<C>,
        #[pin]
        body: Body<F>,
        unwound: Option<Cancelled>,
        ending: PhantomData<fn() -> K>,
    }
}

impl<C: Clock, F: Future, K: Ending> Scoped<C, F, K> {
    #[track_caller]
    pub(super) const fn new(control: Option<Arc<Control>>, limit: Limit, future: F) -> Self {
        Self {
            place: Place { frame: Frame::new(), control, limit, site: Location::caller() },
            wait: Wait::new(match limit {
                Limit::At(deadline) => Some(deadline),
                Limit::After(_) | Limit::Handle => None,
            }),
            body: Body::new(future),
            unwound: None,
            ending: PhantomData,
        }
    }
}

impl<C: Clock, F: Future, K: Ending> Future for Scoped<C, F, K> {
    type Output = K::Output<F::Output>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.as_mut().project();
        if this.unwound.is_some() {
            return self.poll_unwound(cx);
        }

        let (place, body) = (&*this.place, this.body.as_mut());
        let frame = &place.frame;
        let kind = || place.kind(this.wait.deadline());
        let (cancelled, poll) =
            frame.enter_as(kind, || (frame.is_effective_inside(), body.poll(cx)));
        if let Poll::Ready(value) = poll {
            this.wait.stop();
            this.place.leave();
            return Poll::Ready(K::done(value));
        }
        if !cancelled && this.wait.is_quiet(place, cx.waker()) {
            return Poll::Pending;
        }
        self.look(cancelled, cx)
    }
}

impl<C: Clock, F: Future, K: Ending> Scoped<C, F, K> {
    /// Finds out what the scope has to do, its body being pending. It was `cancelled` when the poll of
    /// that began.
    #[inline(never)]
    fn look(
        mut self: Pin<&mut Self>,
        cancelled: bool,
        cx: &mut Context<'_>,
    ) -> Poll<K::Output<F::Output>> {
        let this = self.as_mut().project();
        let (place, wait) = (&*this.place, this.wait);
        let start = wait.start(place);
        if !cancelled && wait.rests(place, start, cx.waker()) {
            return Poll::Pending;
        }
        if let (Some(_), Some(node)) = (start, place.frame.node()) {
            node.set_deadline(|| wait.deadline().map(|(end, _)| end));
        }
        let node = place.frame.settle_as(|| place.kind(wait.deadline()), cx);
        if !node.flags().any(Flags::CANCELLED)
            && let Some(kind) = wait.poll(place, node, start, cx.waker())
        {
            wait.stop();
            place.cancel(node, Cause::of(kind));
        }

        let flags = node.flags();
        let mine = flags.any(Flags::CANCELLED.with(Flags::DELIVER));
        if !flags.any(Flags::EFFECTIVE) || !mine || tree::is_held(node) {
            return Poll::Pending;
        }
        if !cancelled {
            return poll_again(cx);
        }
        let node = Arc::clone(node);
        wait.stop();
        this.body.clear();
        // Read before the node leaves the tree.
        let own = node.own_cause().filter(|_| !node.sees_outer());
        let cancelled = Cancelled::new(own.clone().unwrap_or_else(|| node.origin()));
        this.place.leave();
        if own.is_some() {
            if let Some(control) = &this.place.control {
                control.catch();
            }
            return Poll::Ready(K::cut(cancelled));
        }
        *this.unwound = Some(cancelled);
        self.poll_unwound(cx)
    }

    /// Waits for the outer scope that has unwound the body.
    #[cold]
    fn poll_unwound(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<K::Output<F::Output>> {
        ready!(poll_unwound(cx));
        Poll::Ready(self.project().unwound.take().map_or_else(|| unreachable!(), K::unwound))
    }
}

impl<C: Clock, F: Future, K> fmt::Debug for Scoped<C, F, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scoped").field("deadline", &self.wait.deadline()).finish_non_exhaustive()
    }
}
