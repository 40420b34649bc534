//! Mutual exclusion.

use std::{ops::DerefMut, sync::Arc};

use crate::WouldBlock;

/// Mutual exclusion around a value.
///
/// # For implementors
///
/// ```
/// use std::sync::Arc;
/// use anyio_core::{Lock, WouldBlock};
///
/// /// The runtime's own primitive, wrapped.
/// #[derive(Debug)]
/// struct Wrapped<T>(Arc<async_lock::Mutex<T>>);
///
/// impl<T: Send + 'static> Lock<T> for Wrapped<T> {
///     type Guard<'a> = async_lock::MutexGuard<'a, T>;
///     type OwnedGuard = async_lock::MutexGuardArc<T>;
///     fn new(value: T) -> Self { Self(Arc::new(async_lock::Mutex::new(value))) }
///     async fn lock(&self) -> Self::Guard<'_> { self.0.lock().await }
///     fn try_lock(&self) -> Result<Self::Guard<'_>, WouldBlock> {
///         self.0.try_lock().ok_or(WouldBlock::new())
///     }
///     async fn lock_owned(self: Arc<Self>) -> Self::OwnedGuard { self.0.lock_arc().await }
///     fn try_lock_owned(self: Arc<Self>) -> Result<Self::OwnedGuard, WouldBlock> {
///         self.0.try_lock_arc().ok_or(WouldBlock::new())
///     }
///     fn blocking_lock(&self) -> Self::Guard<'_> { self.0.lock_blocking() }
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
    /// Access to the value, with a share in the lock; dropping it unlocks.
    type OwnedGuard: DerefMut<Target = T> + Send + 'static;

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

    /// As [`lock`](Self::lock), for a guard that may go anywhere.
    ///
    /// # Cancel safety
    ///
    /// Atomic: cancelled, it has not taken the lock, and only its place in the queue is lost.
    fn lock_owned(self: Arc<Self>) -> impl Future<Output = Self::OwnedGuard> + Send;

    /// As [`try_lock`](Self::try_lock), for a guard that may go anywhere.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`] if somebody has it or waits for it.
    fn try_lock_owned(self: Arc<Self>) -> Result<Self::OwnedGuard, WouldBlock>;

    /// Waits for the lock in a thread of its own, in the same queue as everybody.
    ///
    /// # Blocking
    ///
    /// Blocks the thread, and no cancellation ends that. Never call it where tasks are polled: the one
    /// that holds the lock might need this thread to go on.
    #[doc(alias = "lock_blocking")]
    fn blocking_lock(&self) -> Self::Guard<'_>;
}
