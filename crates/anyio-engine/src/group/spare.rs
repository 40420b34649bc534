//! The group that was let go last, for the next one.
//!
//! As with the [nodes](crate::tree), and for the same reason; it is of use only for a group of the same kind.
#![expect(unsafe_code, reason = "what a thread keeps is nobody else's; the argument is at `take`")]

use std::{any::Any, cell::Cell};

use super::lease::{Placed, Shared, Spare};
use crate::sys::Arc;

/// The memory of a [`Spare`], which nobody has but this.
struct Kept(Arc<dyn Any + Send + Sync>);

// Not the model checker's: it may not see what one execution has left for another.
std::thread_local! {
    static SPARE: Cell<Option<Kept>> = const { Cell::new(None) };
}

/// It, if there is one and it is of this kind.
#[inline]
pub(super) fn take<C: Placed>() -> Option<Spare<C>> {
    if cfg!(loom) {
        return None;
    }
    // Nothing at the end of the thread.
    let Kept(memory) = SPARE.try_with(Cell::take).ok()??;
    let memory: Arc<Shared<C>> = memory.downcast().ok()?;
    // SAFETY: it has to be that of a `Spare`, which `keep` was given, and nobody has cloned it since.
    Some(unsafe { Spare::from_memory(memory) })
}

/// Keeps it, instead of the last one.
#[inline]
pub(super) fn keep<C: Placed>(spare: Option<Spare<C>>) {
    if let Some(spare) = spare
        && !cfg!(loom)
    {
        let kept = Kept(spare.into_memory());
        // What comes back is dropped: what was there, or this at the end of the thread.
        _ = SPARE.try_with(|spare| spare.replace(Some(kept)));
    }
}
