//! What goes wrong in a group, all in one place.

use std::{any::Any, sync::Arc as StdArc};

use anyio_core::{Cause, CauseKind};

use super::core::Settings;
use crate::{
    scope::catch,
    sys::{Arc, AtomicBool, Mutex, Ordering},
    trace::{self, Span},
    tree::Node,
};

/// What the members of a group come to.
pub(super) struct Tally<E> {
    /// The group's place in the tree. Before there is a group, and after, nothing or what one can be made of.
    node: Option<Arc<Node>>,
    pub(super) span: Span,
    /// Nothing in most groups.
    failure: Mutex<Option<Box<Failure<E>>>>,
    /// All errors are wanted, and not the first alone.
    collects: bool,
    /// There is something in `failure`. Mostly there is not, and then nobody takes the lock.
    failed: AtomicBool,
    /// A member was unwound by a cancellation from outside the group.
    cut_from_outside: AtomicBool,
    /// The runtime dropped a task that had not ended.
    lost: AtomicBool,
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

impl<E> Tally<E> {
    pub(super) fn new(node: Arc<Node>, span: Span, settings: Settings) -> Self {
        let mut tally = Self::blank();
        tally.begin(node, span, settings);
        tally
    }

    /// Of no group.
    pub(super) fn blank() -> Self {
        Self {
            node: None,
            span: Span::none(),
            failure: Mutex::from(None),
            collects: false,
            failed: AtomicBool::default(),
            cut_from_outside: AtomicBool::default(),
            lost: AtomicBool::default(),
        }
    }

    /// There is nothing in it: it is the one of this group from now on.
    #[inline]
    pub(super) fn begin(&mut self, node: Arc<Node>, span: Span, settings: Settings) {
        self.node = Some(node);
        self.span = span;
        self.collects = settings.collects;
    }

    /// It is no group's any more. That has ended well, so what can fail is as in [`blank`](Self::blank). If its node
    /// was [left alone](Node::leave_alone), and nobody looks at it, that stays for the next group.
    #[inline]
    pub(super) fn end(&mut self, alone: bool) {
        self.span = Span::none();
        if !(alone && self.node.as_mut().is_some_and(|node| Arc::get_mut(node).is_some())) {
            self.node = None;
        }
    }

    /// What is there of the group before that.
    #[inline]
    pub(super) const fn take_spare(&mut self) -> Option<Arc<Node>> {
        self.node.take()
    }

    /// The group's place in the tree.
    #[inline]
    pub(super) fn node(&self) -> &Arc<Node> {
        match &self.node {
            Some(node) => node,
            None => unreachable!("it is there as long as there is a group"),
        }
    }

    /// A member has ended with an error.
    pub(super) fn fail(&self, error: E, who: impl FnOnce() -> StdArc<str>) {
        let surplus = {
            let mut failure = self.failure.lock();
            let failure = failure.get_or_insert_default();
            self.failed.store(true, Ordering::Release);
            if failure.first.is_none() {
                failure.first = Some(error);
                None
            } else if self.collects {
                failure.rest.push(error);
                None
            } else {
                Some(error)
            }
        };
        let who = who();
        if surplus.is_some() {
            trace::surplus_error::<E>(&self.span, self.node(), || StdArc::clone(&who));
        }
        self.node().cancel(Cause::sibling_failed(who));
        discard(surplus);
    }

    /// A member has panicked.
    pub(super) fn panic(&self, payload: Box<dyn Any + Send>, who: impl FnOnce() -> StdArc<str>) {
        let surplus = {
            let mut failure = self.failure.lock();
            let failure = failure.get_or_insert_default();
            self.failed.store(true, Ordering::Release);
            if failure.panic.is_none() {
                failure.panic = Some(payload);
                None
            } else {
                Some(payload)
            }
        };
        let who = who();
        if let Some(surplus) = &surplus {
            trace::surplus_panic(&self.span, self.node(), &**surplus, || StdArc::clone(&who));
        }
        self.node().cancel(Cause::sibling_failed(who));
        discard(surplus);
    }

    /// A member was unwound because the group is cancelled.
    pub(super) fn cut(&self) {
        // Of many only the first few look, since that takes the lock of the node.
        if !self.cut_from_outside.load(Ordering::Relaxed) && self.node().sees_outer() {
            self.cut_from_outside.store(true, Ordering::Release);
        }
    }

    /// The runtime has dropped a task that had not ended.
    pub(super) fn lose(&self) {
        self.lost.store(true, Ordering::Release);
        self.node().cancel(Cause::of(CauseKind::Shutdown));
    }

    /// Whether the sum is [`Sum::Well`].
    pub(super) fn is_well(&self) -> bool {
        // Who has stored something has ended since, and the group has seen that.
        ![&self.failed, &self.cut_from_outside, &self.lost]
            .into_iter()
            .any(|flag| flag.load(Ordering::Acquire))
    }

    /// The sum of all members, when all have ended. A panic beats an error, and both beat a
    /// cancellation.
    pub(super) fn sum(&self) -> Sum<E> {
        // Who has stored a failure has ended since, and the group has seen that.
        let failure =
            if self.failed.load(Ordering::Acquire) { self.failure.lock().take() } else { None };
        let Failure { first, rest, panic } =
            failure.map_or_else(Failure::default, |failure| *failure);
        if panic.is_some() && first.is_some() {
            trace::surplus_error::<E>(&self.span, self.node(), || {
                "a member that failed before the panic".into()
            });
        }
        match (panic, first) {
            (Some(payload), _) => Sum::Panic(payload),
            (None, Some(error)) => Sum::Error(error, rest),
            (None, None) if self.cut_from_outside.load(Ordering::Acquire) => Sum::Cut,
            (None, None) if self.lost.load(Ordering::Acquire) => Sum::Lost,
            (None, None) => Sum::Well,
        }
    }
}

/// Drops what nobody will see. A destructor that panics must not keep the others from ending.
fn discard<T>(surplus: Option<T>) {
    if let Err(payload) = catch(|| drop(surplus)) {
        // Its destructor may be the one that panics.
        std::mem::forget(payload);
    }
}
