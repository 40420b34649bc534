//! A number of permits.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, Waker, ready},
};

use anyio_core::WouldBlock;

use super::Place;
use crate::{
    op,
    queue::WaitQueue,
    sys::{AtomicUsize, Mutex, Ordering},
};

/// Somebody waits; then there is no permit.
const WAITERS: usize = 1;
const ONE: usize = 2;

/// A number of permits that tasks take and give back.
///
/// First come, first served: a permit that comes back while somebody waits goes to the first of
/// them. It knows no runtime; it may be made anywhere, in a `static` too.
///
/// Prefer a task group's limit, where there is one, to bound running tasks.
///
/// # Examples
///
/// ```
/// # futures_lite::future::block_on(async {
/// let semaphore = anyio_engine::Semaphore::new(2);
/// let _one = semaphore.acquire().await;
/// let _two = semaphore.acquire().await;
/// assert!(semaphore.try_acquire().is_err());
/// # });
/// ```
///
/// # Invariants
///
/// The state is `permits * 2`, plus 1 exactly if the queue has a waiter (once nobody holds the
/// queue's mutex), and then `permits` is 0. That bit is changed under the mutex only. While it is
/// up, nothing but the queue gives permits out.
pub struct Semaphore {
    state: AtomicUsize,
    queue: Mutex<WaitQueue<()>>,
}

impl Semaphore {
    /// The largest number of permits.
    pub const MAX_PERMITS: usize = usize::MAX >> 2;

    /// A semaphore with `permits` to give.
    ///
    /// # Panics
    ///
    /// If `permits` exceeds [`MAX_PERMITS`](Self::MAX_PERMITS).
    #[must_use]
    #[track_caller]
    pub const fn new(permits: usize) -> Self {
        assert!(permits <= Self::MAX_PERMITS, "a semaphore cannot have that many permits");
        Self { state: AtomicUsize::new(permits * ONE), queue: Mutex::new(WaitQueue::new()) }
    }

    /// Waits for a permit and takes it.
    ///
    /// # Cancel safety
    ///
    /// Atomic: cancelled, it has taken nothing; only its place in the queue is lost.
    pub fn acquire(&self) -> Acquire<'_> {
        Acquire { semaphore: self, place: Place::Start }
    }

    /// Takes a permit if one is free and nobody waits.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`] otherwise.
    #[doc(alias = "acquire_nowait")]
    pub fn try_acquire(&self) -> Result<Permit<'_>, WouldBlock> {
        if self.take() { Ok(Permit { semaphore: self }) } else { Err(WouldBlock::new()) }
    }

    /// Adds `permits`, which go to those who wait first.
    ///
    /// # Panics
    ///
    /// If there were more than [`MAX_PERMITS`](Self::MAX_PERMITS) then.
    #[track_caller]
    pub fn release(&self, permits: usize) {
        if permits == 0 {
            return;
        }
        assert!(permits <= Self::MAX_PERMITS, "a semaphore cannot have that many permits");
        let mut state = self.state.load(Ordering::Relaxed);
        loop {
            if state & WAITERS != 0 {
                return self.hand_over(permits);
            }
            assert!(
                permits <= Self::MAX_PERMITS - state / ONE,
                "a semaphore cannot have that many permits"
            );
            // `Release`: what the holder did happens before what the next one does.
            match self.state.compare_exchange_weak(
                state,
                state + permits * ONE,
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => return,
                Err(now) => state = now,
            }
        }
    }

    /// How many permits are free.
    #[must_use]
    #[doc(alias = "value")]
    pub fn available(&self) -> usize {
        self.state.load(Ordering::Relaxed) / ONE
    }

    /// How many tasks wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.queue.lock().waiting()
    }

    fn take(&self) -> bool {
        let taken = self.state.fetch_update(Ordering::Acquire, Ordering::Relaxed, |state| {
            (state & WAITERS == 0).then(|| state.checked_sub(ONE)).flatten()
        });
        taken.is_ok()
    }

    #[cold]
    #[track_caller]
    fn hand_over(&self, mut permits: usize) {
        let mut woken: Vec<Waker> = Vec::new();
        let mut before = 0;
        {
            let mut queue = self.queue.lock();
            while permits > 0
                && let Some((waker, ())) = queue.grant(|()| ())
            {
                woken.push(waker);
                permits -= 1;
            }
            if queue.is_empty() {
                // With the bit goes the ban: what is left is free for all. Where the bit had gone
                // before (the last waiter gave up meanwhile), others may be adding at this moment.
                self.state.fetch_and(!WAITERS, Ordering::Release);
                before = self.state.fetch_add(permits * ONE, Ordering::Release) / ONE;
            }
        }
        woken.into_iter().for_each(Waker::wake);
        assert!(before + permits <= Self::MAX_PERMITS, "a semaphore cannot have that many permits");
    }

    /// Takes a permit, or a place in the queue.
    fn take_or_queue(&self, cx: &Context<'_>) -> Option<usize> {
        let waker = cx.waker().clone();
        let mut queue = self.queue.lock();
        loop {
            if self.take() {
                return None;
            }
            // Here the bit is up, or there was no permit; one may have come back since.
            let marked =
                self.state.compare_exchange(0, WAITERS, Ordering::Relaxed, Ordering::Relaxed);
            if marked.is_ok() || marked.is_err_and(|state| state & WAITERS != 0) {
                return Some(queue.push(waker, ()));
            }
        }
    }

    fn give_up(&self, key: usize) {
        let removed = {
            let mut queue = self.queue.lock();
            let removed = queue.remove(key);
            if removed.waiting && queue.is_empty() {
                self.state.fetch_and(!WAITERS, Ordering::Relaxed);
            }
            removed
        };
        if !removed.waiting {
            // It had been granted: the next one gets it.
            self.release(1);
        }
    }
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Semaphore")
            .field("available", &self.available())
            .field("waiting", &self.waiting())
            .finish()
    }
}

impl anyio_core::Semaphore for Semaphore {
    type Permit<'a> = Permit<'a>;

    fn new(permits: usize) -> Self {
        Self::new(permits)
    }

    fn acquire(&self) -> impl Future<Output = Permit<'_>> + Send {
        self.acquire()
    }

    fn try_acquire(&self) -> Result<Permit<'_>, WouldBlock> {
        self.try_acquire()
    }

    fn release(&self, permits: usize) {
        self.release(permits);
    }
}

/// A permit of a [`Semaphore`]. Dropping it gives it back.
#[must_use = "dropping the permit gives it back at once"]
#[derive(Debug)]
pub struct Permit<'a> {
    semaphore: &'a Semaphore,
}

impl Permit<'_> {
    /// Keeps the permit for good: the semaphore has one less.
    pub const fn forget(self) {
        std::mem::forget(self);
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.semaphore.release(1);
    }
}

/// Given by [`Semaphore::acquire`].
#[must_use = "futures do nothing unless you `.await` them"]
#[derive(Debug)]
pub struct Acquire<'a> {
    semaphore: &'a Semaphore,
    place: Place,
}

impl<'a> Future for Acquire<'a> {
    type Output = Permit<'a>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Permit<'a>> {
        let this = self.get_mut();
        let semaphore = this.semaphore;
        match this.place {
            Place::Start => {
                ready!(op::admit(cx));
                if !semaphore.take()
                    && let Some(key) = semaphore.take_or_queue(cx)
                {
                    this.place = Place::Queued(key);
                    return Poll::Pending;
                }
                this.place = Place::Done;
            }
            Place::Queued(key) => {
                ready!(this.place.poll_queued(
                    cx,
                    key,
                    &semaphore.queue,
                    |queue| queue,
                    |_, ()| ()
                ));
            }
            Place::Done => panic!("a future was polled after it had ended"),
        }
        Poll::Ready(Permit { semaphore })
    }
}

impl Drop for Acquire<'_> {
    fn drop(&mut self) {
        if let Place::Queued(key) = self.place {
            self.semaphore.give_up(key);
        }
    }
}
