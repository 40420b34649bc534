//! What wakes the owner of a node.

use std::{ptr, task::Waker};

use crate::sys::{AtomicU64, AtomicUsize, AtomicWaker, Ordering};

/// One slot for the waker of whoever polls a node's body. To leave the same waker again, as nearly
/// every poll does, takes no write to shared memory.
///
/// # Invariants
///
/// 1. Who rings says in `rounds` when it begins and when it has taken what is in the slot. So as long as
///    `rounds` has the value that it had before *and* after a waker was left, with nobody ringing, that
///    waker is in the slot.
/// 2. `known` is that value, and `identity` that waker, or `known` is [`NEVER`], which is not equal to
///    `rounds` at any moment, not while somebody rings either. Both belong to the owner, who alone
///    leaves wakers.
/// 3. Who rings changes something first, begins, takes, and wakes. Who polls leaves its waker first and
///    looks for changes afterwards. If it sees by 1 that nobody has begun, then whoever begins later
///    takes its waker, or somebody does who has begun later, too; it is polled once more, and then
///    does not skip. If it does not skip, the slot's atomic is where the two meet (invariant 7 of the
///    tree).
pub(crate) struct Bell {
    slot: AtomicWaker,
    /// How many ring at this moment, and above [`ROUND`] how often it was rung.
    rounds: AtomicU64,
    known: AtomicU64,
    identity: (AtomicUsize, AtomicUsize),
}

/// One more that has rung. (More threads than this cannot ring at once.)
const ROUND: u64 = 1 << 16;
/// No value that `rounds` ever has: not all of its low bits, which would be as many that ring at once.
const NEVER: u64 = u64::MAX;

impl Bell {
    pub(super) fn new() -> Self {
        Self {
            slot: AtomicWaker::new(),
            rounds: AtomicU64::default(),
            known: AtomicU64::from(NEVER),
            identity: Default::default(),
        }
    }

    /// Leaves the owner's waker.
    #[inline]
    pub(crate) fn register(&self, waker: &Waker) {
        let rounds = self.rounds.load(Ordering::Acquire);
        if self.known.load(Ordering::Relaxed) != rounds || !self.is(waker) {
            self.leave(waker, rounds);
        }
    }

    fn leave(&self, waker: &Waker, before: u64) {
        self.slot.register(waker);
        // Else the slot may have woken the waker instead of keeping it, or somebody has taken it.
        let quiet = before.is_multiple_of(ROUND) && self.rounds.load(Ordering::Acquire) == before;
        self.known.store(if quiet { before } else { NEVER }, Ordering::Relaxed);
        let (data, table) = identity(waker);
        self.identity.0.store(data, Ordering::Relaxed);
        self.identity.1.store(table, Ordering::Relaxed);
    }

    /// Whether `waker` wakes the same task as the one that is in the slot, if one is.
    #[inline]
    fn is(&self, waker: &Waker) -> bool {
        let known =
            (self.identity.0.load(Ordering::Relaxed), self.identity.1.load(Ordering::Relaxed));
        known == identity(waker)
    }

    /// Wakes the owner, if it has left a waker.
    pub(crate) fn wake(&self) {
        self.rounds.fetch_add(1, Ordering::AcqRel);
        let waker = self.slot.take();
        self.rounds.fetch_add(ROUND - 1, Ordering::AcqRel);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Takes back what the owner has left. For the owner.
    #[inline]
    pub(super) fn take(&self) -> Option<Waker> {
        let known = self.known.load(Ordering::Relaxed);
        self.known.store(NEVER, Ordering::Relaxed);
        let rounds = self.rounds.load(Ordering::Acquire);
        // Somebody has rung since it was left (1), and has taken it; nobody rings now.
        let taken = known != NEVER && known != rounds && rounds.is_multiple_of(ROUND);
        if taken { None } else { self.slot.take() }
    }
}

/// Two wakers that are equal in both wake the same task, as long as one of them is kept.
#[inline]
fn identity(waker: &Waker) -> (usize, usize) {
    (waker.data().addr(), ptr::from_ref(waker.vtable()).addr())
}
