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
    context::{Body, Frame, ambient, poll_unwound},
    scope::{BOUNDARY, Outcome, catch, conclude, forget},
    sys::Arc,
    trace::Span,
    tree::{Flags, Node, Role},
};

pin_project! {
    /// A group as the future that it is.
    pub(super) struct Opening<F, Fut, T> {
        head: Head,
        boundary: Frame,
        #[pin]
        body: Body<Fut>,
        start: Option<F>,
        value: Option<T>,
        cancelled: Option<Cancelled>,
    }
}

/// What there is of a group before it begins.
pub(super) struct Head {
    name: Option<StdArc<str>>,
    location: &'static Location<'static>,
}

impl Head {
    /// Begins the group beneath `parent`: its node is what is `blank`. Nobody sees that before it has
    /// [entered](Node::enter_found) its place.
    #[inline(always)]
    pub(super) fn begin(&self, parent: Option<&Arc<Node>>, blank: &mut Node) {
        let (name, site) = (self.name.as_ref(), self.location);
        blank.begin(parent, GROUP, |links| links.open(name, site));
    }

    /// Opens the group where the running code is, with a node for nothing else. `fill` is given that before anybody sees
    /// it there: what it calls may panic.
    #[inline]
    pub(super) fn open<R>(&self, fill: impl FnOnce(Arc<Node>) -> R) -> R {
        ambient::at_node(|parent| {
            let mut node = Node::blank();
            self.begin(parent, &mut node);
            let node = node.share();
            let filled = fill(Arc::clone(&node));
            node.enter_found(parent);
            filled
        })
    }

    /// The group's span, inside of whatever span is current, if somebody listens.
    pub(super) fn span(&self) -> Span {
        Span::group(self.name.as_deref(), self.location)
    }
}

/// What a group's node is. It is always found.
const GROUP: Flags = Flags::HOLD.with(Flags::FOUND).with(Role::Group.flags());

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
            head: Head { name, location },
            boundary: Frame::new(),
            body: Body::empty(),
            start: Some(body),
            value: None,
            cancelled: None,
        }
    }

    /// In the first poll: what makes the body.
    pub(super) fn start(self: Pin<&mut Self>) -> Option<F> {
        self.project().start.take()
    }

    /// What has to begin the group.
    #[inline]
    pub(super) fn head(self: Pin<&mut Self>) -> &Head {
        self.project().head
    }

    /// Polls the body, made in the first poll; ready when it has ended, however it did. The body is in the group's
    /// span, which the caller may be in itself, `IN_SPAN`.
    #[inline(always)]
    pub(super) fn poll_body<E, const IN_SPAN: bool>(
        self: Pin<&mut Self>,
        make: Option<impl FnOnce() -> Fut>,
        tally: &Tally<E>,
        cx: &mut Context<'_>,
    ) -> Poll<()>
    where
        Fut: Future,
        Fut::Output: BodyEnd<E, Value = T>,
    {
        if make.is_none() {
            tally.place.follow();
            if !self.body.is_some() {
                return Poll::Ready(());
            }
        }
        self.poll_in_place::<E, IN_SPAN>(make, tally, cx)
    }

    #[inline(always)]
    fn poll_in_place<E, const IN_SPAN: bool>(
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
        let (name, boundary) = (&this.head.name, &mut *this.boundary);
        let place = &tally.place;
        let (mut body, mut make) = (this.body.as_mut(), make);
        // One in the other, and not one given to the other: what they use is not copied from each to the next.
        let node = place.node();
        if !IN_SPAN {
            tally.step_in();
        }
        let polled = catch(|| {
            place.enter_inner(boundary, &BOUNDARY, || {
                if let Some(make) = make.take() {
                    body.as_mut().set(make());
                }
                // It has one by now if what makes the body needed it.
                (boundary.node().unwrap_or(node).is_effective(), body.as_mut().poll(cx))
            })
        });
        // From here on, since only what follows may be unwound; and not where there is nothing left to do, as mostly.
        let in_span = if IN_SPAN { None } else { Some(tally.stepped_in()) };
        let outcome = match polled {
            Ok((_, Poll::Ready(end))) => {
                drop(in_span);
                Outcome::Value(end)
            }
            polled => {
                let _in_span = in_span;
                let settle = || Arc::clone(place.settle(cx));
                ready!(conclude(boundary, this.body, polled, cx, settle))
            }
        };
        match outcome {
            Outcome::Value(end) => match catch(|| end.into_result()) {
                Ok(Ok(value)) => *this.value = Some(value),
                Ok(Err(error)) => tally.fail(error, || who(name.as_ref())),
                Err(payload) => tally.panic(payload, || who(name.as_ref())),
            },
            Outcome::Panicked(payload) => tally.panic(payload, || who(name.as_ref())),
            Outcome::Cut(cancelled) => {
                tally.cut();
                *this.cancelled = Some(cancelled);
            }
        }
        boundary.leave_beneath(place.node());
        Poll::Ready(())
    }

    /// All have ended, and well: what the body has come to. The group has to leave the tree.
    #[inline]
    pub(super) fn finish_well<E>(self: Pin<&mut Self>, tally: &Tally<E>) -> Option<T> {
        if tally.is_well() { self.project().value.take() } else { None }
    }

    /// All have ended: what that has come to, however that was. `clear` drops what the group has kept for its tasks, if
    /// there still may be something.
    #[inline]
    pub(super) fn finish<E: TaskError, K: Errors>(
        mut self: Pin<&mut Self>,
        tally: &Tally<E>,
        clear: impl FnOnce(),
        cx: &Context<'_>,
    ) -> Poll<Result<T, K::Of<E>>> {
        match self.as_mut().finish_well(tally) {
            Some(value) => {
                tally.node().detach();
                Poll::Ready(Ok(value))
            }
            None => self.finish_ill::<E, K>(tally, clear, cx),
        }
    }

    fn finish_ill<E: TaskError, K: Errors>(
        self: Pin<&mut Self>,
        tally: &Tally<E>,
        clear: impl FnOnce(),
        cx: &Context<'_>,
    ) -> Poll<Result<T, K::Of<E>>> {
        let this = self.project();
        // What is visible from here is read before the group leaves; and it has left before others' code is called,
        // which may panic.
        let from_outside = tally.node().sees_outer();
        let origin = Cancelled::new(tally.node().origin());
        tally.node().detach();
        // Before a panic goes on, which one in a destructor of theirs would meet.
        let cleared = catch(clear);
        match (tally.sum(), cleared) {
            (Sum::Panic(payload), Err(later)) => {
                forget(later);
                resume_unwind(payload)
            }
            (Sum::Panic(payload), Ok(())) | (_, Err(payload)) => resume_unwind(payload),
            (Sum::Error(first, rest), Ok(())) => Poll::Ready(Err(K::of(first, rest))),
            (Sum::Lost, Ok(())) => {
                Poll::Ready(Err(only::<K, E>(Cancelled::new(Cause::of(CauseKind::Shutdown)))))
            }
            (Sum::Cut, Ok(())) => unwind::<T, E, K>(this.cancelled, origin, cx),
            (Sum::Well, Ok(())) if from_outside => unwind::<T, E, K>(this.cancelled, origin, cx),
            (Sum::Well, Ok(())) => {
                Poll::Ready(Err(only::<K, E>(this.cancelled.take().unwrap_or(origin))))
            }
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
            .field("name", &self.head.name)
            .field("location", &self.head.location)
            .finish_non_exhaustive()
    }
}
