//! Everything at once: tasks that do at random what tasks do with locks, semaphores, events, streams and
//! scopes, and cancel each other while they do. Nothing is lost, nothing is there twice, and in the end
//! all is as it was.
//!
//! What each task does follows from a seed; when it does that is the runtime's. `ANYIO_SOAK_OPS` says how
//! many operations a case makes instead of [`OPERATIONS`], `ANYIO_SOAK_SEED` which seed it takes.

use std::{
    collections::BTreeSet,
    env,
    future::poll_fn,
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    task::Poll,
    time::Duration,
};

use anyio_core::{
    CancelScope as _, Cancelled, Event as _, Lock as _, Runtime, Semaphore as _, TaskGroup as _,
    TaskHandle as _,
};
use anyio_engine::{
    ReceiveStream, RuntimeExt as _, SendStream, checkpoint, memory_object_stream, shield,
};
use futures_util::StreamExt as _;

use super::tools::event;
use crate::{suite::Case, support::caught};

pub(super) fn list<B: Runtime>() -> Vec<Case> {
    list![B, soak: everything_is_conserved]
}

/// A sixth of a million: every backend has three flavours, typed and erased.
const OPERATIONS: usize = 170_000;
const SEED: u64 = 0x5eed;
const TASKS: usize = 64;
const PERMITS: usize = 3;
const EVENTS: usize = 4;

/// The streams: in the first, nobody drops an operation by hand, so that the items of one sender come in
/// order to whoever receives them. In the others, some are put back.
const CAPACITIES: [usize; 6] = [0, 1, 128, 0, 1, 128];
const ORDERLY: usize = 3;

/// Sixty-four tasks, a million operations on each backend, and cancellations in the middle of them:
/// locks exclude, permits come back, every item is received once if it was sent and never if that was
/// cancelled, each sender's in order, and in the end nobody waits and nothing is left.
async fn everything_is_conserved<B: Runtime>() {
    let number = |name| env::var(name).ok().map(|text| text.parse().expect("a number"));
    let seed = number("ANYIO_SOAK_SEED").unwrap_or(SEED);
    let operations = number("ANYIO_SOAK_OPS").map_or(OPERATIONS, |number: u64| number as usize);
    if let Err(words) = caught(soak::<B>(seed, operations)).await {
        panic!(
            "{words}\nthe seed was {seed}; to run it again: ANYIO_SOAK_SEED={seed} \
             ANYIO_SOAK_OPS={operations} cargo test -p anyio-conformance -- soak"
        );
    }
}

async fn soak<B: Runtime>(seed: u64, operations: usize) {
    let world = Arc::new(World::<B> {
        lock: <B::Lock<usize>>::new(0),
        locked: AtomicUsize::new(0),
        semaphore: B::Semaphore::new(PERMITS),
        inside: AtomicUsize::new(0),
        events: Mutex::new((0..EVENTS).map(|_| event::<B>()).collect()),
        scopes: (0..TASKS).map(|_| Mutex::default()).collect(),
        begun: AtomicUsize::new(0),
        ended: AtomicUsize::new(0),
        operations,
    });
    let ends = CAPACITIES.map(memory_object_stream::<Item>);
    let tasks: Result<Vec<Accounts>, Cancelled> = B::task_group(async |tg| {
        let mut tasks = Vec::new();
        for number in 0..TASKS {
            let task = Task {
                number,
                random: Random(seed ^ (number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)),
                ends: ends.clone(),
                accounts: Accounts::default(),
                sent: 0,
                latest: [[0; TASKS]; ORDERLY],
                world: Arc::clone(&world),
            };
            tasks.push(tg.spawn(task.work()));
        }
        world.keep_going().await;
        let mut accounts = Vec::new();
        for task in tasks {
            accounts.push(task.join().await?);
        }
        Ok(accounts)
    })
    .await;
    let tasks = tasks.expect("nobody cancels the group");
    world.check();
    for (index, (send, receive)) in ends.iter().enumerate() {
        check_stream(index, send, receive, &tasks);
    }
}

/// After the end: whatever was sent was received, once.
fn check_stream(
    index: usize,
    send: &SendStream<Item>,
    receive: &ReceiveStream<Item>,
    tasks: &[Accounts],
) {
    let mut received = BTreeSet::new();
    let theirs = tasks.iter().flat_map(|task| task[index].received.iter().copied());
    let left = std::iter::from_fn(|| receive.try_receive().ok());
    for item in theirs.chain(left) {
        assert!(received.insert(item), "stream {index}: {item:?} was received twice");
    }
    let (mut sent, mut unsure) = (BTreeSet::new(), BTreeSet::new());
    for task in tasks {
        sent.extend(task[index].sent.iter().copied());
        unsure.extend(task[index].unsure.iter().copied());
    }
    let lost: Vec<_> = sent.difference(&received).collect();
    assert!(lost.is_empty(), "stream {index}: lost {lost:?}");
    let denied = received.iter().find(|item| !sent.contains(*item) && !unsure.contains(*item));
    assert_eq!(denied, None, "stream {index}: received, but its send was cancelled");
    assert!(sent.len() > 10, "stream {index} was hardly used");
    let now = send.statistics();
    assert_eq!((now.used, now.reserved), (0, 0), "stream {index}");
    assert_eq!((now.waiting_senders, now.waiting_receivers), (0, 0), "stream {index}");
    assert_eq!((now.senders, now.receivers), (1, 1), "stream {index}");
    assert!(receive.try_receive().is_err_and(|error| error.is_would_block()));
}

/// Who sent it, and how many that one had sent before.
type Item = (usize, usize);

/// What one task knows of each stream.
type Accounts = [Account; CAPACITIES.len()];

#[derive(Default)]
struct Account {
    sent: Vec<Item>,
    /// Their sends were dropped by hand.
    unsure: Vec<Item>,
    received: Vec<Item>,
}

/// What all tasks share.
struct World<B: Runtime> {
    lock: B::Lock<usize>,
    /// How often the value in the lock was raised.
    locked: AtomicUsize,
    semaphore: B::Semaphore,
    /// How many have a permit.
    inside: AtomicUsize,
    events: Mutex<Vec<Arc<B::Event>>>,
    /// The scopes that each task is in.
    scopes: Vec<Mutex<Vec<B::CancelScope>>>,
    begun: AtomicUsize,
    ended: AtomicUsize,
    operations: usize,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<B: Runtime> World<B> {
    fn cancel(&self, task: usize) {
        // Cancelling wakes, and what is woken may look here.
        let scopes = locked(&self.scopes[task]).clone();
        scopes.iter().for_each(B::CancelScope::cancel);
    }

    /// Cancels everybody when nobody gets any further, as when all of them wait to receive.
    async fn keep_going(&self) {
        let mut before = 0;
        while self.ended.load(Ordering::SeqCst) < TASKS {
            B::sleep(Duration::from_millis(1)).await;
            let begun = self.begun.load(Ordering::SeqCst);
            if begun == before || begun >= self.operations {
                (0..TASKS).for_each(|task| self.cancel(task));
            }
            before = begun;
        }
    }

    fn check(&self) {
        let value = *self.lock.try_lock().expect("nobody has the lock");
        assert_eq!(value, self.locked.load(Ordering::SeqCst), "two were in the lock");
        assert!(value > 10, "the lock was hardly used");
        assert_eq!(self.inside.load(Ordering::SeqCst), 0);
        let permits: Vec<_> = (0..=PERMITS).map(|_| self.semaphore.try_acquire()).collect();
        assert_eq!(permits.iter().filter(|permit| permit.is_ok()).count(), PERMITS);
    }
}

/// Numbers that follow from the first (splitmix64).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut number = self.0;
        number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((number ^ (number >> 31)) % limit as u64) as usize
    }
}

/// What became of an operation.
enum Outcome<T> {
    Done(T),
    /// Its scope was cancelled: it has not happened.
    Cancelled,
    /// It was dropped by hand.
    Dropped,
}

struct Task<B: Runtime> {
    number: usize,
    random: Random,
    ends: [(SendStream<Item>, ReceiveStream<Item>); CAPACITIES.len()],
    accounts: Accounts,
    /// How many items it has had to send.
    sent: usize,
    /// The latest item of each sender, in the orderly streams; one more, so that 0 is none.
    latest: [[usize; TASKS]; ORDERLY],
    world: Arc<World<B>>,
}

impl<B: Runtime> Task<B> {
    async fn work(mut self) -> Result<Accounts, Cancelled> {
        while self.world.begun.fetch_add(1, Ordering::SeqCst) < self.world.operations {
            match self.random.below(16) {
                0 | 1 => self.lock().await,
                2 => self.acquire().await,
                3 => self.wait().await,
                4 => self.set(),
                5 | 6 => self.world.cancel(self.random.below(TASKS)),
                7 => checkpoint().await,
                8 => self.send_many().await,
                9 => self.reserve().await,
                10 => self.try_both(),
                11 | 12 => self.send().await,
                13 => self.receive_many().await,
                _ => self.receive().await,
            }
        }
        // What it has not seen goes to those who are left, or back into the streams.
        drop(self.ends);
        self.world.ended.fetch_add(1, Ordering::SeqCst);
        Ok(self.accounts)
    }

    /// Runs an operation in one of several ways, all of them in a scope that others cancel.
    async fn run<F>(&mut self, by_hand: bool, operation: F) -> Outcome<F::Output>
    where
        F: Future + Send,
        F::Output: Send,
    {
        let polls = if by_hand && self.random.below(4) == 0 {
            1 + self.random.below(3)
        } else {
            usize::MAX
        };
        let shape = self.random.below(4);
        let scopes = &self.world.scopes[self.number];
        let work = dropped_after(polls, operation);
        let inner = B::CancelScope::new();
        locked(scopes).push(inner.clone());
        let result = if shape < 2 {
            let outer = B::CancelScope::new();
            locked(scopes).push(outer.clone());
            let work = inner.run(work);
            let result =
                if shape == 0 { outer.run(work).await } else { outer.run(shield(work)).await };
            result.and_then(|result| result)
        } else {
            inner.run(work).await
        };
        locked(scopes).clear();
        match result {
            Ok(Some(value)) => Outcome::Done(value),
            Ok(None) => Outcome::Dropped,
            Err(_) => Outcome::Cancelled,
        }
    }

    async fn lock(&mut self) {
        let (world, pause) = (Arc::clone(&self.world), self.random.below(2) == 0);
        let work = async {
            let mut value = world.lock.lock().await;
            let before = *value;
            if pause {
                checkpoint().await;
            }
            *value = before + 1;
            world.locked.fetch_add(1, Ordering::SeqCst);
        };
        self.run(true, work).await;
    }

    async fn acquire(&mut self) {
        let world = Arc::clone(&self.world);
        let work = async {
            let _permit = world.semaphore.acquire().await.expect("nobody closes it");
            let _inside = Inside::of(&world.inside);
            checkpoint().await;
        };
        self.run(true, work).await;
    }

    async fn wait(&mut self) {
        let index = self.random.below(EVENTS);
        let event = Arc::clone(&locked(&self.world.events)[index]);
        self.run(true, event.wait()).await;
    }

    /// Raises an event, and puts a new one in its place.
    fn set(&mut self) {
        let index = self.random.below(EVENTS);
        let event = std::mem::replace(&mut locked(&self.world.events)[index], event::<B>());
        event.set();
    }

    /// One of the streams, and whether what is done with it may be dropped by hand.
    fn stream(&mut self) -> (usize, bool) {
        let index = self.random.below(CAPACITIES.len());
        (index, index >= ORDERLY)
    }

    fn item(&mut self) -> Item {
        self.sent += 1;
        (self.number, self.sent)
    }

    fn received(&mut self, index: usize, item: Item) {
        if index < ORDERLY {
            let latest = &mut self.latest[index][item.0];
            assert!(*latest < item.1, "stream {index}: {item:?} came after {latest}");
            *latest = item.1;
        }
        self.accounts[index].received.push(item);
    }

    async fn send(&mut self) {
        let ((index, by_hand), item) = (self.stream(), self.item());
        let send = self.ends[index].0.clone();
        let account = match self.run(by_hand, send.send(item)).await {
            Outcome::Done(sent) => {
                sent.expect("both sides are open");
                &mut self.accounts[index].sent
            }
            Outcome::Dropped => &mut self.accounts[index].unsure,
            Outcome::Cancelled => return,
        };
        account.push(item);
    }

    async fn send_many(&mut self) {
        let (index, by_hand) = self.stream();
        let send = self.ends[index].0.clone();
        let items: Vec<_> = (0..self.random.below(4)).map(|_| self.item()).collect();
        let mut rest = items.iter().copied();
        let outcome = self.run(by_hand, send.send_iter(rest.by_ref())).await;
        let (account, taken) = (&mut self.accounts[index], items.len() - rest.len());
        if let Outcome::Done(sent) = outcome {
            sent.expect("both sides are open");
            account.sent.extend(&items);
        } else if let Some(last) = taken.checked_sub(1) {
            account.sent.extend(&items[..last]);
            account.unsure.push(items[last]);
        }
    }

    async fn reserve(&mut self) {
        let ((index, by_hand), item) = (self.stream(), self.item());
        let (send, pause) = (self.ends[index].0.clone(), self.random.below(2) == 0);
        let mut sent = false;
        let work = async {
            let place = send.reserve().await.expect("both sides are open");
            if pause {
                checkpoint().await;
            }
            place.send(item).expect("both sides are open");
            sent = true;
        };
        self.run(by_hand, work).await;
        if sent {
            self.accounts[index].sent.push(item);
        }
    }

    fn try_both(&mut self) {
        let ((index, _), item) = (self.stream(), self.item());
        if self.ends[index].0.try_send(item).is_ok() {
            self.accounts[index].sent.push(item);
        }
        let (index, _) = self.stream();
        if let Ok(item) = self.ends[index].1.try_receive() {
            self.received(index, item);
        }
    }

    async fn receive(&mut self) {
        let (index, by_hand) = self.stream();
        let mut receive = self.ends[index].1.clone();
        let outcome = if by_hand && self.random.below(2) == 0 {
            // Dropped while it waits, it is this clone that puts the item back.
            self.run(by_hand, async { receive.next().await.ok_or(()) }).await
        } else {
            let work = async { receive.receive().await.map_err(|_| ()) };
            self.run(by_hand, work).await
        };
        if let Outcome::Done(item) = outcome {
            self.received(index, item.expect("both sides are open"));
        }
    }

    async fn receive_many(&mut self) {
        let (index, by_hand) = self.stream();
        let receive = self.ends[index].1.clone();
        let (mut items, limit) = (Vec::new(), 1 + self.random.below(4));
        let outcome = self.run(by_hand, receive.receive_many(&mut items, limit)).await;
        match outcome {
            Outcome::Done(count) => assert_eq!(count, Ok(items.len())),
            Outcome::Cancelled | Outcome::Dropped => assert!(items.is_empty()),
        }
        items.into_iter().for_each(|item| self.received(index, item));
    }
}

/// Counts who has a permit.
struct Inside<'a>(&'a AtomicUsize);

impl<'a> Inside<'a> {
    fn of(count: &'a AtomicUsize) -> Self {
        assert!(count.fetch_add(1, Ordering::SeqCst) < PERMITS, "too many have a permit");
        Self(count)
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Polls `future` that often at most; `None` if it was dropped then.
async fn dropped_after<F: Future>(mut polls: usize, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    poll_fn(|cx| {
        polls -= 1;
        match future.as_mut().poll(cx) {
            Poll::Ready(value) => Poll::Ready(Some(value)),
            Poll::Pending if polls == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}
