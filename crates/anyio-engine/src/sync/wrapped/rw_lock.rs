//! Many readers or one writer.

use std::ops::{Deref, DerefMut};

use anyio_core::WouldBlock;
use tokio::sync as inner;

use super::shared;
use crate::{op::admitted, sys::Arc};

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
#[repr(transparent)] // `shared::inner` stands on it
pub struct RwLock<T> {
    pub(super) inner: inner::RwLock<T>,
}

impl<T> RwLock<T> {
    /// An unlocked lock around `value`.
    #[must_use]
    pub const fn new(value: T) -> Self {
        Self { inner: inner::RwLock::const_new(value) }
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

    /// As [`read`](Self::read), for a guard that may go anywhere.
    ///
    /// # Cancel safety
    ///
    /// Atomic: cancelled, it has not taken the lock; only its place in the queue is lost.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use anyio_engine::RwLock;
    ///
    /// # futures_lite::future::block_on(async {
    /// let prices = Arc::new(RwLock::new(vec![1]));
    /// let guard = Arc::clone(&prices).read_owned().await;
    /// std::thread::spawn(move || assert_eq!(guard.len(), 1)).join().unwrap();
    /// assert!(prices.try_write().is_ok());
    /// # });
    /// ```
    #[doc(alias = "read_arc")]
    pub async fn read_owned(self: Arc<Self>) -> OwnedRwLockReadGuard<T> {
        OwnedRwLockReadGuard { inner: admitted(shared::inner(self).read_owned()).await }
    }

    /// As [`try_read`](Self::try_read), for a guard that may go anywhere.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`] if somebody writes or waits to write.
    #[doc(alias = "try_read_arc")]
    pub fn try_read_owned(self: Arc<Self>) -> Result<OwnedRwLockReadGuard<T>, WouldBlock> {
        let inner = shared::inner(self).try_read_owned().map_err(|_| WouldBlock::new())?;
        Ok(OwnedRwLockReadGuard { inner })
    }

    /// As [`write`](Self::write), for a guard that may go anywhere.
    ///
    /// # Cancel safety
    ///
    /// Atomic: cancelled, it has not taken the lock; only its place in the queue is lost.
    #[doc(alias = "write_arc")]
    pub async fn write_owned(self: Arc<Self>) -> OwnedRwLockWriteGuard<T> {
        OwnedRwLockWriteGuard { inner: admitted(shared::inner(self).write_owned()).await }
    }

    /// As [`try_write`](Self::try_write), for a guard that may go anywhere.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`] if somebody reads or writes or waits for either.
    #[doc(alias = "try_write_arc")]
    pub fn try_write_owned(self: Arc<Self>) -> Result<OwnedRwLockWriteGuard<T>, WouldBlock> {
        let inner = shared::inner(self).try_write_owned().map_err(|_| WouldBlock::new())?;
        Ok(OwnedRwLockWriteGuard { inner })
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
    inner: inner::RwLockReadGuard<'a, T>,
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
    inner: inner::RwLockWriteGuard<'a, T>,
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

/// Access to the value of an [`RwLock`] for one of many who read, with a share in it. Dropping it
/// unlocks.
#[must_use = "dropping the guard unlocks at once"]
#[derive(Debug)]
pub struct OwnedRwLockReadGuard<T> {
    inner: inner::OwnedRwLockReadGuard<T>,
}

impl<T> Deref for OwnedRwLockReadGuard<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.inner
    }
}

/// Access to the value of an [`RwLock`] for the one who writes, with a share in it. Dropping it
/// unlocks.
#[must_use = "dropping the guard unlocks at once"]
#[derive(Debug)]
pub struct OwnedRwLockWriteGuard<T> {
    inner: inner::OwnedRwLockWriteGuard<T>,
}

impl<T> Deref for OwnedRwLockWriteGuard<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.inner
    }
}

impl<T> DerefMut for OwnedRwLockWriteGuard<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.inner
    }
}

impl<T> OwnedRwLockWriteGuard<T> {
    /// Goes on reading; nobody can have written in between.
    pub fn downgrade(self) -> OwnedRwLockReadGuard<T> {
        OwnedRwLockReadGuard { inner: self.inner.downgrade() }
    }
}
