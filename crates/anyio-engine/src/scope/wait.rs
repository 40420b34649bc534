//! What a scope waits for besides its body.

use std::{
    any::TypeId,
    mem::ManuallyDrop,
    pin::Pin,
    task::{Context, Waker},
    time::Instant,
};

use anyio_core::{CauseKind, Clock};

use super::place::Place;
use crate::{
    context::{ambient, budget, is_at, is_calm_at},
    sys::Arc,
    tree::{Flags, Node, Note, Posted},
};

/// The end of a scope's time, and who calls when it has come.
pub(super) struct Wait<C: Clock> {
    /// The handle's deadline, as of this version, is what is waited for.
    seen: Option<u32>,
    deadline: Option<(Instant, CauseKind)>,
    /// The task's own timer calls, as it does for all who are polled with the task's waker.
    posted: ManuallyDrop<Option<Posted>>,
    /// Or one of the scope's own does, which calls its node.
    own: ManuallyDrop<Option<Pin<Box<C::Timer>>>>,
}

/// Both are empty in a scope that was never pending: to let go of what is there is a step aside.
impl<C: Clock> Drop for Wait<C> {
    #[inline]
    fn drop(&mut self) {
        self.stop();
    }
}

/// What a scope with a node has to look at when its body is pending.
const NEWS: Flags = Flags::EFFECTIVE.with(Flags::CANCELLED).with(Flags::DELIVER).with(Flags::DUE);

impl<C: Clock> Wait<C> {
    /// The deadline may be known now.
    pub(super) const fn new(deadline: Option<Instant>) -> Self {
        let deadline = match deadline {
            Some(deadline) => Some((deadline, CauseKind::Deadline)),
            None => None,
        };
        let (posted, own) = (ManuallyDrop::new(None), ManuallyDrop::new(None));
        Self { seen: None, deadline, posted, own }
    }

    pub(super) const fn deadline(&self) -> &Option<(Instant, CauseKind)> {
        &self.deadline
    }

    /// The scope has ended.
    #[inline]
    pub(super) fn stop(&mut self) {
        if self.posted.is_some() || self.own.is_some() {
            self.let_go();
        }
    }

    #[inline(never)]
    fn let_go(&mut self) {
        let (posted, own) = (self.posted.take(), self.own.take());
        drop((posted, own));
    }

    /// As it is nearly always: nothing has changed, and nothing is over. The scope was not cancelled
    /// when the poll of its body began.
    #[inline(always)]
    pub(super) fn is_quiet(&self, place: &Place, waker: &Waker) -> bool {
        if budget::clock_wanted() {
            return false;
        }
        let is_calm = |posted: &Posted| is_calm_at(posted.board(), posted.seen(), waker);
        let Some(node) = place.frame.node() else {
            return self.posted.as_ref().is_some_and(is_calm);
        };
        if let Some(posted) = &*self.posted
            && !(posted.is_hidden() && is_calm(posted))
        {
            return false;
        }
        node.waker().register(waker);
        self.seen == Some(place.version()) && !node.flags().any(NEWS)
    }

    /// To be called first. Without a handle the deadline is known now, before there is a node, and stays;
    /// then it gives the moment from which the time counts.
    #[inline(always)]
    pub(super) fn start(&mut self, place: &Place) -> Option<Instant> {
        if self.seen.is_some() || place.control.is_some() {
            return None;
        }
        let now = C::now();
        self.seen = Some(place.version());
        self.deadline = place.deadline(|| now);
        Some(now)
    }

    /// Whether the scope may wait without a node: it has no handle, none is there yet, nothing is over,
    /// and the task will be woken when it is. `start` is the present if it has been asked for.
    #[inline]
    pub(super) fn rests(&mut self, place: &Place, start: Option<Instant>, waker: &Waker) -> bool {
        if place.control.is_some() || place.frame.node().is_some() {
            return false;
        }
        if let Some(posted) = &mut *self.posted {
            posted.answer();
        }
        let now = start.unwrap_or_else(C::now);
        !self.is_over(now) && self.see_to(place, now, waker)
    }

    fn is_over(&self, now: Instant) -> bool {
        self.deadline.is_some_and(|(deadline, _)| deadline <= now)
    }

    /// Whether the task's timer calls in time; now it does if it can.
    #[inline]
    fn see_to(&mut self, place: &Place, now: Instant, waker: &Waker) -> bool {
        let make = |end| Box::pin(C::timer_from(now, end)) as _;
        let node = place.frame.node().map(|node| node.address());
        if let Some(posted) = &mut *self.posted {
            if is_at(posted.board(), waker) {
                if let Some(node) = node.filter(|_| !posted.is_hidden()) {
                    posted.hide(node);
                }
                posted.see_to(now, make);
                return true;
            }
            // Somebody else polls it now.
            *self.posted = None;
        }
        let (deadline, frame) = (self.deadline.map(|(end, _)| end), place.frame.address());
        let note = |around| Note { deadline, site: Some(place.site), frame, around, node };
        *self.posted = ambient::post(TypeId::of::<C>(), note, now, waker, make);
        self.posted.is_some()
    }

    /// Finds out what to wait for, and if the wait is over, as what it ends. The node's waker has been
    /// registered: who changes the deadline from now on wakes the scope. `start` is the present if it has
    /// been asked for.
    #[inline(never)]
    pub(super) fn poll(
        &mut self,
        place: &Place,
        node: &Arc<Node>,
        start: Option<Instant>,
        waker: &Waker,
    ) -> Option<CauseKind> {
        let version = place.version();
        let mut read = start;
        if self.seen != Some(version) {
            // The handle's deadline is another one.
            self.seen = Some(version);
            self.stop();
            self.deadline = place.deadline(|| *read.get_or_insert_with(C::now));
            node.set_deadline(|| self.deadline.map(|(end, _)| end));
        }
        let (deadline, kind) = self.deadline?;
        let looks = match &*self.posted {
            Some(posted) => {
                !posted.is_hidden() || posted.was_called() || !is_at(posted.board(), waker)
            }
            None => self.own.is_none(),
        };
        // Code that yields without waiting may keep the runtime from looking at its timers.
        if looks || budget::clock_wanted() {
            if let Some(posted) = &mut *self.posted {
                posted.answer();
            }
            let now = read.unwrap_or_else(C::now);
            if deadline <= now {
                return Some(kind);
            }
            if looks && !self.see_to(place, now, waker) {
                let timer = self.own.insert(Box::pin(C::timer_from(now, deadline)));
                return poll_own::<C>(timer, node).then_some(kind);
            }
        }
        let timer = self.own.as_mut()?;
        (node.take_due() && poll_own::<C>(timer, node)).then_some(kind)
    }
}

/// Asked once, the timer calls the node when the time is over.
fn poll_own<C: Clock>(timer: &mut Pin<Box<C::Timer>>, node: &Arc<Node>) -> bool {
    timer.as_mut().poll(&mut Context::from_waker(&node.alarm())).is_ready()
}
