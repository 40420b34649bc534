//! What allocates: nothing that does not wait, and nothing that waits as others have waited before.
#![expect(unsafe_code, reason = "a global allocator that counts")]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, Waker},
};

use anyio_core::Borrower;
use anyio_engine::{
    Barrier, CapacityLimiter, Condition, Event, Lock, OnceCell, ResourceGuard, RwLock, Semaphore,
    broadcast, memory_object_stream, oneshot, watch,
};
use futures_core::Stream;
use futures_sink::Sink;

struct Counting;

thread_local! {
    /// Of this thread: the harness has others.
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: each call goes to the system's allocator with the arguments it came with, so the contract
// that the caller keeps with this one is the contract with that one; counting touches neither, and needs
// no memory: the counter is there without having been made.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller promises a layout that is not empty.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller promises that `alloc` gave it out, with this layout; that was `System`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// How often `work` allocates.
fn allocations<R>(work: impl FnOnce() -> R) -> (usize, R) {
    let before = ALLOCATIONS.get();
    let result = work();
    (ALLOCATIONS.get() - before, result)
}

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Polls until the end: the budget makes an operation pending now and then.
fn complete<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(value) = poll(future.as_mut()) {
            return value;
        }
    }
}

#[test]
fn streams_allocate_when_they_are_made_and_when_more_wait_than_ever() {
    let mut context = Context::from_waker(Waker::noop());
    let mut items = Vec::with_capacity(200);

    // One allocation is for what the ends share, the other for the buffer; none if there is no buffer.
    let (made, stream) = allocations(|| memory_object_stream::<u64>(0));
    assert_eq!(made, 1);
    drop(stream);
    let (made, (mut send, mut receive)) = allocations(|| memory_object_stream::<u64>(128));
    assert_eq!(made, 2);

    let (uncontended, ()) = allocations(|| {
        for _ in 0..300 {
            complete(send.send(1)).unwrap();
            send.try_send(2).unwrap();
            complete(send.reserve()).unwrap().send(3).unwrap();
            send.try_reserve().unwrap().send(4).unwrap();
            complete(send.send_iter(5..=128)).unwrap();
            assert!(send.try_send(0).is_err());
            assert_eq!(complete(receive.receive()), Ok(1));
            assert_eq!(receive.try_receive(), Ok(2));
            items.clear();
            while items.len() < 126 {
                complete(receive.receive_many(&mut items, 200)).unwrap();
            }
            while Pin::new(&mut send).poll_ready(&mut context).is_pending() {}
            Pin::new(&mut send).start_send(7).unwrap();
            let next = loop {
                if let Poll::Ready(next) = Pin::new(&mut receive).poll_next(&mut context) {
                    break next;
                }
            };
            assert_eq!(next, Some(7));
            assert!(receive.try_receive().is_err());
            drop((send.clone(), receive.clone()));
            let weak = send.downgrade();
            drop(weak.upgrade());
            assert_eq!(send.statistics().used, 0);
        }
    });
    assert_eq!(uncontended, 0);

    // Whoever waits has a slot in the stream: made for the first, used again by all who come later.
    let (send, receive) = memory_object_stream::<u64>(0);
    let meet = || {
        let mut receiving = pin!(receive.receive());
        while receive.statistics().waiting_receivers == 0 {
            assert!(poll(receiving.as_mut()).is_pending());
        }
        let place = complete(send.reserve()).unwrap();
        place.send(1).unwrap();
        assert_eq!(poll(receiving), Poll::Ready(Ok(1)));

        let mut sending = pin!(send.send(2));
        while send.statistics().waiting_senders == 0 {
            assert!(poll(sending.as_mut()).is_pending());
        }
        assert_eq!(receive.try_receive(), Ok(2));
        assert_eq!(poll(sending), Poll::Ready(Ok(())));
    };
    assert!(allocations(meet).0 > 0);
    let (waiting, ()) = allocations(|| (0..300).for_each(|_| meet()));
    assert_eq!(waiting, 0);
}

#[test]
fn what_tasks_share_allocates_nothing_that_does_not_wait() {
    let (lock, semaphore) = (Arc::new(Lock::new(0)), Arc::new(Semaphore::with_max(3, 4)));
    let (limiter, readers) = (Arc::new(CapacityLimiter::new(2)), Arc::new(RwLock::new(0)));
    let (customer, names) = (Borrower::new(), CapacityLimiter::new(2));
    let (set, mut seen) = watch(0);
    let (say, mut hear) = broadcast(2);
    let uncontended = || {
        for round in 0..300 {
            let event = Event::new();
            event.set();
            complete(event.wait());

            *complete(lock.lock()) += 1;
            *lock.try_lock().unwrap() += 1;
            *complete(Arc::clone(&lock).lock_owned()) += 1;
            *Arc::clone(&lock).try_lock_owned().unwrap() += 1;
            *lock.blocking_lock() += 1;

            let condition = Condition::new();
            condition.notify(1);
            condition.notify_all();
            drop(complete(condition.wait_for(complete(lock.lock()), |_| true)));

            let mut two = complete(semaphore.acquire_many(2)).unwrap();
            let one = two.split(1).unwrap();
            let owned = Arc::clone(&semaphore).try_acquire_owned().unwrap();
            assert!(semaphore.try_acquire().is_err());
            drop((one, two, owned));
            drop(complete(Arc::clone(&semaphore).acquire_many_owned(3)).unwrap());
            complete(semaphore.acquire()).unwrap().forget();
            semaphore.release(1).unwrap();
            let closed = Semaphore::new(1);
            closed.close();
            assert!(complete(closed.acquire()).is_err());

            drop((complete(limiter.acquire()), limiter.try_acquire().unwrap()));
            drop(complete(Arc::clone(&limiter).acquire_owned()));
            limiter.set_capacity(1 + round % 2);
            limiter.set_capacity(2);
            let token = complete(names.acquire_on_behalf_of(customer)).unwrap();
            assert!(complete(names.acquire_on_behalf_of(customer)).is_err());
            drop(token);

            complete(Barrier::new(1).wait());
            drop(ResourceGuard::default().try_enter());
            drop((complete(readers.read()), readers.try_read().unwrap()));
            *complete(readers.write()) += 1;
            drop(complete(Arc::clone(&readers).read_owned()));
            *complete(Arc::clone(&readers).write_owned()) += 1;
            let cell = OnceCell::new();
            complete(cell.get_or_init(async || round));
            complete(cell.get_or_init(async || round));

            set.send(round).unwrap();
            complete(seen.changed()).unwrap();
            say.send(round).unwrap();
            assert_eq!(complete(hear.receive()), Ok(round));
        }
    };
    // Names of borrowers are kept in a tree, which has its first leaf from the first of them on.
    drop(names.try_acquire_on_behalf_of(customer));
    assert_eq!(allocations(uncontended).0, 0);

    // What two sides share is made for them.
    assert_eq!(allocations(|| oneshot::<u8>().0.send(1)).0, 1);
}

/// One that waits until it gets what it waits for, as often as this is called.
fn waits<F: Future>(make: impl Fn() -> F, give: impl Fn()) -> impl Fn() {
    move || {
        let mut waiting = pin!(make());
        // Once more, since the budget may have kept it from beginning.
        for _ in 0..2 {
            assert!(poll(waiting.as_mut()).is_pending());
        }
        give();
        assert!(poll(waiting).is_ready());
    }
}

#[test]
fn who_waits_has_a_slot_that_is_used_again() {
    let semaphore = Semaphore::new(0);
    let permit = waits(
        || async { semaphore.acquire().await.unwrap().forget() },
        || semaphore.release(1).unwrap(),
    );
    let limiter = CapacityLimiter::new(0);
    let token = waits(
        || async { drop(limiter.acquire().await) },
        || {
            limiter.set_capacity(1);
            limiter.set_capacity(0);
        },
    );
    let lock = Lock::new(());
    let held = Cell::new(None);
    let locked = waits(
        || async {
            drop(held.take());
            held.set(lock.try_lock().ok());
            drop(lock.lock().await);
        },
        || drop(held.take()),
    );
    let shared = RwLock::new(());
    let written = Cell::new(None);
    let read = waits(
        || async {
            drop(written.take());
            written.set(shared.try_write().ok());
            drop(shared.read().await);
        },
        || drop(written.take()),
    );
    let barrier = Barrier::new(2);
    let met = waits(
        || async {
            barrier.wait().await;
        },
        || _ = complete(barrier.wait()),
    );
    let all: [&dyn Fn(); 5] = [&permit, &token, &locked, &read, &met];
    for wait in all {
        assert!(allocations(wait).0 > 0, "the first one makes its slot");
        assert_eq!(allocations(|| (0..300).for_each(|_| wait())).0, 0);
    }

    // An event is raised once, so that each has its own slots.
    let one_waits = || {
        let event = Event::new();
        waits(|| event.wait(), || event.set())();
    };
    assert_eq!(allocations(one_waits).0, 1);
    let many_wait = || {
        let event = Event::new();
        let mut waiting: [_; 1000] = std::array::from_fn(|_| event.wait());
        for wait in &mut waiting {
            for _ in 0..2 {
                assert!(poll(Pin::new(&mut *wait)).is_pending());
            }
        }
        event.set();
    };
    assert!(allocations(many_wait).0 < 30, "as a vector grows, twice");
}

#[test]
fn who_waits_for_what_is_written_by_others_is_its_own_slot() {
    let (set, _seen) = watch(0);
    let changed = waits(
        || async { set.subscribe().changed().await.unwrap() },
        || set.send_modify(|value| *value += 1),
    );
    let (say, hear) = broadcast(2);
    let heard = waits(
        || async { hear.resubscribe().receive().await.unwrap() },
        || _ = say.send(1).unwrap(),
    );
    let all: [&dyn Fn(); 2] = [&changed, &heard];
    for wait in all {
        assert_eq!(allocations(|| (0..300).for_each(|_| wait())).0, 0);
    }
}
