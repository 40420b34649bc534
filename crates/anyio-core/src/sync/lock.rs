//! Mutual exclusion.

use std::ops::DerefMut;

use crate::WouldBlock;

/// Mutual exclusion around a value.
///
/// # For implementors
///
/// ```
/// use anyio_core::{Lock, WouldBlock};
///
/// /// The runtime's own primitive, wrapped.
/// #[derive(Debug)]
/// struct Wrapped<T>(async_lock::Mutex<T>);
///
/// impl<T: Send + 'static> Lock<T> for Wrapped<T> {
///     type Guard<'a> = async_lock::MutexGuard<'a, T>;
///     fn new(value: T) -> Self { Self(async_lock::Mutex::new(value)) }
///     async fn lock(&self) -> Self::Guard<'_> { self.0.lock().await }
///     fn try_lock(&self) -> Result<Self::Guard<'_>, WouldBlock> {
///         self.0.try_lock().ok_or(WouldBlock::new())
///     }
/// }
/// # let lock = Wrapped::new(1);
/// # let guard = futures_lite::future::block_on(lock.lock());
/// # assert!(lock.try_lock().is_err());
/// ```
pub trait Lock<T: Send + 'static>: Send + Sync + 'static {
    /// Access to the value; dropping it unlocks.
    type Guard<'a>: DerefMut<Target = T> + Send + 'a
    where
        Self: 'a;

    /// An unlocked lock around `value`.
    #[must_use]
    fn new(value: T) -> Self
    where
        Self: Sized;

    /// Waits for the lock and takes it. A task that locks a lock it holds waits for ever.
    ///
    /// # Cancel safety
    ///
    /// Atomic: cancelled, it has not taken the lock, and only its place in the queue is lost.
    fn lock(&self) -> impl Future<Output = Self::Guard<'_>> + Send;

    /// Takes the lock if nobody has it or waits for it.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`] otherwise.
    fn try_lock(&self) -> Result<Self::Guard<'_>, WouldBlock>;
}
