//! Deadlines: C10. Times are compared with what must have passed at least, never
//! with what may have passed at most.

use std::{
    future::{pending, ready},
    pin::pin,
    thread,
    time::Duration,
};

use anyio_core::{
    CancelScope as _, Cancelled, CauseKind, Event as _, Lock as _, Runtime, TaskGroup as _,
    TimedOut,
};
use anyio_engine::{
    CancelScope, RuntimeExt as _, checkpoint, fail_after, move_on_after, shield, sleep_forever,
};

use crate::{
    suite::Case,
    support::{Counted, Counter, Log, Polls, cause_of, is_pending},
};

pub(super) fn list<B: Runtime>() -> Vec<Case> {
    list![B, deadline:
        sleep_is_never_early,
        sleep_forever_never_ends,
        timeout_counts_from_the_end_of_the_first_poll,
        handle_counts_from_its_first_run,
        deadline_is_what_it_says,
        deadline_in_the_past,
        endless_timeout,
        timed_out_work_can_go_on,
        nothing_is_left_of_a_timeout,
        deadline_moved_later,
        deadline_moved_earlier,
        deadline_taken_away,
        deadline_set_in_the_past,
        deadline_after_the_end,
        deadline_pierces_its_own_shield,
        outer_deadline_stays_outside_a_shield,
        timeout_inside_a_shield,
        shield_in_the_work_is_waited_for,
        outer_deadline_comes_first,
        group_in_time,
        effective_deadline,
        effective_deadline_of_a_first_poll,
        effective_deadline_behind_a_shield,
        ready_work_costs_nothing,
        passed_deadline_is_noticed_by_a_checkpoint,
        busy_loop_is_timed_out,
    ]
}

const SHORT: Duration = Duration::from_millis(10);
const LONG: Duration = Duration::from_millis(40);
const NEVER: Duration = Duration::from_secs(3600);

/// Whether the clock moves while a thread sleeps, as a virtual one does not.
fn real_clock<B: Runtime>() -> bool {
    let before = B::now();
    thread::sleep(Duration::from_millis(1));
    before < B::now()
}

/// C10: a sleep lasts as long as it says, or longer; the clock moves on with it.
/// Covers: trio/test_current_time
async fn sleep_is_never_early<B: Runtime>() {
    let before = B::now();
    B::sleep(SHORT).await;
    assert!(B::now() >= before + SHORT);
    let deadline = B::now() + SHORT;
    B::sleep_until(deadline).await;
    assert!(B::now() >= deadline);
    B::sleep_until(before).await;
    B::sleep(Duration::ZERO).await;
}

/// C10: `sleep_forever` does not return, whatever wakes its task.
/// Covers: trio/test_cannot_wake_sleep_forever
async fn sleep_forever_never_ends<B: Runtime>() {
    let mut sleep = pin!(sleep_forever());
    for _ in 0..3 {
        assert!(is_pending(sleep.as_mut()).await);
        checkpoint().await;
    }
    assert!(B::move_on_after(SHORT, B::sleep(Duration::MAX)).await.is_none());
}

/// C10: a timeout counts from the end of the first poll: neither the time before it nor a slow
/// begin of the work counts.
/// Covers: trio/test_timeout_deadline_on_entry
/// Covers: trio/test_move_on_after
async fn timeout_counts_from_the_end_of_the_first_poll<B: Runtime>() {
    let mut began = B::now();
    let slow = async {
        thread::sleep(LONG);
        began = B::now();
        pending::<()>().await;
    };
    let work = B::move_on_after(SHORT, slow);
    thread::sleep(LONG);
    assert!(work.await.is_none());
    assert!(B::now() >= began + SHORT);

    let mut began = B::now();
    let slow = async {
        thread::sleep(LONG);
        began = B::now();
        pending::<()>().await;
    };
    assert_eq!(B::fail_after(SHORT, slow).await, Err(TimedOut::new()));
    assert!(B::now() >= began + SHORT);
}

/// C10: the timeout of a handle counts from the end of the first poll of its first run.
async fn handle_counts_from_its_first_run<B: Runtime>() {
    let scope = CancelScope::<B>::with_timeout(SHORT);
    thread::sleep(LONG);
    assert_eq!(scope.deadline(), None);
    assert_eq!(scope.run(async { 7 }).await, Ok(7));
    assert_eq!(scope.deadline(), None, "nothing was pending yet");
    let mut began = B::now();
    let result = scope
        .run(async {
            assert_eq!(scope.deadline(), None);
            began = B::now();
            checkpoint().await;
            assert!(scope.deadline().is_some_and(|deadline| deadline >= began + SHORT));
            pending::<()>().await;
        })
        .await;
    assert_eq!(cause_of(result).kind(), CauseKind::Deadline);
    assert!(B::now() >= began + SHORT);
    assert!(scope.cancel_called() && scope.cancelled_caught());
}

/// C10: an absolute deadline is what it says.
/// Covers: anyio/test_move_on_at
/// Covers: anyio/test_fail_at
/// Covers: trio/test_fail
async fn deadline_is_what_it_says<B: Runtime>() {
    let deadline = B::now() + SHORT;
    assert!(B::move_on_at(deadline, pending::<()>()).await.is_none());
    assert!(B::now() >= deadline);
    let deadline = B::now() + SHORT;
    assert_eq!(B::fail_at(deadline, pending::<()>()).await, Err(TimedOut::new()));
    assert!(B::now() >= deadline);
    let scope = CancelScope::<B>::with_deadline(B::now() + SHORT);
    assert_eq!(cause_of(scope.run(pending::<()>()).await).kind(), CauseKind::Deadline);

    let far = B::now() + NEVER;
    let work = async {
        checkpoint().await;
        7
    };
    assert_eq!(B::move_on_at(far, work).await, Some(7));
    assert_eq!(B::fail_at(far, B::sleep(SHORT)).await, Ok(()));
    assert_eq!(B::fail_after(NEVER, B::sleep(SHORT)).await, Ok(()));
}

/// C10: a deadline in the past leaves the work its first poll, and no operation after it.
/// Covers: anyio/test_fail_after
async fn deadline_in_the_past<B: Runtime>() {
    let past = B::now();
    let log = Log::default();
    let work = || async {
        log.add("polled");
        checkpoint().await;
        log.add("never");
    };
    assert!(B::move_on_at(past, work()).await.is_none());
    assert!(B::move_on_after(Duration::ZERO, work()).await.is_none());
    assert_eq!(B::fail_at(past, work()).await, Err(TimedOut::new()));
    assert_eq!(B::fail_after(Duration::ZERO, work()).await, Err(TimedOut::new()));
    assert_eq!(log.take(), ["polled"; 4]);
    assert_eq!(B::fail_after(Duration::ZERO, ready(7)).await, Ok(7));
    for scope in [CancelScope::<B>::with_deadline(past), CancelScope::with_timeout(Duration::ZERO)]
    {
        assert_eq!(cause_of(scope.run(work()).await).kind(), CauseKind::Deadline);
        assert!(scope.cancel_called() && scope.cancelled_caught());
    }
    assert_eq!(log.take(), ["polled"; 2]);
}

/// C10: a timeout longer than the clock can tell is none.
/// Covers: anyio/test_move_on_after_no_timeout
/// Covers: anyio/test_fail_after_no_timeout
async fn endless_timeout<B: Runtime>() {
    let work = || async {
        B::sleep(SHORT).await;
        B::current_effective_deadline()
    };
    assert_eq!(B::move_on_after(Duration::MAX, work()).await, Some(None));
    assert_eq!(B::fail_after(Duration::MAX, work()).await, Ok(None));
    let scope = CancelScope::<B>::with_timeout(Duration::MAX);
    assert_eq!(scope.run(work()).await, Ok(None));
    assert_eq!(scope.deadline(), None);
    assert!(!scope.cancel_called() && !scope.cancelled_caught());
}

/// C4: work that was lent to a timeout can be gone on with, as often as one likes.
async fn timed_out_work_can_go_on<B: Runtime>() {
    let (gate, mut rounds) = (B::Event::new(), 0);
    let mut work = Box::pin(async {
        gate.wait().await;
        7
    });
    let value = loop {
        if let Some(value) = B::move_on_after(Duration::from_millis(1), &mut work).await {
            break value;
        }
        rounds += 1;
        if rounds == 3 {
            gate.set();
        }
    };
    assert_eq!((value, rounds), (7, 3));
}

/// C10: after a scope has timed out, or a group was cancelled, nothing of that is left in the task.
/// Covers: anyio/test_cancel_scope_cleared
/// Covers: anyio/test_fail_after_after_cancellation
async fn nothing_is_left_of_a_timeout<B: Runtime>() {
    assert!(B::move_on_after(SHORT, sleep_forever()).await.is_none());
    for _ in 0..3 {
        checkpoint().await;
    }
    let group = B::task_group(async |tg| -> Result<(), Cancelled> {
        tg.cancel();
        checkpoint().await;
        Ok(())
    });
    assert!(group.await.is_err());
    assert!(B::fail_after(SHORT, sleep_forever()).await.is_err());
    B::sleep(Duration::from_millis(1)).await;
}

/// C10: a deadline can be moved to a later moment while the work waits.
/// Covers: anyio/test_deadline_moved
async fn deadline_moved_later<B: Runtime>() {
    // On a slow machine it may be over before it can be moved: then there has to be more of it.
    let mut time = SHORT;
    loop {
        let (start, mut moved) = (B::now(), None);
        let scope = CancelScope::<B>::with_deadline(start + time);
        let result = scope
            .run(async {
                checkpoint().await;
                moved = Some(start + 4 * time);
                scope.set_deadline(moved);
                assert_eq!(scope.deadline(), moved);
                pending::<()>().await;
            })
            .await;
        assert_eq!(cause_of(result).kind(), CauseKind::Deadline);
        if let Some(later) = moved {
            assert!(B::now() >= later);
            return;
        }
        time *= 2;
    }
}

/// C10: a deadline can be moved to an earlier moment, from another thread; what waits notices.
/// Covers: trio/test_basic_timeout
async fn deadline_moved_earlier<B: Runtime>() {
    let (scope, polls) = (B::CancelScope::new(), Counter::default());
    scope.set_deadline(Some(B::now() + NEVER));
    let start = B::now();
    let thread = {
        let (scope, polls) = (scope.clone(), polls.clone());
        thread::spawn(move || {
            while polls.get() == 0 {
                thread::yield_now();
            }
            scope.set_deadline(Some(start + SHORT));
        })
    };
    let result = scope.run(Polls::of(pending::<()>(), &polls)).await;
    assert_eq!(cause_of(result).kind(), CauseKind::Deadline);
    assert!(B::now() >= start + SHORT);
    thread.join().unwrap();
}

/// C10: a deadline can be taken away, and set late.
/// Covers: trio/test_basic_timeout
async fn deadline_taken_away<B: Runtime>() {
    let scope = CancelScope::<B>::with_deadline(B::now() + LONG);
    let result = scope
        .run(async {
            checkpoint().await;
            scope.set_deadline(None);
            B::sleep(LONG + SHORT).await;
            assert!(!scope.cancel_called());
            scope.set_deadline(Some(B::now() + SHORT));
            sleep_forever().await
        })
        .await;
    assert_eq!(result.map(|_| ()).map_err(|error| error.cause().kind()), Err(CauseKind::Deadline));
}

/// C10: setting a deadline that has passed cancels at once.
async fn deadline_set_in_the_past<B: Runtime>() {
    let (scope, log) = (B::CancelScope::new(), Log::default());
    let result = scope
        .run(async {
            checkpoint().await;
            scope.set_deadline(Some(B::now()));
            assert!(scope.cancel_called());
            log.add("goes on to the next operation");
            checkpoint().await;
            log.add("never");
        })
        .await;
    assert_eq!(cause_of(result).kind(), CauseKind::Deadline);
    assert_eq!(log.take().len(), 1);
}

/// C10: a deadline that passes after the work has ended cancels nothing.
/// Covers: trio/test_basic_timeout
async fn deadline_after_the_end<B: Runtime>() {
    let scope = B::CancelScope::new();
    let deadline = B::now() + LONG;
    scope.set_deadline(Some(deadline));
    let ended = scope
        .run(async {
            checkpoint().await;
            B::now()
        })
        .await;
    B::sleep_until(deadline).await;
    // On a very slow machine the work itself may have been late.
    assert_eq!(scope.cancel_called(), ended.is_err());
}

/// C10: a scope's deadline goes through its own shield.
/// Covers: trio/test_move_on_after_moves_on_even_if_shielded
async fn deadline_pierces_its_own_shield<B: Runtime>() {
    let (outer, scope) = (CancelScope::<B>::new(), CancelScope::<B>::with_timeout(SHORT));
    scope.set_shielded(true);
    let result = outer
        .run(async {
            outer.cancel();
            cause_of(scope.run(sleep_forever()).await).kind()
        })
        .await;
    assert_eq!(result, Ok(CauseKind::Deadline));
}

/// C10: an outer cancellation or deadline stays outside of a shielded scope with a deadline of its
/// own, until the shield is taken away.
/// Covers: trio/test_context_shields_from_outer
async fn outer_deadline_stays_outside_a_shield<B: Runtime>() {
    for explicit in [true, false] {
        let (outer, inner) = (B::CancelScope::new(), CancelScope::<B>::with_timeout(NEVER));
        inner.set_shielded(true);
        let log = Log::default();
        let result = outer
            .run(inner.run(async {
                if explicit {
                    outer.cancel();
                } else {
                    outer.set_deadline(Some(B::now()));
                }
                B::sleep(SHORT).await;
                log.add("shielded");
                inner.set_shielded(false);
                checkpoint().await;
                log.add("never");
            }))
            .await;
        let kind = if explicit { CauseKind::Explicit } else { CauseKind::Deadline };
        assert_eq!(cause_of(result).kind(), kind);
        assert!(!inner.cancel_called());
        assert_eq!(log.take(), ["shielded"]);
    }
}

/// C10: a deadline waits for a shield in the work; the code after the shield does not run.
async fn shield_in_the_work_is_waited_for<B: Runtime>() {
    let log = Log::default();
    let work = async {
        shield(B::sleep(LONG)).await;
        log.add("shielded");
        checkpoint().await;
        log.add("never");
    };
    assert!(B::move_on_after(SHORT, work).await.is_none());
    assert_eq!(log.take(), ["shielded"]);
}

/// C10: of nested timeouts the one that is over first counts, at whatever level; an inner one that
/// was not over has caught nothing.
/// Covers: anyio/test_nested_move_on_after
async fn outer_deadline_comes_first<B: Runtime>() {
    let log = Log::default();
    let inner = CancelScope::<B>::with_timeout(NEVER);
    let deadline = B::now() + SHORT;
    let outer = CancelScope::<B>::with_deadline(deadline);
    let result = outer
        .run(async {
            _ = inner
                .run(async {
                    checkpoint().await;
                    assert_eq!(B::current_effective_deadline(), Some(deadline));
                    sleep_forever().await
                })
                .await;
            log.add("between");
        })
        .await;
    assert!(result.is_err() && outer.cancelled_caught() && log.take().is_empty());
    assert!(!inner.cancel_called() && !inner.cancelled_caught());

    let work = async {
        assert!(B::move_on_after(SHORT, sleep_forever()).await.is_none());
        checkpoint().await;
        7
    };
    assert_eq!(B::fail_after(NEVER, work).await, Ok(7));
}

/// C10: a timeout around a group reaches its body and its tasks, and gives one error.
/// Covers: anyio/test_timeout_error_with_multiple_cancellations
async fn group_in_time<B: Runtime>() {
    let log = Log::default();
    let group = B::task_group(async |tg| {
        let dropped = log.on_drop("dropped");
        tg.spawn(async move {
            let _dropped = dropped;
            sleep_forever().await;
        });
        let _dropped = log.on_drop("dropped");
        sleep_forever().await;
    });
    assert_eq!(B::fail_after(SHORT, group).await.map(|_| ()), Err(TimedOut::new()));
    assert_eq!(log.take(), ["dropped"; 2]);
}

/// C10: the effective deadline is the earliest one around the code, and the present once that code
/// is cancelled.
/// Covers: trio/test_current_effective_deadline
async fn effective_deadline<B: Runtime>() {
    let now = B::now();
    let (near, far) = (now + NEVER, now + 2 * NEVER);
    let (one, other) = (B::CancelScope::new(), B::CancelScope::new());
    assert_eq!(B::current_effective_deadline(), None);
    let result = one
        .run(other.run(async {
            assert_eq!(B::current_effective_deadline(), None);
            one.set_deadline(Some(near));
            assert_eq!(B::current_effective_deadline(), Some(near));
            checkpoint().await;
            other.set_deadline(Some(far));
            assert_eq!(B::current_effective_deadline(), Some(near));
            one.set_deadline(None);
            assert_eq!(B::current_effective_deadline(), Some(far));
            one.set_deadline(Some(near));
            other.cancel();
            let before = B::now();
            let present = B::current_effective_deadline();
            assert!(present.is_some_and(|it| before <= it && it <= B::now()));
        }))
        .await;
    assert_eq!(result, Ok(Ok(())));
    assert_eq!(B::current_effective_deadline(), None);
}

/// C10: during the first poll an absolute deadline is effective already, and a timeout not yet.
async fn effective_deadline_of_a_first_poll<B: Runtime>() {
    let deadline = B::now() + NEVER;
    let first = async { B::current_effective_deadline() };
    assert_eq!(B::move_on_after(NEVER, first).await, Some(None));
    let second = async {
        checkpoint().await;
        B::current_effective_deadline()
    };
    let counted = B::fail_after(NEVER, second).await;
    assert!(matches!(counted, Ok(Some(it)) if it >= deadline));
    let scope = CancelScope::<B>::with_deadline(deadline);
    let first = async { B::current_effective_deadline() };
    assert_eq!(scope.run(first).await, Ok(Some(deadline)));
    let first = async { B::current_effective_deadline() };
    assert_eq!(B::move_on_at(deadline, first).await, Some(Some(deadline)));
    let first = async { B::current_effective_deadline() };
    assert_eq!(B::fail_at(deadline, first).await, Ok(Some(deadline)));
}

/// C10: a shield hides the deadlines outside of it, not those inside nor its own.
async fn effective_deadline_behind_a_shield<B: Runtime>() {
    let (near, far) = (B::now() + NEVER, B::now() + 2 * NEVER);
    let work = async {
        checkpoint().await;
        let inside = async {
            checkpoint().await;
            B::current_effective_deadline()
        };
        let hidden = shield(async { B::current_effective_deadline() }).await;
        let scope = CancelScope::<B>::with_deadline(far);
        scope.set_shielded(true);
        let own = scope.run(async { B::current_effective_deadline() }).await;
        scope.set_shielded(false);
        let lowered = scope.run(async { B::current_effective_deadline() }).await;
        (hidden, shield(B::move_on_at(far, inside)).await, own, lowered)
    };
    let seen = B::move_on_at(near, work).await;
    assert_eq!(seen, Some((None, Some(Some(far)), Ok(Some(far)), Ok(Some(near)))));
}

/// C10: work that is ready on its first poll costs neither a look at the clock nor a timer; what
/// waits has one timer, and leaves none when its task comes to rest.
async fn ready_work_costs_nothing<B: Runtime>() {
    type Clock<B> = Counted<B>;
    let count = || (Clock::<B>::looks(), Clock::<B>::timers());
    let before = count();
    let nested = move_on_after::<Clock<B>, _>(NEVER, fail_after::<Clock<B>, _>(NEVER, ready(7)));
    assert_eq!(nested.await, Some(Ok(7)));
    let scope = CancelScope::<Clock<B>>::with_timeout(NEVER);
    assert_eq!(scope.run(ready(7)).await, Ok(7));
    assert_eq!(count(), before);

    let waits = async {
        for _ in 0..10 {
            checkpoint().await;
        }
        Clock::<B>::live_timers()
    };
    assert_eq!(move_on_after::<Clock<B>, _>(NEVER, waits).await, Some(1));
    assert_eq!(Clock::<B>::timers(), before.1 + 1);
    checkpoint().await;
    assert_eq!(Clock::<B>::live_timers(), 0);
}

/// C10: a checkpoint notices a deadline that passed just before it.
/// Covers: trio/test_yield_briefly_checks_for_timeout
async fn passed_deadline_is_noticed_by_a_checkpoint<B: Runtime>() {
    if !real_clock::<B>() {
        return;
    }
    let log = Log::default();
    let work = async {
        checkpoint().await;
        thread::sleep(LONG);
        log.add("late");
        checkpoint().await;
        log.add("never");
    };
    assert!(B::move_on_after(SHORT, work).await.is_none());
    assert_eq!(log.take(), ["late"]);
}

/// C10: a deadline ends a loop that is never idle, whether it yields by itself or by its budget.
async fn busy_loop_is_timed_out<B: Runtime>() {
    if !real_clock::<B>() {
        return;
    }
    let spins = async {
        loop {
            checkpoint().await;
        }
    };
    assert!(B::move_on_after(SHORT, spins).await.is_none());
    let lock = <B::Lock<()>>::new(());
    let locks = async {
        loop {
            _ = lock.lock().await;
        }
    };
    assert!(B::move_on_after(SHORT, locks).await.is_none());
}

/// C10: a timeout inside of a shield ends its work though the scope around the shield was cancelled,
/// and is a timeout.
/// Covers: trio/test_fail_after_fails_even_if_shielded
async fn timeout_inside_a_shield<B: Runtime>() {
    let (outer, log) = (B::CancelScope::new(), Log::default());
    let result = outer
        .run(async {
            outer.cancel();
            let began = B::now();
            let timed_out = shield(B::fail_after(SHORT, sleep_forever())).await.is_err();
            assert!(timed_out && B::now() >= began + SHORT);
            log.add("timed out");
            checkpoint().await;
            log.add("never");
        })
        .await;
    assert_eq!(cause_of(result).kind(), CauseKind::Explicit);
    assert_eq!(log.take(), ["timed out"]);
}
