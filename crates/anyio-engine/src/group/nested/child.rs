//! A task as the future that it is.

use std::{
    any::Any,
    mem::needs_drop,
    pin::Pin,
    task::{Context, Poll},
};

use anyio_core::{Cause, CauseKind, Outcome};
use pin_project_lite::pin_project;

use super::{
    super::{slot::label, tally::Tally},
    joint::{End, Joint},
};
use crate::{
    context::{Body, Frame, Kind, poll_again},
    scope::catch,
    sys::Arc,
    trace::Span,
    tree,
};

pin_project! {
    /// Runs a task to its end, catches its panic, and tells the group.
    pub(super) struct Child<E, F: Future>
    where
        F::Output: Outcome<E>,
    {
        frame: Frame,
        tally: Arc<Tally<E>>,
        // Until the task has ended.
        joint: Option<Arc<Joint<<F::Output as Outcome<E>>::Value>>>,
        span: Span,
        #[pin]
        body: Body<F>,
    }

    impl<E, F: Future> PinnedDrop for Child<E, F>
    where
        F::Output: Outcome<E>,
    {
        fn drop(this: Pin<&mut Self>) {
            if let Some(joint) = this.project().joint.take() {
                joint.end(End::Cut(Cause::of(CauseKind::Dropped)));
            }
        }
    }
}

enum Fate<T, E> {
    Ended(Result<T, E>),
    Panicked(Box<dyn Any + Send>),
    /// Whether by its own handle.
    Cut {
        cause: Cause,
        own: bool,
    },
}

impl<E, F: Future> Child<E, F>
where
    F::Output: Outcome<E>,
{
    pub(super) fn new(
        tally: Arc<Tally<E>>,
        joint: Arc<Joint<<F::Output as Outcome<E>>::Value>>,
        future: F,
    ) -> Self {
        let span = tally.span.task(joint.name(), joint.location());
        Self { frame: Frame::new(), tally, joint: Some(joint), span, body: Body::new(future) }
    }
}

fn end<E, T>(tally: &Tally<E>, joint: Arc<Joint<T>>, fate: Fate<T, E>) {
    let end = match fate {
        Fate::Ended(Ok(value)) => End::Value(value),
        Fate::Ended(Err(error)) => {
            tally.fail(error, || joint.label());
            End::Failed
        }
        Fate::Panicked(payload) => {
            tally.panic(payload, || joint.label());
            End::Failed
        }
        Fate::Cut { cause, own } => {
            if !own {
                tally.cut();
            }
            End::Cut(cause)
        }
    };
    joint.end(end);
    if needs_drop::<T>() {
        // A value that nobody can ask for is gone before the group ends.
        let (name, location) = (joint.name_of(), joint.location());
        if let Err(payload) = catch(|| drop(joint)) {
            tally.panic(payload, || label(name.as_ref(), location));
        }
    }
}

impl<E, F: Future> Future for Child<E, F>
where
    F::Output: Outcome<E>,
{
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        let Some(joint) = &*this.joint else { return Poll::Ready(()) };
        let kind = Kind::Owned(&**joint);
        let polled = catch(|| {
            let (body, span) = (this.body.as_mut(), &*this.span);
            // Nothing is between the task and its group.
            let cancelled = match this.frame.node() {
                Some(node) => node.is_effective(),
                None => joint.is_cancelling() || this.tally.node.is_effective(),
            };
            (cancelled, this.frame.enter(kind, || span.in_scope(|| body.poll(cx))))
        });
        let fate = match polled {
            Ok((_, Poll::Ready(value))) => match catch(|| value.into_result()) {
                Ok(result) => Fate::Ended(result),
                Err(payload) => Fate::Panicked(payload),
            },
            Err(payload) => {
                _ = catch(|| this.body.as_mut().clear());
                Fate::Panicked(payload)
            }
            Ok((cancelled, Poll::Pending)) => {
                let node = this.frame.settle(kind, cx);
                if !node.is_effective() || tree::is_held(node) {
                    return Poll::Pending;
                }
                if !cancelled {
                    return poll_again(cx);
                }
                let (cause, own) = (node.origin(), joint.is_cancelling());
                match catch(|| this.body.as_mut().clear()) {
                    Ok(()) => Fate::Cut { cause, own },
                    Err(payload) => Fate::Panicked(payload),
                }
            }
        };
        this.frame.leave();
        if let Some(joint) = this.joint.take() {
            end(this.tally, joint, fate);
        }
        Poll::Ready(())
    }
}
