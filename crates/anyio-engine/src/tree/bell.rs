//! What wakes the owner of a node.

use std::{ptr, task::Waker};

use crate::sys::{AtomicU64, AtomicUsize, Mutex, Ordering};

/// One slot for the waker of whoever polls a node's body. To leave the same waker again, as nearly
/// every poll does, takes no write to shared memory.
///
/// # Invariants
///
/// 1. `rounds` counts, under the lock, how often somebody has rung, which empties the slot. So as long as
///    it has the value that it had when a waker was left, that waker is in the slot.
/// 2. `known` is that value, and `identity` that waker; if none was left, or the owner has taken it back, it is
///    [`NEVER`]. Both belong to the owner, who alone leaves wakers.
/// 3. Who rings changes something first, takes the waker and counts, and wakes. Who polls leaves its waker first
///    and looks for changes afterwards. If it sees by 1 that its waker is still there, then whoever rings later
///    takes that one, and it is polled once more. If not, it has the count, or the lock, from who has rung
///    last, and sees what that one has changed.
/// 4. Under the lock no waker is cloned, woken or dropped.
pub(crate) struct Bell {
    slot: Mutex<Option<Waker>>,
    rounds: AtomicU64,
    known: AtomicU64,
    identity: (AtomicUsize, AtomicUsize),
}

/// No value that `rounds` ever has.
const NEVER: u64 = u64::MAX;

impl Bell {
    pub(super) fn new() -> Self {
        Self {
            slot: Mutex::from(None),
            rounds: AtomicU64::default(),
            known: AtomicU64::from(NEVER),
            identity: Default::default(),
        }
    }

    /// Leaves the owner's waker.
    #[inline]
    pub(crate) fn register(&self, waker: &Waker) {
        if !self.is_there() || !self.is(waker) {
            self.leave(waker);
        }
    }

    /// Whether what the owner has left is still in the slot.
    #[inline]
    fn is_there(&self) -> bool {
        self.known.load(Ordering::Relaxed) == self.rounds.load(Ordering::Acquire)
    }

    fn leave(&self, waker: &Waker) {
        let (data, table) = identity(waker);
        let waker = waker.clone();
        let (before, rounds) = {
            let mut slot = self.slot.lock();
            (slot.replace(waker), self.rounds.load(Ordering::Relaxed))
        };
        self.known.store(rounds, Ordering::Relaxed);
        self.identity.0.store(data, Ordering::Relaxed);
        self.identity.1.store(table, Ordering::Relaxed);
        drop(before);
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
        let waker = {
            let mut slot = self.slot.lock();
            self.rounds.store(self.rounds.load(Ordering::Relaxed) + 1, Ordering::Release);
            slot.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Takes back what the owner has left. For the owner.
    #[inline]
    pub(super) fn take(&self) -> Option<Waker> {
        let there = self.is_there();
        self.known.store(NEVER, Ordering::Relaxed);
        if there { self.slot.lock().take() } else { None }
    }
}

/// Two wakers that are equal in both wake the same task, as long as one of them is kept.
#[inline]
fn identity(waker: &Waker) -> (usize, usize) {
    (waker.data().addr(), ptr::from_ref(waker.vtable()).addr())
}
