//! A place where tasks wait for each other.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use super::Place;
use crate::{
    op,
    queue::{WaitQueue, Wakers},
    sys::Mutex,
};

/// A place where a number of tasks wait for each other, as often as they like.
///
/// It is written here and not taken from elsewhere, since those that exist count a task that was
/// cancelled while it waited as one that has arrived. Here it has not been there.
///
/// # Examples
///
/// ```
/// use anyio_engine::Barrier;
///
/// # futures_lite::future::block_on(async {
/// let barrier = Barrier::new(2);
/// let (mine, yours) = futures_util::join!(barrier.wait(), barrier.wait());
/// assert!(mine.is_leader() != yours.is_leader()); // exactly one of them
/// # });
/// ```
pub struct Barrier {
    tasks: usize,
    /// Those who have arrived and wait for the others. Who is granted has met them.
    queue: Mutex<WaitQueue<()>>,
}

/// What a barrier looks like at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BarrierStatistics {
    /// How many tasks meet here.
    pub tasks: usize,
    /// How many of them have arrived and wait.
    pub waiting: usize,
}

impl Barrier {
    /// A barrier for `tasks`. With 0 or 1 nobody waits.
    #[must_use]
    pub const fn new(tasks: usize) -> Self {
        Self { tasks, queue: Mutex::new(WaitQueue::new()) }
    }

    /// Waits until so many have arrived as the barrier is for. Then all of them go on, and the next
    /// round begins.
    ///
    /// # Cancel safety
    ///
    /// Atomic: cancelled, it has not arrived, and the others wait for another one.
    pub const fn wait(&self) -> BarrierWait<'_> {
        BarrierWait { barrier: self, place: Place::Start }
    }

    /// Everything that can be said of it, at one moment.
    #[must_use]
    pub fn statistics(&self) -> BarrierStatistics {
        BarrierStatistics { tasks: self.tasks, waiting: self.queue.lock().waiting() }
    }
}

impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let BarrierStatistics { tasks, waiting } = self.statistics();
        f.debug_struct("Barrier").field("tasks", &tasks).field("waiting", &waiting).finish()
    }
}

/// Given by [`Barrier::wait`].
#[must_use = "futures do nothing unless you `.await` them"]
#[derive(Debug)]
pub struct BarrierWait<'a> {
    barrier: &'a Barrier,
    place: Place,
}

impl Future for BarrierWait<'_> {
    type Output = BarrierWaitResult;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<BarrierWaitResult> {
        let this = self.get_mut();
        let queue = &this.barrier.queue;
        match this.place {
            Place::Start => {
                ready!(op::admit(cx));
                let waker = cx.waker().clone();
                let mut woken = Wakers::new();
                {
                    let mut waiting = queue.lock();
                    if waiting.waiting() + 1 < this.barrier.tasks {
                        this.place = Place::Queued(waiting.push(waker, ()));
                        return Poll::Pending;
                    }
                    while let Some((waker, ())) = waiting.grant(|()| ()) {
                        woken.push(waker);
                    }
                }
                this.place = Place::Done;
                woken.wake();
                Poll::Ready(BarrierWaitResult { is_leader: true })
            }
            Place::Queued(key) => {
                ready!(this.place.poll_queued(cx, key, queue, |queue| queue, |_, ()| ()));
                Poll::Ready(BarrierWaitResult { is_leader: false })
            }
            Place::Done => panic!("a future was polled after it had ended"),
        }
    }
}

impl Drop for BarrierWait<'_> {
    fn drop(&mut self) {
        if let Place::Queued(key) = self.place {
            let removed = self.barrier.queue.lock().remove(key);
            drop(removed);
        }
    }
}

/// Says who of those that met goes first. Given by [`Barrier::wait`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BarrierWaitResult {
    is_leader: bool,
}

impl BarrierWaitResult {
    /// Whether this is the one, of all that met, that arrived last.
    #[must_use]
    pub const fn is_leader(&self) -> bool {
        self.is_leader
    }
}
