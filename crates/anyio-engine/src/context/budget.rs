//! The cooperative budget: a task that never has to wait yields all the same, now and then.

use std::cell::Cell;

use crate::sys::thread_local;

/// Operations between two yields; tokio has the same number.
const FULL: u8 = 128;

/// What a turn has left.
#[derive(Clone, Copy)]
struct Turn {
    operations: u8,
    /// Deadlines look at the clock.
    look: bool,
}

impl Turn {
    const FRESH: Self = Self { operations: FULL, look: false };
}

thread_local! {
    // In one place, since every turn sets it anew.
    static TURN: Cell<Turn> = const { Cell::new(Turn::FRESH) };
}

// What follows does without `LocalKey::set`, which takes the value along to where a variable may have to be made
// first, and is not always in line.

/// A task starts its turn.
#[inline]
pub(crate) fn refill() {
    TURN.with(|turn| turn.set(Turn::FRESH));
}

/// Takes one operation's share. False: the operation has to yield, once; the next share is there
/// again, so that code that drives futures itself, deep inside a task (a destructor that blocks),
/// is slowed down but never stopped.
#[inline]
pub(crate) fn spend() -> bool {
    TURN.with(|cell| {
        let turn = cell.get();
        // One byte is written mostly, and the other one not chosen between.
        if turn.operations == 0 {
            over(cell);
            return false;
        }
        cell.set(Turn { operations: turn.operations - 1, ..turn });
        true
    })
}

#[cold]
fn over(turn: &Cell<Turn>) {
    turn.set(Turn { operations: FULL, look: true });
}

/// The code yields though it could go on: deadlines around it look at the clock, since their timers
/// may not have had a chance to.
pub(crate) fn yielding() {
    TURN.with(|turn| turn.set(Turn { look: true, ..turn.get() }));
}

#[inline]
pub(crate) fn clock_wanted() -> bool {
    TURN.get().look
}
