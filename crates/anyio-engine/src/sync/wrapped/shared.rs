//! A share in a wrapper, as a share in what it wraps.
#![expect(unsafe_code, reason = "an `Arc` cannot be projected otherwise")]

use std::sync::Arc;

use super::RwLock;

/// The guards that own a share are made by the lock inside, which wants a share in itself.
pub(super) fn inner<T>(shared: Arc<RwLock<T>>) -> Arc<tokio::sync::RwLock<T>> {
    let pointer = Arc::into_raw(shared).cast::<tokio::sync::RwLock<T>>();
    // SAFETY: what `from_raw` asks for:
    // - the pointer comes from `Arc::into_raw`, and this takes over the share that that one let go,
    //   once;
    // - both types are sized and have the same size and alignment, since the wrapper is
    //   `repr(transparent)` around the other, its only field;
    // - every bit pattern of the one is one of the other, for the same reason, and so are what they
    //   promise about threads: the wrapper is `Send` and `Sync` by its field alone.
    // Shares of both types count in one allocation then. Whichever is the last drops the value as its
    // own type: the wrapper has no `Drop` of its own, so that is the same.
    unsafe { Arc::from_raw(pointer) }
}
