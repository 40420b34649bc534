//! What tasks share and wait for: event, lock, condition, semaphore, limiter, and
//! what is taken from elsewhere.

mod barrier;
mod blocking;
mod condition;
mod event;
mod guarded;
mod limiter;
mod lock;
#[cfg(all(test, loom))]
mod model;
mod permits;
mod resource_guard;
mod rw_cell;
mod rw_lock;
mod semaphore;
mod waiter;
mod wrapped;

pub use barrier::{Barrier, BarrierStatistics, BarrierWait, BarrierWaitResult};
pub use condition::{Condition, ConditionStatistics};
pub use event::{Event, EventStatistics};
pub use guarded::{LockGuard, OwnedLockGuard};
pub(crate) use limiter::NamelessToken;
pub use limiter::{CapacityLimiter, LimiterStatistics, LimiterToken, OwnedLimiterToken};
pub use lock::{Lock, LockStatistics, Locking, LockingOwned};
pub use resource_guard::{InUse, ResourceGuard, ResourceGuardStatistics};
pub use rw_cell::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLockReadGuard, RwLockWriteGuard};
pub use rw_lock::{RwLock, RwLockStatistics};
pub use semaphore::{Acquire, AcquireOwned, OwnedPermit, Permit, Semaphore, SemaphoreStatistics};
pub(crate) use waiter::Place;
pub use wrapped::{
    BroadcastReceiver, BroadcastSender, BroadcastStatistics, OnceCell, OnceCellStatistics,
    OneshotReceiver, OneshotReceiving, OneshotSender, OneshotStatistics, WatchReceiver, WatchRef,
    WatchSender, WatchStatistics, broadcast, oneshot, watch,
};
