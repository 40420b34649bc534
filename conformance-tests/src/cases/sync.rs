//! Event and lock: first come, first served, handed over directly (C7, C8).
//!
//! Who comes first is decided by polling by hand: a future that was polled once is in the queue.

use std::{
    panic::{AssertUnwindSafe, resume_unwind},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use anyio_core::{
    CancelScope as _, Cancelled, Event as _, Lock as _, Runtime, Semaphore as _, TaskGroup as _,
    TaskHandle as _,
};
use anyio_engine::{RuntimeExt as _, checkpoint};
use futures_lite::FutureExt as _;
use futures_util::future::join_all;

use crate::{
    suite::Case,
    support::{Counter, Log, poll_once, until},
};

pub(super) fn list<B: Runtime>() -> Vec<Case> {
    list![B, sync:
        lock_excludes,
        lock_that_is_free_is_taken_at_once,
        lock_is_first_come_first_served,
        contenders_take_turns,
        lock_held_is_not_taken,
        released_lock_belongs_to_who_waits,
        waiter_cancelled_before_its_turn_leaves_the_queue,
        waiter_dropped_after_its_turn_passes_it_on,
        granted_lock_beats_a_cancellation,
        panic_unlocks,
        task_cancelled_with_the_lock_lets_the_next_one_in,
        lock_is_not_taken_in_a_cancelled_scope,
        lock_loop_can_be_cancelled,
        made_outside_of_a_runtime,
        event_wakes_everybody,
        event_stays_set,
        event_is_set_from_another_thread,
        wait_that_is_cancelled_leaves_the_event,
        set_event_is_not_waited_for_in_a_cancelled_scope,
        waiters_are_counted,
        racing_cancellations_lose_no_permit,
    ]
}

/// A lock lets one task in at a time, whatever its holder waits for meanwhile.
/// Covers: trio/test_generic_lock_exclusion
/// Covers: anyio/TestLock::test_manual_acquire
async fn lock_excludes<B: Runtime>() {
    let lock = Arc::new(<B::Lock<usize>>::new(0));
    let inside = Arc::new(AtomicUsize::new(0));
    let result: Result<(), Cancelled> = B::task_group(async |tg| {
        for _ in 0..8 {
            let (lock, inside) = (Arc::clone(&lock), Arc::clone(&inside));
            tg.spawn(async move {
                for _ in 0..50 {
                    let mut value = lock.lock().await;
                    assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                    let before = *value;
                    checkpoint().await;
                    *value = before + 1;
                    inside.fetch_sub(1, Ordering::SeqCst);
                }
            });
        }
    })
    .await;
    assert_eq!(result, Ok(()));
    assert_eq!(*lock.lock().await, 400);
}

/// C9: a lock or a permit that is free is there without a turn for others.
/// Covers: anyio/TestLock::test_fast_acquire
/// Covers: anyio/TestSemaphore::test_fast_acquire
async fn lock_that_is_free_is_taken_at_once<B: Runtime>() {
    let (lock, semaphore) = (<B::Lock<u8>>::new(7), B::Semaphore::new(1));
    checkpoint().await;
    assert!(poll_once(&mut Box::pin(lock.lock())).is_ready());
    assert!(poll_once(&mut Box::pin(semaphore.acquire())).is_ready());
}

/// The lock goes to those who wait in the order in which they came, to one at a time.
/// Covers: trio/test_parking_lot_basic
async fn lock_is_first_come_first_served<B: Runtime>() {
    let lock = <B::Lock<()>>::new(());
    let mut held = Some(lock.lock().await);
    let mut waiting: Vec<_> = (0..5).map(|_| Box::pin(lock.lock())).collect();
    assert!(waiting.iter_mut().all(|waiter| poll_once(waiter).is_pending()));
    while !waiting.is_empty() {
        drop(held.take());
        assert!(waiting[1..].iter_mut().all(|waiter| poll_once(waiter).is_pending()));
        held = Some(waiting.remove(0).await);
    }
    drop(held);
    assert!(lock.try_lock().is_ok());
}

/// Who lets the lock go and wants it again is behind those who waited meanwhile.
/// Covers: trio/test_generic_lock_fifo_fairness
async fn contenders_take_turns<B: Runtime>() {
    let lock = <B::Lock<Vec<usize>>>::new(Vec::new());
    let lock = &lock;
    let contenders = (0..4).map(|me| async move {
        for _ in 0..10 {
            let mut order = lock.lock().await;
            order.push(me);
            checkpoint().await;
        }
    });
    join_all(contenders).await;
    let order = lock.lock().await;
    let expected: Vec<_> = (0..40).map(|turn| turn % 4).collect();
    assert_eq!(*order, expected);
}

/// A lock that is held is not there for others, however it was taken.
/// Covers: anyio/TestLock::test_acquire_nowait_wouldblock
/// Covers: trio/test_generic_lock_acquire_nowait_blocks_acquire
async fn lock_held_is_not_taken<B: Runtime>() {
    let lock = Arc::new(<B::Lock<u8>>::new(7));
    let held = lock.try_lock().expect("it is free");
    let other = Arc::clone(&lock);
    let result: Result<(), Cancelled> = B::task_group(async |tg| {
        tg.spawn(async move { assert!(other.try_lock().is_err()) });
    })
    .await;
    assert_eq!(result, Ok(()));
    let mut waiting = Box::pin(lock.lock());
    assert!(poll_once(&mut waiting).is_pending());
    drop(held);
    assert_eq!(*waiting.await, 7);
}

/// A lock that is let go while somebody waits is theirs at once: nobody gets in between, neither
/// with `try_lock` nor by asking before the waiter has had a turn.
/// Covers: anyio/test_owner_after_release
async fn released_lock_belongs_to_who_waits<B: Runtime>() {
    let lock = <B::Lock<()>>::new(());
    let held = lock.lock().await;
    let mut first = Box::pin(lock.lock());
    assert!(poll_once(&mut first).is_pending());
    drop(held);
    assert!(lock.try_lock().is_err());
    let mut second = Box::pin(lock.lock());
    assert!(poll_once(&mut second).is_pending());
    drop(first.await);
    assert!(lock.try_lock().is_err());
    drop(second.await);
    assert!(lock.try_lock().is_ok());
}

/// A waiter that is cancelled leaves the queue, and the others keep their order.
/// Covers: anyio/TestLock::test_cancel_during_acquire
/// Covers: trio/test_parking_lot_cancel
async fn waiter_cancelled_before_its_turn_leaves_the_queue<B: Runtime>() {
    let (lock, scope) = (<B::Lock<()>>::new(()), B::CancelScope::new());
    let held = lock.lock().await;
    let mut first = Box::pin(lock.lock());
    assert!(poll_once(&mut first).is_pending());
    let mut second = Box::pin(scope.run(lock.lock()));
    assert!(poll_once(&mut second).is_pending());
    let mut third = Box::pin(lock.lock());
    assert!(poll_once(&mut third).is_pending());

    scope.cancel();
    assert!(second.await.is_err());
    drop(held);
    assert!(poll_once(&mut third).is_pending());
    drop(first.await);
    drop(third.await);
    assert!(lock.try_lock().is_ok());
}

/// A waiter that was granted the lock and is dropped before it has seen it passes it on; the last
/// one leaves it free.
/// Covers: anyio/TestLock::test_cancelled_after_acquire
async fn waiter_dropped_after_its_turn_passes_it_on<B: Runtime>() {
    let lock = <B::Lock<()>>::new(());
    let held = lock.lock().await;
    let mut waiting: Vec<_> = (0..3).map(|_| Box::pin(lock.lock())).collect();
    assert!(waiting.iter_mut().all(|waiter| poll_once(waiter).is_pending()));
    drop(held);
    drop(waiting.remove(0));
    assert!(poll_once(&mut waiting[1]).is_pending());
    assert!(lock.try_lock().is_err());
    drop(waiting.remove(0).await);
    drop(waiting);
    assert!(lock.try_lock().is_ok());
}

/// C7: a lock that was granted before the cancellation is kept, and let go at the next wait.
async fn granted_lock_beats_a_cancellation<B: Runtime>() {
    let (lock, scope, log) = (<B::Lock<()>>::new(()), B::CancelScope::new(), Log::default());
    let held = lock.lock().await;
    let mut work = Box::pin(scope.run(async {
        let _guard = lock.lock().await;
        log.add("locked");
        checkpoint().await;
        log.add("after");
    }));
    assert!(poll_once(&mut work).is_pending());
    drop(held);
    scope.cancel();
    assert!(work.await.is_err());
    assert_eq!(log.take(), ["locked"]);
    assert!(lock.try_lock().is_ok());
}

/// A panic while the lock is held lets it go, and the value can still be reached.
async fn panic_unlocks<B: Runtime>() {
    let lock = <B::Lock<u8>>::new(0);
    let body = AssertUnwindSafe(async {
        *lock.lock().await += 1;
        let _guard = lock.lock().await;
        checkpoint().await;
        resume_unwind(Box::new("on purpose"));
    });
    assert!(body.catch_unwind().await.is_err());
    assert_eq!(*lock.try_lock().expect("it is free"), 1);
}

/// A task that ends with the lock in its hands leaves nobody asleep behind it.
/// Covers: trio/test_lock_acquire_unowned_lock
async fn task_cancelled_with_the_lock_lets_the_next_one_in<B: Runtime>() {
    let (lock, locked) = (Arc::new(<B::Lock<u8>>::new(7)), Arc::new(B::Event::new()));
    let value: Result<u8, Cancelled> = B::task_group(async |tg| {
        let (theirs, told) = (Arc::clone(&lock), Arc::clone(&locked));
        let holder = tg.spawn(async move {
            let _guard = theirs.lock().await;
            told.set();
            std::future::pending::<()>().await;
        });
        locked.wait().await;
        let theirs = Arc::clone(&lock);
        let next = tg.spawn(async move { Ok(*theirs.lock().await) });
        holder.cancel();
        next.join().await
    })
    .await;
    assert_eq!(value, Ok(7));
}

/// C8: in a cancelled scope a lock is not taken, though it is free.
async fn lock_is_not_taken_in_a_cancelled_scope<B: Runtime>() {
    let (lock, scope, log) = (<B::Lock<()>>::new(()), B::CancelScope::new(), Log::default());
    scope.cancel();
    let result = scope
        .run(async {
            log.add("before");
            let _guard = lock.lock().await;
            log.add("locked");
        })
        .await;
    assert!(result.is_err());
    assert_eq!(log.take(), ["before"]);
    assert!(lock.try_lock().is_ok());
}

/// C8: a loop whose operations are always ready at once can be cancelled from outside.
async fn lock_loop_can_be_cancelled<B: Runtime>() {
    let rounds = Counter::default();
    let result: Result<(), Cancelled> = B::task_group(async |tg| {
        let theirs = rounds.clone();
        tg.spawn(async move {
            let lock = <B::Lock<()>>::new(());
            while theirs.add() < usize::MAX {
                drop(lock.lock().await);
            }
        });
        until::<B>(|| rounds.get() > 1000).await;
        tg.cancel();
    })
    .await;
    assert_eq!(result, Ok(()));
}

/// Locks, events and semaphores may be made and used where there is no runtime, and be taken to
/// one afterwards.
/// Covers: anyio/TestLock::test_instantiate_outside_event_loop
/// Covers: anyio/TestEvent::test_instantiate_outside_event_loop
/// Covers: anyio/TestSemaphore::test_instantiate_outside_event_loop
async fn made_outside_of_a_runtime<B: Runtime>() {
    let made = thread::spawn(|| {
        let (lock, event) = (<B::Lock<u8>>::new(1), B::Event::new());
        let semaphore = B::Semaphore::new(1);
        *lock.try_lock().expect("it is free") += 1;
        drop(semaphore.try_acquire().expect("one is free"));
        assert!(!event.is_set());
        event.set();
        (lock, event, semaphore)
    });
    let (lock, event, semaphore) = made.join().expect("no runtime is needed");
    assert_eq!(*lock.lock().await, 2);
    event.wait().await;
    drop(semaphore.acquire().await.unwrap());
    assert!(semaphore.try_acquire().is_ok());
}

/// Raising the flag wakes all who wait for it.
/// Covers: anyio/test_event
/// Covers: trio/test_Event
async fn event_wakes_everybody<B: Runtime>() {
    let (event, woken) = (Arc::new(B::Event::new()), Counter::default());
    let arrived = Counter::default();
    let result: Result<(), Cancelled> = B::task_group(async |tg| {
        for _ in 0..10 {
            let (event, woken, arrived) = (Arc::clone(&event), woken.clone(), arrived.clone());
            tg.spawn(async move {
                let mut wait = Box::pin(event.wait());
                assert!(poll_once(&mut wait).is_pending());
                arrived.add();
                wait.await;
                woken.add();
            });
        }
        until::<B>(|| arrived.get() == 10).await;
        assert_eq!(woken.get(), 0);
        event.set();
    })
    .await;
    assert_eq!(result, Ok(()));
    assert_eq!(woken.get(), 10);
}

/// The flag stays up: a wait for it is over at once, and raising it again does nothing.
/// Covers: trio/test_Event
async fn event_stays_set<B: Runtime>() {
    let event = B::Event::new();
    assert!(!event.is_set());
    event.set();
    event.set();
    assert!(event.is_set());
    checkpoint().await;
    assert!(poll_once(&mut Box::pin(event.wait())).is_ready());
    assert!(event.is_set());
}

/// A thread that is no part of the runtime wakes those who wait.
async fn event_is_set_from_another_thread<B: Runtime>() {
    let event = Arc::new(B::Event::new());
    let mut wait = Box::pin(event.wait());
    assert!(poll_once(&mut wait).is_pending());
    let theirs = Arc::clone(&event);
    let setter = thread::spawn(move || theirs.set());
    wait.await;
    setter.join().expect("setting does not fail");
}

/// A wait that is cancelled does not go on, and does not disturb the others.
/// Covers: anyio/test_event_cancel
async fn wait_that_is_cancelled_leaves_the_event<B: Runtime>() {
    let (event, scope, log) = (B::Event::new(), B::CancelScope::new(), Log::default());
    let mut cancelled = Box::pin(scope.run(async {
        event.wait().await;
        log.add("after");
    }));
    let mut other = Box::pin(event.wait());
    assert!(poll_once(&mut cancelled).is_pending());
    assert!(poll_once(&mut other).is_pending());
    scope.cancel();
    assert!(cancelled.await.is_err());
    event.set();
    other.await;
    assert!(log.take().is_empty());
}

/// C8: in a cancelled scope a wait does not return, though the flag is up.
/// Covers: trio/test_Event
async fn set_event_is_not_waited_for_in_a_cancelled_scope<B: Runtime>() {
    let (event, scope, log) = (B::Event::new(), B::CancelScope::new(), Log::default());
    event.set();
    scope.cancel();
    let result = scope
        .run(async {
            event.wait().await;
            log.add("after");
        })
        .await;
    assert!(result.is_err());
    assert!(log.take().is_empty());
}

/// The engine's types tell how many wait, and forget those who left.
/// Covers: anyio/TestLock::test_statistics
/// Covers: anyio/TestEvent::test_statistics
/// Covers: anyio/TestSemaphore::test_statistics
/// Covers: trio/test_Event
#[expect(clippy::extra_unused_type_parameters, reason = "every case has the same shape")]
async fn waiters_are_counted<B: Runtime>() {
    let (lock, event) = (anyio_engine::Lock::new(()), anyio_engine::Event::new());
    let semaphore = anyio_engine::Semaphore::new(1);
    assert!(!lock.is_locked());
    assert_eq!(semaphore.available(), 1);
    let held = (lock.lock().await, semaphore.acquire().await.unwrap());
    assert!(lock.is_locked());
    assert_eq!(semaphore.available(), 0);

    let mut waits = (Box::pin(lock.lock()), Box::pin(semaphore.acquire()), Box::pin(event.wait()));
    let mut leaves = (Box::pin(lock.lock()), Box::pin(semaphore.acquire()), Box::pin(event.wait()));
    for waiting in [&mut waits, &mut leaves] {
        assert!(poll_once(&mut waiting.0).is_pending());
        assert!(poll_once(&mut waiting.1).is_pending());
        assert!(poll_once(&mut waiting.2).is_pending());
    }
    assert_eq!([lock.waiting(), semaphore.waiting(), event.waiting()], [2, 2, 2]);
    drop(leaves);
    assert_eq!([lock.waiting(), semaphore.waiting(), event.waiting()], [1, 1, 1]);
    drop(held);
    event.set();
    assert_eq!([lock.waiting(), semaphore.waiting(), event.waiting()], [0, 0, 0]);
    // What was let go is theirs, before they know.
    assert!(lock.is_locked());
    assert_eq!(semaphore.available(), 0);
    drop(waits);
    assert!(!lock.is_locked());
    assert_eq!(semaphore.available(), 1);
}

/// However releases and cancellations race, no lock and no permit is lost or doubled.
async fn racing_cancellations_lose_no_permit<B: Runtime>() {
    let (lock, semaphore) = (Arc::new(<B::Lock<()>>::new(())), Arc::new(B::Semaphore::new(2)));
    let inside = Arc::new(AtomicUsize::new(0));
    let result: Result<(), Cancelled> = B::task_group(async |tg| {
        for me in 0..4 {
            let (lock, semaphore) = (Arc::clone(&lock), Arc::clone(&semaphore));
            let (inside, tasks) = (Arc::clone(&inside), tg.clone());
            tg.spawn(async move {
                for round in 0..100 {
                    let scope = B::CancelScope::new();
                    let canceller = scope.clone();
                    let killer = tasks.spawn(async move {
                        for _ in 0..(me + round) % 7 {
                            checkpoint().await;
                        }
                        canceller.cancel();
                    });
                    _ = scope
                        .run(async {
                            let _permit = semaphore.acquire().await.unwrap();
                            let now = inside.fetch_add(1, Ordering::SeqCst);
                            assert!(now < 2, "a permit was doubled");
                            inside.fetch_sub(1, Ordering::SeqCst);
                            let _guard = lock.lock().await;
                            checkpoint().await;
                        })
                        .await;
                    _ = killer.join().await;
                }
            });
        }
    })
    .await;
    assert_eq!(result, Ok(()));
    assert!(lock.try_lock().is_ok());
    let permits = [semaphore.try_acquire(), semaphore.try_acquire(), semaphore.try_acquire()];
    assert_eq!(permits.map(|permit| permit.is_ok()), [true, true, false]);
}
