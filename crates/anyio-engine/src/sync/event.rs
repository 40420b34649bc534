//! A flag that is raised once.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use super::Place;
use crate::{
    op,
    queue::{WaitQueue, Wakers},
    sys::{AtomicU8, Mutex, Ordering},
};

const DOWN: u8 = 0;
/// Down, and somebody has waited for it.
const AWAITED: u8 = 1;
const UP: u8 = 2;

/// A flag that is raised once and stays up, and that any number of tasks can wait for.
///
/// Knows no runtime; may be made anywhere, in a `static` too.
///
/// # Examples
///
/// ```
/// # futures_lite::future::block_on(async {
/// let ready = anyio_engine::Event::new();
/// ready.set();
/// ready.wait().await; // at once
/// # });
/// ```
pub struct Event {
    state: AtomicU8,
    waiters: Mutex<WaitQueue<()>>,
}

// # Invariants
//
// 1. `state` goes from `DOWN` to `UP`, by way of `AWAITED` or not, and never back. It becomes `AWAITED`
//    under the mutex only.
// 2. Who enters the queue has found the state `AWAITED`, or made it so, under the same lock. So who
//    raises the flag from `DOWN` has nobody to wake, and whoever comes later finds it up.
// 3. Who raises it from `AWAITED` takes the mutex afterwards. Whoever had found the state `AWAITED`
//    has had the mutex by then, and is in the queue; so all of them are granted.
//
// Raising is `Release` and seeing it is `Acquire`: what was done before the one is seen after the
// other.

/// What an event looks like at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EventStatistics {
    /// Whether the flag is up.
    pub set: bool,
    /// How many tasks wait.
    pub waiting: usize,
}

impl Event {
    /// An event that has not happened.
    #[must_use]
    pub const fn new() -> Self {
        Self { state: AtomicU8::new(DOWN), waiters: Mutex::new(WaitQueue::new()) }
    }

    /// Raises the flag and wakes everybody who waits. Raising it again does nothing.
    #[inline]
    pub fn set(&self) {
        if self.state.swap(UP, Ordering::Release) == AWAITED {
            self.wake_everybody();
        }
    }

    #[cold]
    fn wake_everybody(&self) {
        let mut woken = Wakers::new();
        {
            let mut waiters = self.waiters.lock();
            woken.expect(waiters.waiting());
            while let Some((waker, ())) = waiters.grant(|()| ()) {
                woken.push(waker);
            }
        }
        woken.wake();
    }

    /// Whether the flag is up.
    #[inline]
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.state.load(Ordering::Acquire) == UP
    }

    /// Waits until the flag is up.
    ///
    /// # Cancel safety
    ///
    /// Atomic: nothing happens but the waiting.
    #[inline]
    pub fn wait(&self) -> impl Future<Output = ()> + Send + Sync + Unpin + '_ {
        Wait { event: self, place: Place::Start }
    }

    /// How many tasks wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiters.lock().waiting()
    }

    /// Everything that can be said of it, at one moment.
    #[must_use]
    pub fn statistics(&self) -> EventStatistics {
        let waiters = self.waiters.lock();
        EventStatistics { set: self.is_set(), waiting: waiters.waiting() }
    }
}

impl Default for Event {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("set", &self.is_set())
            .field("waiting", &self.waiting())
            .finish()
    }
}

impl anyio_core::Event for Event {
    fn new() -> Self {
        Self::new()
    }

    fn set(&self) {
        self.set();
    }

    fn is_set(&self) -> bool {
        self.is_set()
    }

    fn wait(&self) -> impl Future<Output = ()> + Send {
        self.wait()
    }
}

/// Given by [`Event::wait`].
#[must_use = "futures do nothing unless you `.await` them"]
struct Wait<'a> {
    event: &'a Event,
    place: Place,
}

impl Future for Wait<'_> {
    type Output = ();

    #[inline(always)]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        match this.place {
            Place::Start => {
                ready!(op::admit(cx));
                if this.event.is_set() {
                    this.place = Place::Done;
                    return Poll::Ready(());
                }
                this.queue_up(cx)
            }
            Place::Queued(key) => this.poll_queued(key, cx),
            Place::Done => Poll::Ready(()),
        }
    }
}

// Each in a function of its own, so that the way of who does not wait is short.
impl Wait<'_> {
    #[inline(never)]
    fn queue_up(&mut self, cx: &Context<'_>) -> Poll<()> {
        let waker = cx.waker().clone();
        let mut waiters = self.event.waiters.lock();
        let state = &self.event.state;
        let awaited = state.compare_exchange(DOWN, AWAITED, Ordering::Relaxed, Ordering::Acquire);
        if awaited == Err(UP) {
            self.place = Place::Done;
            return Poll::Ready(());
        }
        self.place = Place::Queued(waiters.push(waker, ()));
        Poll::Pending
    }

    #[inline(never)]
    fn poll_queued(&mut self, key: usize, cx: &Context<'_>) -> Poll<()> {
        self.place.poll_queued(cx, key, &self.event.waiters, |queue| queue, |_, ()| ())
    }

    #[cold]
    fn leave(&self, key: usize) {
        let removed = self.event.waiters.lock().remove(key);
        drop(removed);
    }
}

impl Drop for Wait<'_> {
    #[inline]
    fn drop(&mut self) {
        if let Place::Queued(key) = self.place {
            self.leave(key);
        }
    }
}
