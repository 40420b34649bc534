//! The node that was let go last, for the next one.
//!
//! Scopes and groups come and go one after the other, and most leave a node in which there is nothing. To
//! begin anew in that one is less than half of the work of giving its memory back, asking for it again and
//! writing all of it.

use std::cell::Cell;

use super::node::Node;
use crate::sys::Arc;

// Not the model checker's: it may not see what one execution has left for another.
std::thread_local! {
    static SPARE: Cell<Option<Arc<Node>>> = const { Cell::new(None) };
}

/// It, if there is one. Nobody else has it.
#[inline]
pub(super) fn take() -> Option<Arc<Node>> {
    // Nothing at the end of the thread.
    if cfg!(loom) { None } else { SPARE.try_with(Cell::take).ok().flatten() }
}

/// Keeps a node that nobody else has, and in which there is nothing.
#[inline]
pub(super) fn keep(node: Arc<Node>) {
    if !cfg!(loom) {
        // What comes back is dropped: the one that was there, or this one at the end of the thread.
        _ = SPARE.try_with(|spare| spare.replace(Some(node)));
    }
}
