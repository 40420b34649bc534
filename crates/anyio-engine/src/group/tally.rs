//! What goes wrong in a group, all in one place.

use std::{any::Any, mem, sync::Arc as StdArc};

use anyio_core::{Cause, CauseKind};

use super::{core::Settings, opening::Head};
use crate::{
    context::FixedFrame,
    scope::hush,
    sys::{Arc, AtomicU8, Mutex, Ordering},
    trace::{self, Span},
    tree::Node,
};

/// There is something in the `failure`.
const FAILED: u8 = 1;
/// A member was unwound by a cancellation from outside the group.
const CUT: u8 = 1 << 1;
/// The runtime dropped a task that had not ended.
const LOST: u8 = 1 << 2;

/// What the members of a group come to.
pub(super) struct Tally<E> {
    /// The group's place in the tree. Before there is a group, and after, what one can be made of.
    pub(super) place: FixedFrame,
    /// Nothing in most groups. Under the lock no code of others runs: it takes out what it needs first.
    rare: Mutex<Option<Box<Rare<E>>>>,
    /// What it is, of the two below.
    kind: u8,
    /// What has gone wrong, of the three above. Mostly nothing has.
    trouble: AtomicU8,
}

/// In `kind`: all errors are wanted, and not the first alone.
const COLLECTS: u8 = 1;
/// In `kind`: it has a span. (That is asked at each poll, and so has a bit beside it.)
const TRACED: u8 = 1 << 1;

struct Rare<E> {
    /// As long as the group is there.
    span: Span,
    failure: Failure<E>,
}

impl<E> Default for Rare<E> {
    fn default() -> Self {
        Self { span: Span::none(), failure: Failure::default() }
    }
}

struct Failure<E> {
    first: Option<E>,
    /// What came after the first, if it is wanted.
    rest: Vec<E>,
    panic: Option<Box<dyn Any + Send>>,
}

impl<E> Default for Failure<E> {
    fn default() -> Self {
        Self { first: None, rest: Vec::new(), panic: None }
    }
}

/// What the members of a group have come to, all together.
pub(super) enum Sum<E> {
    Well,
    /// A member was cut from outside.
    Cut,
    /// A task went down with its runtime.
    Lost,
    Error(E, Vec<E>),
    Panic(Box<dyn Any + Send>),
}

/// Given by [`Tally::in_span`] and [`Tally::stepped_in`].
#[must_use]
pub(super) struct InSpan<'a, E>(&'a Tally<E>);

impl<E> Drop for InSpan<'_, E> {
    #[inline(always)]
    fn drop(&mut self) {
        if self.0.is_traced() {
            self.0.exit_span();
        }
    }
}

impl<E> Tally<E> {
    /// With this place, and of no group so far.
    #[inline(always)]
    pub(super) fn new(place: FixedFrame) -> Self {
        Self { place, rare: Mutex::from(None), kind: 0, trouble: AtomicU8::default() }
    }

    /// It is the one of this group from now on.
    #[inline]
    pub(super) fn begin(&mut self, head: &Head, settings: &Settings) {
        debug_assert!(self.rare.get_mut().is_none() && self.is_well(), "it is that of a group");
        self.kind = if settings.collects { COLLECTS } else { 0 };
        if trace::is_on() {
            self.begin_span(head.span());
        }
    }

    #[cold]
    fn begin_span(&mut self, span: Span) {
        if !span.is_nothing() {
            self.kind |= TRACED;
            self.rare.get_mut().get_or_insert_default().span = span;
        }
    }

    /// It is no group's any more. That has ended well, so nothing has failed.
    #[inline]
    pub(super) fn end(&mut self) {
        if self.is_traced() {
            self.end_span();
        }
    }

    #[cold]
    fn end_span(&mut self) {
        let rare = self.rare.get_mut().take();
        drop(rare);
    }

    #[inline]
    fn is_traced(&self) -> bool {
        trace::IS_BUILT && self.kind & TRACED != 0
    }

    /// The group's span, if it has one.
    pub(super) fn span(&self) -> Span {
        if !self.is_traced() {
            return Span::none();
        }
        self.rare.lock().as_ref().map_or_else(Span::none, |rare| rare.span.clone())
    }

    /// The group's span is the current one as long as that is kept.
    #[inline(always)]
    pub(super) fn in_span(&self) -> InSpan<'_, E> {
        self.step_in();
        self.stepped_in()
    }

    /// The group's span is the current one from now on.
    #[inline(always)]
    pub(super) fn step_in(&self) {
        if self.is_traced() {
            self.enter_span();
        }
    }

    /// As long as that is kept, after [`step_in`](Self::step_in).
    #[inline(always)]
    pub(super) const fn stepped_in(&self) -> InSpan<'_, E> {
        InSpan(self)
    }

    #[cold]
    fn enter_span(&self) {
        self.span().step_in();
    }

    #[cold]
    fn exit_span(&self) {
        self.span().step_out();
    }

    /// Runs `f` as the tasks' surroundings, which the body is no part of. The caller is in the group's span.
    #[inline]
    pub(super) fn enter<R>(&self, f: impl FnOnce() -> R) -> R {
        self.place.follow();
        self.place.enter(f)
    }

    /// The group's place in the tree.
    #[inline]
    pub(super) fn node(&self) -> &Arc<Node> {
        self.place.node()
    }

    /// A member has ended with an error.
    pub(super) fn fail(&self, error: E, who: impl FnOnce() -> StdArc<str>) {
        let surplus = {
            let mut rare = self.rare.lock();
            let failure = &mut rare.get_or_insert_default().failure;
            self.note(FAILED);
            if failure.first.is_none() {
                failure.first = Some(error);
                None
            } else if self.kind & COLLECTS != 0 {
                failure.rest.push(error);
                None
            } else {
                Some(error)
            }
        };
        let who = who();
        if surplus.is_some() {
            trace::surplus_error::<E>(&self.span(), self.node(), || StdArc::clone(&who));
        }
        self.node().cancel(Cause::sibling_failed(who));
        discard(surplus);
    }

    /// A member has panicked.
    pub(super) fn panic(&self, payload: Box<dyn Any + Send>, who: impl FnOnce() -> StdArc<str>) {
        let surplus = {
            let mut rare = self.rare.lock();
            let failure = &mut rare.get_or_insert_default().failure;
            self.note(FAILED);
            if failure.panic.is_none() {
                failure.panic = Some(payload);
                None
            } else {
                Some(payload)
            }
        };
        let who = who();
        if let Some(surplus) = &surplus {
            trace::surplus_panic(&self.span(), self.node(), &**surplus, || StdArc::clone(&who));
        }
        self.node().cancel(Cause::sibling_failed(who));
        discard(surplus);
    }

    /// A member was unwound because the group is cancelled.
    pub(super) fn cut(&self) {
        // Of many only the first few look, since that takes the lock of the node.
        if self.trouble.load(Ordering::Relaxed) & CUT == 0 && self.node().sees_outer() {
            self.note(CUT);
        }
    }

    /// The runtime has dropped a task that had not ended.
    pub(super) fn lose(&self) {
        self.note(LOST);
        self.node().cancel(Cause::of(CauseKind::Shutdown));
    }

    /// Whether the sum is [`Sum::Well`].
    pub(super) fn is_well(&self) -> bool {
        self.trouble() == 0
    }

    fn note(&self, trouble: u8) {
        self.trouble.fetch_or(trouble, Ordering::Release);
    }

    /// Who has noted something has ended since, and the group has seen that.
    #[inline]
    fn trouble(&self) -> u8 {
        self.trouble.load(Ordering::Acquire)
    }

    /// The sum of all members, when all have ended. A panic beats an error, and both beat a
    /// cancellation.
    pub(super) fn sum(&self) -> Sum<E> {
        let trouble = self.trouble();
        // Mostly there is none, and then nobody takes the lock.
        let Failure { first, rest, panic } = if trouble & FAILED == 0 {
            Failure::default()
        } else {
            mem::take(&mut self.rare.lock().get_or_insert_default().failure)
        };
        if panic.is_some() && first.is_some() {
            trace::surplus_error::<E>(&self.span(), self.node(), || {
                "a member that failed before the panic".into()
            });
        }
        match (panic, first) {
            (Some(payload), _) => Sum::Panic(payload),
            (None, Some(error)) => Sum::Error(error, rest),
            (None, None) if trouble & CUT != 0 => Sum::Cut,
            (None, None) if trouble & LOST != 0 => Sum::Lost,
            (None, None) => Sum::Well,
        }
    }
}

/// Drops what nobody will see. A destructor that panics must not keep the others from ending.
fn discard<T>(surplus: Option<T>) {
    hush(|| drop(surplus));
}
