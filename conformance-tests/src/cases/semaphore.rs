//! Semaphores: first come, first served, handed over directly (C7, C8).
//!
//! Who comes first is decided by polling by hand: a future that was polled once is in the queue.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use anyio_core::{
    CancelScope as _, Cancelled, Event as _, Runtime, Semaphore as _, TaskGroup as _,
};
use anyio_engine::{RuntimeExt as _, checkpoint};

use crate::{suite::Case, support::poll_once};

pub(super) fn list<B: Runtime>() -> Vec<Case> {
    list![B, semaphore:
        permits_are_counted,
        no_permits_wait_for_a_release,
        bounds_who_is_inside,
        first_come_first_served,
        released_permit_belongs_to_who_waits,
        release_lets_in_as_many_as_it_says,
        acquirer_cancelled_before_its_turn_leaves_the_queue,
        acquirer_dropped_after_its_turn_passes_it_on,
        permit_is_not_taken_in_a_cancelled_scope,
        release_of_too_many_is_refused,
        maximum_is_kept,
        several_are_taken_together,
        who_waits_for_several_is_not_overtaken,
        what_was_kept_goes_to_the_next,
        owned_permit_keeps_the_semaphore,
        closed_semaphore_gives_nothing,
        closing_is_kept_in_a_cancelled_scope,
        close_races_with_everything,
        permits_are_divided_and_forgotten,
    ]
}

/// As many permits are given as there are, and each comes back when it is dropped.
/// Covers: trio/test_Semaphore
/// Covers: anyio/TestSemaphore::test_manual_acquire
async fn permits_are_counted<B: Runtime>() {
    let semaphore = B::Semaphore::new(2);
    let one = semaphore.acquire().await.unwrap();
    let two = semaphore.try_acquire().expect("one is left");
    assert!(semaphore.try_acquire().is_err());
    drop(one);
    let one = semaphore.try_acquire().expect("it has come back");
    assert!(semaphore.try_acquire().is_err());
    drop((one, two));
    let all = [semaphore.try_acquire(), semaphore.try_acquire(), semaphore.try_acquire()];
    assert_eq!(all.iter().filter(|permit| permit.is_ok()).count(), 2);
}

/// A semaphore may begin with nothing to give; what is released later lets somebody in.
async fn no_permits_wait_for_a_release<B: Runtime>() {
    let semaphore = B::Semaphore::new(0);
    assert!(semaphore.try_acquire().is_err());
    let mut waiting = Box::pin(semaphore.acquire());
    assert!(poll_once(&mut waiting).is_pending());
    semaphore.release(0).unwrap();
    assert!(poll_once(&mut waiting).is_pending());
    semaphore.release(1).unwrap();
    drop(waiting.await.unwrap());
    assert!(semaphore.try_acquire().is_ok());
}

/// Never more are inside than there are permits, and it is used to the full.
/// Covers: trio/test_generic_lock_exclusion
async fn bounds_who_is_inside<B: Runtime>() {
    const PERMITS: usize = 3;
    let semaphore = Arc::new(B::Semaphore::new(PERMITS));
    let inside = Arc::new(AtomicUsize::new(0));
    let full = Arc::new(B::Event::new());
    let result: Result<(), Cancelled> = B::task_group(async |tg| {
        for _ in 0..8 {
            let (semaphore, inside) = (Arc::clone(&semaphore), Arc::clone(&inside));
            let full = Arc::clone(&full);
            tg.spawn(async move {
                for _ in 0..50 {
                    let _permit = semaphore.acquire().await.unwrap();
                    let now = inside.fetch_add(1, Ordering::SeqCst) + 1;
                    assert!(now <= PERMITS);
                    if now == PERMITS {
                        full.set();
                    }
                    full.wait().await;
                    checkpoint().await;
                    inside.fetch_sub(1, Ordering::SeqCst);
                }
            });
        }
    })
    .await;
    assert_eq!(result, Ok(()));
}

/// Permits go to those who wait in the order in which they came.
/// Covers: trio/test_generic_lock_fifo_fairness
async fn first_come_first_served<B: Runtime>() {
    let semaphore = B::Semaphore::new(0);
    let mut waiting: Vec<_> = (0..5).map(|_| Box::pin(semaphore.acquire())).collect();
    assert!(waiting.iter_mut().all(|waiter| poll_once(waiter).is_pending()));
    while !waiting.is_empty() {
        semaphore.release(1).unwrap();
        assert!(waiting[1..].iter_mut().all(|waiter| poll_once(waiter).is_pending()));
        std::mem::forget(waiting.remove(0).await.unwrap());
    }
    assert!(semaphore.try_acquire().is_err());
}

/// A permit that comes back while somebody waits is theirs at once; nobody gets in between.
/// Covers: trio/test_Semaphore
async fn released_permit_belongs_to_who_waits<B: Runtime>() {
    let semaphore = B::Semaphore::new(1);
    let held = semaphore.acquire().await.unwrap();
    let mut first = Box::pin(semaphore.acquire());
    assert!(poll_once(&mut first).is_pending());
    drop(held);
    assert!(semaphore.try_acquire().is_err());
    let mut second = Box::pin(semaphore.acquire());
    assert!(poll_once(&mut second).is_pending());
    drop(first.await.unwrap());
    assert!(semaphore.try_acquire().is_err());
    drop(second.await.unwrap());
    assert!(semaphore.try_acquire().is_ok());
}

/// Releasing several at once lets in that many who wait, and what is left over is free.
/// Covers: trio/test_parking_lot_basic
async fn release_lets_in_as_many_as_it_says<B: Runtime>() {
    let semaphore = B::Semaphore::new(0);
    let mut waiting: Vec<_> = (0..3).map(|_| Box::pin(semaphore.acquire())).collect();
    assert!(waiting.iter_mut().all(|waiter| poll_once(waiter).is_pending()));
    semaphore.release(2).unwrap();
    assert!(poll_once(&mut waiting[2]).is_pending());
    std::mem::forget(waiting.remove(0).await.unwrap());
    std::mem::forget(waiting.remove(0).await.unwrap());
    semaphore.release(3).unwrap();
    std::mem::forget(waiting.remove(0).await.unwrap());
    let left = [semaphore.try_acquire(), semaphore.try_acquire(), semaphore.try_acquire()];
    assert_eq!(left.map(|permit| permit.is_ok()), [true, true, false]);
}

/// One who waits for a permit and is cancelled leaves the queue, and the others keep their order.
/// Covers: anyio/TestSemaphore::test_cancel_during_acquire
async fn acquirer_cancelled_before_its_turn_leaves_the_queue<B: Runtime>() {
    let (semaphore, scope) = (B::Semaphore::new(0), B::CancelScope::new());
    let mut first = Box::pin(scope.run(semaphore.acquire()));
    assert!(poll_once(&mut first).is_pending());
    let mut second = Box::pin(semaphore.acquire());
    assert!(poll_once(&mut second).is_pending());
    scope.cancel();
    assert!(first.await.is_err());
    semaphore.release(1).unwrap();
    drop(second.await.unwrap());
    assert!(semaphore.try_acquire().is_ok());
}

/// A permit that was granted to somebody who is dropped before having seen it goes to the next, or
/// comes back.
/// Covers: anyio/TestSemaphore::test_cancelled_after_acquire
async fn acquirer_dropped_after_its_turn_passes_it_on<B: Runtime>() {
    let semaphore = B::Semaphore::new(0);
    let mut waiting: Vec<_> = (0..3).map(|_| Box::pin(semaphore.acquire())).collect();
    assert!(waiting.iter_mut().all(|waiter| poll_once(waiter).is_pending()));
    semaphore.release(1).unwrap();
    drop(waiting.remove(0));
    assert!(poll_once(&mut waiting[1]).is_pending());
    drop(waiting.remove(0).await.unwrap());
    drop(waiting);
    assert!(semaphore.try_acquire().is_ok());
}

/// C8: in a cancelled scope a permit is not taken, though there is one.
async fn permit_is_not_taken_in_a_cancelled_scope<B: Runtime>() {
    let (semaphore, scope) = (B::Semaphore::new(1), B::CancelScope::new());
    scope.cancel();
    let result = scope.run(async { std::mem::forget(semaphore.acquire().await.unwrap()) }).await;
    assert!(result.is_err());
    assert!(semaphore.try_acquire().is_ok());
}

/// More permits than a semaphore may have are refused, whether or not somebody waits, and nobody who
/// waits is forgotten over it.
async fn release_of_too_many_is_refused<B: Runtime>() {
    let semaphore = B::Semaphore::new(0);
    assert!(semaphore.release(usize::MAX).is_err());
    let mut waits = Box::pin(semaphore.acquire());
    assert!(poll_once(&mut waits).is_pending());
    assert!(semaphore.release(usize::MAX).is_err());
    assert!(poll_once(&mut waits).is_pending());
    semaphore.release(1).unwrap();
    assert!(poll_once(&mut waits).is_ready());
}

/// A semaphore with a maximum never has more permits than that, those that are taken included; what
/// was taken comes back by itself.
/// Covers: trio/test_Semaphore_bounded
/// Covers: anyio/test_max_value
async fn maximum_is_kept<B: Runtime>() {
    let semaphore = B::Semaphore::with_max(1, 2);
    let one = semaphore.acquire().await.unwrap();
    semaphore.release(1).unwrap();
    let error = semaphore.release(1).unwrap_err();
    assert_eq!(error.max(), 2);
    assert_eq!(semaphore.available(), 1);
    drop(one);
    assert_eq!(semaphore.available(), 2);
    assert!(semaphore.release(1).is_err());
    assert!(semaphore.release(0).is_ok());
    assert_eq!(semaphore.available(), 2);
    assert!(semaphore.acquire_many(3).await.is_err_and(|error| error.is_too_many()));
    assert!(semaphore.try_acquire_many(3).is_err_and(|error| error.is_too_many()));
    drop(semaphore.acquire_many(2).await.unwrap());
}

/// Several permits are taken together or not at all, and come back together.
async fn several_are_taken_together<B: Runtime>() {
    let semaphore = B::Semaphore::new(3);
    let two = semaphore.acquire_many(2).await.unwrap();
    assert!(semaphore.try_acquire_many(2).is_err_and(|error| error.is_would_block()));
    let mut all = Box::pin(semaphore.acquire_many(3));
    assert!(poll_once(&mut all).is_pending());
    drop(two);
    let all = all.await.unwrap();
    assert_eq!(semaphore.available(), 0);
    drop(all);
    assert_eq!(semaphore.available(), 3);
    drop(semaphore.acquire_many(0).await.unwrap());
    assert_eq!(semaphore.available(), 3);
}

/// W1: who waits for several keeps its place: what there is already is kept for it, and those behind
/// it wait, though it would do for them.
async fn who_waits_for_several_is_not_overtaken<B: Runtime>() {
    let semaphore = B::Semaphore::new(1);
    let mut first = Box::pin(semaphore.acquire_many(3));
    let mut second = Box::pin(semaphore.acquire());
    assert!(poll_once(&mut first).is_pending());
    assert!(poll_once(&mut second).is_pending());
    assert!(semaphore.try_acquire().is_err());
    for _ in 0..2 {
        assert!(poll_once(&mut first).is_pending());
        assert!(poll_once(&mut second).is_pending());
        semaphore.release(1).unwrap();
    }
    let three = first.await.unwrap();
    assert!(poll_once(&mut second).is_pending());
    drop(three);
    drop(second.await.unwrap());
    assert_eq!(semaphore.available(), 3);
}

/// W3: when who waits for several leaves, what was kept for it goes to those behind it.
async fn what_was_kept_goes_to_the_next<B: Runtime>() {
    let semaphore = B::Semaphore::new(2);
    let mut first = Box::pin(semaphore.acquire_many(3));
    let mut second = Box::pin(semaphore.acquire());
    let mut third = Box::pin(semaphore.acquire());
    for waiter in [&mut second, &mut third] {
        assert!(poll_once(&mut first).is_pending());
        assert!(poll_once(waiter).is_pending());
    }
    drop(first);
    let (one, two) = (second.await.unwrap(), third.await.unwrap());
    assert_eq!(semaphore.available(), 0);
    drop((one, two));
    assert_eq!(semaphore.available(), 2);

    let mut alone = Box::pin(semaphore.acquire_many(3));
    assert!(poll_once(&mut alone).is_pending());
    drop(alone);
    assert!(semaphore.try_acquire_many(2).is_ok());
}

/// An owned permit outlives everybody else's share in its semaphore, and may be dropped on any thread.
async fn owned_permit_keeps_the_semaphore<B: Runtime>() {
    let semaphore = Arc::new(B::Semaphore::new(3));
    let one = Arc::clone(&semaphore).acquire_owned().await.unwrap();
    let two = Arc::clone(&semaphore).try_acquire_many_owned(2).unwrap();
    assert!(Arc::clone(&semaphore).try_acquire_owned().is_err());
    let mut waits = Box::pin(Arc::clone(&semaphore).acquire_many_owned(2));
    assert!(poll_once(&mut waits).is_pending());
    let other = thread::spawn(move || drop(two));
    drop(waits.await.unwrap());
    other.join().unwrap();
    assert_eq!(semaphore.available(), 2);
    let weak = Arc::downgrade(&semaphore);
    drop(semaphore);
    assert_eq!(weak.upgrade().expect("the permit has a share").available(), 2);
    drop(one);
    assert!(weak.upgrade().is_none());
}

/// A closed semaphore gives nothing any more: who waits is told, in whatever order, and so is who
/// comes later. What was taken, or granted before, is kept and comes back.
async fn closed_semaphore_gives_nothing<B: Runtime>() {
    let semaphore = B::Semaphore::new(1);
    let held = semaphore.acquire().await.unwrap();
    let mut granted = Box::pin(semaphore.acquire());
    let mut several = Box::pin(semaphore.acquire_many(2));
    let mut last = Box::pin(semaphore.acquire());
    assert!(poll_once(&mut granted).is_pending());
    assert!(poll_once(&mut several).is_pending());
    assert!(poll_once(&mut last).is_pending());
    drop(held);
    assert!(!semaphore.is_closed());
    semaphore.close();
    semaphore.close();
    assert!(semaphore.is_closed());
    assert!(last.await.is_err_and(|error| error.is_closed()));
    assert!(several.await.is_err_and(|error| error.is_closed()));
    drop(granted.await.expect("it was granted before"));
    assert_eq!(semaphore.available(), 1);
    assert!(semaphore.acquire().await.is_err_and(|error| error.is_closed()));
    assert!(semaphore.try_acquire().is_err_and(|error| error.is_closed()));
    semaphore.release(1).unwrap();
    assert!(semaphore.try_acquire().is_err_and(|error| error.is_closed()));
    assert_eq!(semaphore.available(), 2);
}

/// That a semaphore was closed is not said in a cancelled scope: the same cancellation may be why.
async fn closing_is_kept_in_a_cancelled_scope<B: Runtime>() {
    let (semaphore, scope) = (B::Semaphore::new(0), B::CancelScope::new());
    let mut waits = Box::pin(scope.run(semaphore.acquire()));
    assert!(poll_once(&mut waits).is_pending());
    scope.cancel();
    semaphore.close();
    assert!(waits.await.is_err(), "the scope was cancelled");
}

/// However a close races with releases, waits and cancellations, everybody is told, and all permits are
/// there in the end.
async fn close_races_with_everything<B: Runtime>() {
    for round in 0..20_usize {
        let semaphore = Arc::new(B::Semaphore::new(round % 4));
        let result: Result<(), Cancelled> = B::task_group(async |tg| {
            for me in 0..8_usize {
                let (semaphore, tasks) = (Arc::clone(&semaphore), tg.clone());
                tg.spawn(async move {
                    let scope = B::CancelScope::new();
                    let canceller = scope.clone();
                    tasks.spawn(async move {
                        for _ in 0..20 + (me + round) % 5 {
                            checkpoint().await;
                        }
                        canceller.cancel();
                    });
                    let work = async {
                        loop {
                            match semaphore.acquire_many(1 + me % 3).await {
                                Ok(_permit) => checkpoint().await,
                                Err(error) => break assert!(error.is_closed()),
                            }
                        }
                    };
                    _ = scope.run(work).await;
                });
            }
            let semaphore = Arc::clone(&semaphore);
            tg.spawn(async move {
                for _ in 0..round {
                    checkpoint().await;
                }
                semaphore.release(1).unwrap();
                semaphore.close();
            });
        })
        .await;
        assert_eq!(result, Ok(()));
        assert_eq!(semaphore.available(), round % 4 + 1);
    }
}

/// Permits can be divided, and taken for good. A semaphore says how many there are, how many of them
/// are free, and how many wait.
/// Covers: anyio/TestSemaphore::test_statistics
/// Covers: anyio/TestSemaphore::test_instantiate_outside_event_loop
async fn permits_are_divided_and_forgotten<B: Runtime>() {
    let outside = thread::spawn(|| anyio_engine::Semaphore::with_max(4, 6));
    let semaphore = outside.join().unwrap();
    let statistics = || {
        let now = semaphore.statistics();
        (now.available, now.permits, now.max, now.waiting, now.closed)
    };
    assert_eq!(statistics(), (4, 4, 6, 0, false));
    let mut all = semaphore.acquire_many(4).await.unwrap();
    let two = all.split(2).expect("there are four");
    assert!(all.split(3).is_none());
    assert_eq!((all.count(), two.count()), (2, 2));
    assert_eq!(statistics(), (0, 4, 6, 0, false));
    two.forget();
    assert_eq!(statistics(), (0, 2, 6, 0, false));
    let mut waits = Box::pin(semaphore.acquire_many(3));
    assert!(poll_once(&mut waits).is_pending());
    drop(all);
    assert_eq!(statistics(), (2, 2, 6, 1, false));
    assert!(semaphore.release(5).is_err());
    semaphore.release(4).unwrap();
    assert_eq!(statistics(), (3, 6, 6, 0, false));
    drop(waits);
    semaphore.close();
    assert_eq!(statistics(), (6, 6, 6, 0, true));
}
