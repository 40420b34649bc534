//! Conditions: nobody who waits misses a notification, and none is lost (C7, C8).
//!
//! Who comes first is decided by polling by hand: a future that was polled once is in the queue.

use std::{sync::Arc, thread};

use anyio_core::{CancelScope as _, Cancelled, Condition as _, Lock as _, Runtime, TaskGroup as _};
use anyio_engine::{RuntimeExt as _, checkpoint};
use futures_util::join;

use crate::{
    cut::everywhere,
    suite::Case,
    support::{Log, poll_once},
};

pub(super) fn list<B: Runtime>() -> Vec<Case> {
    list![B, condition:
        waiting_lets_the_lock_go,
        made_outside_of_a_runtime,
        notifications_go_to_who_has_waited_longest,
        everybody_is_notified,
        notification_without_waiters_is_nothing,
        lock_is_held_after_waiting,
        notified_waiters_take_turns,
        nobody_misses_a_change,
        wait_for_gives_what_was_waited_for,
        waiter_that_is_cancelled_leaves_the_queue,
        notified_waiter_that_is_cancelled_passes_it_on,
        notified_waiter_that_is_dropped_passes_it_on,
        what_everybody_was_told_is_not_passed_on,
        cancelled_waiter_takes_the_lock_under_a_shield,
        nothing_is_waited_for_in_a_cancelled_scope,
        one_condition_with_two_locks,
        waiters_are_counted,
        no_notification_is_lost,
        workers_do_all_the_work,
    ]
}

/// Whoever waits does not hold the lock: others can take it and change what is waited for.
/// Covers: anyio/TestCondition::test_manual_acquire
/// Covers: anyio/TestCondition::test_acquire_nowait_wouldblock
/// Covers: anyio/test_notify_with_shared_lock
async fn waiting_lets_the_lock_go<B: Runtime>() {
    let (lock, condition) = (<B::Lock<u8>>::new(0), B::Condition::new());
    let mut waits = Box::pin(condition.wait(&lock, lock.lock().await));
    assert!(lock.try_lock().is_err());
    assert!(poll_once(&mut waits).is_pending());
    *lock.try_lock().expect("it was let go") = 1;
    condition.notify(1);
    let guard = waits.await;
    assert_eq!(*guard, 1);
    assert!(lock.try_lock().is_err());
    drop(guard);
    assert!(lock.try_lock().is_ok());
}

/// A condition is an ordinary value: it can be made and notified where no runtime is.
/// Covers: anyio/TestCondition::test_instantiate_outside_event_loop
async fn made_outside_of_a_runtime<B: Runtime>() {
    let condition = thread::spawn(|| {
        let condition = B::Condition::new();
        condition.notify(1);
        condition.notify_all();
        condition
    });
    let (condition, lock) = (Arc::new(condition.join().unwrap()), <B::Lock<u8>>::new(0));
    let mut waits = Box::pin(condition.wait(&lock, lock.lock().await));
    assert!(poll_once(&mut waits).is_pending());
    let elsewhere = Arc::clone(&condition);
    let other = thread::spawn(move || elsewhere.notify(1));
    drop(waits.await);
    other.join().unwrap();
}

/// As many are woken as the notification says, in the order in which they began to wait.
/// Covers: trio/test_Condition
/// Covers: trio/test_parking_lot_basic
async fn notifications_go_to_who_has_waited_longest<B: Runtime>() {
    let (lock, condition) = (<B::Lock<()>>::new(()), B::Condition::new());
    let mut waiting = Vec::new();
    for _ in 0..5 {
        let mut waits = Box::pin(condition.wait(&lock, lock.lock().await));
        assert!(poll_once(&mut waits).is_pending());
        waiting.push(waits);
    }
    condition.notify(0);
    assert!(waiting.iter_mut().all(|waiter| poll_once(waiter).is_pending()));
    condition.notify(2);
    assert!(waiting[2..].iter_mut().all(|waiter| poll_once(waiter).is_pending()));
    drop(waiting.remove(0).await);
    drop(waiting.remove(0).await);
    condition.notify(1);
    assert!(waiting[1..].iter_mut().all(|waiter| poll_once(waiter).is_pending()));
    drop(waiting.remove(0).await);
    condition.notify(100);
    drop(waiting.remove(0).await);
    drop(waiting.remove(0).await);
}

/// All who wait are woken, and nobody who begins to wait afterwards.
async fn everybody_is_notified<B: Runtime>() {
    let (lock, condition) = (<B::Lock<()>>::new(()), B::Condition::new());
    let mut waiting = Vec::new();
    for _ in 0..3 {
        let mut waits = Box::pin(condition.wait(&lock, lock.lock().await));
        assert!(poll_once(&mut waits).is_pending());
        waiting.push(waits);
    }
    condition.notify_all();
    let mut late = Box::pin(condition.wait(&lock, lock.lock().await));
    assert!(poll_once(&mut late).is_pending());
    for waits in waiting {
        drop(waits.await);
    }
    assert!(poll_once(&mut late).is_pending());
}

/// A notification that nobody waits for is forgotten.
async fn notification_without_waiters_is_nothing<B: Runtime>() {
    let (lock, condition) = (<B::Lock<()>>::new(()), B::Condition::new());
    condition.notify(3);
    condition.notify_all();
    let mut waits = Box::pin(condition.wait(&lock, lock.lock().await));
    assert!(poll_once(&mut waits).is_pending());
    assert!(poll_once(&mut waits).is_pending());
}

/// A waiter comes back with the lock: as long as the notifier holds it, the waiter waits.
/// Covers: trio/test_Condition
async fn lock_is_held_after_waiting<B: Runtime>() {
    let (lock, condition) = (<B::Lock<u8>>::new(0), B::Condition::new());
    let mut waits = Box::pin(condition.wait(&lock, lock.lock().await));
    assert!(poll_once(&mut waits).is_pending());
    let mut held = lock.lock().await;
    condition.notify(1);
    assert!(poll_once(&mut waits).is_pending());
    *held = 1;
    drop(held);
    assert!(lock.try_lock().is_err(), "it belongs to the waiter");
    assert_eq!(*waits.await, 1);
}

/// Several that were notified have the lock one after the other.
async fn notified_waiters_take_turns<B: Runtime>() {
    let (lock, condition) = (<B::Lock<u8>>::new(0), B::Condition::new());
    let mut one = Box::pin(condition.wait(&lock, lock.lock().await));
    assert!(poll_once(&mut one).is_pending());
    let mut two = Box::pin(condition.wait(&lock, lock.lock().await));
    assert!(poll_once(&mut two).is_pending());
    condition.notify_all();
    let guard = one.await;
    assert!(poll_once(&mut two).is_pending());
    drop(guard);
    drop(two.await);
}

/// A change that is made under the lock, and notified after it, is missed by nobody, however the
/// steps of several threads fall.
async fn nobody_misses_a_change<B: Runtime>() {
    const ROUNDS: usize = 200;
    let shared = Arc::new((<B::Lock<usize>>::new(0), B::Condition::new()));
    let result: Result<(), Cancelled> = B::task_group(async |tg| {
        for me in 0..2 {
            let shared = Arc::clone(&shared);
            tg.spawn(async move {
                let (turn, changed) = &*shared;
                for round in 0..ROUNDS {
                    let mine = |turn: &mut usize| *turn == 2 * round + me;
                    let mut turn = changed.wait_for(turn, turn.lock().await, mine).await;
                    *turn += 1;
                    drop(turn);
                    changed.notify(1);
                }
            });
        }
    })
    .await;
    assert_eq!(result, Ok(()));
    assert_eq!(*shared.0.lock().await, 2 * ROUNDS);
}

/// It does not wait for what is there already, and gives the guard under which it was seen.
async fn wait_for_gives_what_was_waited_for<B: Runtime>() {
    let (lock, condition) = (<B::Lock<u8>>::new(3), B::Condition::new());
    let guard = condition.wait_for(&lock, lock.lock().await, |value| *value == 3).await;
    assert_eq!(*guard, 3);
    let mut waits = Box::pin(condition.wait_for(&lock, guard, |value| *value == 5));
    assert!(poll_once(&mut waits).is_pending());
    for value in [4, 5] {
        *lock.try_lock().expect("it waits without the lock") = value;
        assert!(poll_once(&mut waits).is_pending(), "nobody has told it");
        condition.notify(1);
        if value == 4 {
            assert!(poll_once(&mut waits).is_pending());
        }
    }
    assert_eq!(*waits.await, 5);
}

/// One who is cancelled while it waits leaves the queue, and a later notification goes to the next.
/// Covers: anyio/test_wait_cancel
/// Covers: trio/test_parking_lot_cancel
async fn waiter_that_is_cancelled_leaves_the_queue<B: Runtime>() {
    let (lock, condition) = (<B::Lock<()>>::new(()), B::Condition::new());
    let (scope, log) = (B::CancelScope::new(), Log::default());
    let guard = lock.lock().await;
    let mut first = Box::pin(scope.run(async {
        drop(condition.wait(&lock, guard).await);
        log.add("notified");
    }));
    assert!(poll_once(&mut first).is_pending());
    let mut second = Box::pin(condition.wait(&lock, lock.lock().await));
    assert!(poll_once(&mut second).is_pending());
    let mut third = Box::pin(condition.wait(&lock, lock.lock().await));
    assert!(poll_once(&mut third).is_pending());
    scope.cancel();
    assert!(first.await.is_err());
    assert!(lock.try_lock().is_ok());
    condition.notify(1);
    assert!(poll_once(&mut third).is_pending());
    drop(second.await);
    assert!(log.take().is_empty());
}

/// One who was notified and then cancelled comes back with the lock, and the next one who waits is
/// notified in its stead.
/// Covers: anyio/test_notification_handover_on_cancel
async fn notified_waiter_that_is_cancelled_passes_it_on<B: Runtime>() {
    for cancelled_first in [false, true] {
        let (lock, condition) = (<B::Lock<u8>>::new(0), B::Condition::new());
        let (scope, log) = (B::CancelScope::new(), Log::default());
        let guard = lock.lock().await;
        let mut first = Box::pin(scope.run(async {
            drop(condition.wait(&lock, guard).await);
            log.add("notified");
            checkpoint().await;
            log.add("too far");
        }));
        assert!(poll_once(&mut first).is_pending());
        let mut second = Box::pin(condition.wait(&lock, lock.lock().await));
        assert!(poll_once(&mut second).is_pending());
        if cancelled_first {
            scope.cancel();
            condition.notify(1);
        } else {
            condition.notify(1);
            scope.cancel();
        }
        assert!(first.await.is_err());
        drop(second.await);
        assert_eq!(log.take(), ["notified"]);
    }
}

/// One who was notified and is dropped before it has the lock passes the notification on.
async fn notified_waiter_that_is_dropped_passes_it_on<B: Runtime>() {
    for has_heard in [false, true] {
        let (lock, condition) = (<B::Lock<()>>::new(()), B::Condition::new());
        let mut first = Box::pin(condition.wait(&lock, lock.lock().await));
        assert!(poll_once(&mut first).is_pending());
        let mut second = Box::pin(condition.wait(&lock, lock.lock().await));
        assert!(poll_once(&mut second).is_pending());
        let held = lock.lock().await;
        condition.notify(1);
        if has_heard {
            assert!(poll_once(&mut first).is_pending(), "it waits for the lock");
        }
        assert!(poll_once(&mut second).is_pending());
        drop(first);
        drop(held);
        drop(second.await);
    }
}

/// What was for everybody is nobody's to pass on: who begins to wait later is not woken by it.
async fn what_everybody_was_told_is_not_passed_on<B: Runtime>() {
    let (lock, condition) = (<B::Lock<()>>::new(()), B::Condition::new());
    let mut first = Box::pin(condition.wait(&lock, lock.lock().await));
    assert!(poll_once(&mut first).is_pending());
    condition.notify_all();
    let mut late = Box::pin(condition.wait(&lock, lock.lock().await));
    assert!(poll_once(&mut late).is_pending());
    drop(first);
    assert!(poll_once(&mut late).is_pending());
    assert!(lock.try_lock().is_ok());
}

/// C5: one who was notified waits for the lock under a shield: the scope that is cancelled meanwhile
/// waits, too.
/// Covers: trio/test_Condition
async fn cancelled_waiter_takes_the_lock_under_a_shield<B: Runtime>() {
    let (lock, condition) = (<B::Lock<u8>>::new(0), B::Condition::new());
    let scope = B::CancelScope::new();
    let guard = lock.lock().await;
    let mut waits = Box::pin(scope.run(condition.wait(&lock, guard)));
    assert!(poll_once(&mut waits).is_pending());
    let mut held = lock.lock().await;
    condition.notify(1);
    assert!(poll_once(&mut waits).is_pending());
    scope.cancel();
    assert!(poll_once(&mut waits).is_pending(), "it takes the lock before it ends");
    *held = 7;
    drop(held);
    assert_eq!(*waits.await.expect("what it was given is kept"), 7);
}

/// C8: in a cancelled scope nothing is waited for, and what is there already is not given either. The
/// lock is let go with the wait.
async fn nothing_is_waited_for_in_a_cancelled_scope<B: Runtime>() {
    let (lock, condition) = (<B::Lock<u8>>::new(0), B::Condition::new());
    let scope = B::CancelScope::new();
    scope.cancel();
    let guard = lock.lock().await;
    let mut waits = Box::pin(scope.run(condition.wait_for(&lock, guard, |_| true)));
    assert!(waits.as_mut().await.is_err());
    let guard = lock.try_lock().expect("the wait has let it go");
    assert!(scope.run(condition.wait(&lock, guard)).await.is_err());
    assert!(lock.try_lock().is_ok());
}

/// Waiters of one condition may hold different locks; each comes back with its own.
async fn one_condition_with_two_locks<B: Runtime>() {
    let (one, two) = (<B::Lock<u8>>::new(1), <B::Lock<&str>>::new("two"));
    let condition = B::Condition::new();
    let mut first = Box::pin(condition.wait(&one, one.lock().await));
    assert!(poll_once(&mut first).is_pending());
    let mut second = Box::pin(condition.wait(&two, two.lock().await));
    assert!(poll_once(&mut second).is_pending());
    condition.notify_all();
    assert_eq!((*first.await, *second.await), (1, "two"));
}

/// A condition says how many wait for it. Who was notified and waits for the lock is counted there.
/// Covers: anyio/TestCondition::test_statistics
async fn waiters_are_counted<B: Runtime>() {
    let (lock, condition) = (anyio_engine::Lock::new(()), anyio_engine::Condition::new());
    let counts = || {
        let now = lock.statistics();
        (condition.statistics().waiting, now.locked, now.waiting)
    };
    assert_eq!(counts(), (0, false, 0));
    let mut first = Box::pin(condition.wait(lock.lock().await));
    assert_eq!(counts(), (0, true, 0));
    assert!(poll_once(&mut first).is_pending());
    let mut second = Box::pin(condition.wait(lock.lock().await));
    assert!(poll_once(&mut second).is_pending());
    assert_eq!(counts(), (2, false, 0));
    let held = lock.lock().await;
    condition.notify(1);
    assert_eq!(counts(), (1, true, 0));
    assert!(poll_once(&mut first).is_pending());
    assert_eq!(counts(), (1, true, 1));
    drop(held);
    drop(first);
    assert_eq!(counts(), (0, false, 0), "the first has passed it on");
    drop(second.await);
    assert_eq!(counts(), (0, false, 0));
}

/// Wherever a waiter is cut, of two waiters and one notification one is woken, the lock is free in the
/// end, and nobody is left in the queue.
async fn no_notification_is_lost<B: Runtime>() {
    let cuts = everywhere(async |cut| {
        let (lock, condition) = (<B::Lock<usize>>::new(0), B::Condition::new());
        let take = async || {
            let guard = lock.lock().await;
            let mut guard = condition.wait_for(&lock, guard, |jobs| *jobs > 0).await;
            *guard -= 1;
        };
        let bring = async || {
            for _ in 0..4 {
                checkpoint().await;
            }
            let mut guard = lock.lock().await;
            checkpoint().await;
            *guard += 1;
            condition.notify(1);
            checkpoint().await;
        };
        let others = async {
            checkpoint().await;
            take().await;
        };
        let work = async { take().await };
        let bring_all = async {
            bring().await;
            bring().await;
        };
        let (done, (), ()) = join!(cut.apply::<B, _>(work), others, bring_all);
        let left = *lock.try_lock().expect("nobody has it");
        assert_eq!(left, usize::from(done.is_none()), "{cut:?}");
        let mut again = Box::pin(condition.wait(&lock, lock.try_lock().expect("it is free")));
        assert!(poll_once(&mut again).is_pending());
        condition.notify(1);
        assert!(poll_once(&mut again).is_ready(), "somebody was left in the queue: {cut:?}");
    })
    .await;
    assert!(cuts >= 8, "{cuts}");
}

/// However cancellations race with notifications, all that was brought is taken.
async fn workers_do_all_the_work<B: Runtime>() {
    const JOBS: usize = 200;
    let shared = Arc::new((<B::Lock<(usize, usize)>>::new((0, 0)), B::Condition::new()));
    let result: Result<(), Cancelled> = B::task_group(async |tg| {
        for me in 0..4 {
            let (shared, tasks) = (Arc::clone(&shared), tg.clone());
            tg.spawn(async move {
                let (lock, more) = &*shared;
                for round in 0.. {
                    let scope = B::CancelScope::new();
                    let canceller = scope.clone();
                    tasks.spawn(async move {
                        for _ in 0..(me + round) % 11 {
                            checkpoint().await;
                        }
                        canceller.cancel();
                    });
                    let take = async {
                        let mut jobs = lock.lock().await;
                        if jobs.1 < JOBS {
                            let wanted = |jobs: &mut (usize, usize)| jobs.0 > 0 || jobs.1 == JOBS;
                            jobs = more.wait_for(lock, jobs, wanted).await;
                        }
                        if jobs.1 < JOBS {
                            jobs.0 -= 1;
                            jobs.1 += 1;
                        }
                        if jobs.1 == JOBS {
                            more.notify_all();
                        }
                        jobs.1 == JOBS
                    };
                    if scope.run(take).await == Ok(true) {
                        break;
                    }
                }
            });
        }
        let shared = Arc::clone(&shared);
        tg.spawn(async move {
            let (lock, more) = &*shared;
            for _ in 0..JOBS {
                lock.lock().await.0 += 1;
                more.notify(1);
                checkpoint().await;
            }
        });
    })
    .await;
    assert_eq!(result, Ok(()));
    assert_eq!(*shared.0.lock().await, (0, JOBS));
}
