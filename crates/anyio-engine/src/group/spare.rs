//! The group that was let go last, for the next one.
//!
//! As with the [nodes](crate::tree), and for the same reason; it is of use only for a group of the same kind.
#![expect(unsafe_code, reason = "what a thread keeps is nobody else's; the argument is at `Kept`")]

use std::{
    any::{Any, TypeId},
    cell::Cell,
};

use super::lease::{Placed, Shared, Spare};
use crate::sys::Arc;

/// # Invariant
///
/// `memory` is that of a [`Spare`], and nobody else has it; and `kind` is the type of what is in there. (Beside it, and
/// not asked from it, which takes a call.)
struct Kept {
    kind: Cell<Option<TypeId>>,
    memory: Cell<Option<Arc<dyn Any + Send + Sync>>>,
}

// Not the model checker's: it may not see what one execution has left for another.
std::thread_local! {
    static SPARE: Kept = const { Kept { kind: Cell::new(None), memory: Cell::new(None) } };
}

/// It, if there is one and it is of this kind.
#[inline]
pub(super) fn take<C: Placed>() -> Option<Spare<C>> {
    if cfg!(loom) {
        return None;
    }
    let memory = SPARE.try_with(|kept| {
        let same = kept.kind.get() == Some(TypeId::of::<Shared<C>>());
        if same { kept.memory.take() } else { None }
    });
    // Nothing at the end of the thread.
    let memory = Arc::into_raw(memory.ok()??);
    // SAFETY: the pointer has to be from `into_raw`, of an `Arc` of the same type. That is what has been looked at, by
    // the invariant.
    let memory = unsafe { Arc::from_raw(memory.cast()) };
    // SAFETY: it has to be that of a `Spare`, and nobody has cloned it since: by the invariant, too.
    Some(unsafe { Spare::from_memory(memory) })
}

/// Keeps it, instead of the last one.
#[inline]
pub(super) fn keep<C: Placed>(spare: Option<Spare<C>>) {
    if let Some(spare) = spare
        && !cfg!(loom)
    {
        let memory = spare.into_memory();
        // What comes back is dropped: what was there, or this at the end of the thread.
        _ = SPARE.try_with(|kept| {
            kept.kind.set(Some(TypeId::of::<Shared<C>>()));
            kept.memory.replace(Some(memory))
        });
    }
}
