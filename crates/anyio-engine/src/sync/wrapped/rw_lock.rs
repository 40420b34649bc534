//! Many readers or one writer.

use std::ops::{Deref, DerefMut};

use anyio_core::WouldBlock;

use crate::op::admitted;

/// Access to a value for many who read or one who writes, across `await`s.
///
/// It knows no runtime; it may be made anywhere, in a `static` too. There is no poisoning.
///
/// Prefer a [`Lock`](crate::Lock), which is smaller and faster, unless many read for long, and
/// `std::sync::RwLock` where no guard is held across an `await`.
///
/// # Fairness
///
/// First come, first served: who wants to read waits behind a writer that waits, so readers cannot
/// starve it. A task that reads and wants to read once more may therefore wait for ever.
///
/// # Examples
///
/// ```
/// # futures_lite::future::block_on(async {
/// let prices = anyio_engine::RwLock::new(vec![1]);
/// {
///     let (mine, yours) = (prices.read().await, prices.read().await);
///     assert_eq!(*mine, *yours);
/// }
/// prices.write().await.push(2);
/// assert_eq!(prices.into_inner(), [1, 2]);
/// # });
/// ```
#[derive(Debug, Default)]
pub struct RwLock<T> {
    inner: tokio::sync::RwLock<T>,
}

impl<T> RwLock<T> {
    /// An unlocked lock around `value`.
    #[must_use]
    pub const fn new(value: T) -> Self {
        Self { inner: tokio::sync::RwLock::const_new(value) }
    }

    /// Waits until nobody writes, or waits to write before this, and reads.
    ///
    /// # Cancel safety
    ///
    /// Atomic: cancelled, it has not taken the lock; only its place in the queue is lost.
    pub async fn read(&self) -> RwLockReadGuard<'_, T> {
        RwLockReadGuard { inner: admitted(self.inner.read()).await }
    }

    /// Reads, if nobody writes or waits to write.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`] otherwise.
    pub fn try_read(&self) -> Result<RwLockReadGuard<'_, T>, WouldBlock> {
        let inner = self.inner.try_read().map_err(|_| WouldBlock::new())?;
        Ok(RwLockReadGuard { inner })
    }

    /// Waits until nobody reads or writes, and writes.
    ///
    /// # Cancel safety
    ///
    /// Atomic: cancelled, it has not taken the lock; only its place in the queue is lost.
    pub async fn write(&self) -> RwLockWriteGuard<'_, T> {
        RwLockWriteGuard { inner: admitted(self.inner.write()).await }
    }

    /// Writes, if nobody reads or writes or waits for either.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`] otherwise.
    pub fn try_write(&self) -> Result<RwLockWriteGuard<'_, T>, WouldBlock> {
        let inner = self.inner.try_write().map_err(|_| WouldBlock::new())?;
        Ok(RwLockWriteGuard { inner })
    }

    /// The value, which nobody else can reach.
    pub fn get_mut(&mut self) -> &mut T {
        self.inner.get_mut()
    }

    /// The value.
    pub fn into_inner(self) -> T {
        self.inner.into_inner()
    }
}

/// Access to the value of an [`RwLock`] for one of many who read. Dropping it unlocks.
#[must_use = "dropping the guard unlocks at once"]
#[derive(Debug)]
pub struct RwLockReadGuard<'a, T> {
    inner: tokio::sync::RwLockReadGuard<'a, T>,
}

impl<T> Deref for RwLockReadGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.inner
    }
}

/// Access to the value of an [`RwLock`] for the one who writes. Dropping it unlocks.
#[must_use = "dropping the guard unlocks at once"]
#[derive(Debug)]
pub struct RwLockWriteGuard<'a, T> {
    inner: tokio::sync::RwLockWriteGuard<'a, T>,
}

impl<T> Deref for RwLockWriteGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.inner
    }
}

impl<T> DerefMut for RwLockWriteGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.inner
    }
}

impl<'a, T> RwLockWriteGuard<'a, T> {
    /// Goes on reading; nobody can have written in between.
    pub fn downgrade(self) -> RwLockReadGuard<'a, T> {
        RwLockReadGuard { inner: self.inner.downgrade() }
    }
}
