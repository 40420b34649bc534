//! The wait queue under every primitive: strictly first come, first served, with direct hand-over.
//!
//! # Invariants
//!
//! 1. A waiter is *waiting* (in the list) or *granted* (out of the list, still in its slot). It
//!    becomes granted once and never goes back; what was granted is its own from then on.
//! 2. The list has its waiters in the order in which they came: they enter at the back, nothing moves
//!    them, and each leaves once, by a grant or by its removal. A slot's links count only while it is
//!    in the list. `waiting` is how many those are.
//! 3. Grants go to the first in the list, of those that can take them.
//! 4. A key stands for the same waiter from [`push`](WaitQueue::push) until its future, and nobody
//!    else, takes the slot out, once. So no key is ever another waiter's, and what is granted between
//!    two polls is found by the second.
//! 5. A future that is dropped while granted gives the grant on: its primitive does that, under the
//!    same lock.
//! 6. Who waits has a waker, unless it was passed over: then it is on its way to look again, and comes
//!    back with a new one. Who is granted has none, and gets none. So each is woken once for each thing
//!    that happened to it, and none is woken for nothing.
//! 7. The list is used under its primitive's lock only, and nothing of somebody else's is called there.
//!    Wakers come in as clones made before the lock was taken, and go out to be woken or dropped after
//!    it was let go. So a waker may do whatever it likes, and a panic in it leaves nothing half done.
//!
//! Slots are in a slab, so that waiting allocates nothing once the queue has been that long before,
//! and no code here is unsafe. It is one of our own, since each wait goes through it: a slot is written
//! where it is, and not put together elsewhere to be moved there. The other way, a list through the waiting futures themselves, allocates
//! nothing at all; but each of them would have to be pinned, and each access to be argued for. What
//! is kept of a queue that has been long is its slots, until its primitive goes.

use std::{mem, task::Waker};

const NONE: usize = usize::MAX;

pub(crate) struct WaitQueue<T> {
    slots: Vec<Slot<T>>,
    /// The first slot that nobody has.
    free: usize,
    front: usize,
    back: usize,
    waiting: usize,
}

struct Slot<T> {
    waker: Option<Waker>,
    granted: bool,
    before: usize,
    /// In the list; or of the slots that nobody has.
    after: usize,
    /// Nothing if nobody has the slot.
    value: Option<T>,
}

impl<T> Slot<T> {
    #[inline]
    const fn value(&mut self) -> &mut T {
        self.value.as_mut().expect("a key is a waiter's until it is taken out")
    }
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
        Self { slots: Vec::new(), free: NONE, front: NONE, back: NONE, waiting: 0 }
    }

    /// How many wait.
    pub(crate) const fn waiting(&self) -> usize {
        self.waiting
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.waiting == 0
    }

    /// Waits behind all others. The key is good until [`remove`](Self::remove).
    #[inline]
    pub(crate) fn push(&mut self, waker: Waker, value: T) -> usize {
        if self.free >= self.slots.len() {
            self.add_slot();
        }
        let key = self.free;
        let slot = &mut self.slots[key];
        self.free = slot.after;
        slot.waker = Some(waker);
        slot.granted = false;
        slot.before = self.back;
        slot.after = NONE;
        slot.value = Some(value);
        match self.slots.get_mut(self.back) {
            Some(back) => back.after = key,
            None => self.front = key,
        }
        self.back = key;
        self.waiting += 1;
        key
    }

    #[cold]
    fn add_slot(&mut self) {
        let (before, after) = (NONE, self.free);
        self.free = self.slots.len();
        // Fourfold as long as there are few: to grow costs as much as several waiters.
        if self.free == self.slots.capacity() && (4..=256).contains(&self.free) {
            self.slots.reserve_exact(3 * self.free);
        }
        self.slots.push(Slot { waker: None, granted: false, before, after, value: None });
    }

    /// Grants the first who waits, after `hand_over` has had its slot. Wake what is returned.
    pub(crate) fn grant<R>(&mut self, hand_over: impl FnOnce(&mut T) -> R) -> Option<(Waker, R)> {
        let slot = self.slots.get_mut(self.front)?;
        let given = hand_over(slot.value());
        slot.granted = true;
        // A waiter that was passed over may be on its way to a new waker.
        let waker = slot.waker.take().unwrap_or_else(|| Waker::noop().clone());
        self.front = slot.after;
        match self.slots.get_mut(self.front) {
            Some(first) => first.before = NONE,
            None => self.back = NONE,
        }
        self.waiting -= 1;
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
            match look(slot.value()) {
                Look::Found => return Some(key),
                Look::Next => {}
                Look::PassOver => passed.extend(slot.waker.take()),
            }
            key = slot.after;
        }
    }

    /// What the first who waits has in its slot.
    pub(crate) fn front(&self) -> Option<&T> {
        self.slots.get(self.front).and_then(|slot| slot.value.as_ref())
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
        self.slots[key].value()
    }

    /// Grants one waiter, wherever it stands.
    pub(crate) fn grant_at(&mut self, key: usize) -> Option<Waker> {
        let slot = self.slots.get_mut(key)?;
        let waker = slot.waker.take();
        if !mem::replace(&mut slot.granted, true) {
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

    /// Takes a waiter out if it has been granted, and gives its value.
    #[inline]
    pub(crate) fn take_granted(&mut self, key: usize) -> Option<T> {
        // Its waker was taken with the grant (invariant 6), so nothing foreign is dropped here.
        if self.is_granted(key) { self.clear(key) } else { None }
    }

    /// Takes a waiter out, however it stands.
    pub(crate) fn remove(&mut self, key: usize) -> Removed<T> {
        let waiting = !self.is_granted(key);
        if waiting {
            self.unlink(key);
        }
        let waker = self.slots[key].waker.take();
        let value = self.clear(key).expect("each waiter is taken out once");
        Removed { waiting, value, _waker: waker }
    }

    /// A slot is nobody's from now on; what was its value comes back.
    #[inline]
    fn clear(&mut self, key: usize) -> Option<T> {
        let slot = &mut self.slots[key];
        slot.after = self.free;
        self.free = key;
        slot.value.take()
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

    /// There will be so many.
    #[inline]
    pub(crate) fn expect(&mut self, many: usize) {
        if many > 1 {
            self.make_room(many);
        }
    }

    #[cold]
    fn make_room(&mut self, many: usize) {
        self.others.reserve_exact(many - 1);
    }

    #[inline]
    pub(crate) fn push(&mut self, waker: Waker) {
        match self.first {
            None => self.first = Some(waker),
            Some(_) => self.push_other(waker),
        }
    }

    #[inline(never)]
    fn push_other(&mut self, waker: Waker) {
        self.others.push(waker);
    }

    /// Wakes them in the order in which they came.
    #[inline]
    pub(crate) fn wake(self) {
        let Self { first, others } = self;
        debug_assert!(
            others.capacity() == 0 || !others.is_empty(),
            "as many came as were expected"
        );
        match first {
            Some(first) if others.is_empty() => {
                mem::forget(others);
                first.wake();
            }
            Some(first) => Self::wake_all(first, others),
            // There are no others, and nothing to give back.
            None => mem::forget(others),
        }
    }

    #[inline(never)]
    fn wake_all(first: Waker, others: Vec<Waker>) {
        first.wake();
        others.into_iter().for_each(Waker::wake);
    }
}

impl Extend<Waker> for Wakers {
    fn extend<I: IntoIterator<Item = Waker>>(&mut self, wakers: I) {
        wakers.into_iter().for_each(|waker| self.push(waker));
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::{
        collections::VecDeque,
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering},
        },
        task::Wake,
    };

    use super::*;

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A waiter, as its future would know it.
    struct Waiter {
        key: usize,
        number: usize,
        woken: Arc<Woken>,
        /// As often as it should have been woken.
        expected: usize,
        granted: bool,
    }

    fn waker(waiter: &Waiter) -> Waker {
        Arc::clone(&waiter.woken).into()
    }

    /// The queue beside the plainest one there is, through steps chosen by chance.
    #[test]
    fn queue_does_what_a_plain_list_does() {
        for seed in 1..=200_u64 {
            let mut chance = seed;
            let mut choose = move |below: usize| {
                chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                usize::try_from(chance >> 33).expect("31 bits") % below
            };
            let mut queue = WaitQueue::new();
            let mut order = VecDeque::new();
            let mut waiters: Vec<Waiter> = Vec::new();
            for number in 0..200 {
                match choose(7) {
                    0 | 1 => {
                        let woken = Arc::new(Woken::default());
                        let key = queue.push(Arc::clone(&woken).into(), number);
                        order.push_back(number);
                        let (expected, granted) = (0, false);
                        waiters.push(Waiter { key, number, woken, expected, granted });
                    }
                    2 => {
                        let granted = queue.grant(|number| *number);
                        assert_eq!(
                            granted.as_ref().map(|(_, number)| *number),
                            order.front().copied()
                        );
                        if let Some((waker, number)) = granted {
                            waker.wake();
                            order.pop_front();
                            grants(&mut waiters, number);
                        }
                    }
                    3 if !waiters.is_empty() => {
                        let index = choose(waiters.len());
                        let Waiter { key, number, granted, .. } = waiters[index];
                        if let Some(waker) = queue.grant_at(key) {
                            waker.wake();
                        }
                        if !granted {
                            order.retain(|waiting| *waiting != number);
                            grants(&mut waiters, number);
                        }
                    }
                    4 if !waiters.is_empty() => {
                        let waiter = waiters.swap_remove(choose(waiters.len()));
                        if waiter.granted {
                            assert_eq!(queue.take_granted(waiter.key), Some(waiter.number));
                        } else {
                            assert_eq!(queue.take_granted(waiter.key), None);
                            let removed = queue.remove(waiter.key);
                            assert!(removed.waiting && removed.value == waiter.number);
                            order.retain(|waiting| *waiting != waiter.number);
                        }
                        assert_eq!(Arc::strong_count(&waiter.woken), 1, "a waker was left behind");
                    }
                    5 if !waiters.is_empty() => {
                        let index = choose(waiters.len());
                        let waiter = &waiters[index];
                        assert_eq!(queue.will_wake(waiter.key, &waker(waiter)), !waiter.granted);
                        drop(queue.update(waiter.key, waker(waiter)));
                        let kept = if waiter.granted { 1 } else { 2 };
                        assert_eq!(Arc::strong_count(&waiter.woken), kept);
                    }
                    _ => {
                        let mut passed = Wakers::new();
                        let wanted = choose(number + 1);
                        let found = queue.search(&mut passed, |waiting| {
                            if *waiting >= wanted { Look::Found } else { Look::Next }
                        });
                        let found = found.map(|key| *queue.value(key));
                        assert_eq!(found, order.iter().copied().find(|waiting| *waiting >= wanted));
                    }
                }
                assert_eq!(queue.waiting(), order.len());
                assert_eq!(queue.is_empty(), order.is_empty());
                assert_eq!(queue.front().copied(), order.front().copied());
                let keys = queue.keys();
                let values: Vec<_> = keys.iter().map(|key| *queue.value(*key)).collect();
                assert_eq!(values, Vec::from(order.clone()));
                for waiter in &waiters {
                    assert_eq!(queue.is_granted(waiter.key), waiter.granted);
                    assert_eq!(waiter.woken.0.load(Ordering::Relaxed), waiter.expected);
                }
            }
        }
    }

    fn grants(waiters: &mut [Waiter], number: usize) {
        let waiter = waiters.iter_mut().find(|waiter| waiter.number == number);
        let waiter = waiter.expect("who waits has a future");
        waiter.granted = true;
        waiter.expected += 1;
    }

    /// Who is passed over is woken, once, and may be granted before it has come back.
    #[test]
    fn who_is_passed_over_looks_again() {
        let (mut queue, woken) = (WaitQueue::new(), Arc::new(Woken::default()));
        let key = queue.push(Arc::clone(&woken).into(), ());
        for _ in 0..2 {
            let mut passed = Wakers::new();
            assert_eq!(queue.search(&mut passed, |()| Look::PassOver), None);
            passed.wake();
            assert_eq!(woken.0.load(Ordering::Relaxed), 1);
        }
        assert!(!queue.is_granted(key) && queue.waiting() == 1);
        queue.grant(|()| ()).expect("it waits").0.wake();
        assert_eq!(woken.0.load(Ordering::Relaxed), 1);
        assert_eq!(queue.take_granted(key), Some(()));
    }
}
