//! Waiting for what others bring about.

use super::Lock;

/// Waiting, with a lock, for a condition that others bring about.
///
/// # For implementors
///
/// A waiter that was notified and then cancelled passes the notification on. The lock is taken
/// again before `wait` ends, cancelled or not.
///
/// ```
/// use anyio_core::{Condition, Lock};
/// # use anyio_core::WouldBlock;
/// # #[derive(Debug)]
/// # struct Wrapped<T>(async_lock::Mutex<T>);
/// # impl<T: Send + 'static> Lock<T> for Wrapped<T> {
/// #     type Guard<'a> = async_lock::MutexGuard<'a, T>;
/// #     fn new(value: T) -> Self { Self(async_lock::Mutex::new(value)) }
/// #     async fn lock(&self) -> Self::Guard<'_> { self.0.lock().await }
/// #     fn try_lock(&self) -> Result<Self::Guard<'_>, WouldBlock> { self.0.try_lock().ok_or(WouldBlock::new()) }
/// # }
///
/// /// Wakes up for no reason all the time, which callers must expect anyway.
/// #[derive(Debug)]
/// struct Restless;
///
/// impl Condition for Restless {
///     type Lock<T: Send + 'static> = Wrapped<T>;
///     fn new() -> Self { Self }
///     async fn wait<'a, T: Send + 'static>(
///         &self,
///         lock: &'a Wrapped<T>,
///         guard: async_lock::MutexGuard<'a, T>,
///     ) -> async_lock::MutexGuard<'a, T> {
///         drop(guard);
///         futures_lite::future::yield_now().await;
///         lock.lock().await
///     }
///     fn notify(&self, _: usize) {}
///     fn notify_all(&self) {}
/// }
/// ```
pub trait Condition: Send + Sync + 'static {
    /// The locks it works with.
    type Lock<T: Send + 'static>: Lock<T>;

    /// A condition nobody waits for.
    #[must_use]
    fn new() -> Self
    where
        Self: Sized;

    /// Unlocks `lock`, waits for a notification, and locks again. Look at the condition again
    /// after it.
    ///
    /// # Cancel safety
    ///
    /// Cancelled while it waits, it has not been notified; a notification that came at the same
    /// time goes to the next waiter.
    fn wait<'a, T: Send + 'static>(
        &self,
        lock: &'a Self::Lock<T>,
        guard: <Self::Lock<T> as Lock<T>>::Guard<'a>,
    ) -> impl Future<Output = <Self::Lock<T> as Lock<T>>::Guard<'a>> + Send;

    /// Wakes the `waiters` that have waited longest.
    fn notify(&self, waiters: usize);

    /// Wakes all who wait.
    fn notify_all(&self);
}
