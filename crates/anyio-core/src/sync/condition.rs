//! Waiting for what others bring about.

use super::Lock;

/// Waiting, with a lock, for a condition that others bring about.
///
/// Works with any [`Lock`], and with several at a time.
///
/// # For implementors
///
/// A waiter is in the queue before the lock is let go, so that it misses no notification. One that was
/// notified and is cancelled, or dropped, before it has the lock again passes the notification on. Once
/// notified, a wait takes the lock under a shield: a cancellation does not keep it from coming back
/// with the guard.
///
/// ```
/// use anyio_core::{Condition, Lock};
///
/// /// Wakes up for no reason all the time, which callers must expect anyway.
/// #[derive(Debug)]
/// struct Restless;
///
/// impl Condition for Restless {
///     fn new() -> Self { Self }
///     async fn wait<'a, T, L>(&self, lock: &'a L, guard: L::Guard<'a>) -> L::Guard<'a>
///     where
///         T: Send + 'static,
///         L: Lock<T>,
///     {
///         drop(guard);
///         futures_lite::future::yield_now().await;
///         lock.lock().await
///     }
///     fn notify(&self, _: usize) {}
///     fn notify_all(&self) {}
/// }
/// ```
pub trait Condition: Send + Sync + 'static {
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
    /// Cancelled while it waits, it has not been notified, and the lock is not held. Cancelled after
    /// it was notified, it passes the notification on to the next who waits, and still comes back
    /// with the lock. Dropped by hand in between, it passes it on, too.
    fn wait<'a, T, L>(
        &self,
        lock: &'a L,
        guard: L::Guard<'a>,
    ) -> impl Future<Output = L::Guard<'a>> + Send
    where
        T: Send + 'static,
        L: Lock<T>;

    /// Waits until `ready` says that the value is, and gives the guard under which it said so.
    ///
    /// # Cancel safety
    ///
    /// As [`wait`](Self::wait).
    fn wait_for<'a, T, L, F>(
        &self,
        lock: &'a L,
        mut guard: L::Guard<'a>,
        mut ready: F,
    ) -> impl Future<Output = L::Guard<'a>> + Send
    where
        T: Send + 'static,
        L: Lock<T>,
        F: FnMut(&mut T) -> bool + Send,
    {
        async move {
            while !ready(&mut *guard) {
                guard = self.wait(lock, guard).await;
            }
            guard
        }
    }

    /// Wakes the `waiters` that have waited longest.
    #[doc(alias = "notify_one")]
    fn notify(&self, waiters: usize);

    /// Wakes all who wait.
    fn notify_all(&self);
}
