//! Waiting for what others bring about.

use std::{
    fmt,
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll, ready},
};

use super::{LockGuard, Place};
use crate::{
    op,
    queue::{WaitQueue, Wakers},
    scope::shield,
    sys::{AtomicBool, Mutex, Ordering},
};

/// Waiting, with a lock, for a condition that others bring about.
///
/// Works with any lock, and with several at a time. Whoever changes what is waited for holds the lock
/// for that, and notifies while holding it or afterwards. It knows no runtime; it may be made
/// anywhere, in a `static` too.
///
/// Prefer an [`Event`](super::Event) for what happens once, a
/// [`Semaphore`](super::Semaphore) to count, and a memory stream to hand things over.
///
/// # Examples
///
/// ```
/// use anyio_engine::{Condition, Lock};
///
/// # futures_lite::future::block_on(async {
/// let (jobs, more) = (Lock::new(Vec::new()), Condition::new());
/// let take = async {
///     let mut jobs = more.wait_for(jobs.lock().await, |jobs| !jobs.is_empty()).await;
///     jobs.pop().unwrap()
/// };
/// let bring = async {
///     jobs.lock().await.push("sweep");
///     more.notify(1);
/// };
/// let (job, ()) = futures_util::join!(take, bring);
/// assert_eq!(job, "sweep");
/// # });
/// ```
#[doc(alias = "Condvar")]
pub struct Condition {
    /// There may be somebody in the queue.
    awaited: AtomicBool,
    queue: Mutex<WaitQueue<Notified>>,
}

// # Invariants
//
// 1. `awaited` is raised by who enters the queue and lowered by who empties it, both under the mutex. So it
//    is up while somebody waits.
// 2. Who notifies without having seen it up has missed nobody: a waiter enters the queue before it lets
//    its own lock go, and so before who changes something under that lock; and whoever passes a
//    notification on was granted it under the mutex, after all had entered to whom it could have gone.
//    Both are a way from raising it to the load.

/// How a waiter was notified, once it was.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Notified {
    /// As one of so many.
    One,
    /// With everybody, so that there is nothing to pass on.
    All,
}

/// What a condition looks like at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConditionStatistics {
    /// How many wait to be notified. Those who were and wait for the lock are not among them.
    pub waiting: usize,
}

impl Condition {
    /// A condition nobody waits for.
    #[must_use]
    pub const fn new() -> Self {
        Self { awaited: AtomicBool::new(false), queue: Mutex::new(WaitQueue::new()) }
    }

    /// Lets the lock go, waits for a notification, and takes the lock again. Look at the condition
    /// again after it: somebody else may have had the lock in between.
    ///
    /// # Cancel safety
    ///
    /// Cancelled while it waits, it has not been notified, and the lock is not held. Cancelled after
    /// it was notified, it passes the notification on to the next who waits, and still comes back
    /// with the lock, which it takes under a shield. Dropped by hand in between, it passes it on, too.
    ///
    /// # Fairness
    ///
    /// Notifications go to those who have waited longest. A waiter that was notified queues for the
    /// lock like everybody else.
    pub fn wait<'a, T: Send>(
        &self,
        guard: LockGuard<'a, T>,
    ) -> impl Future<Output = LockGuard<'a, T>> + Send {
        let lock = LockGuard::lock(&guard);
        // One future, and not one in another: it is a part of the task's allocation.
        self.wait_under(guard, || lock.try_lock().ok(), || lock.lock(), false)
    }

    /// Waits until `ready` says that the value is, and gives the guard under which it said so.
    ///
    /// # Cancel safety
    ///
    /// As [`wait`](Self::wait).
    ///
    /// # Fairness
    ///
    /// As [`wait`](Self::wait). A notification that finds its waiter's condition not fulfilled is used
    /// up: use [`notify_all`](Self::notify_all) where waiters wait for different things.
    pub async fn wait_for<'a, T: Send>(
        &self,
        mut guard: LockGuard<'a, T>,
        mut ready: impl FnMut(&mut T) -> bool,
    ) -> LockGuard<'a, T> {
        poll_fn(op::admit).await;
        let lock = LockGuard::lock(&guard);
        while !ready(&mut guard) {
            guard = self.wait_under(guard, || lock.try_lock().ok(), || lock.lock(), true).await;
        }
        guard
    }

    /// Wakes the `waiters` that have waited longest, or as many as there are.
    #[inline]
    #[doc(alias = "notify_one")]
    pub fn notify(&self, waiters: usize) {
        if self.awaited.load(Ordering::Acquire) {
            self.wake(waiters, Notified::One);
        }
    }

    /// Wakes all who wait.
    #[inline]
    pub fn notify_all(&self) {
        if self.awaited.load(Ordering::Acquire) {
            self.wake(usize::MAX, Notified::All);
        }
    }

    /// How many wait to be notified.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.queue.lock().waiting()
    }

    /// Everything that can be said of it, at one moment.
    #[must_use]
    pub fn statistics(&self) -> ConditionStatistics {
        ConditionStatistics { waiting: self.waiting() }
    }

    fn wake(&self, waiters: usize, how: Notified) {
        let mut woken = Wakers::new();
        {
            let mut queue = self.queue.lock();
            woken.expect(waiters.min(queue.waiting()));
            for _ in 0..waiters {
                match queue.grant(|notified| *notified = how) {
                    Some((waker, ())) => woken.push(waker),
                    None => break,
                }
            }
            if queue.is_empty() {
                self.awaited.store(false, Ordering::Release);
            }
        }
        woken.wake();
    }

    async fn wait_under<G, F: Future<Output = G>>(
        &self,
        guard: G,
        try_lock: impl FnOnce() -> Option<G>,
        lock: impl FnOnce() -> F,
        admitted: bool,
    ) -> G {
        let waits = Waiting { condition: self, guard: Some(guard), place: Place::Start, admitted };
        let notified = waits.await;
        // Mostly nobody has it, and it does not take a shield to take it.
        let guard = if let Some(guard) = try_lock() { guard } else { shield(lock()).await };
        if op::is_cancelled() {
            // It may not get far with what it was told; the next one hears of it, too.
            drop(notified);
        } else {
            notified.keep();
        }
        guard
    }
}

impl Default for Condition {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Condition").field("waiting", &self.waiting()).finish()
    }
}

impl anyio_core::Condition for Condition {
    fn new() -> Self {
        Self::new()
    }

    async fn wait<'a, T, L>(&self, lock: &'a L, guard: L::Guard<'a>) -> L::Guard<'a>
    where
        T: Send + 'static,
        L: anyio_core::Lock<T>,
    {
        self.wait_under(guard, || lock.try_lock().ok(), || lock.lock(), false).await
    }

    async fn wait_for<'a, T, L, F>(
        &self,
        lock: &'a L,
        mut guard: L::Guard<'a>,
        mut ready: F,
    ) -> L::Guard<'a>
    where
        T: Send + 'static,
        L: anyio_core::Lock<T>,
        F: FnMut(&mut T) -> bool + Send,
    {
        poll_fn(op::admit).await;
        while !ready(&mut guard) {
            guard = self.wait_under(guard, || lock.try_lock().ok(), || lock.lock(), true).await;
        }
        guard
    }

    fn notify(&self, waiters: usize) {
        self.notify(waiters);
    }

    fn notify_all(&self) {
        self.notify_all();
    }
}

/// Waits to be notified. The guard is let go when it is in the queue, and not before: who changes
/// something under the lock finds it there.
struct Waiting<'a, G> {
    condition: &'a Condition,
    guard: Option<G>,
    place: Place,
    /// The operation has begun, as each does with a checkpoint.
    admitted: bool,
}

/// Nothing is pinned.
impl<G> Unpin for Waiting<'_, G> {}

impl<'a, G> Future for Waiting<'a, G> {
    type Output = Notification<'a>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Notification<'a>> {
        let this = self.get_mut();
        match this.place {
            Place::Start => {
                if !this.admitted {
                    ready!(op::admit(cx));
                    this.admitted = true;
                }
                let waker = cx.waker().clone();
                let key = {
                    let mut queue = this.condition.queue.lock();
                    this.condition.awaited.store(true, Ordering::Release);
                    queue.push(waker, Notified::One)
                };
                this.place = Place::Queued(key);
                this.guard = None;
                Poll::Pending
            }
            Place::Queued(key) => {
                let queue = &this.condition.queue;
                let how = ready!(this.place.poll_queued(cx, key, queue, |it| it, |_, how| how));
                Poll::Ready(Notification { condition: this.condition, how })
            }
            Place::Done => panic!("a future was polled after it had ended"),
        }
    }
}

impl<G> Drop for Waiting<'_, G> {
    fn drop(&mut self) {
        if let Place::Queued(key) = self.place {
            let removed = self.condition.queue.lock().remove(key);
            if !removed.waiting {
                drop(Notification { condition: self.condition, how: removed.value });
            }
        }
    }
}

/// A notification on its way. Dropped, it goes to the next who waits.
struct Notification<'a> {
    condition: &'a Condition,
    how: Notified,
}

impl Notification<'_> {
    const fn keep(self) {
        std::mem::forget(self);
    }
}

impl Drop for Notification<'_> {
    fn drop(&mut self) {
        if self.how == Notified::One {
            self.condition.notify(1);
        }
    }
}
