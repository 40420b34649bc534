//! Waiting for time to pass. Only lower bounds are tested: lateness is for benchmarks.

use std::time::Duration;

use anyio_core::{CancelScope as _, Cancelled, CauseKind, Runtime, TaskGroup as _};
use anyio_engine::{RuntimeExt as _, checkpoint, sleep_forever};
use futures_util::future::join_all;

use crate::{
    suite::Case,
    support::{Counter, Log, Polls, poll_once},
};

pub(super) fn list<B: Runtime>() -> Vec<Case> {
    list![B, time:
        clock_does_not_go_back,
        sleep_is_never_early,
        sleep_counts_from_its_first_poll,
        sleep_until_waits_for_its_moment,
        sleep_of_nothing_gives_others_a_turn,
        sleep_until_the_past_gives_others_a_turn,
        sleep_of_nothing_does_not_return_in_a_cancelled_scope,
        longest_sleep_lasts_until_it_is_cancelled,
        sleep_for_ever_ends_by_cancellation_alone,
        sleep_does_not_start_in_a_cancelled_scope,
        sleep_that_is_dropped_wakes_nobody,
        sleep_wakes_who_polled_it_last,
        many_sleeps_all_end,
        tasks_sleep_side_by_side,
    ]
}

/// The clock moves, and never back.
/// Covers: trio/test_current_time
async fn clock_does_not_go_back<B: Runtime>() {
    let start = B::now();
    let mut last = start;
    for _ in 0..100 {
        checkpoint().await;
        let now = B::now();
        assert!(now >= last);
        last = now;
    }
    B::sleep(Duration::from_millis(2)).await;
    assert!(B::now() >= start + Duration::from_millis(2));
}

/// A sleep lasts at least as long as was asked for.
async fn sleep_is_never_early<B: Runtime>() {
    let sleeps = (0..20).map(|step| async move {
        let (start, time) = (B::now(), Duration::from_micros(1_300 * step));
        B::sleep(time).await;
        assert!(B::now() - start >= time, "{:?} instead of {time:?}", B::now() - start);
    });
    join_all(sleeps).await;
}

/// A sleep's duration counts from when it is first polled, not from when it is made.
async fn sleep_counts_from_its_first_poll<B: Runtime>() {
    let time = Duration::from_millis(15);
    let later = B::sleep(time);
    B::sleep(time).await;
    let start = B::now();
    later.await;
    assert!(B::now() - start >= time);
}

/// `sleep_until` ends at its moment and not before.
/// Covers: anyio/test_sleep_until
async fn sleep_until_waits_for_its_moment<B: Runtime>() {
    let moment = B::now() + Duration::from_millis(15);
    let sleep = B::sleep_until(moment);
    B::sleep(Duration::from_millis(5)).await;
    sleep.await;
    assert!(B::now() >= moment);
}

/// A sleep of no length is a checkpoint: others get a turn.
async fn sleep_of_nothing_gives_others_a_turn<B: Runtime>() {
    let (log, polls) = (Log::default(), Counter::default());
    let first = async {
        log.add("first");
        Polls::of(B::sleep(Duration::ZERO), &polls).await;
        log.add("first again");
    };
    futures_util::join!(first, async { log.add("second") });
    assert_eq!(log.take(), ["first", "second", "first again"]);
    assert_eq!(polls.get(), 2);
}

/// A sleep until a moment that has passed is a checkpoint.
/// Covers: anyio/test_sleep_until_in_past
async fn sleep_until_the_past_gives_others_a_turn<B: Runtime>() {
    let past = B::now();
    B::sleep(Duration::from_millis(2)).await;
    let polls = Counter::default();
    Polls::of(B::sleep_until(past), &polls).await;
    assert_eq!(polls.get(), 2);
}

/// C8: in a cancelled scope a sleep of no length does not return.
async fn sleep_of_nothing_does_not_return_in_a_cancelled_scope<B: Runtime>() {
    let (scope, log) = (B::CancelScope::new(), Log::default());
    let past = B::now();
    scope.cancel();
    let zero = scope.run(async {
        B::sleep(Duration::ZERO).await;
        log.add("after");
    });
    assert!(zero.await.is_err());
    let past = scope.run(async {
        B::sleep_until(past).await;
        log.add("after");
    });
    assert!(past.await.is_err());
    assert!(log.take().is_empty());
}

/// The longest duration there is does not overflow: it lasts until a cancellation.
async fn longest_sleep_lasts_until_it_is_cancelled<B: Runtime>() {
    let result = B::move_on_after(Duration::from_millis(5), B::sleep(Duration::MAX)).await;
    assert!(result.is_none());
    let scope = B::CancelScope::new();
    let mut long = Box::pin(scope.run(B::sleep(Duration::MAX)));
    assert!(poll_once(&mut long).is_pending());
    scope.cancel();
    assert!(long.await.is_err());
}

/// Sleeping for ever ends with the scope, and only with it.
/// Covers: anyio/test_sleep_forever
async fn sleep_for_ever_ends_by_cancellation_alone<B: Runtime>() {
    let start = B::now();
    let time = Duration::from_millis(5);
    assert!(B::move_on_after(time, sleep_forever()).await.is_none());
    assert!(B::now() - start >= time);
}

/// C8: in a cancelled scope nothing is waited for, and what comes after a sleep does not run.
async fn sleep_does_not_start_in_a_cancelled_scope<B: Runtime>() {
    let (scope, log) = (B::CancelScope::new(), Log::default());
    scope.cancel();
    let polls = Counter::default();
    let sleeping = scope.run(async {
        Polls::of(B::sleep(Duration::from_secs(3600)), &polls).await;
        log.add("after");
    });
    assert_eq!(sleeping.await.unwrap_err().cause().kind(), CauseKind::Explicit);
    assert!(scope.run(async { sleep_forever().await }).await.is_err());
    assert_eq!(polls.get(), 1);
    assert!(log.take().is_empty());
}

/// A sleep that was dropped does not wake its task when its moment comes.
async fn sleep_that_is_dropped_wakes_nobody<B: Runtime>() {
    let polls = Counter::default();
    let work = async {
        let mut short = Box::pin(B::sleep(Duration::from_millis(1)));
        std::future::poll_fn(|cx| {
            assert!(short.as_mut().poll(cx).is_pending());
            std::task::Poll::Ready(())
        })
        .await;
        drop(short);
        B::sleep(Duration::from_millis(20)).await;
    };
    // A task of its own, so that nothing else wakes it.
    let result: Result<(), Cancelled> = B::task_group(async |tg| {
        tg.spawn(Polls::of(work, &polls));
    })
    .await;
    assert_eq!(result, Ok(()));
    assert!(polls.get() <= 3, "woken by what it had dropped: {} polls", polls.get());
}

/// A sleep that moves to another task wakes that one.
async fn sleep_wakes_who_polled_it_last<B: Runtime>() {
    let mut sleep = Box::pin(B::sleep(Duration::from_millis(5)));
    assert!(poll_once(&mut sleep).is_pending());
    sleep.await;
}

/// Thousands of sleeps at once all end, each at its time or later.
async fn many_sleeps_all_end<B: Runtime>() {
    let start = B::now();
    let sleeps = (0..3_000).map(|number| async move {
        let time = Duration::from_micros(number % 40 * 500);
        B::sleep(time).await;
        assert!(B::now() - start >= time);
    });
    join_all(sleeps).await;
}

/// One task's sleep does not delay another's: all are inside at once.
async fn tasks_sleep_side_by_side<B: Runtime>() {
    let (begun, awake) = (Counter::default(), Counter::default());
    let result: Result<(), Cancelled> = B::task_group(async |tg| {
        for _ in 0..50 {
            let (begun, awake) = (begun.clone(), awake.clone());
            tg.spawn(async move {
                begun.add();
                // One after the other, the first would wait for ever.
                while begun.get() < 50 {
                    B::sleep(Duration::from_millis(1)).await;
                }
                awake.add();
            });
        }
    })
    .await;
    assert_eq!(result, Ok(()));
    assert_eq!(awake.get(), 50);
}
