//! A task as the future that it is.

use std::{
    any::Any,
    mem::needs_drop,
    pin::Pin,
    task::{Context, Poll},
};

use anyio_core::{Cause, Outcome};
use pin_project_lite::pin_project;

use super::{
    super::tally::Tally,
    joint::{End, Joint},
};
use crate::{
    context::{Body, Frame, Kind, poll_again},
    scope::{catch, hush},
    tree,
};

pin_project! {
    /// Runs a task to its end, catches its panic, and tells the group.
    pub(super) struct Child<F> {
        frame: Frame,
        // Until the task has ended.
        #[pin]
        body: Body<F>,
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

impl<F> Child<F> {
    pub(super) const fn new(future: F) -> Self {
        Self { frame: Frame::new(), body: Body::new(future) }
    }

    pub(super) const fn has_ended(&self) -> bool {
        !self.body.is_some()
    }
}

impl<F: Future> Child<F> {
    /// Polls the task. If it is `alone`, nobody waits for it nor will.
    #[inline]
    pub(super) fn poll<T, E>(
        self: Pin<&mut Self>,
        joint: &Joint<T>,
        alone: bool,
        tally: &Tally<E>,
        cx: &mut Context<'_>,
    ) -> Poll<()>
    where
        F::Output: Outcome<E, Value = T>,
    {
        let mut this = self.project();
        if !this.body.is_some() {
            return Poll::Ready(());
        }
        let kind = Kind::Owned(joint);
        let polled = catch(|| {
            // Nothing is between the task and its group.
            let cancelled = match this.frame.node() {
                Some(node) => node.is_effective(),
                None => joint.is_cancelling() || tally.node().is_effective(),
            };
            (cancelled, this.frame.enter(&kind, || this.body.as_mut().poll(cx)))
        });
        let fate = match polled {
            Ok((_, Poll::Ready(value))) => match catch(|| value.into_result()) {
                Ok(result) => Fate::Ended(result),
                Err(payload) => Fate::Panicked(payload),
            },
            Err(payload) => {
                hush(|| this.body.as_mut().clear());
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
        end(joint, alone, tally, fate);
        Poll::Ready(())
    }
}

#[inline(always)]
fn end<T, E>(joint: &Joint<T>, alone: bool, tally: &Tally<E>, fate: Fate<T, E>) {
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
    if !alone {
        joint.end(end);
    } else if needs_drop::<T>()
        && let Err(payload) = catch(|| drop(end))
    {
        tally.panic(payload, || joint.label());
    }
}
