//! A number of permits.

use std::sync::Arc;

use crate::{AcquireError, ReleaseError, TryAcquireError};

/// A number of permits that tasks take and give back.
///
/// # For implementors
///
/// Who waits for several permits keeps its place: those behind it get nothing before it, though what
/// there is would do for them.
///
/// ```
/// use std::sync::Arc;
/// use anyio_core::{AcquireError, ReleaseError, Semaphore, TryAcquireError};
///
/// /// The simple case: one that has been closed for good.
/// #[derive(Debug)]
/// struct Closed;
///
/// impl Semaphore for Closed {
///     type Permit<'a> = ();
///     type OwnedPermit = ();
///     fn with_max(_: usize, _: usize) -> Self { Self }
///     async fn acquire_many(&self, _: usize) -> Result<(), AcquireError> {
///         Err(AcquireError::closed())
///     }
///     fn try_acquire_many(&self, _: usize) -> Result<(), TryAcquireError> {
///         Err(AcquireError::closed().into())
///     }
///     async fn acquire_many_owned(self: Arc<Self>, _: usize) -> Result<(), AcquireError> {
///         Err(AcquireError::closed())
///     }
///     fn try_acquire_many_owned(self: Arc<Self>, _: usize) -> Result<(), TryAcquireError> {
///         Err(AcquireError::closed().into())
///     }
///     fn release(&self, _: usize) -> Result<(), ReleaseError> { Ok(()) }
///     fn close(&self) {}
///     fn is_closed(&self) -> bool { true }
///     fn available(&self) -> usize { 0 }
/// }
/// # let semaphore = Closed::new(1);
/// # assert!(futures_lite::future::block_on(semaphore.acquire()).unwrap_err().is_closed());
/// # assert!(semaphore.try_acquire().unwrap_err().is_closed());
/// ```
pub trait Semaphore: Send + Sync + 'static {
    /// Permits; dropping it gives them back.
    type Permit<'a>: Send + 'a
    where
        Self: 'a;
    /// Permits, with a share in the semaphore; dropping it gives them back.
    type OwnedPermit: Send + 'static;

    /// A semaphore with `permits` to give, which may become more.
    #[must_use]
    fn new(permits: usize) -> Self
    where
        Self: Sized,
    {
        Self::with_max(permits, usize::MAX >> 3)
    }

    /// A semaphore with `permits` to give, and never more than `max` in all.
    #[must_use]
    fn with_max(permits: usize, max: usize) -> Self
    where
        Self: Sized;

    /// Waits for a permit and takes it.
    ///
    /// What it gives is a result, and only within it the permit: `let _permit =
    /// semaphore.acquire().await;` compiles, and holds nothing if the semaphore is closed. Write `?`
    /// behind it, or `.unwrap()` where nobody closes it.
    ///
    /// # Cancel safety
    ///
    /// Atomic: cancelled, it has taken nothing, and only its place in the queue is lost.
    ///
    /// # Errors
    ///
    /// [`AcquireError`] if the semaphore is closed.
    fn acquire(&self) -> impl Future<Output = Result<Self::Permit<'_>, AcquireError>> + Send {
        self.acquire_many(1)
    }

    /// Waits for `permits` and takes them all at once.
    ///
    /// # Cancel safety
    ///
    /// Atomic: cancelled, it has taken nothing, and only its place in the queue is lost.
    ///
    /// # Errors
    ///
    /// [`AcquireError`] if the semaphore is closed, or can never have that many.
    fn acquire_many(
        &self,
        permits: usize,
    ) -> impl Future<Output = Result<Self::Permit<'_>, AcquireError>> + Send;

    /// Takes a permit if one is free and nobody waits.
    ///
    /// # Errors
    ///
    /// [`TryAcquireError`] otherwise.
    fn try_acquire(&self) -> Result<Self::Permit<'_>, TryAcquireError> {
        self.try_acquire_many(1)
    }

    /// Takes `permits` if they are free and nobody waits.
    ///
    /// # Errors
    ///
    /// [`TryAcquireError`] otherwise.
    fn try_acquire_many(&self, permits: usize) -> Result<Self::Permit<'_>, TryAcquireError>;

    /// As [`acquire`](Self::acquire), for a permit that may go anywhere.
    ///
    /// # Cancel safety
    ///
    /// Atomic: cancelled, it has taken nothing, and only its place in the queue is lost.
    ///
    /// # Errors
    ///
    /// [`AcquireError`] if the semaphore is closed.
    fn acquire_owned(
        self: Arc<Self>,
    ) -> impl Future<Output = Result<Self::OwnedPermit, AcquireError>> + Send {
        self.acquire_many_owned(1)
    }

    /// As [`acquire_many`](Self::acquire_many), for permits that may go anywhere.
    ///
    /// # Cancel safety
    ///
    /// Atomic: cancelled, it has taken nothing, and only its place in the queue is lost.
    ///
    /// # Errors
    ///
    /// [`AcquireError`] if the semaphore is closed, or can never have that many.
    fn acquire_many_owned(
        self: Arc<Self>,
        permits: usize,
    ) -> impl Future<Output = Result<Self::OwnedPermit, AcquireError>> + Send;

    /// As [`try_acquire`](Self::try_acquire), for a permit that may go anywhere.
    ///
    /// # Errors
    ///
    /// [`TryAcquireError`] if none is free, somebody waits, or the semaphore is closed.
    fn try_acquire_owned(self: Arc<Self>) -> Result<Self::OwnedPermit, TryAcquireError> {
        self.try_acquire_many_owned(1)
    }

    /// As [`try_acquire_many`](Self::try_acquire_many), for permits that may go anywhere.
    ///
    /// # Errors
    ///
    /// [`TryAcquireError`] if they are not free, somebody waits, or the semaphore is closed.
    fn try_acquire_many_owned(
        self: Arc<Self>,
        permits: usize,
    ) -> Result<Self::OwnedPermit, TryAcquireError>;

    /// Adds `permits`, which go to those who wait first.
    ///
    /// # Errors
    ///
    /// [`ReleaseError`] if there were more than the maximum then, those that are taken included;
    /// nothing is added.
    fn release(&self, permits: usize) -> Result<(), ReleaseError>;

    /// Gives no permit any more, to those who wait neither. Permits that are taken stay so.
    fn close(&self);

    /// Whether it is closed.
    fn is_closed(&self) -> bool;

    /// How many permits are free.
    #[doc(alias = "value")]
    fn available(&self) -> usize;
}
