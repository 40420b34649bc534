//! Mutual exclusion.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use anyio_core::WouldBlock;

use super::{
    Place, blocking,
    guarded::{Guarded, LockGuard, OwnedLockGuard},
};
use crate::{
    op,
    queue::WaitQueue,
    sys::{Arc, AtomicU8, Mutex, Ordering},
};

const FREE: u8 = 0;
const LOCKED: u8 = 1;
/// Locked, and somebody waits.
const CONTENDED: u8 = 3;

/// The lock without its value.
///
/// # Invariants
///
/// 1. `state` is `CONTENDED` exactly if the queue has a waiter, once nobody holds the queue's
///    mutex; it is changed to and from `CONTENDED` under that mutex only.
/// 2. `FREE` → `LOCKED` (with `Acquire`) takes the lock; `LOCKED` → `FREE` (with `Release`) lets it
///    go. From `CONTENDED` it is never let go but handed to the first who waits.
pub(super) struct RawLock {
    state: AtomicU8,
    queue: Mutex<WaitQueue<()>>,
}

impl RawLock {
    pub(super) const fn new() -> Self {
        Self { state: AtomicU8::new(FREE), queue: Mutex::new(WaitQueue::new()) }
    }

    #[inline]
    fn try_lock(&self) -> bool {
        let taken = self.state.compare_exchange(FREE, LOCKED, Ordering::Acquire, Ordering::Relaxed);
        taken.is_ok()
    }

    #[inline]
    pub(super) fn unlock(&self) {
        let freed = self.state.compare_exchange(LOCKED, FREE, Ordering::Release, Ordering::Relaxed);
        if freed.is_err() {
            self.hand_over();
        }
    }

    #[cold]
    fn hand_over(&self) {
        let next = {
            let mut queue = self.queue.lock();
            let next = queue.grant(|()| ());
            if queue.is_empty() {
                // The last waiter may have been dropped since, or is the new holder.
                self.state.store(if next.is_some() { LOCKED } else { FREE }, Ordering::Release);
            }
            next
        };
        if let Some((waker, ())) = next {
            waker.wake();
        }
    }

    /// Takes the lock, or a place in the queue.
    fn lock_or_queue(&self, cx: &Context<'_>) -> Option<usize> {
        let waker = cx.waker().clone();
        let mut queue = self.queue.lock();
        loop {
            if self.try_lock() {
                return None;
            }
            // Only the holder's unlock can come between; then the lock is free, and ours to take.
            let marked = self.state.compare_exchange(
                LOCKED,
                CONTENDED,
                Ordering::Relaxed,
                Ordering::Relaxed,
            );
            if !matches!(marked, Err(FREE)) {
                return Some(queue.push(waker, ()));
            }
        }
    }

    /// The lock, as an operation of a task.
    #[inline(always)]
    fn poll_operation(&self, place: &mut Place, cx: &mut Context<'_>) -> Poll<()> {
        if matches!(place, Place::Start) {
            ready!(op::admit(cx));
            if self.try_lock() {
                *place = Place::Done;
                return Poll::Ready(());
            }
        }
        self.poll_admitted(place, cx)
    }

    /// For who is no operation, or has been admitted and did not get the lock at once. Apart, so that
    /// the way of who does is short.
    #[inline(never)]
    fn poll_admitted(&self, place: &mut Place, cx: &Context<'_>) -> Poll<()> {
        match *place {
            Place::Start => {
                if !self.try_lock()
                    && let Some(key) = self.lock_or_queue(cx)
                {
                    *place = Place::Queued(key);
                    return Poll::Pending;
                }
                *place = Place::Done;
                Poll::Ready(())
            }
            Place::Queued(key) => {
                place.poll_queued(cx, key, &self.queue, |queue| queue, |_, ()| ())
            }
            Place::Done => panic!("a future was polled after it had ended"),
        }
    }

    /// Its future is gone.
    #[inline]
    fn leave(&self, place: &Place) {
        if let Place::Queued(key) = *place {
            self.give_up(key);
        }
    }

    #[cold]
    fn give_up(&self, key: usize) {
        let removed = {
            let mut queue = self.queue.lock();
            let removed = queue.remove(key);
            if removed.waiting && queue.is_empty() {
                self.state.store(LOCKED, Ordering::Relaxed);
            }
            removed
        };
        if !removed.waiting {
            // It had been granted: the next one gets it.
            self.unlock();
        }
    }
}

/// Mutual exclusion around a value, across `await`s.
///
/// First come, first served: while somebody waits, the lock goes to the first of them and cannot be
/// taken by another. It knows no runtime; it may be made anywhere, in a `static` too. There is no
/// poisoning: a panic while it is held unlocks.
///
/// Prefer `std::sync::Mutex` where the guard is not held across an `await`.
///
/// # Examples
///
/// ```
/// # futures_lite::future::block_on(async {
/// let lock = anyio_engine::Lock::new(1);
/// *lock.lock().await += 1;
/// assert_eq!(lock.into_inner(), 2);
/// # });
/// ```
#[doc(alias = "Mutex")]
pub struct Lock<T> {
    pub(super) guarded: Guarded<T>,
}

/// What a lock looks like at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LockStatistics {
    /// Whether somebody holds it.
    pub locked: bool,
    /// How many wait for it.
    pub waiting: usize,
}

impl<T> Lock<T> {
    /// An unlocked lock around `value`.
    #[must_use]
    pub const fn new(value: T) -> Self {
        Self { guarded: Guarded::new(value) }
    }

    /// Waits for the lock and takes it. A task that locks a lock it holds waits for ever.
    ///
    /// # Cancel safety
    ///
    /// Atomic: cancelled, it has not taken the lock; only its place in the queue is lost.
    pub fn lock(&self) -> Locking<'_, T> {
        Locking { lock: self, place: Place::Start }
    }

    /// Takes the lock if nobody has it or waits for it.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`] otherwise.
    #[doc(alias = "acquire_nowait")]
    pub fn try_lock(&self) -> Result<LockGuard<'_, T>, WouldBlock> {
        if self.guarded.raw().try_lock() {
            Ok(LockGuard::new(self))
        } else {
            Err(WouldBlock::new())
        }
    }

    /// As [`lock`](Self::lock), for a guard that may go anywhere.
    ///
    /// # Cancel safety
    ///
    /// Atomic: cancelled, it has not taken the lock; only its place in the queue is lost.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use anyio_engine::Lock;
    ///
    /// # futures_lite::future::block_on(async {
    /// let lock = Arc::new(Lock::new(1));
    /// let mut guard = Arc::clone(&lock).lock_owned().await;
    /// std::thread::spawn(move || *guard += 1).join().unwrap();
    /// assert_eq!(*lock.lock().await, 2);
    /// # });
    /// ```
    #[doc(alias = "lock_arc")]
    pub fn lock_owned(self: Arc<Self>) -> LockingOwned<T> {
        LockingOwned { lock: self, place: Place::Start }
    }

    /// As [`try_lock`](Self::try_lock), for a guard that may go anywhere.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`] if somebody has it or waits for it.
    #[doc(alias = "try_lock_arc")]
    pub fn try_lock_owned(self: Arc<Self>) -> Result<OwnedLockGuard<T>, WouldBlock> {
        if self.guarded.raw().try_lock() {
            Ok(OwnedLockGuard::new(self))
        } else {
            Err(WouldBlock::new())
        }
    }

    /// Waits for the lock in a thread of its own, in the same queue as everybody.
    ///
    /// # Blocking
    ///
    /// Blocks the thread, and no cancellation ends that. Never call it where tasks are polled: the one
    /// that holds the lock might need this thread to go on.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::{sync::Arc, thread};
    /// use anyio_engine::Lock;
    ///
    /// # futures_lite::future::block_on(async {
    /// let lock = Arc::new(Lock::new(1));
    /// let guard = lock.lock().await;
    /// let waits = Arc::clone(&lock);
    /// let waits = thread::spawn(move || *waits.blocking_lock() += 1);
    /// drop(guard);
    /// waits.join().unwrap();
    /// assert_eq!(*lock.lock().await, 2);
    /// # });
    /// ```
    #[doc(alias = "lock_blocking")]
    pub fn blocking_lock(&self) -> LockGuard<'_, T> {
        let raw = self.guarded.raw();
        if !raw.try_lock() {
            // No operation of a task: nothing refuses it, and no budget ends it.
            let mut place = Place::Start;
            blocking::wait(|cx| raw.poll_admitted(&mut place, cx));
        }
        LockGuard::new(self)
    }

    /// The value, which nobody else can reach.
    pub const fn get_mut(&mut self) -> &mut T {
        self.guarded.get_mut()
    }

    /// The value.
    pub fn into_inner(self) -> T {
        self.guarded.into_inner()
    }

    /// Whether somebody holds the lock.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        self.guarded.raw().state.load(Ordering::Relaxed) != FREE
    }

    /// How many wait for it.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.guarded.raw().queue.lock().waiting()
    }

    /// Everything that can be said of it, at one moment.
    #[must_use]
    pub fn statistics(&self) -> LockStatistics {
        let queue = self.guarded.raw().queue.lock();
        LockStatistics { locked: self.is_locked(), waiting: queue.waiting() }
    }
}

impl<T: Default> Default for Lock<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T: fmt::Debug> fmt::Debug for Lock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Lock");
        match self.try_lock() {
            Ok(guard) => out.field("value", &*guard),
            Err(_) => out.field("value", &format_args!("<locked>")),
        };
        out.finish()
    }
}

impl<T: Send + 'static> anyio_core::Lock<T> for Lock<T> {
    type Guard<'a> = LockGuard<'a, T>;
    type OwnedGuard = OwnedLockGuard<T>;

    fn new(value: T) -> Self {
        Self::new(value)
    }

    fn lock(&self) -> impl Future<Output = LockGuard<'_, T>> + Send {
        self.lock()
    }

    fn try_lock(&self) -> Result<LockGuard<'_, T>, WouldBlock> {
        self.try_lock()
    }

    fn lock_owned(self: Arc<Self>) -> impl Future<Output = OwnedLockGuard<T>> + Send {
        self.lock_owned()
    }

    fn try_lock_owned(self: Arc<Self>) -> Result<OwnedLockGuard<T>, WouldBlock> {
        self.try_lock_owned()
    }

    fn blocking_lock(&self) -> LockGuard<'_, T> {
        self.blocking_lock()
    }
}

/// Given by [`Lock::lock`].
#[must_use = "futures do nothing unless you `.await` them"]
pub struct Locking<'a, T> {
    lock: &'a Lock<T>,
    place: Place,
}

impl<'a, T> Future for Locking<'a, T> {
    type Output = LockGuard<'a, T>;

    #[inline(always)]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<LockGuard<'a, T>> {
        let lock = self.lock;
        ready!(lock.guarded.raw().poll_operation(&mut self.place, cx));
        Poll::Ready(LockGuard::new(lock))
    }
}

impl<T> Drop for Locking<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.lock.guarded.raw().leave(&self.place);
    }
}

impl<T> fmt::Debug for Locking<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Locking").field("place", &self.place).finish_non_exhaustive()
    }
}

/// Given by [`Lock::lock_owned`].
#[must_use = "futures do nothing unless you `.await` them"]
pub struct LockingOwned<T> {
    lock: Arc<Lock<T>>,
    place: Place,
}

impl<T> Future for LockingOwned<T> {
    type Output = OwnedLockGuard<T>;

    #[inline(always)]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<OwnedLockGuard<T>> {
        let this = self.get_mut();
        ready!(this.lock.guarded.raw().poll_operation(&mut this.place, cx));
        Poll::Ready(OwnedLockGuard::new(Arc::clone(&this.lock)))
    }
}

impl<T> Drop for LockingOwned<T> {
    #[inline]
    fn drop(&mut self) {
        self.lock.guarded.raw().leave(&self.place);
    }
}

impl<T> fmt::Debug for LockingOwned<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LockingOwned").field("place", &self.place).finish_non_exhaustive()
    }
}
