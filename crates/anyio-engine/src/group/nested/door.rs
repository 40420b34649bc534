//! Where a group learns that there is something to do.

use std::mem;

use crate::{
    sys::{Arc, AtomicBool, Mutex, Ordering},
    tree::Node,
};

/// # Invariants
///
/// 1. Who brings something and sees that the group is being polled does not wake it: the group looks
///    once more after it has said that it is not polled any more.
pub(super) struct Door {
    node: Arc<Node>,
    polled: AtomicBool,
    /// The blocks in which tasks were woken.
    woken: Mutex<Vec<usize>>,
}

impl Door {
    pub(super) fn new(node: Arc<Node>) -> Self {
        Self { node, polled: AtomicBool::default(), woken: Mutex::from(Vec::new()) }
    }

    pub(super) fn set_polled(&self, polled: bool) {
        self.polled.store(polled, Ordering::SeqCst);
    }

    /// There is something to do.
    pub(super) fn knock(&self) {
        if !self.polled.load(Ordering::SeqCst) {
            self.node.waker().wake();
        }
    }

    /// A task of this block was woken.
    pub(super) fn report(&self, block: usize) {
        self.woken.lock().push(block);
        self.knock();
    }

    /// Gives all reports to `into`, which is empty.
    pub(super) fn take(&self, into: &mut Vec<usize>) {
        mem::swap(&mut *self.woken.lock(), into);
    }

    pub(super) fn is_quiet(&self) -> bool {
        self.woken.lock().is_empty()
    }
}
