//! Many readers or one writer: a semaphore, of which each who reads has one permit and who writes has
//! all.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use anyio_core::WouldBlock;

use super::{
    permits::{Acquiring, Held},
    rw_cell::{
        Borrowed, Cell, OwnedRwLockReadGuard, OwnedRwLockWriteGuard, READ, RwLockReadGuard,
        RwLockWriteGuard, Shared, WRITE,
    },
    semaphore::Share,
};
use crate::sys::Arc;

/// Access to a value for many who read or one who writes, across `await`s.
///
/// It knows no runtime; it may be made anywhere, in a `static` too. There is no poisoning.
///
/// It is written here, on the same queue as everything else one waits for, since those that exist do
/// not tell who waits.
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
pub struct RwLock<T> {
    pub(super) cell: Cell<T>,
}

/// What a reader-writer lock looks like at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RwLockStatistics {
    /// How many read.
    pub readers: usize,
    /// Whether somebody writes.
    pub writing: bool,
    /// How many wait, to read or to write.
    pub waiting: usize,
}

impl<T> RwLock<T> {
    /// An unlocked lock around `value`.
    #[must_use]
    pub const fn new(value: T) -> Self {
        Self { cell: Cell::new(value) }
    }

    /// Waits until nobody writes, or waits to write before this, and reads.
    ///
    /// # Cancel safety
    ///
    /// Atomic: cancelled, it has not taken the lock; only its place in the queue is lost.
    pub async fn read(&self) -> RwLockReadGuard<'_, T> {
        RwLockReadGuard::new(hold(Borrowed(&self.cell), READ).await)
    }

    /// Reads, if nobody writes or waits to write.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`] otherwise.
    pub fn try_read(&self) -> Result<RwLockReadGuard<'_, T>, WouldBlock> {
        try_hold(Borrowed(&self.cell), READ).map(RwLockReadGuard::new)
    }

    /// Waits until nobody reads or writes, and writes.
    ///
    /// # Cancel safety
    ///
    /// Atomic: cancelled, it has not taken the lock; only its place in the queue is lost.
    pub async fn write(&self) -> RwLockWriteGuard<'_, T> {
        RwLockWriteGuard::new(hold(Borrowed(&self.cell), WRITE).await)
    }

    /// Writes, if nobody reads or writes or waits for either.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`] otherwise.
    pub fn try_write(&self) -> Result<RwLockWriteGuard<'_, T>, WouldBlock> {
        try_hold(Borrowed(&self.cell), WRITE).map(RwLockWriteGuard::new)
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
        OwnedRwLockReadGuard::new(hold(Shared(self), READ).await)
    }

    /// As [`try_read`](Self::try_read), for a guard that may go anywhere.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`] if somebody writes or waits to write.
    #[doc(alias = "try_read_arc")]
    pub fn try_read_owned(self: Arc<Self>) -> Result<OwnedRwLockReadGuard<T>, WouldBlock> {
        try_hold(Shared(self), READ).map(OwnedRwLockReadGuard::new)
    }

    /// As [`write`](Self::write), for a guard that may go anywhere.
    ///
    /// # Cancel safety
    ///
    /// Atomic: cancelled, it has not taken the lock; only its place in the queue is lost.
    #[doc(alias = "write_arc")]
    pub async fn write_owned(self: Arc<Self>) -> OwnedRwLockWriteGuard<T> {
        OwnedRwLockWriteGuard::new(hold(Shared(self), WRITE).await)
    }

    /// As [`try_write`](Self::try_write), for a guard that may go anywhere.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`] if somebody reads or writes or waits for either.
    #[doc(alias = "try_write_arc")]
    pub fn try_write_owned(self: Arc<Self>) -> Result<OwnedRwLockWriteGuard<T>, WouldBlock> {
        try_hold(Shared(self), WRITE).map(OwnedRwLockWriteGuard::new)
    }

    /// The value, which nobody else can reach.
    pub const fn get_mut(&mut self) -> &mut T {
        self.cell.get_mut()
    }

    /// The value.
    pub fn into_inner(self) -> T {
        self.cell.into_inner()
    }

    /// Everything that can be said of it, at one moment. Who was given the lock and has not noticed yet
    /// reads, or writes.
    #[must_use]
    pub fn statistics(&self) -> RwLockStatistics {
        let permits = self.cell.semaphore.statistics();
        let taken = permits.permits - permits.available;
        let writing = taken == WRITE;
        RwLockStatistics {
            readers: if writing { 0 } else { taken },
            writing,
            waiting: permits.waiting,
        }
    }
}

impl<T: Default> Default for RwLock<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T: fmt::Debug> fmt::Debug for RwLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("RwLock");
        match self.try_read() {
            Ok(guard) => out.field("value", &*guard),
            Err(_) => out.field("value", &format_args!("<locked>")),
        };
        out.finish()
    }
}

const fn hold<S: Share>(share: S, permits: usize) -> Hold<S> {
    Hold(Acquiring::new(share, permits))
}

/// Given by [`hold`].
struct Hold<S: Share>(Acquiring<S>);

// Nothing in it is pinned.
impl<S: Share> Unpin for Hold<S> {}

impl<S: Share> Future for Hold<S> {
    type Output = Held<S>;

    #[inline(always)]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Held<S>> {
        match ready!(self.0.poll(cx)) {
            Ok(held) => Poll::Ready(held),
            Err(error) => unreachable!("the semaphore of a lock is never closed: {error}"),
        }
    }
}

fn try_hold<S: Share>(share: S, permits: usize) -> Result<Held<S>, WouldBlock> {
    match share.try_take(permits) {
        Ok(()) => Ok(Held::of(share, permits)),
        Err(_) => Err(WouldBlock::new()),
    }
}
