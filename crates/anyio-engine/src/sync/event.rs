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
    sys::{AtomicBool, Mutex, Ordering},
};

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
    set: AtomicBool,
    waiters: Mutex<WaitQueue<()>>,
}

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
        Self { set: AtomicBool::new(false), waiters: Mutex::new(WaitQueue::new()) }
    }

    /// Raises the flag and wakes everybody who waits. Raising it again does nothing.
    pub fn set(&self) {
        let mut woken = Wakers::new();
        {
            let mut waiters = self.waiters.lock();
            // Under the lock: who looks there and finds it down is in the queue before the next
            // line. `Release` is for those who look without it.
            self.set.store(true, Ordering::Release);
            while let Some((waker, ())) = waiters.grant(|()| ()) {
                woken.push(waker);
            }
        }
        woken.wake();
    }

    /// Whether the flag is up.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.set.load(Ordering::Acquire)
    }

    /// Waits until the flag is up.
    ///
    /// # Cancel safety
    ///
    /// Atomic: nothing happens but the waiting.
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

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        match this.place {
            Place::Start => {
                ready!(op::admit(cx));
                if this.event.is_set() {
                    this.place = Place::Done;
                    return Poll::Ready(());
                }
                let waker = cx.waker().clone();
                let mut waiters = this.event.waiters.lock();
                if this.event.is_set() {
                    this.place = Place::Done;
                    return Poll::Ready(());
                }
                this.place = Place::Queued(waiters.push(waker, ()));
                Poll::Pending
            }
            Place::Queued(key) => {
                this.place.poll_queued(cx, key, &this.event.waiters, |queue| queue, |_, ()| ())
            }
            Place::Done => Poll::Ready(()),
        }
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        if let Place::Queued(key) = self.place {
            let removed = self.event.waiters.lock().remove(key);
            drop(removed);
        }
    }
}
