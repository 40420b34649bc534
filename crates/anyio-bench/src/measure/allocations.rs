//! How much memory is asked for: an allocator that counts when it is told to.
#![expect(
    unsafe_code,
    reason = "a global allocator is an unsafe trait; each method passes its arguments on to the \
              system's, which has the same contract"
)]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::atomic::{AtomicBool, AtomicI64, Ordering},
};

use super::row::Contender;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

static ON: AtomicBool = AtomicBool::new(false);
static MADE: AtomicI64 = AtomicI64::new(0);
static LIVE: AtomicI64 = AtomicI64::new(0);
static PEAK: AtomicI64 = AtomicI64::new(0);

struct Counting;

#[expect(clippy::cast_possible_wrap, reason = "no layout is larger than an `isize`")]
fn count(made: i64, grown: usize, shrunk: usize) {
    if ON.load(Ordering::Relaxed) {
        MADE.fetch_add(made, Ordering::Relaxed);
        let change = grown as i64 - shrunk as i64;
        let live = LIVE.fetch_add(change, Ordering::Relaxed) + change;
        PEAK.fetch_max(live, Ordering::Relaxed);
    }
}

// SAFETY: an allocator must give blocks that fit their layouts and stay valid until they are given
// back, and must not unwind. The blocks are the system allocator's, which does; counting touches
// nothing but atomics.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(1, layout.size(), 0);
        // SAFETY: the caller keeps the contract of this same method: the layout is not empty.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(1, layout.size(), 0);
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count(0, 0, layout.size());
        // SAFETY: the caller says that the block came from this allocator, which means from the
        // system's, with this layout.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(1, size, layout.size());
        // SAFETY: as above, and the caller says that `size` is a possible one.
        unsafe { System.realloc(block, layout, size) }
    }
}

/// What one operation asks for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allocations {
    pub(crate) count: f64,
    /// How much more was in use at the height of one call than at its beginning.
    pub(crate) bytes: f64,
}

/// Counts what `contender` asks for. Contenders of one row may be counted one after the other, but
/// not while somebody else uses memory.
pub(crate) fn allocations(contender: &mut Contender, operations: u32, calls: u32) -> Allocations {
    // Once before, for what is made once and kept.
    contender.call(1);
    let (_, bytes) = counted(|| contender.call(1));
    let (count, _) = counted(|| contender.call(calls));
    let operations = f64::from(operations);
    Allocations { count: count / operations / f64::from(calls), bytes: bytes / operations }
}

#[expect(clippy::cast_precision_loss, reason = "nobody allocates that often")]
fn counted<R>(f: impl FnOnce() -> R) -> (f64, f64) {
    for counter in [&MADE, &LIVE, &PEAK] {
        counter.store(0, Ordering::Relaxed);
    }
    ON.store(true, Ordering::SeqCst);
    let result = f();
    ON.store(false, Ordering::SeqCst);
    drop(result);
    (MADE.load(Ordering::Relaxed) as f64, PEAK.load(Ordering::Relaxed) as f64)
}
