//! A number of permits.

use std::{
    fmt,
    ops::Deref,
    pin::Pin,
    task::{Context, Poll},
};

use anyio_core::{AcquireError, ReleaseError, TryAcquireError};

use super::permits::{Acquiring, Held, Permits};
use crate::sys::Arc;

/// A number of permits that tasks take and give back.
///
/// First come, first served: a permit that comes back while somebody waits goes to the first of
/// them. Who waits for several at once keeps its place, and gets them together. It knows no runtime;
/// it may be made anywhere, in a `static` too.
///
/// Prefer a task group's limit, where there is one, to bound running tasks, and a
/// [`CapacityLimiter`](super::CapacityLimiter) where the number changes.
///
/// # Examples
///
/// ```
/// use anyio_engine::Semaphore;
///
/// # futures_lite::future::block_on(async {
/// let semaphore = Semaphore::new(3);
/// let one = semaphore.acquire().await?;
/// let two = semaphore.acquire_many(2).await?;
/// assert!(semaphore.try_acquire().is_err());
/// drop(two);
/// assert_eq!(semaphore.available(), 2);
///
/// semaphore.close(); // who waits from now on is told so
/// assert!(semaphore.acquire().await.is_err());
/// # drop(one);
/// # Ok::<(), anyio_core::AcquireError>(())
/// # }).unwrap();
/// ```
pub struct Semaphore {
    pub(super) permits: Permits,
}

/// What a semaphore looks like at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SemaphoreStatistics {
    /// How many permits are free.
    pub available: usize,
    /// How many there are, those that are taken included.
    pub permits: usize,
    /// How many there may be.
    pub max: usize,
    /// How many tasks wait.
    pub waiting: usize,
    /// Whether it is closed.
    pub closed: bool,
}

impl Semaphore {
    /// The largest number of permits.
    pub const MAX_PERMITS: usize = Permits::MAX;

    /// A semaphore with `permits` to give, which may become more.
    ///
    /// # Panics
    ///
    /// If `permits` exceeds [`MAX_PERMITS`](Self::MAX_PERMITS).
    #[must_use]
    #[track_caller]
    pub const fn new(permits: usize) -> Self {
        Self::with_max(permits, Self::MAX_PERMITS)
    }

    /// A semaphore with `permits` to give, and never more than `max` in all.
    ///
    /// # Panics
    ///
    /// If `permits` exceeds `max`, or that [`MAX_PERMITS`](Self::MAX_PERMITS).
    #[must_use]
    #[track_caller]
    #[doc(alias = "max_value")]
    pub const fn with_max(permits: usize, max: usize) -> Self {
        assert!(max <= Self::MAX_PERMITS, "a semaphore cannot have that many permits");
        assert!(permits <= max, "a semaphore begins with no more permits than its maximum");
        Self { permits: Permits::new(permits, max) }
    }

    /// Waits for a permit and takes it.
    ///
    /// What it gives is a result, and only within it the permit: `let _permit =
    /// semaphore.acquire().await;` compiles, and holds nothing if the semaphore is closed. Write `?`
    /// behind it, or `.unwrap()` where nobody closes it.
    ///
    /// # Cancel safety
    ///
    /// Atomic: cancelled, it has taken nothing; only its place in the queue is lost.
    ///
    /// # Errors
    ///
    /// [`AcquireError`] if the semaphore is closed.
    pub const fn acquire(&self) -> Acquire<'_> {
        self.acquire_many(1)
    }

    /// Waits for `permits` and takes them all at once.
    ///
    /// # Cancel safety
    ///
    /// Atomic: cancelled, it has taken nothing; only its place in the queue is lost.
    ///
    /// # Errors
    ///
    /// [`AcquireError`] if the semaphore is closed, or if its maximum is less than that.
    ///
    /// # Fairness
    ///
    /// Permits that come back one by one are kept for the first who waits; those behind it wait, too.
    pub const fn acquire_many(&self, permits: usize) -> Acquire<'_> {
        Acquire { acquiring: Acquiring::new(self, permits) }
    }

    /// Takes a permit if one is free and nobody waits.
    ///
    /// # Errors
    ///
    /// [`TryAcquireError`] otherwise.
    #[doc(alias = "acquire_nowait")]
    pub fn try_acquire(&self) -> Result<Permit<'_>, TryAcquireError> {
        self.try_acquire_many(1)
    }

    /// Takes `permits` if they are free and nobody waits.
    ///
    /// # Errors
    ///
    /// [`TryAcquireError`] otherwise.
    pub fn try_acquire_many(&self, permits: usize) -> Result<Permit<'_>, TryAcquireError> {
        self.try_take(permits)?;
        Ok(Permit { held: Held::of(self, permits) })
    }

    /// As [`acquire`](Self::acquire), for a permit that may go anywhere.
    ///
    /// # Cancel safety
    ///
    /// Atomic: cancelled, it has taken nothing; only its place in the queue is lost.
    ///
    /// # Errors
    ///
    /// [`AcquireError`] if the semaphore is closed.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use anyio_engine::Semaphore;
    ///
    /// # futures_lite::future::block_on(async {
    /// let semaphore = Arc::new(Semaphore::new(1));
    /// let permit = Arc::clone(&semaphore).acquire_owned().await?;
    /// std::thread::spawn(move || drop(permit)).join().unwrap();
    /// assert_eq!(semaphore.available(), 1);
    /// # Ok::<(), anyio_core::AcquireError>(())
    /// # }).unwrap();
    /// ```
    pub const fn acquire_owned(self: Arc<Self>) -> AcquireOwned {
        self.acquire_many_owned(1)
    }

    /// As [`acquire_many`](Self::acquire_many), for permits that may go anywhere.
    ///
    /// # Cancel safety
    ///
    /// Atomic: cancelled, it has taken nothing; only its place in the queue is lost.
    ///
    /// # Errors
    ///
    /// [`AcquireError`] if the semaphore is closed, or if its maximum is less than that.
    pub const fn acquire_many_owned(self: Arc<Self>, permits: usize) -> AcquireOwned {
        AcquireOwned { acquiring: Acquiring::new(self, permits) }
    }

    /// As [`try_acquire`](Self::try_acquire), for a permit that may go anywhere.
    ///
    /// # Errors
    ///
    /// [`TryAcquireError`] if none is free, somebody waits, or the semaphore is closed.
    pub fn try_acquire_owned(self: Arc<Self>) -> Result<OwnedPermit, TryAcquireError> {
        self.try_acquire_many_owned(1)
    }

    /// As [`try_acquire_many`](Self::try_acquire_many), for permits that may go anywhere.
    ///
    /// # Errors
    ///
    /// [`TryAcquireError`] if they are not free, somebody waits, or the semaphore is closed.
    pub fn try_acquire_many_owned(
        self: Arc<Self>,
        permits: usize,
    ) -> Result<OwnedPermit, TryAcquireError> {
        self.try_take(permits)?;
        Ok(OwnedPermit { held: Held::of(self, permits) })
    }

    /// Takes permits, which [`Held`] gives back.
    pub(super) fn try_take(&self, permits: usize) -> Result<(), TryAcquireError> {
        self.permits.try_take(permits)
    }

    /// Adds `permits`, which go to those who wait first. A permit that was taken comes back when it is
    /// dropped, and not by this.
    ///
    /// # Errors
    ///
    /// [`ReleaseError`] if there were more than the maximum then, those that are taken included;
    /// nothing is added.
    #[doc(alias = "add_permits")]
    pub fn release(&self, permits: usize) -> Result<(), ReleaseError> {
        self.permits.add(permits)
    }

    /// Gives no permit any more, to those who wait neither: they are told so. Permits that are taken
    /// stay so. Closing it again does nothing.
    pub fn close(&self) {
        self.permits.close();
    }

    /// Whether it is closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.permits.is_closed()
    }

    /// How many permits are free. While somebody waits, they are too few for the first of them, and
    /// kept for it.
    #[must_use]
    #[doc(alias = "value")]
    pub fn available(&self) -> usize {
        self.permits.available()
    }

    /// How many tasks wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.permits.statistics().waiting
    }

    /// Everything that can be said of it, at one moment.
    #[must_use]
    pub fn statistics(&self) -> SemaphoreStatistics {
        self.permits.statistics()
    }
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SemaphoreStatistics { available, waiting, closed, .. } = self.statistics();
        f.debug_struct("Semaphore")
            .field("available", &available)
            .field("waiting", &waiting)
            .field("closed", &closed)
            .finish()
    }
}

impl anyio_core::Semaphore for Semaphore {
    type Permit<'a> = Permit<'a>;
    type OwnedPermit = OwnedPermit;

    fn new(permits: usize) -> Self {
        Self::new(permits)
    }

    fn with_max(permits: usize, max: usize) -> Self {
        Self::with_max(permits, max)
    }

    fn acquire_many(
        &self,
        permits: usize,
    ) -> impl Future<Output = Result<Permit<'_>, AcquireError>> + Send {
        self.acquire_many(permits)
    }

    fn try_acquire_many(&self, permits: usize) -> Result<Permit<'_>, TryAcquireError> {
        self.try_acquire_many(permits)
    }

    fn acquire_many_owned(
        self: Arc<Self>,
        permits: usize,
    ) -> impl Future<Output = Result<OwnedPermit, AcquireError>> + Send {
        self.acquire_many_owned(permits)
    }

    fn try_acquire_many_owned(
        self: Arc<Self>,
        permits: usize,
    ) -> Result<OwnedPermit, TryAcquireError> {
        self.try_acquire_many_owned(permits)
    }

    fn release(&self, permits: usize) -> Result<(), ReleaseError> {
        self.release(permits)
    }

    fn close(&self) {
        self.close();
    }

    fn is_closed(&self) -> bool {
        self.is_closed()
    }

    fn available(&self) -> usize {
        self.available()
    }
}

/// Permits of a [`Semaphore`], mostly one. Dropping it gives them back.
#[must_use = "dropping the permit gives it back at once"]
#[derive(Debug)]
pub struct Permit<'a> {
    held: Held<&'a Semaphore>,
}

/// Permits of a [`Semaphore`], mostly one, with a share in it. Dropping it gives them back.
#[must_use = "dropping the permit gives it back at once"]
#[derive(Debug)]
pub struct OwnedPermit {
    held: Held<Arc<Semaphore>>,
}

impl Permit<'_> {
    /// How many permits these are.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.held.count()
    }

    /// Takes `permits` of these away, to be given back apart; `None` if these are fewer.
    #[must_use]
    pub fn split(&mut self, permits: usize) -> Option<Self> {
        self.held.split(permits).map(|held| Self { held })
    }

    /// Keeps the permits for good: the semaphore has so many less.
    pub fn forget(self) {
        self.held.forget();
    }
}

impl OwnedPermit {
    /// How many permits these are.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.held.count()
    }

    /// Takes `permits` of these away, to be given back apart; `None` if these are fewer.
    #[must_use]
    pub fn split(&mut self, permits: usize) -> Option<Self> {
        self.held.split(permits).map(|held| Self { held })
    }

    /// Keeps the permits for good: the semaphore has so many less.
    pub fn forget(self) {
        self.held.forget();
    }
}

/// Given by [`Semaphore::acquire`] and [`Semaphore::acquire_many`].
#[must_use = "futures do nothing unless you `.await` them"]
#[derive(Debug)]
pub struct Acquire<'a> {
    acquiring: Acquiring<&'a Semaphore>,
}

impl<'a> Future for Acquire<'a> {
    type Output = Result<Permit<'a>, AcquireError>;

    #[inline(always)]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.acquiring.poll(cx).map_ok(|held| Permit { held })
    }
}

/// Given by [`Semaphore::acquire_owned`] and [`Semaphore::acquire_many_owned`].
#[must_use = "futures do nothing unless you `.await` them"]
#[derive(Debug)]
pub struct AcquireOwned {
    acquiring: Acquiring<Arc<Semaphore>>,
}

impl Future for AcquireOwned {
    type Output = Result<OwnedPermit, AcquireError>;

    #[inline(always)]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.acquiring.poll(cx).map_ok(|held| OwnedPermit { held })
    }
}

/// Whoever has a share in a semaphore.
pub(super) trait Share: Deref<Target = Semaphore> + Clone {}

impl<S: Deref<Target = Semaphore> + Clone> Share for S {}
