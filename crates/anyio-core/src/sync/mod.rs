//! Synchronisation between tasks.
//!
//! Everything here is strictly first come, first served, and hands over directly: what is
//! released while somebody waits belongs to the first who waits, before anybody else can take it.

mod condition;
mod event;
mod limiter;
mod lock;
mod semaphore;

pub use condition::Condition;
pub use event::Event;
pub use limiter::{Borrower, CapacityLimiter};
pub use lock::Lock;
pub use semaphore::Semaphore;
