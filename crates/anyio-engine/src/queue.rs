//! The wait queue under every primitive: strictly first come, first served, with direct hand-over.
//!
//! # Invariants
//!
//! 1. A waiter is *waiting* (in the list) or *granted* (out of the list, still in its slot). It
//!    becomes granted once and never goes back; what was granted is its own from then on.
//! 2. Grants go to the first in the list, of those that can take them.
//! 3. A waiter's slot lives until its future takes it out. A future that is dropped while granted
//!    gives the grant on: its primitive does that, under the same lock.
//! 4. The list is used under its primitive's lock only. Wakers come in as clones made before the
//!    lock was taken, and go out to be woken or dropped after it was let go.
//!
//! Slots are in a slab, so that waiting allocates nothing once the queue has been that long before,
//! and no code here is unsafe.

use std::task::Waker;

use slab::Slab;

const NONE: usize = usize::MAX;

pub(crate) struct WaitQueue<T> {
    slots: Slab<Slot<T>>,
    front: usize,
    back: usize,
    waiting: usize,
}

struct Slot<T> {
    waker: Option<Waker>,
    granted: bool,
    before: usize,
    after: usize,
    value: T,
}

/// What comes of a look at a waiter.
pub(crate) enum Look {
    /// This one.
    Found,
    /// The next one.
    Next,
    /// The next one; and this one, whose turn it is, cannot take it: it is woken to look again.
    PassOver,
}

/// A waiter that was taken out. To be dropped after the lock was let go.
pub(crate) struct Removed<T> {
    /// It had not been granted.
    pub(crate) waiting: bool,
    pub(crate) value: T,
    _waker: Option<Waker>,
}

impl<T> WaitQueue<T> {
    pub(crate) const fn new() -> Self {
        Self { slots: Slab::new(), front: NONE, back: NONE, waiting: 0 }
    }

    /// How many wait.
    pub(crate) const fn waiting(&self) -> usize {
        self.waiting
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.waiting == 0
    }

    /// Waits behind all others. The key is good until [`remove`](Self::remove).
    pub(crate) fn push(&mut self, waker: Waker, value: T) -> usize {
        let key = self.slots.insert(Slot {
            waker: Some(waker),
            granted: false,
            before: self.back,
            after: NONE,
            value,
        });
        match self.slots.get_mut(self.back) {
            Some(back) => back.after = key,
            None => self.front = key,
        }
        self.back = key;
        self.waiting += 1;
        key
    }

    /// Grants the first who waits, after `hand_over` has had its slot. Wake what is returned.
    pub(crate) fn grant<R>(&mut self, hand_over: impl FnOnce(&mut T) -> R) -> Option<(Waker, R)> {
        let key = self.front;
        let given = hand_over(&mut self.slots.get_mut(key)?.value);
        // A waiter that was passed over may be on its way to a new waker.
        let waker = self.grant_at(key).unwrap_or_else(|| Waker::noop().clone());
        Some((waker, given))
    }

    /// The first who waits and is what `look` looks for. Wake those in `passed`.
    pub(crate) fn search(
        &mut self,
        passed: &mut impl Extend<Waker>,
        mut look: impl FnMut(&mut T) -> Look,
    ) -> Option<usize> {
        let mut key = self.front;
        loop {
            let slot = self.slots.get_mut(key)?;
            match look(&mut slot.value) {
                Look::Found => return Some(key),
                Look::Next => {}
                Look::PassOver => passed.extend(slot.waker.take()),
            }
            key = slot.after;
        }
    }

    /// What the first who waits has in its slot.
    pub(crate) fn front(&self) -> Option<&T> {
        self.slots.get(self.front).map(|slot| &slot.value)
    }

    pub(crate) fn is_granted(&self, key: usize) -> bool {
        self.slots[key].granted
    }

    /// The keys of those who wait, in order.
    pub(crate) fn keys(&self) -> Vec<usize> {
        let mut keys = Vec::with_capacity(self.waiting);
        let mut next = self.front;
        while let Some(slot) = self.slots.get(next) {
            keys.push(next);
            next = slot.after;
        }
        keys
    }

    /// The value of a waiter.
    pub(crate) fn value(&mut self, key: usize) -> &mut T {
        &mut self.slots[key].value
    }

    /// Grants one waiter, wherever it stands.
    pub(crate) fn grant_at(&mut self, key: usize) -> Option<Waker> {
        let slot = self.slots.get_mut(key)?;
        let waker = slot.waker.take();
        if !std::mem::replace(&mut slot.granted, true) {
            self.unlink(key);
        }
        waker
    }

    /// Changes who is woken for `key`. Drop what is returned after letting the lock go.
    pub(crate) fn update(&mut self, key: usize, waker: Waker) -> Option<Waker> {
        let slot = &mut self.slots[key];
        if slot.granted { Some(waker) } else { slot.waker.replace(waker) }
    }

    /// Whether `waker` would wake the same task as the one `key` waits with.
    pub(crate) fn will_wake(&self, key: usize, waker: &Waker) -> bool {
        self.slots[key].waker.as_ref().is_some_and(|mine| mine.will_wake(waker))
    }

    /// Takes a waiter out.
    pub(crate) fn remove(&mut self, key: usize) -> Removed<T> {
        let waiting = !self.is_granted(key);
        if waiting {
            self.unlink(key);
        }
        let slot = self.slots.remove(key);
        Removed { waiting, value: slot.value, _waker: slot.waker }
    }

    fn unlink(&mut self, key: usize) {
        let (before, after) = (self.slots[key].before, self.slots[key].after);
        match self.slots.get_mut(before) {
            Some(slot) => slot.after = after,
            None => self.front = after,
        }
        match self.slots.get_mut(after) {
            Some(slot) => slot.before = before,
            None => self.back = before,
        }
        self.waiting -= 1;
    }
}

/// Those who are to be woken when the lock has been let go. The first one, which mostly is the only
/// one, needs no allocation.
#[derive(Default)]
pub(crate) struct Wakers {
    first: Option<Waker>,
    others: Vec<Waker>,
}

impl Wakers {
    pub(crate) const fn new() -> Self {
        Self { first: None, others: Vec::new() }
    }

    pub(crate) fn push(&mut self, waker: Waker) {
        match self.first {
            None => self.first = Some(waker),
            Some(_) => self.others.push(waker),
        }
    }

    /// Wakes them in the order in which they came.
    pub(crate) fn wake(self) {
        self.first.into_iter().chain(self.others).for_each(Waker::wake);
    }
}

impl Extend<Waker> for Wakers {
    fn extend<I: IntoIterator<Item = Waker>>(&mut self, wakers: I) {
        wakers.into_iter().for_each(|waker| self.push(waker));
    }
}
