//! The error vocabulary: one small type for each thing that can happen.

mod call;
mod cancelled;
mod group;
mod group_dyn;
mod runtime;
mod stream;
mod sync;

pub use call::CallError;
pub use cancelled::{Cancelled, Cause, CauseKind, TimedOut};
pub use group::GroupError;
pub use group_dyn::DynGroupError;
pub use runtime::{NoRuntime, RunError, SpawnError};
pub use stream::{ReceiveError, SendError, TryReceiveError, TrySendError};
pub use sync::{
    AcquireError, AlreadyBorrowed, BorrowError, BroadcastError, Busy, ReleaseError,
    TryAcquireError, TryBroadcastError, WouldBlock,
};
