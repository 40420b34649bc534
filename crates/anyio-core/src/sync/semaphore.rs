//! A number of permits.

use crate::WouldBlock;

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
