//! Synchronisation between tasks.
//!
//! Everything here is strictly first come, first served, and hands over directly: what is
//! released while somebody waits belongs to the first who waits, before anybody else can take it.

use std::ops::DerefMut;

use crate::WouldBlock;

/// A flag that is raised once and stays up, and that tasks can wait for.
///
/// # For implementors
///
/// Raising it wakes everybody. Waiting for a raised one does not wait.
///
/// ```
/// use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
/// use anyio_core::Event;
///
/// /// Looks again and again: correct, not frugal.
/// #[derive(Debug, Default)]
/// struct Spinning(AtomicBool);
///
/// impl Event for Spinning {
///     fn new() -> Self { Self::default() }
///     fn set(&self) { self.0.store(true, SeqCst); }
///     fn is_set(&self) -> bool { self.0.load(SeqCst) }
///     async fn wait(&self) {
///         while !self.is_set() {
///             futures_lite::future::yield_now().await;
///         }
///     }
/// }
/// # let event = Spinning::new();
/// # event.set();
/// # futures_lite::future::block_on(event.wait());
/// ```
pub trait Event: Send + Sync + 'static {
    /// An event that has not happened.
    #[must_use]
    fn new() -> Self
    where
        Self: Sized;

    /// Raises the flag and wakes everybody who waits. Raising it again does nothing.
    fn set(&self);

    /// Whether the flag is up.
    fn is_set(&self) -> bool;

    /// Waits until the flag is up.
    ///
    /// # Cancel safety
    ///
    /// Atomic: nothing happens but the waiting.
    fn wait(&self) -> impl Future<Output = ()> + Send;
}

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

/// A number of permits that tasks take and give back.
///
/// # For implementors
///
/// ```
/// use anyio_core::{Semaphore, WouldBlock};
///
/// #[derive(Debug)]
/// struct Wrapped(async_lock::Semaphore);
///
/// impl Semaphore for Wrapped {
///     type Permit<'a> = async_lock::SemaphoreGuard<'a>;
///     fn new(permits: usize) -> Self { Self(async_lock::Semaphore::new(permits)) }
///     async fn acquire(&self) -> Self::Permit<'_> { self.0.acquire().await }
///     fn try_acquire(&self) -> Result<Self::Permit<'_>, WouldBlock> {
///         self.0.try_acquire().ok_or(WouldBlock::new())
///     }
///     fn release(&self, permits: usize) { self.0.add_permits(permits); }
/// }
/// # let semaphore = Wrapped::new(1);
/// # let permit = futures_lite::future::block_on(semaphore.acquire());
/// # assert!(semaphore.try_acquire().is_err());
/// ```
pub trait Semaphore: Send + Sync + 'static {
    /// A permit; dropping it gives it back.
    type Permit<'a>: Send + 'a
    where
        Self: 'a;

    /// A semaphore with `permits` to give.
    #[must_use]
    fn new(permits: usize) -> Self
    where
        Self: Sized;

    /// Waits for a permit and takes it.
    ///
    /// # Cancel safety
    ///
    /// Atomic: cancelled, it has taken nothing, and only its place in the queue is lost.
    fn acquire(&self) -> impl Future<Output = Self::Permit<'_>> + Send;

    /// Takes a permit if one is free and nobody waits.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`] otherwise.
    fn try_acquire(&self) -> Result<Self::Permit<'_>, WouldBlock>;

    /// Adds `permits`, which go to those who wait first.
    fn release(&self, permits: usize);
}

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

/// A semaphore whose capacity can change while it is used, and which knows who borrows.
///
/// # For implementors
///
/// Lowering the capacity takes nothing away from anybody; raising it lets in as many waiters as
/// really fit.
///
/// ```
/// use anyio_core::{CapacityLimiter, WouldBlock};
///
/// /// The simple case: no borrowers at all.
/// #[derive(Debug)]
/// struct Shut;
///
/// impl CapacityLimiter for Shut {
///     type Permit<'a> = ();
///     fn new(_: usize) -> Self { Self }
///     async fn acquire(&self) { std::future::pending().await }
///     fn try_acquire(&self) -> Result<(), WouldBlock> { Err(WouldBlock::new()) }
///     fn capacity(&self) -> usize { 0 }
///     fn set_capacity(&self, _: usize) {}
///     fn borrowed(&self) -> usize { 0 }
/// }
/// # assert!(Shut::new(3).try_acquire().is_err());
/// ```
pub trait CapacityLimiter: Send + Sync + 'static {
    /// What is borrowed; dropping it gives it back.
    type Permit<'a>: Send + 'a
    where
        Self: 'a;

    /// A limiter that lets `capacity` borrowers in.
    #[must_use]
    fn new(capacity: usize) -> Self
    where
        Self: Sized;

    /// Waits for a place.
    ///
    /// # Cancel safety
    ///
    /// Atomic: cancelled, it has borrowed nothing.
    fn acquire(&self) -> impl Future<Output = Self::Permit<'_>> + Send;

    /// Borrows if there is a place and nobody waits.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`] otherwise.
    fn try_acquire(&self) -> Result<Self::Permit<'_>, WouldBlock>;

    /// How many may borrow at once.
    fn capacity(&self) -> usize;

    /// Changes how many may borrow at once.
    fn set_capacity(&self, capacity: usize);

    /// How many borrow now; may exceed the capacity after it was lowered.
    fn borrowed(&self) -> usize;
}
