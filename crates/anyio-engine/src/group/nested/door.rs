//! Where a group learns that there is something to do.

use std::mem;

use crate::{
    sys::{Arc, AtomicU8, Mutex, Ordering},
    tree::Node,
};

/// The group is being polled.
const POLLED: u8 = 1;
/// Tasks are in the inbox.
const SPAWNED: u8 = 1 << 1;
/// There are reports.
const REPORTED: u8 = 1 << 2;

/// # Invariants
///
/// 1. Who brings something does so first, under a lock, and says it here afterwards. If it is said
///    already, nothing has to be done: the group takes back what was said before it looks, under that
///    lock, so either it finds what was brought, or what is said here was said after that.
/// 2. Who says something and sees that the group is being polled does not wake it: the group looks at what
///    was said when it says that it is not polled any more. As long as it is said, it does not sleep.
///
/// All of it is said in one atomic, so one of two always sees the other.
pub(super) struct Door {
    node: Arc<Node>,
    state: AtomicU8,
    /// The blocks in which tasks were woken.
    reports: Mutex<Vec<usize>>,
}

/// What was brought.
pub(super) struct Brought {
    /// The inbox has to be emptied.
    pub(super) tasks: bool,
    /// The reports have to be taken.
    pub(super) reports: bool,
}

impl Door {
    pub(super) fn new(node: Arc<Node>) -> Self {
        Self { node, state: AtomicU8::default(), reports: Mutex::from(Vec::new()) }
    }

    /// The group is polled.
    pub(super) fn open(&self) {
        self.state.fetch_or(POLLED, Ordering::AcqRel);
    }

    /// The group is not polled any more. Whether it has to be once more.
    pub(super) fn close(&self) -> bool {
        self.state.fetch_and(!POLLED, Ordering::AcqRel) & (SPAWNED | REPORTED) != 0
    }

    /// A task is in the inbox.
    #[inline]
    pub(super) fn knock(&self) {
        self.say(SPAWNED);
    }

    /// A task of this block was woken.
    pub(super) fn report(&self, block: usize) {
        self.reports.lock().push(block);
        self.say(REPORTED);
    }

    #[inline]
    fn say(&self, what: u8) {
        if self.state.load(Ordering::Acquire) & what == 0 {
            self.say_first(what);
        }
    }

    fn say_first(&self, what: u8) {
        if self.state.fetch_or(what, Ordering::AcqRel) & POLLED == 0 {
            self.node.waker().wake();
        }
    }

    /// What was said since this was called last. To be called while the group is polled.
    pub(super) fn brought(&self) -> Brought {
        let said = self.state.fetch_and(POLLED, Ordering::AcqRel);
        Brought { tasks: said & SPAWNED != 0, reports: said & REPORTED != 0 }
    }

    /// Gives all reports to `into`, which is empty.
    pub(super) fn take_reports(&self, into: &mut Vec<usize>) {
        mem::swap(&mut *self.reports.lock(), into);
    }
}
