//! Who waits until when, for backends whose timers all stand on one of the runtime's.
//!
//! Most timers are dropped long before they are due: those of deadlines that were met. So leaving is
//! made cheap, and costs nothing in the order of all: what has left is skipped when its time comes, or
//! cleared out when there is more of it than of what waits.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, binary_heap::PeekMut},
    fmt, mem,
    task::Waker,
    time::Instant,
};

use slab::Slab;

/// How much may be left of what has gone, besides as much as there is of what waits.
const SLACK: usize = 64;
/// For how many there is room when none waits, and few did at once since that was so before.
const ROOM: usize = 1024;

/// Those who wait for their times, and an order of them.
///
/// For backends whose runtime makes its own timers dear: one of those is set for the first of these.
///
/// Nothing in here wakes, clones or drops a waker: those that go are given back, to be woken or dropped
/// where no lock is held.
///
/// # Examples
///
/// ```
/// use std::{
///     task::Waker,
///     time::{Duration, Instant},
/// };
///
/// use anyio_engine::TimerQueue;
///
/// let (now, second) = (Instant::now(), Duration::from_secs(1));
/// let mut queue = TimerQueue::new();
/// let sooner = queue.enter(now + second, Waker::noop().clone());
/// queue.enter(now + 2 * second, Waker::noop().clone());
///
/// // A deadline that was met.
/// drop(queue.leave(&sooner));
/// assert_eq!(queue.first(), Some(now + 2 * second));
///
/// // The runtime's timer has gone off.
/// while let Some(waker) = queue.next_due(now + 2 * second) {
///     waker.wake();
/// }
/// assert_eq!(queue.first(), None);
/// ```
///
/// # Invariants
///
/// Who waits has one entry in the order. The other entries are of timers that have gone; they match
/// nobody, since a number is given once.
pub struct TimerQueue {
    order: BinaryHeap<Reverse<Entry>>,
    waiting: Slab<Waiting>,
    number: u64,
    /// How many waited at once, at the most, since none did.
    most: usize,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    deadline: Instant,
    place: TimerPlace,
}

/// Where somebody waits in a [`TimerQueue`]. It means nothing any more when they have been woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimerPlace {
    key: usize,
    number: u64,
}

struct Waiting {
    number: u64,
    waker: Waker,
}

impl TimerQueue {
    /// Nobody waits.
    #[must_use]
    pub const fn new() -> Self {
        Self { order: BinaryHeap::new(), waiting: Slab::new(), number: 0, most: 0 }
    }

    /// Somebody waits until `deadline`.
    #[inline]
    pub fn enter(&mut self, deadline: Instant, waker: Waker) -> TimerPlace {
        self.number += 1;
        let key = self.waiting.insert(Waiting { number: self.number, waker });
        self.most = self.most.max(self.waiting.len());
        let place = TimerPlace { key, number: self.number };
        self.order.push(Reverse(Entry { deadline, place }));
        place
    }

    /// Whether it is `waker` that they have; none if they do not wait any more.
    #[must_use]
    pub fn wakes(&self, place: &TimerPlace, waker: &Waker) -> Option<bool> {
        let waiting = self.waiting.get(place.key)?;
        (waiting.number == place.number).then(|| waiting.waker.will_wake(waker))
    }

    /// They have another waker now, and the one before is given.
    ///
    /// # Errors
    ///
    /// Theirs, if they do not wait any more.
    pub fn replace(&mut self, place: &TimerPlace, waker: Waker) -> Result<Waker, Waker> {
        match self.waiting.get_mut(place.key) {
            Some(waiting) if waiting.number == place.number => {
                Ok(mem::replace(&mut waiting.waker, waker))
            }
            _ => Err(waker),
        }
    }

    /// They do not wait any more; their waker, if they did.
    #[inline]
    #[must_use = "a waker is not dropped under a lock"]
    pub fn leave(&mut self, place: &TimerPlace) -> Option<Waker> {
        let waker = self.take(place)?;
        if self.waiting.is_empty() {
            self.clear();
        } else if self.order.len() > 2 * self.waiting.len() + SLACK {
            self.clear_out();
        }
        Some(waker)
    }

    /// The waker of somebody whose deadline is `now` or has passed, earliest first.
    pub fn next_due(&mut self, now: Instant) -> Option<Waker> {
        loop {
            let first = self.order.peek_mut().filter(|first| first.0.deadline <= now)?;
            let place = PeekMut::pop(first).0.place;
            if let Some(waker) = self.take(&place) {
                return Some(waker);
            }
        }
    }

    /// The waker of somebody, whose time need not have come.
    pub fn any(&mut self) -> Option<Waker> {
        loop {
            let place = self.order.pop()?.0.place;
            if let Some(waker) = self.take(&place) {
                return Some(waker);
            }
        }
    }

    /// The first deadline that somebody waits for.
    pub fn first(&mut self) -> Option<Instant> {
        if self.waiting.is_empty() {
            self.clear();
        }
        loop {
            let first = self.order.peek_mut()?;
            if has(&self.waiting, &first.0.place) {
                return Some(first.0.deadline);
            }
            PeekMut::pop(first);
        }
    }

    fn take(&mut self, place: &TimerPlace) -> Option<Waker> {
        let here = has(&self.waiting, place);
        here.then(|| self.waiting.remove(place.key).waker)
    }

    /// None waits. If the room for them was made use of since that was so before, it may well be again.
    fn clear(&mut self) {
        self.order.clear();
        let (room, most) = (self.waiting.capacity(), mem::take(&mut self.most));
        if room > ROOM && most < room / 4 {
            *self = Self { number: self.number, ..Self::new() };
        }
    }

    #[cold]
    fn clear_out(&mut self) {
        self.order.retain(|entry| has(&self.waiting, &entry.0.place));
    }
}

impl Default for TimerQueue {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for TimerQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TimerQueue").field("waiting", &self.waiting.len()).finish_non_exhaustive()
    }
}

fn has(waiting: &Slab<Waiting>, place: &TimerPlace) -> bool {
    waiting.get(place.key).is_some_and(|waiting| waiting.number == place.number)
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering::SeqCst},
        },
        task::Wake,
        time::Duration,
    };

    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, SeqCst);
        }
    }

    /// The times `0..`, a second apart.
    fn times() -> impl Fn(u64) -> Instant {
        let start = Instant::now();
        move |number| start + Duration::from_secs(number)
    }

    #[test]
    fn the_earliest_is_first() {
        let (mut queue, time) = (TimerQueue::new(), times());
        let counts: Vec<Arc<Count>> = (0..5).map(|_| Arc::default()).collect();
        for number in [3, 1, 4, 0, 2] {
            let waker = Waker::from(Arc::clone(&counts[number]));
            queue.enter(time(number as u64), waker);
        }
        assert_eq!(queue.first(), Some(time(0)));
        for (number, count) in counts.iter().enumerate() {
            let now = time(number as u64);
            assert!(queue.next_due(now - Duration::from_nanos(1)).is_none());
            queue.next_due(now).unwrap().wake();
            assert_eq!(count.0.load(SeqCst), 1);
            assert!(queue.next_due(now).is_none());
        }
        assert_eq!(queue.first(), None);
    }

    #[test]
    fn who_has_left_is_not_woken() {
        let (mut queue, time) = (TimerQueue::new(), times());
        let left = queue.enter(time(1), Waker::noop().clone());
        assert!(queue.leave(&left).is_some());
        // In the same place, at the same time.
        let count: Arc<Count> = Arc::default();
        let stays = queue.enter(time(1), Waker::from(Arc::clone(&count)));
        assert!(queue.leave(&left).is_none());
        assert!(queue.replace(&left, Waker::noop().clone()).is_err());
        assert_eq!(queue.first(), Some(time(1)));
        queue.next_due(time(1)).unwrap().wake();
        assert_eq!(count.0.load(SeqCst), 1);
        assert!(queue.next_due(time(1)).is_none());
        assert!(queue.leave(&stays).is_none());
    }

    #[test]
    fn the_waker_can_be_another_one() {
        let (mut queue, time) = (TimerQueue::new(), times());
        let (before, after): (Arc<Count>, Arc<Count>) = Default::default();
        let place = queue.enter(time(1), Waker::from(Arc::clone(&before)));
        drop(queue.replace(&place, Waker::from(Arc::clone(&after))).unwrap());
        assert_eq!(Arc::strong_count(&before), 1);
        queue.next_due(time(1)).unwrap().wake();
        assert_eq!((before.0.load(SeqCst), after.0.load(SeqCst)), (0, 1));
    }

    /// Even if all have the same deadline, which is far away.
    #[test]
    fn what_has_gone_does_not_pile_up() {
        let (mut queue, time) = (TimerQueue::new(), times());
        let mut waiting = Vec::new();
        for _round in 0..1000 {
            waiting.push(queue.enter(time(1), Waker::noop().clone()));
            for _timer in 0..100 {
                let place = queue.enter(time(1), Waker::noop().clone());
                drop(queue.leave(&place));
            }
            assert!(queue.order.len() <= 2 * waiting.len() + SLACK);
        }
        for place in waiting {
            assert!(queue.leave(&place).is_some());
        }
        assert!(queue.order.is_empty());
        assert_eq!(queue.first(), None);
    }

    #[test]
    fn room_is_given_back() {
        let (mut queue, time) = (TimerQueue::new(), times());
        let many = 4 * ROOM;
        let enter = |queue: &mut TimerQueue| -> Vec<TimerPlace> {
            (0..many).map(|_| queue.enter(time(1), Waker::noop().clone())).collect()
        };
        for place in enter(&mut queue) {
            assert!(queue.leave(&place).is_some());
        }
        let room = |queue: &TimerQueue| queue.order.capacity().max(queue.waiting.capacity());
        assert!(room(&queue) >= many, "it was needed just now");
        let earlier = queue.enter(time(2), Waker::noop().clone());
        for _timer in 0..many {
            let place = queue.enter(time(1), Waker::noop().clone());
            assert!(queue.leave(&place).is_some());
        }
        assert!(queue.leave(&earlier).is_some());
        assert!(room(&queue) <= ROOM, "by two at once");
        drop(enter(&mut queue));
        for _timer in 0..many {
            assert!(queue.next_due(time(1)).is_some());
        }
        assert_eq!(queue.first(), None);
        assert!(room(&queue) >= many);
        assert_eq!(queue.first(), None);
        assert!(room(&queue) <= ROOM, "by none");
    }
}
