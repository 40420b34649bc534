//! The permits of a semaphore: who has them, and who waits for them.

use std::{
    fmt,
    task::{Context, Poll, ready},
};

use anyio_core::{AcquireError, ReleaseError, TryAcquireError};

use super::{
    Place,
    semaphore::{SemaphoreStatistics, Share},
};
use crate::{
    op::{self, Withheld},
    queue::{WaitQueue, Wakers},
    sys::{AtomicUsize, Mutex, Ordering},
};

/// Somebody waits.
const WAITERS: usize = 1;
/// Nothing is given any more.
const CLOSED: usize = 2;
const ONE: usize = 4;

/// # Invariants
///
/// 1. `state` is the number of free permits times 4, plus `CLOSED`, plus `WAITERS` exactly if the
///    queue has a waiter (once nobody holds the queue's mutex). The two bits are changed under the
///    mutex only, and `CLOSED` never goes down.
/// 2. While `WAITERS` is up, the free permits are in `spare` instead, and are too few for the first
///    who waits; `state` is not changed but under the mutex. While it is down, `spare` is 0.
/// 3. While `CLOSED` is up, nobody waits.
/// 4. `total` counts the permits that exist: free, taken, or granted to somebody who does not know of
///    it yet. It is at most `max`, so nothing here overflows.
///
/// Taking is `Acquire` and giving back is `Release`, so that what a holder did happens before what the
/// next one does. Permits that go through the queue are ordered by its mutex; those that come into
/// it from `state` are taken with `Acquire`, and those that leave it for `state` with `Release`.
pub(super) struct Permits {
    state: AtomicUsize,
    total: AtomicUsize,
    max: usize,
    queue: Mutex<Queue>,
}

struct Queue {
    waiters: WaitQueue<Asking>,
    spare: usize,
}

#[derive(Clone, Copy)]
struct Asking {
    need: usize,
    /// It was granted nothing, because the semaphore was closed.
    closed: bool,
}

impl Permits {
    pub(super) const MAX: usize = usize::MAX >> 3;

    pub(super) const fn new(permits: usize, max: usize) -> Self {
        Self {
            state: AtomicUsize::new(permits * ONE),
            total: AtomicUsize::new(permits),
            max,
            queue: Mutex::new(Queue { waiters: WaitQueue::new(), spare: 0 }),
        }
    }

    pub(super) fn try_take(&self, need: usize) -> Result<(), TryAcquireError> {
        self.take(need).map_err(|state| self.why_not(state, need))
    }

    /// Takes permits that are there for anybody, or says what `state` is otherwise.
    #[inline]
    fn take(&self, need: usize) -> Result<(), usize> {
        let taken = self.state.fetch_update(Ordering::Acquire, Ordering::Relaxed, |state| {
            let open = state & (WAITERS | CLOSED) == 0;
            (open && need <= state / ONE).then(|| state - need * ONE)
        });
        taken.map(|_| ())
    }

    #[cold]
    fn why_not(&self, state: usize, need: usize) -> TryAcquireError {
        match self.never(state, need) {
            Some(never) => never.into(),
            None => TryAcquireError::would_block(),
        }
    }

    /// Why no waiting would help.
    fn never(&self, state: usize, need: usize) -> Option<AcquireError> {
        if state & CLOSED != 0 {
            Some(AcquireError::closed())
        } else {
            (need > self.max).then(AcquireError::too_many)
        }
    }

    /// New permits.
    pub(super) fn add(&self, permits: usize) -> Result<(), ReleaseError> {
        let added = self.total.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |total| {
            total.checked_add(permits).filter(|total| *total <= self.max)
        });
        match added {
            Ok(_) => {
                self.give_back(permits);
                Ok(())
            }
            Err(_) => Err(ReleaseError::new(self.max)),
        }
    }

    #[inline]
    fn give_back(&self, permits: usize) {
        let mut state = self.state.load(Ordering::Relaxed);
        while state & WAITERS == 0 {
            let more = state + permits * ONE;
            match self.state.compare_exchange_weak(
                state,
                more,
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => return,
                Err(now) => state = now,
            }
        }
        self.hand_over(permits);
    }

    #[cold]
    fn hand_over(&self, permits: usize) {
        let woken = self.put(&mut self.queue.lock(), permits);
        woken.wake();
    }

    /// Makes permits free, and gives those who wait what there is for them.
    #[inline]
    fn put(&self, queue: &mut Queue, permits: usize) -> Wakers {
        let mut woken = Wakers::new();
        if self.state.load(Ordering::Relaxed) & WAITERS == 0 {
            // The last waiter has left since somebody looked. No other one can come meanwhile.
            self.state.fetch_add(permits * ONE, Ordering::Release);
            return woken;
        }
        queue.spare += permits;
        while let Some(first) = queue.waiters.front()
            && first.need <= queue.spare
        {
            queue.spare -= first.need;
            if let Some((waker, ())) = queue.waiters.grant(|_| ()) {
                woken.push(waker);
            }
        }
        self.settle(queue);
        woken
    }

    /// With the last waiter goes the bit: what is left is free for all.
    fn settle(&self, queue: &mut Queue) {
        if queue.waiters.is_empty() {
            let closed = self.state.load(Ordering::Relaxed) & CLOSED;
            let spare = std::mem::take(&mut queue.spare);
            self.state.store((spare * ONE) | closed, Ordering::Release);
        }
    }

    /// Takes `need` permits, or a place in the queue.
    fn take_or_queue(&self, need: usize, cx: &Context<'_>) -> Result<Option<usize>, AcquireError> {
        let waker = cx.waker().clone();
        let mut queue = self.queue.lock();
        let mut state = self.state.load(Ordering::Relaxed);
        loop {
            if let Some(never) = self.never(state, need) {
                return Err(never);
            }
            if state & WAITERS != 0 {
                break;
            }
            let free = state / ONE;
            let next = if need <= free { state - need * ONE } else { WAITERS };
            match self.state.compare_exchange_weak(
                state,
                next,
                Ordering::Acquire,
                Ordering::Relaxed,
            ) {
                Ok(_) if next == WAITERS => {
                    queue.spare = free;
                    break;
                }
                Ok(_) => return Ok(None),
                Err(now) => state = now,
            }
        }
        Ok(Some(queue.waiters.push(waker, Asking { need, closed: false })))
    }

    #[cold]
    fn give_up(&self, key: usize) {
        let (removed, woken) = {
            let mut queue = self.queue.lock();
            let removed = queue.waiters.remove(key);
            let Asking { need, closed } = removed.value;
            // What it had been granted goes to the next one. What it kept others from by being the
            // first, or the last, goes to them, too.
            let had = if removed.waiting || closed { 0 } else { need };
            let woken = self.put(&mut queue, had);
            (removed, woken)
        };
        woken.wake();
        drop(removed);
    }

    pub(super) fn close(&self) {
        let mut woken = Wakers::new();
        {
            let mut queue = self.queue.lock();
            self.state.fetch_or(CLOSED, Ordering::Relaxed);
            while let Some((waker, ())) = queue.waiters.grant(|asking| asking.closed = true) {
                woken.push(waker);
            }
            if self.state.load(Ordering::Relaxed) & WAITERS != 0 {
                self.settle(&mut queue);
            }
        }
        woken.wake();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.state.load(Ordering::Relaxed) & CLOSED != 0
    }

    pub(super) fn available(&self) -> usize {
        let state = self.state.load(Ordering::Relaxed);
        if state & WAITERS == 0 { state / ONE } else { self.statistics().available }
    }

    pub(super) fn statistics(&self) -> SemaphoreStatistics {
        let queue = self.queue.lock();
        let state = self.state.load(Ordering::Relaxed);
        SemaphoreStatistics {
            available: state / ONE + queue.spare,
            permits: self.total.load(Ordering::Relaxed),
            max: self.max,
            waiting: queue.waiters.waiting(),
            closed: state & CLOSED != 0,
        }
    }
}

/// Permits that give themselves back.
pub(super) struct Held<S: Share> {
    semaphore: S,
    count: usize,
}

impl<S: Share> Held<S> {
    /// To be called by who has just taken `count` permits, once.
    pub(super) const fn of(semaphore: S, count: usize) -> Self {
        Self { semaphore, count }
    }

    pub(super) const fn count(&self) -> usize {
        self.count
    }

    pub(super) const fn share(&self) -> &S {
        &self.semaphore
    }

    /// Gives back all but `count` of them.
    pub(super) fn reduce(mut self, count: usize) -> Self {
        let surplus = self.count - count;
        self.count = count;
        self.semaphore.permits.give_back(surplus);
        self
    }

    pub(super) fn split(&mut self, count: usize) -> Option<Self> {
        self.count = self.count.checked_sub(count)?;
        Some(Self::of(self.semaphore.clone(), count))
    }

    pub(super) fn forget(mut self) {
        let count = std::mem::take(&mut self.count);
        self.semaphore.permits.total.fetch_sub(count, Ordering::Relaxed);
    }
}

impl<S: Share> Drop for Held<S> {
    #[inline]
    fn drop(&mut self) {
        if self.count != 0 {
            self.semaphore.permits.give_back(self.count);
        }
    }
}

impl<S: Share> fmt::Debug for Held<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held").field("count", &self.count).finish_non_exhaustive()
    }
}

/// The way to permits.
pub(super) struct Acquiring<S: Share> {
    semaphore: S,
    need: usize,
    place: Place,
    withheld: Withheld<AcquireError>,
}

impl<S: Share> Acquiring<S> {
    pub(super) const fn new(semaphore: S, need: usize) -> Self {
        Self { semaphore, need, place: Place::Start, withheld: Withheld::nothing() }
    }

    // Always in line, as what calls it, and so for what else is waited for mostly without a wait: the compiler takes it
    // for too much, which it is not where nearly all of it is a call that is not made.
    #[inline(always)]
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Held<S>, AcquireError>> {
        if matches!(self.place, Place::Start) {
            ready!(op::admit(cx));
            // Read once: after the atomic, the compiler would read it again, and copy it by way of the stack.
            let need = self.need;
            if self.semaphore.permits.take(need).is_ok() {
                self.place = Place::Done;
                return Poll::Ready(Ok(Held::of(self.semaphore.clone(), need)));
            }
        }
        self.poll_slowly(cx)
    }

    /// For who has been admitted and does not get its permits at once. Apart, so that the way of who
    /// does is short.
    #[inline(never)]
    fn poll_slowly(&mut self, cx: &Context<'_>) -> Poll<Result<Held<S>, AcquireError>> {
        let permits = &self.semaphore.permits;
        let result = match self.place {
            Place::Start => match permits.take_or_queue(self.need, cx) {
                Ok(None) => Ok(()),
                Ok(Some(key)) => {
                    self.place = Place::Queued(key);
                    return Poll::Pending;
                }
                Err(never) => Err(never),
            },
            Place::Queued(key) => ready!(self.place.poll_queued(
                cx,
                key,
                &permits.queue,
                |queue| &mut queue.waiters,
                |_, asking| if asking.closed { Err(AcquireError::closed()) } else { Ok(()) },
            )),
            Place::Done => match self.withheld.again(cx) {
                Some(again) => return again,
                None => panic!("a future was polled after it had ended"),
            },
        };
        self.place = Place::Done;
        match result {
            Ok(()) => Poll::Ready(Ok(Held::of(self.semaphore.clone(), self.need))),
            Err(error) => self.withheld.pass(Err(error), cx),
        }
    }
}

impl<S: Share> Drop for Acquiring<S> {
    #[inline]
    fn drop(&mut self) {
        if let Place::Queued(key) = self.place {
            self.semaphore.permits.give_up(key);
        }
    }
}

impl<S: Share> fmt::Debug for Acquiring<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acquiring")
            .field("need", &self.need)
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}
