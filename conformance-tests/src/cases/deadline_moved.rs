//! Deadlines that are moved: C10.

use std::{future::pending, time::Duration};

use anyio_core::{CancelScope as _, Cancelled, CauseKind, Runtime};
use anyio_engine::{CancelScope, RuntimeExt as _, TaskGroup, checkpoint, shield, sleep_forever};

use crate::{
    suite::Case,
    support::{Counter, Log, Polls, cause_of, is_pending, until},
};

pub(super) fn list<B: Runtime>() -> Vec<Case> {
    list![B, deadline_moved:
        to_a_time_from_now,
        to_a_moment,
        further_than_the_clock_can_tell,
        by_every_sign_of_life,
        in_the_past,
        after_it_has_cancelled,
        after_it_has_passed_under_a_shield,
        before_the_first_run_there_is_no_timeout_any_more,
        during_the_first_poll_there_is_no_timeout_any_more,
        for_all_runs_of_a_handle,
        for_all_runs_of_a_handle_to_none,
    ]
}

const SHORT: Duration = Duration::from_millis(10);
const LONG: Duration = Duration::from_millis(40);
const NEVER: Duration = Duration::from_secs(3600);

/// C10: `deadline_in` counts from its call, whatever the deadline was before.
async fn to_a_time_from_now<B: Runtime>() {
    for before in [None, Some(B::now() + NEVER / 2), Some(B::now() + 2 * NEVER)] {
        let scope = B::CancelScope::new();
        scope.set_deadline(before);
        let earliest = B::now() + NEVER;
        scope.deadline_in(NEVER);
        let latest = B::now() + NEVER;
        assert!(scope.deadline().is_some_and(|at| earliest <= at && at <= latest));

        let mut called = B::now();
        let result = scope
            .run(async {
                checkpoint().await;
                called = B::now();
                scope.deadline_in(SHORT);
                pending::<()>().await;
            })
            .await;
        assert_eq!(cause_of(result).kind(), CauseKind::Deadline);
        assert!(B::now() >= called + SHORT);
    }
}

/// C10: `deadline_at` is what it says.
async fn to_a_moment<B: Runtime>() {
    let scope = B::CancelScope::new();
    let far = B::now() + NEVER;
    scope.deadline_at(far);
    assert_eq!(scope.deadline(), Some(far));
    let scope = CancelScope::<B>::new();
    let near = B::now() + SHORT;
    let result = scope
        .run(async {
            checkpoint().await;
            scope.deadline_at(near);
            assert_eq!(scope.deadline(), Some(near));
            pending::<()>().await;
        })
        .await;
    assert_eq!(cause_of(result).kind(), CauseKind::Deadline);
    assert!(B::now() >= near);
}

/// C10: a time that the clock cannot tell is none; a deadline there was is gone.
async fn further_than_the_clock_can_tell<B: Runtime>() {
    let scope = CancelScope::<B>::with_timeout(NEVER);
    let work = async {
        checkpoint().await;
        assert!(scope.deadline().is_some());
        scope.deadline_in(Duration::MAX);
        assert_eq!(scope.deadline(), None);
        assert_eq!(B::current_effective_deadline(), None);
        B::sleep(SHORT).await;
        7
    };
    assert_eq!(scope.run(work).await, Ok(7));
    assert!(!scope.cancel_called());
}

/// C10: a deadline that is moved on with every sign of life ends the work when they stay away, and
/// counts from the last one.
/// Covers: anyio/test_deadline_moved
async fn by_every_sign_of_life<B: Runtime>() {
    let (scope, mut last) = (CancelScope::<B>::new(), B::now());
    let beats = scope.run(async {
        for _beat in 0..5 {
            let before = B::now();
            scope.deadline_in(NEVER);
            B::sleep(Duration::from_millis(1)).await;
            assert!(scope.deadline().is_some_and(|at| at >= before + NEVER));
        }
        last = B::now();
        scope.deadline_in(LONG);
        sleep_forever().await
    });
    assert_eq!(beats.await.map_err(|cut| cut.cause().kind()).err(), Some(CauseKind::Deadline));
    assert!(B::now() >= last + LONG);
}

/// C10: no time left, or a moment that has passed, cancels at once.
async fn in_the_past<B: Runtime>() {
    let past = B::now();
    let moves: [fn(&CancelScope<B>, _); 2] =
        [|scope, _| scope.deadline_in(Duration::ZERO), |scope, past| scope.deadline_at(past)];
    for moves in moves {
        let (scope, log) = (CancelScope::<B>::new(), Log::default());
        let result = scope
            .run(async {
                checkpoint().await;
                moves(&scope, past);
                assert!(scope.cancel_called());
                log.add("goes on to the next operation");
                checkpoint().await;
                log.add("never");
            })
            .await;
        assert_eq!(cause_of(result).kind(), CauseKind::Deadline);
        assert_eq!(log.take().len(), 1);
    }
}

/// C10: a cancellation by a deadline is not taken back, wherever the deadline is moved.
async fn after_it_has_cancelled<B: Runtime>() {
    let later: [fn(&B::CancelScope); 4] = [
        |scope| scope.set_deadline(None),
        |scope| scope.set_deadline(Some(B::now() + NEVER)),
        |scope| scope.deadline_in(NEVER),
        |scope| scope.deadline_in(Duration::MAX),
    ];
    for later in later {
        let (scope, log) = (B::CancelScope::new(), Log::default());
        let result = scope
            .run(async {
                checkpoint().await;
                scope.set_deadline(Some(B::now()));
                later(&scope);
                assert!(scope.cancel_called());
                log.add("moved");
                checkpoint().await;
                log.add("never");
            })
            .await;
        assert_eq!(cause_of(result).kind(), CauseKind::Deadline);
        assert_eq!(log.take(), ["moved"]);
        // It counts for the runs to come, too.
        let again = scope.run(async {
            checkpoint().await;
            log.add("never");
        });
        assert_eq!(cause_of(again.await).kind(), CauseKind::Deadline);
        assert!(log.take().is_empty());
    }
}

/// C2, C10: nor is one that waits for a shield to end when the deadline is moved.
async fn after_it_has_passed_under_a_shield<B: Runtime>() {
    for later in [None, Some(B::now() + NEVER)] {
        let (scope, log) = (CancelScope::<B>::with_timeout(SHORT), Log::default());
        let result = scope
            .run(async {
                shield(until::<B>(|| scope.cancel_called())).await;
                scope.set_deadline(later);
                log.add("moved");
                checkpoint().await;
                log.add("never");
            })
            .await;
        assert_eq!(cause_of(result).kind(), CauseKind::Deadline);
        assert_eq!(log.take(), ["moved"]);
    }
}

/// C10: a deadline that is set before the first run, also to none, is there instead of the timeout.
async fn before_the_first_run_there_is_no_timeout_any_more<B: Runtime>() {
    for instead in [None, Some(B::now() + NEVER)] {
        let scope = CancelScope::<B>::with_timeout(SHORT);
        scope.set_deadline(instead);
        let work = async {
            checkpoint().await;
            assert_eq!(scope.deadline(), instead);
            B::sleep(LONG).await;
            assert_eq!(B::current_effective_deadline(), instead);
            7
        };
        assert_eq!(scope.run(work).await, Ok(7));
        assert!(!scope.cancel_called());
    }
    let scope = CancelScope::<B>::with_timeout(NEVER);
    let near = B::now() + SHORT;
    scope.deadline_at(near);
    assert_eq!(cause_of(scope.run(pending::<()>()).await).kind(), CauseKind::Deadline);
    assert!(B::now() >= near);
}

/// C10: so is one that is set before the end of the first poll, from which the timeout would count.
async fn during_the_first_poll_there_is_no_timeout_any_more<B: Runtime>() {
    for instead in [None, Some(B::now() + NEVER)] {
        let scope = CancelScope::<B>::with_timeout(Duration::ZERO);
        let work = async {
            scope.set_deadline(instead);
            checkpoint().await;
            assert_eq!(scope.deadline(), instead);
            7
        };
        assert_eq!(scope.run(work).await, Ok(7));
        assert!(!scope.cancel_called());
    }
}

/// C10: one deadline counts for all runs of a handle; moved to an earlier moment while two of them
/// wait, in two tasks, it ends both.
async fn for_all_runs_of_a_handle<B: Runtime>() {
    let (scope, polls) = (B::CancelScope::new(), Counter::default());
    scope.set_deadline(Some(B::now() + NEVER));
    let group = TaskGroup::<B, Cancelled>::builder().run(async |tg| {
        let runs = [(); 2].map(|()| {
            let (scope, polls) = (scope.clone(), polls.clone());
            tg.spawn(async move {
                let result = scope.run(Polls::of(pending::<()>(), &polls)).await;
                Ok((cause_of(result).kind(), B::now()))
            })
        });
        until::<B>(|| polls.get() >= 2).await;
        let near = B::now() + SHORT;
        scope.deadline_at(near);
        for run in runs {
            let (kind, ended) = run.await?;
            assert_eq!(kind, CauseKind::Deadline);
            assert!(ended >= near);
        }
        Ok(())
    });
    group.await.unwrap();
    assert!(scope.cancel_called());
}

/// C10: taken away while two runs wait for it, it ends neither of them, nor one that begins later.
async fn for_all_runs_of_a_handle_to_none<B: Runtime>() {
    // On a slow machine it may be over before both wait for it: then there has to be more of it.
    let mut time = SHORT;
    loop {
        let scope = CancelScope::<B>::with_deadline(B::now() + time);
        let sleep = || scope.run(B::sleep(2 * time));
        let (mut one, mut other) = (Box::pin(sleep()), Box::pin(sleep()));
        let wait = is_pending(one.as_mut()).await && is_pending(other.as_mut()).await;
        if wait && !scope.cancel_called() {
            scope.set_deadline(None);
            assert_eq!((one.await, other.await), (Ok(()), Ok(())));
            let fresh = scope.run(async {
                checkpoint().await;
                B::current_effective_deadline()
            });
            assert_eq!(fresh.await, Ok(None));
            assert!(!scope.cancel_called());
            return;
        }
        time *= 2;
    }
}
