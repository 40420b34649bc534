//! The time, and waiting for it.

use std::time::{Duration, Instant};

use anyio_core::Clock;
use anyio_engine::Sleep;

use crate::Any;

/// Waits for `duration`, which counts from the first poll. Zero is a
/// [`checkpoint`](crate::checkpoint).
///
/// # Cancel safety
///
/// Atomic: nothing happens but the waiting.
///
/// # Panics
///
/// When it is polled outside of any runtime.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// anyio::run(anyio::sleep(Duration::from_millis(1)));
/// ```
pub const fn sleep(duration: Duration) -> Sleep<Any> {
    anyio_engine::sleep(duration)
}

/// Waits until `deadline`, by the clock of [`current_time`]. One that has passed is a
/// [`checkpoint`](crate::checkpoint).
///
/// # Cancel safety
///
/// Atomic: nothing happens but the waiting.
///
/// # Panics
///
/// When it is polled outside of any runtime.
///
/// # Examples
///
/// A rhythm that does not drift:
///
/// ```
/// use std::time::Duration;
///
/// # anyio::run(async {
/// let mut next = anyio::current_time();
/// for _beat in 0..3 {
///     next += Duration::from_millis(1);
///     anyio::sleep_until(next).await;
/// }
/// # });
/// ```
pub const fn sleep_until(deadline: Instant) -> Sleep<Any> {
    anyio_engine::sleep_until(deadline)
}

/// The present moment of the current backend's clock; of the system's, outside of any runtime.
///
/// Under a test's virtual clock it is far from `Instant::now()`, so deadlines are made of this one.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// let deadline = anyio::current_time() + Duration::from_secs(5);
/// assert_eq!(anyio::run(anyio::move_on_at(deadline, async { 7 })), Some(7));
/// ```
#[must_use]
pub fn current_time() -> Instant {
    Any::now()
}
