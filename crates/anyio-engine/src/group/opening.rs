//! The part of a group's future that is the same wherever its tasks run: the body, and the end.

use std::{
    fmt,
    panic::{Location, resume_unwind},
    pin::Pin,
    sync::Arc as StdArc,
    task::{Context, Poll, ready},
};

use anyio_core::{Body as BodyEnd, Cancelled, Cause, CauseKind, TaskError};
use pin_project_lite::pin_project;

use super::{
    run::Errors,
    tally::{Sum, Tally},
};
use crate::{
    context::{Body, Frame, Kind, ambient, poll_unwound},
    scope::{BOUNDARY, Outcome, catch, conclude},
    sys::Arc,
    trace::Span,
    tree::{Flags, Node, Role},
};

pin_project! {
    /// A group as the future that it is.
    pub(super) struct Opening<F, Fut, T> {
        hold: Frame,
        boundary: Frame,
        #[pin]
        body: Body<Fut>,
        start: Option<F>,
        name: Option<StdArc<str>>,
        location: &'static Location<'static>,
        span: Span,
        value: Option<T>,
        cancelled: Option<Cancelled>,
    }
}

/// What a group's node is.
const GROUP: Flags = Flags::HOLD.with(Role::Group.flags());

fn kind(site: &'static Location<'static>) -> Kind<'static> {
    Kind::Scope(GROUP, Some(site))
}

fn who(name: Option<&StdArc<str>>) -> StdArc<str> {
    name.cloned().unwrap_or_else(|| "the body of the group".into())
}

impl<F, Fut, T> Opening<F, Fut, T> {
    pub(super) fn new(
        name: Option<StdArc<str>>,
        location: &'static Location<'static>,
        body: F,
    ) -> Self {
        Self {
            hold: Frame::new(),
            boundary: Frame::new(),
            body: Body::empty(),
            start: Some(body),
            name,
            location,
            span: Span::none(),
            value: None,
            cancelled: None,
        }
    }

    /// In the first poll: what makes the body.
    pub(super) fn start(self: Pin<&mut Self>) -> Option<F> {
        self.project().start.take()
    }

    /// Opens the group: it takes its place in the tree, with a node that is made of `spare` if there is one.
    #[inline]
    pub(super) fn open(self: Pin<&mut Self>, spare: Option<Arc<Node>>) -> (Arc<Node>, Span) {
        let this = self.project();
        *this.span = Span::group(this.name.as_deref(), this.location);
        let (name, site) = (&*this.name, *this.location);
        let node = ambient::begin_here(spare, GROUP, |links| links.open(name.as_ref(), site));
        this.hold.begin(Arc::clone(&node));
        (node, this.span.clone())
    }

    /// Runs `f` as the tasks' surroundings, which the body is no part of.
    pub(super) fn enter<R>(self: Pin<&mut Self>, f: impl FnOnce() -> R) -> R {
        let this = self.project();
        this.hold.enter(kind(this.location), || this.span.in_scope(f))
    }

    /// From now on, changes in the tree wake the group.
    #[inline]
    pub(super) fn settle(self: Pin<&mut Self>, cx: &Context<'_>) -> &Arc<Node> {
        let this = self.project();
        this.hold.settle(kind(this.location), cx)
    }

    /// Polls the body, made in the first poll; ready when it has ended, however it did.
    pub(super) fn poll_body<E>(
        self: Pin<&mut Self>,
        make: Option<impl FnOnce() -> Fut>,
        tally: &Tally<E>,
        cx: &mut Context<'_>,
    ) -> Poll<()>
    where
        Fut: Future,
        Fut::Output: BodyEnd<E, Value = T>,
    {
        let mut this = self.project();
        let (hold, boundary) = (&mut *this.hold, &mut *this.boundary);
        let kind = kind(this.location);
        let name = this.name.as_ref();
        if make.is_none() {
            hold.follow();
            if !this.body.is_some() {
                return Poll::Ready(());
            }
        }
        let (mut body, span, mut make) = (this.body.as_mut(), &*this.span, make);
        // One in the other, and not one given to the other: what they use is not copied from each to the next.
        let polled = hold.enter_here(kind, || {
            span.in_scope(|| {
                catch(|| {
                    boundary.enter(BOUNDARY, || {
                        if let Some(make) = make.take() {
                            body.as_mut().set(make());
                        }
                        (boundary.is_effective_inside(), body.as_mut().poll(cx))
                    })
                })
            })
        });
        let settle = || Arc::clone(hold.settle(kind, cx));
        match ready!(conclude(boundary, this.body, polled, cx, settle)) {
            Outcome::Value(end) => match catch(|| end.into_result()) {
                Ok(Ok(value)) => *this.value = Some(value),
                Ok(Err(error)) => tally.fail(error, || who(name)),
                Err(payload) => tally.panic(payload, || who(name)),
            },
            Outcome::Panicked(payload) => tally.panic(payload, || who(name)),
            Outcome::Cut(cancelled) => {
                tally.cut();
                *this.cancelled = Some(cancelled);
            }
        }
        boundary.leave();
        Poll::Ready(())
    }

    /// All have ended, and well: what the body has come to. The group has to leave the tree.
    #[inline]
    pub(super) fn finish_well<E>(self: Pin<&mut Self>, tally: &Tally<E>) -> Option<T> {
        if tally.is_well() { self.project().value.take() } else { None }
    }

    /// Gives the group's place in the tree away, for who takes it out of there.
    #[inline]
    pub(super) fn take_node(self: Pin<&mut Self>) -> Option<Arc<Node>> {
        self.project().hold.take_node()
    }

    /// All have ended: what that has come to, however that was.
    #[inline]
    pub(super) fn finish<E: TaskError, K: Errors>(
        mut self: Pin<&mut Self>,
        tally: &Tally<E>,
        cx: &Context<'_>,
    ) -> Poll<Result<T, K::Of<E>>> {
        match self.as_mut().finish_well(tally) {
            Some(value) => {
                self.project().hold.leave();
                Poll::Ready(Ok(value))
            }
            None => self.finish_ill::<E, K>(tally, cx),
        }
    }

    /// All have ended, but not well: what that has come to.
    pub(super) fn finish_ill<E: TaskError, K: Errors>(
        self: Pin<&mut Self>,
        tally: &Tally<E>,
        cx: &Context<'_>,
    ) -> Poll<Result<T, K::Of<E>>> {
        let this = self.project();
        let sum = tally.sum();
        // What is visible from here is read before the group leaves.
        let from_outside = tally.node().sees_outer();
        let origin = Cancelled::new(tally.node().origin());
        this.hold.leave();
        match sum {
            Sum::Panic(payload) => resume_unwind(payload),
            Sum::Error(first, rest) => Poll::Ready(Err(K::of(first, rest))),
            Sum::Lost => {
                Poll::Ready(Err(only::<K, E>(Cancelled::new(Cause::of(CauseKind::Shutdown)))))
            }
            Sum::Cut => unwind::<T, E, K>(this.cancelled, origin, cx),
            Sum::Well if from_outside => unwind::<T, E, K>(this.cancelled, origin, cx),
            Sum::Well => Poll::Ready(Err(only::<K, E>(this.cancelled.take().unwrap_or(origin)))),
        }
    }

    /// After that: it waits for the outer scope that is cancelled, if it still is.
    pub(super) fn poll_unwound<E: TaskError, K: Errors>(
        self: Pin<&mut Self>,
        cx: &Context<'_>,
    ) -> Poll<Result<T, K::Of<E>>> {
        ready!(poll_unwound(cx));
        let Some(cancelled) = self.project().cancelled.take() else {
            panic!("a task group was polled after it had ended")
        };
        Poll::Ready(Err(only::<K, E>(cancelled)))
    }
}

/// Leaves the rest to the outer scope that is cancelled, if it still is.
fn unwind<T, E: TaskError, K: Errors>(
    kept: &mut Option<Cancelled>,
    origin: Cancelled,
    cx: &Context<'_>,
) -> Poll<Result<T, K::Of<E>>> {
    let cancelled = kept.get_or_insert(origin);
    ready!(poll_unwound(cx));
    Poll::Ready(Err(only::<K, E>(cancelled.clone())))
}

fn only<K: Errors, E: TaskError>(cancelled: Cancelled) -> K::Of<E> {
    K::of(cancelled.into(), Vec::new())
}

impl<F, Fut, T> fmt::Debug for Opening<F, Fut, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opening")
            .field("name", &self.name)
            .field("location", &self.location)
            .finish_non_exhaustive()
    }
}
