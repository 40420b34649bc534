//! Event, lock, semaphore and limiter.

mod event;
mod guarded;
mod limiter;
mod lock;
#[cfg(all(test, loom))]
mod model;
mod semaphore;
mod waiter;

pub use event::Event;
pub use guarded::LockGuard;
pub use limiter::{CapacityLimiter, LimiterStatistics, LimiterToken, OwnedLimiterToken};
pub use lock::{Lock, Locking};
pub use semaphore::{Acquire, Permit, Semaphore};
pub(crate) use waiter::Place;
