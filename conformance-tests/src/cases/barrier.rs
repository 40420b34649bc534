//! Barriers: all that are awaited meet, and who was cut has not been there (C7, C8).
//!
//! Who has arrived is decided by polling by hand: a future that was polled once has.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use anyio_core::{CancelScope as _, Cancelled, Event as _, Runtime, TaskGroup as _};
use anyio_engine::{Barrier, RuntimeExt as _, checkpoint};

use crate::{
    suite::Case,
    support::{caught, poll_once, until},
};

pub(super) fn list<B: Runtime>() -> Vec<Case> {
    list![B, barrier:
        nobody_goes_on_before_the_last_has_arrived,
        last_one_leads,
        fewer_than_two_wait_for_nobody,
        rounds_follow_each_other,
        rounds_of_many_do_not_mix,
        cancelled_waiter_has_not_arrived,
        waiter_dropped_after_they_met_was_there,
        meeting_beats_a_cancellation,
        nobody_arrives_in_a_cancelled_scope,
        panic_strands_nobody,
        made_outside_of_a_runtime,
        arrivals_are_counted,
    ]
}

/// W8: nobody goes on before the last has arrived, and then everybody does.
async fn nobody_goes_on_before_the_last_has_arrived<B: Runtime>() {
    let barrier = Barrier::new(3);
    let (mut first, mut second) = (barrier.wait(), barrier.wait());
    for _ in 0..2 {
        assert!(poll_once(&mut first).is_pending());
        assert!(poll_once(&mut second).is_pending());
    }
    barrier.wait().await;
    first.await;
    second.await;
}

/// Of those that met one leads, the one that arrived last.
async fn last_one_leads<B: Runtime>() {
    let barrier = Barrier::new(3);
    let (mut first, mut second) = (barrier.wait(), barrier.wait());
    assert!(poll_once(&mut first).is_pending());
    assert!(poll_once(&mut second).is_pending());
    assert!(barrier.wait().await.is_leader());
    assert!(!second.await.is_leader());
    assert!(!first.await.is_leader());
}

/// A barrier for one, or for nobody, keeps nobody waiting.
async fn fewer_than_two_wait_for_nobody<B: Runtime>() {
    for tasks in [0, 1] {
        let barrier = Barrier::new(tasks);
        checkpoint().await;
        for _ in 0..3 {
            assert!(poll_once(&mut barrier.wait()).is_ready());
        }
        assert_eq!(barrier.statistics().waiting, 0);
    }
}

/// Who arrives after some have met waits for others, also if those have not gone on yet.
async fn rounds_follow_each_other<B: Runtime>() {
    let barrier = Barrier::new(2);
    let mut first = barrier.wait();
    assert!(poll_once(&mut first).is_pending());
    assert!(barrier.wait().await.is_leader());
    let mut third = barrier.wait();
    assert!(poll_once(&mut third).is_pending());
    assert!(!first.await.is_leader());
    assert!(poll_once(&mut third).is_pending());
    assert!(barrier.wait().await.is_leader());
    assert!(!third.await.is_leader());
}

/// However threads interleave, nobody is a round ahead, and each round has one leader.
async fn rounds_of_many_do_not_mix<B: Runtime>() {
    const TASKS: usize = 5;
    const ROUNDS: usize = 60;
    let shared = Arc::new((Barrier::new(TASKS), AtomicUsize::new(0), AtomicUsize::new(0)));
    let result: Result<(), Cancelled> = B::task_group(async |tg| {
        for me in 0..TASKS {
            let shared = Arc::clone(&shared);
            tg.spawn(async move {
                let (barrier, arrived, led) = &*shared;
                for round in 0..ROUNDS {
                    for _ in 0..(me + round) % 3 {
                        checkpoint().await;
                    }
                    arrived.fetch_add(1, Ordering::SeqCst);
                    if barrier.wait().await.is_leader() {
                        led.fetch_add(1, Ordering::SeqCst);
                    }
                    let arrived = arrived.load(Ordering::SeqCst);
                    let (all, next) = (TASKS * (round + 1), TASKS * (round + 2));
                    assert!((all..=next).contains(&arrived), "{arrived} in round {round}");
                }
            });
        }
    })
    .await;
    assert_eq!(result, Ok(()));
    assert_eq!(shared.2.load(Ordering::SeqCst), ROUNDS);
    assert_eq!(shared.0.statistics().waiting, 0);
}

/// W3: one that is cancelled while it waits has not been there: another one has to come.
async fn cancelled_waiter_has_not_arrived<B: Runtime>() {
    let (barrier, scope) = (Barrier::new(3), B::CancelScope::new());
    let mut stays = barrier.wait();
    let mut leaves = Box::pin(scope.run(barrier.wait()));
    assert!(poll_once(&mut stays).is_pending());
    assert!(poll_once(&mut leaves).is_pending());
    scope.cancel();
    assert!(leaves.await.is_err());
    let mut dropped = barrier.wait();
    assert!(poll_once(&mut dropped).is_pending());
    drop(dropped);

    let mut second = barrier.wait();
    assert!(poll_once(&mut second).is_pending());
    assert!(poll_once(&mut stays).is_pending());
    assert!(barrier.wait().await.is_leader());
    second.await;
    stays.await;
}

/// One that is dropped after all have met was there: the others go on, and the next round needs as
/// many as ever.
async fn waiter_dropped_after_they_met_was_there<B: Runtime>() {
    let barrier = Barrier::new(3);
    let (mut dropped, mut stays) = (barrier.wait(), barrier.wait());
    assert!(poll_once(&mut dropped).is_pending());
    assert!(poll_once(&mut stays).is_pending());
    barrier.wait().await;
    drop(dropped);
    stays.await;

    let (mut first, mut second) = (barrier.wait(), barrier.wait());
    assert!(poll_once(&mut first).is_pending());
    assert!(poll_once(&mut second).is_pending());
    assert_eq!(barrier.statistics().waiting, 2);
    barrier.wait().await;
}

/// C7: who met the others before it was cancelled has met them, and goes on to its next wait.
async fn meeting_beats_a_cancellation<B: Runtime>() {
    let (barrier, scope) = (Barrier::new(2), B::CancelScope::new());
    let met = AtomicUsize::new(0);
    let mut waits = Box::pin(scope.run(async {
        barrier.wait().await;
        met.fetch_add(1, Ordering::SeqCst);
        checkpoint().await;
        met.fetch_add(1, Ordering::SeqCst);
    }));
    assert!(poll_once(&mut waits).is_pending());
    barrier.wait().await;
    scope.cancel();
    assert!(waits.await.is_err());
    assert_eq!(met.load(Ordering::SeqCst), 1);
}

/// C8: in a cancelled scope nobody arrives, though it would be the last one.
async fn nobody_arrives_in_a_cancelled_scope<B: Runtime>() {
    let (barrier, scope) = (Barrier::new(2), B::CancelScope::new());
    let mut waits = barrier.wait();
    assert!(poll_once(&mut waits).is_pending());
    scope.cancel();
    assert!(scope.run(barrier.wait()).await.is_err());
    assert!(poll_once(&mut waits).is_pending());
    assert!(scope.run(async { Barrier::new(1).wait().await }).await.is_err());
    barrier.wait().await;
    waits.await;
}

/// A task that panics instead of arriving leaves nobody waiting for it: its group ends the others,
/// and the barrier is as new.
async fn panic_strands_nobody<B: Runtime>() {
    let barrier = Arc::new(Barrier::new(3));
    let group = async {
        let result: Result<(), Cancelled> = B::task_group(async |tg| {
            for _ in 0..2 {
                let barrier = Arc::clone(&barrier);
                tg.spawn(async move {
                    barrier.wait().await;
                });
            }
            until::<B>(|| barrier.statistics().waiting == 2).await;
            tg.spawn(async { panic!("not there") });
            B::Event::new().wait().await;
        })
        .await;
        result
    };
    assert_eq!(caught(group).await.unwrap_err(), "not there");
    assert_eq!(barrier.statistics().waiting, 0);
}

/// A barrier is an ordinary value, and threads without a runtime meet tasks there.
async fn made_outside_of_a_runtime<B: Runtime>() {
    static BARRIER: Barrier = Barrier::new(2);
    let made = thread::spawn(|| Arc::new(Barrier::new(2))).join().unwrap();
    let there = Arc::clone(&made);
    let other = thread::spawn(move || {
        futures_lite::future::block_on(async {
            let leads = there.wait().await.is_leader();
            (leads, BARRIER.wait().await.is_leader())
        })
    });
    let mine = (made.wait().await.is_leader(), BARRIER.wait().await.is_leader());
    let others = other.join().unwrap();
    assert_ne!(mine.0, others.0);
    assert_ne!(mine.1, others.1);
}

/// A barrier says for how many it is, and how many of them wait.
async fn arrivals_are_counted<B: Runtime>() {
    let barrier = Barrier::new(3);
    let statistics = || (barrier.statistics().tasks, barrier.statistics().waiting);
    assert_eq!(statistics(), (3, 0));
    let (mut first, mut second) = (barrier.wait(), barrier.wait());
    assert_eq!(statistics(), (3, 0));
    assert!(poll_once(&mut first).is_pending());
    assert!(poll_once(&mut second).is_pending());
    assert_eq!(statistics(), (3, 2));
    drop(first);
    assert_eq!(statistics(), (3, 1));
    assert_eq!(format!("{barrier:?}"), "Barrier { tasks: 3, waiting: 1 }");
    let mut third = barrier.wait();
    assert!(poll_once(&mut third).is_pending());
    barrier.wait().await;
    assert_eq!(statistics(), (3, 0), "they have met, though two do not know yet");
}
