//! The cooperative budget: a task that never has to wait yields all the same, now and then.

use std::cell::Cell;

use crate::sys::thread_local;

/// Operations between two yields; tokio has the same number.
const FULL: u8 = 128;

thread_local! {
    static LEFT: Cell<u8> = const { Cell::new(FULL) };
    static LOOK: Cell<bool> = const { Cell::new(false) };
}

/// A task starts its turn.
#[inline]
pub(crate) fn refill() {
    LEFT.set(FULL);
    LOOK.set(false);
}

/// Takes one operation's share. False: the operation has to yield, once; the next share is there
/// again, so that code that drives futures itself, deep inside a task (a destructor that blocks),
/// is slowed down but never stopped.
#[inline]
pub(crate) fn spend() -> bool {
    if let Some(left) = LEFT.get().checked_sub(1) {
        LEFT.set(left);
        true
    } else {
        LEFT.set(FULL);
        yielding();
        false
    }
}

/// The code yields though it could go on: deadlines around it look at the clock, since their timers
/// may not have had a chance to.
pub(crate) fn yielding() {
    LOOK.set(true);
}

#[inline]
pub(crate) fn clock_wanted() -> bool {
    LOOK.get()
}
