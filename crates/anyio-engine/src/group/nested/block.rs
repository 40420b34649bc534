//! The wakers of up to 64 tasks, in one allocation.
#![expect(
    unsafe_code,
    reason = "a waker is a pointer and a table of what to do with it; the argument is at `TABLE`"
)]

use std::{
    marker::PhantomData,
    mem::{ManuallyDrop, offset_of},
    ops::Deref,
    task::{RawWaker, RawWakerVTable, Waker},
};

use super::door::Door;
use crate::sys::{Arc, AtomicU64, Ordering};

/// How many tasks one block wakes.
pub(super) const TASKS: usize = 64;

/// Which tasks of a set were woken, of those at `number * TASKS` and the places after it.
///
/// # Invariants
///
/// 1. Who wakes the first task of a block in which none is woken reports the block; the set takes the
///    report first and then all that are woken. So a task that is woken later than that is reported
///    again, and what was woken before is taken.
pub(super) struct Block {
    woken: AtomicU64,
    number: usize,
    door: Where,
    /// Each is its own index, and its address is the pointer of that task's wakers.
    marks: [u8; TASKS],
}

/// Where the group's door is: the first block has it, since no group is without either.
enum Where {
    Here(Door),
    In(Arc<Block>),
}

const MARKS: [u8; TASKS] = {
    let mut marks = [0; TASKS];
    let mut index = 0;
    while index < TASKS {
        marks[index] = index as u8;
        index += 1;
    }
    marks
};

impl Block {
    /// The first block of a group.
    pub(super) fn first(door: Door) -> Arc<Self> {
        Self::new(0, Where::Here(door))
    }

    /// The block with this number, of the group whose first block this is.
    pub(super) fn another(self: &Arc<Self>, number: usize) -> Arc<Self> {
        Self::new(number, Where::In(Arc::clone(self)))
    }

    fn new(number: usize, door: Where) -> Arc<Self> {
        Arc::new(Self { woken: AtomicU64::default(), number, door, marks: MARKS })
    }

    /// The group's door.
    #[inline]
    pub(super) fn door(&self) -> &Door {
        match &self.door {
            Where::Here(door) => door,
            Where::In(first) => first.door(),
        }
    }

    fn wake(&self, index: usize) {
        // Release: the task's next poll sees what was done before it was woken.
        if self.woken.fetch_or(1 << index, Ordering::AcqRel) == 0 {
            self.door().report(self.number);
        }
    }

    /// Whether this task was woken and not taken since.
    pub(super) fn is_woken(&self, index: usize) -> bool {
        self.woken.load(Ordering::Relaxed) & (1 << index) != 0
    }

    /// All tasks that were woken, as a set of bits, and from now on none.
    pub(super) fn take(&self) -> u64 {
        self.woken.swap(0, Ordering::AcqRel)
    }

    /// The waker of a task, for the length of a poll.
    #[inline]
    pub(super) fn waker(self: &Arc<Self>, index: usize) -> Lent<'_> {
        assert!(index < TASKS, "there are no more marks");
        let data = Arc::as_ptr(self).wrapping_byte_add(offset_of!(Self, marks) + index).cast();
        // SAFETY: `RawWaker`'s contract is that of `TABLE`, which `data` fulfils as long as `self` is
        // borrowed: it points to a mark of a block that an `Arc` keeps. It is no share of its own in the
        // `Arc`; that it is never dropped is what `ManuallyDrop` sees to.
        let waker = unsafe { Waker::new(data, &TABLE) };
        Lent { waker: ManuallyDrop::new(waker), block: PhantomData }
    }
}

/// A waker that is there as long as its block is borrowed.
pub(super) struct Lent<'a> {
    waker: ManuallyDrop<Waker>,
    block: PhantomData<&'a Block>,
}

impl Deref for Lent<'_> {
    type Target = Waker;

    fn deref(&self) -> &Waker {
        &self.waker
    }
}

/// The pointer of each waker is that of a mark: what `Arc::as_ptr` has given for a `Block`, moved
/// forward within that block, so that it may be moved back. Marks are never written.
///
/// Each waker but a [`Lent`] one has a share in the `Arc`: `clone` makes one, `wake` and `drop` give it
/// back. A lent one is neither dropped nor woken by value, and those who clone it or wake it by
/// reference do so while the `Arc` that it was made of is borrowed. A `Block` is `Send` and `Sync`, as
/// a waker has to be.
static TABLE: RawWakerVTable = RawWakerVTable::new(clone, wake, wake_by_ref, drop_waker);

/// The block of a waker, and which of its tasks it wakes.
///
/// # Safety
///
/// `data` is the pointer of a waker with this table, which has not been dropped.
unsafe fn parts(data: *const ()) -> (*const Block, usize) {
    let mark = data.cast::<u8>();
    // SAFETY: it points to a mark, which is there as long as the waker is.
    let index = usize::from(unsafe { *mark });
    (mark.wrapping_byte_sub(offset_of!(Block, marks) + index).cast(), index)
}

unsafe fn clone(data: *const ()) -> RawWaker {
    // SAFETY: a waker's function gets the waker's pointer.
    let (block, _) = unsafe { parts(data) };
    // SAFETY: it is what `Arc::as_ptr` has given, and the waker that is cloned keeps the `Arc` alive.
    unsafe { Arc::increment_strong_count(block) };
    RawWaker::new(data, &TABLE)
}

unsafe fn wake(data: *const ()) {
    // SAFETY: a waker's function gets the waker's pointer.
    let (block, index) = unsafe { parts(data) };
    // SAFETY: it is what `Arc::as_ptr` has given, and the share of this waker, which is gone after this
    // call, is the one that is given back here.
    let block = unsafe { Arc::from_raw(block) };
    block.wake(index);
}

unsafe fn wake_by_ref(data: *const ()) {
    // SAFETY: a waker's function gets the waker's pointer.
    let (block, index) = unsafe { parts(data) };
    // SAFETY: the waker keeps the block alive for the length of this call, and it is only ever shared.
    let block = unsafe { &*block };
    block.wake(index);
}

unsafe fn drop_waker(data: *const ()) {
    // SAFETY: a waker's function gets the waker's pointer.
    let (block, _) = unsafe { parts(data) };
    // SAFETY: as in `wake`.
    drop(unsafe { Arc::from_raw(block) });
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::tree::{Flags, Node};

    #[test]
    fn wakers_come_and_go() {
        let node = Node::new(Flags::HOLD, |_| {});
        let first = Block::first(Door::new(node));
        let block = first.another(3);
        let wakers: Vec<_> = (0..TASKS).map(|index| Waker::clone(&block.waker(index))).collect();
        assert_eq!(Arc::strong_count(&block), 1 + TASKS);
        assert!(wakers[7].will_wake(&block.waker(7)) && !wakers[7].will_wake(&wakers[8]));
        wakers[0].wake_by_ref();
        let last = wakers[63].clone();
        drop(wakers[63].clone());
        last.wake();
        assert!(block.is_woken(63) && !block.is_woken(62));
        let mut reports = Vec::new();
        first.door().take_reports(&mut reports);
        assert_eq!((reports, block.take()), (vec![3], 1 | 1 << 63));
        for waker in wakers {
            waker.wake();
        }
        assert_eq!((block.take(), Arc::strong_count(&block)), (u64::MAX, 1));
    }
}
