//! The group that was let go last, for the next one.
//!
//! As with the [nodes](crate::tree), and for the same reason; it is of use only for a group of the same kind.

use std::{any::Any, cell::Cell};

use crate::sys::Arc;

type Spare = Arc<dyn Any + Send + Sync>;

// Not the model checker's: it may not see what one execution has left for another.
std::thread_local! {
    static SPARE: Cell<Option<Spare>> = const { Cell::new(None) };
}

/// It, if there is one and it is a `T`. Nobody else has it.
#[inline]
pub(super) fn take<T: Send + Sync + 'static>() -> Option<Arc<T>> {
    if cfg!(loom) {
        return None;
    }
    // Nothing at the end of the thread.
    SPARE.try_with(Cell::take).ok()??.downcast().ok()
}

/// Keeps what nobody else has, and in which there is nothing any more.
#[inline]
pub(super) fn keep(spare: Arc<impl Send + Sync + 'static>) {
    if !cfg!(loom) {
        // What comes back is dropped: the one that was there, or this one at the end of the thread.
        _ = SPARE.try_with(|kept| kept.replace(Some(spare)));
    }
}
