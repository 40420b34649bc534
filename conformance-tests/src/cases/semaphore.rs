//! Semaphores: first come, first served, handed over directly (C7, C8).
//!
//! Who comes first is decided by polling by hand: a future that was polled once is in the queue.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
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
    ]
}

/// As many permits are given as there are, and each comes back when it is dropped.
/// Covers: trio/test_Semaphore
/// Covers: anyio/TestSemaphore::test_manual_acquire
async fn permits_are_counted<B: Runtime>() {
    let semaphore = B::Semaphore::new(2);
    let one = semaphore.acquire().await;
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
    semaphore.release(0);
    assert!(poll_once(&mut waiting).is_pending());
    semaphore.release(1);
    drop(waiting.await);
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
                    let _permit = semaphore.acquire().await;
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
        semaphore.release(1);
        assert!(waiting[1..].iter_mut().all(|waiter| poll_once(waiter).is_pending()));
        std::mem::forget(waiting.remove(0).await);
    }
    assert!(semaphore.try_acquire().is_err());
}

/// A permit that comes back while somebody waits is theirs at once; nobody gets in between.
/// Covers: trio/test_Semaphore
async fn released_permit_belongs_to_who_waits<B: Runtime>() {
    let semaphore = B::Semaphore::new(1);
    let held = semaphore.acquire().await;
    let mut first = Box::pin(semaphore.acquire());
    assert!(poll_once(&mut first).is_pending());
    drop(held);
    assert!(semaphore.try_acquire().is_err());
    let mut second = Box::pin(semaphore.acquire());
    assert!(poll_once(&mut second).is_pending());
    drop(first.await);
    assert!(semaphore.try_acquire().is_err());
    drop(second.await);
    assert!(semaphore.try_acquire().is_ok());
}

/// Releasing several at once lets in that many who wait, and what is left over is free.
/// Covers: trio/test_parking_lot_basic
async fn release_lets_in_as_many_as_it_says<B: Runtime>() {
    let semaphore = B::Semaphore::new(0);
    let mut waiting: Vec<_> = (0..3).map(|_| Box::pin(semaphore.acquire())).collect();
    assert!(waiting.iter_mut().all(|waiter| poll_once(waiter).is_pending()));
    semaphore.release(2);
    assert!(poll_once(&mut waiting[2]).is_pending());
    std::mem::forget(waiting.remove(0).await);
    std::mem::forget(waiting.remove(0).await);
    semaphore.release(3);
    std::mem::forget(waiting.remove(0).await);
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
    semaphore.release(1);
    drop(second.await);
    assert!(semaphore.try_acquire().is_ok());
}

/// A permit that was granted to somebody who is dropped before having seen it goes to the next, or
/// comes back.
/// Covers: anyio/TestSemaphore::test_cancelled_after_acquire
async fn acquirer_dropped_after_its_turn_passes_it_on<B: Runtime>() {
    let semaphore = B::Semaphore::new(0);
    let mut waiting: Vec<_> = (0..3).map(|_| Box::pin(semaphore.acquire())).collect();
    assert!(waiting.iter_mut().all(|waiter| poll_once(waiter).is_pending()));
    semaphore.release(1);
    drop(waiting.remove(0));
    assert!(poll_once(&mut waiting[1]).is_pending());
    drop(waiting.remove(0).await);
    drop(waiting);
    assert!(semaphore.try_acquire().is_ok());
}

/// C8: in a cancelled scope a permit is not taken, though there is one.
async fn permit_is_not_taken_in_a_cancelled_scope<B: Runtime>() {
    let (semaphore, scope) = (B::Semaphore::new(1), B::CancelScope::new());
    scope.cancel();
    let result = scope.run(async { std::mem::forget(semaphore.acquire().await) }).await;
    assert!(result.is_err());
    assert!(semaphore.try_acquire().is_ok());
}

/// More permits than a semaphore can count are refused, whether or not somebody waits, and who waits
/// is not forgotten over it.
async fn release_of_too_many_is_refused<B: Runtime>() {
    let semaphore = B::Semaphore::new(0);
    let release = || catch_unwind(AssertUnwindSafe(|| semaphore.release(usize::MAX)));
    assert!(release().is_err());
    let mut waits = Box::pin(semaphore.acquire());
    assert!(poll_once(&mut waits).is_pending());
    assert!(release().is_err());
    assert!(poll_once(&mut waits).is_pending());
    semaphore.release(1);
    assert!(poll_once(&mut waits).is_ready());
}
