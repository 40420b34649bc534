//! Groups and cancellation: G5, and the scopes and groups around and inside them.

use std::{future::pending, sync::Arc, time::Duration};

use anyio_core::{
    CancelScope as _, Cancelled, CauseKind, Event as _, Runtime, TaskGroup as _, TaskHandle as _,
    TaskStatus, TimedOut,
};
use anyio_engine::{
    RuntimeExt as _, checkpoint, finally, memory_object_stream, shield, sleep_forever,
};

use super::tools::{Failure, SetOnDrop, event};
use crate::{
    suite::Case,
    support::{Counter, Log, Polls, turns, until},
};

pub(super) fn list<B: Runtime>() -> Vec<Case> {
    list![B, group_cancel:
        group_originates_no_cancellation,
        group_without_tasks_ends_well_in_a_cancelled_scope,
        task_cut_from_outside_unwinds_the_group,
        body_cut_from_outside_unwinds_the_group,
        task_spawned_in_a_cancelled_scope_unwinds_the_group,
        own_cancellation_leaves_the_bodys_value,
        own_cancellation_during_the_wait_leaves_the_bodys_value,
        own_cancellation_cuts_the_body,
        task_cut_by_its_own_handle_does_not_count,
        own_handle_counts_before_the_outer_scope,
        outer_cancellation_reaches_the_wait,
        outer_cancellation_reaches_grandchildren,
        cancelled_outer_group_skips_the_code_after_the_inner_one,
        shielded_body_does_not_shield_the_tasks,
        scope_in_a_task_is_the_tasks_own,
        scope_is_cancelled_from_another_task,
        waiting_for_a_shielded_task_costs_no_polls,
        timeout_around_a_group_is_one_error,
        timeout_works_after_a_cancelled_group,
        one_task_may_be_cancelled_by_two_groups,
        cut_tasks_report_the_origin,
        scope_that_was_not_needed_has_caught_nothing,
        end_of_a_cut_sender_is_no_failure,
        error_of_a_cut_receiver_is_no_failure,
        join_of_a_cut_task_is_no_failure,
        racing_cancellations_are_no_failures,
    ]
}

/// G5: a group never originates a cancellation. Though the scope around it is cancelled, all its
/// members ended by themselves, so its result stands; the next operation does not start.
async fn group_originates_no_cancellation<B: Runtime>() {
    let (log, scope) = (Log::default(), B::CancelScope::new());
    let result = scope
        .run(async {
            let group = B::task_group(async |tg| -> Result<_, Cancelled> {
                let (log, outer) = (log.clone(), scope.clone());
                tg.spawn(async move {
                    shield(async {
                        outer.cancel();
                        turns::<B>().await;
                    })
                    .await;
                    log.add("task ended");
                });
                Ok(7)
            });
            assert_eq!(group.await, Ok(7));
            log.add("after the group");
            checkpoint().await;
            log.add("after the next operation");
        })
        .await;
    assert!(result.is_err());
    assert_eq!(log.take(), ["task ended", "after the group"]);
}

/// G5: an empty group that is opened and left in a cancelled scope ends well.
/// Covers: anyio/test_cancel_before_entering_task_group
/// Covers: trio/test_trivial_yields
async fn group_without_tasks_ends_well_in_a_cancelled_scope<B: Runtime>() {
    let scope = B::CancelScope::new();
    scope.cancel();
    let group = B::task_group(async |_| -> Result<_, Cancelled> { Ok(7) });
    assert_eq!(scope.run(group).await, Ok(Ok(7)));
}

/// G5: if a task was cut by a cancellation from outside, the group unwinds too, although its body
/// had ended well; no code after it runs on half the work.
/// Covers: anyio/test_single_cancellation_exc
async fn task_cut_from_outside_unwinds_the_group<B: Runtime>() {
    let (log, scope) = (Log::default(), B::CancelScope::new());
    let result = scope
        .run(async {
            let group = B::task_group(async |tg| -> Result<_, Cancelled> {
                let _ended = log.on_drop("body");
                let (log, outer) = (log.clone(), scope.clone());
                tg.spawn(async move {
                    until::<B>(|| log.has("body")).await;
                    outer.cancel_because("enough");
                    checkpoint().await;
                    log.add("task went on");
                });
                Ok(7)
            });
            _ = group.await;
            log.add("after the group");
        })
        .await;
    let cancelled = result.expect_err("the scope was cancelled");
    assert_eq!(cancelled.cause().reason(), Some("enough"));
    assert_eq!(log.take(), ["body"]);
}

/// G5: the same if it was the body that was cut.
async fn body_cut_from_outside_unwinds_the_group<B: Runtime>() {
    let (log, scope) = (Log::default(), B::CancelScope::new());
    let result = scope
        .run(async {
            let group = B::task_group(async |tg| {
                tg.spawn(async {});
                scope.cancel();
                checkpoint().await;
                log.add("body went on");
            });
            _ = group.await;
            log.add("after the group");
        })
        .await;
    assert!(result.is_err());
    assert!(log.take().is_empty());
}

/// G5, G10: a task that was spawned into a group whose surroundings were cancelled before is
/// polled once, and counts.
async fn task_spawned_in_a_cancelled_scope_unwinds_the_group<B: Runtime>() {
    let (log, scope) = (Log::default(), B::CancelScope::new());
    scope.cancel();
    let result = scope
        .run(async {
            let group = B::task_group(async |tg| {
                let log = log.clone();
                tg.spawn(async move {
                    log.add("started");
                    checkpoint().await;
                    log.add("went on");
                });
            });
            _ = group.await;
            log.add("after the group");
        })
        .await;
    assert!(result.is_err());
    assert_eq!(log.take(), ["started"]);
}

/// G5: cancelling the group itself never turns the value of a body that has ended well into
/// `Cancelled`, though tasks are cut.
async fn own_cancellation_leaves_the_bodys_value<B: Runtime>() {
    let mut task = None;
    let result = B::task_group(async |tg| -> Result<_, Failure> {
        task = Some(tg.spawn(pending::<()>()));
        tg.cancel();
        Ok(7)
    })
    .await;
    assert_eq!(result, Ok(7));
    assert_eq!(task.expect("it was spawned").status(), TaskStatus::Cancelled);
}

/// G5: the same if a task does so after the body has ended.
async fn own_cancellation_during_the_wait_leaves_the_bodys_value<B: Runtime>() {
    let log = Log::default();
    let result = B::task_group(async |tg| -> Result<_, Failure> {
        let _ended = log.on_drop("body");
        tg.spawn(pending::<()>());
        let (group, log) = (tg.clone(), log.clone());
        tg.spawn(async move {
            until::<B>(|| log.has("body")).await;
            group.cancel();
            checkpoint().await;
            log.add("went on");
        });
        Ok(7)
    })
    .await;
    assert_eq!(result, Ok(7));
    assert_eq!(log.take(), ["body"]);
}

/// G5, C11: a body that is cut by a cancellation of its own group has no value to give: the group
/// says `Cancelled`, with the reason and the place of the call, and the code after it runs.
/// Covers: anyio/test_cancel_with_reason
/// Covers: anyio/test_escaping_cancelled_exception
async fn own_cancellation_cuts_the_body<B: Runtime>() {
    let reasoned = anyio_engine::task_group::<B, Failure, _, _>(async |tg| {
        tg.cancel_because("enough");
        checkpoint().await;
        Ok(())
    })
    .await;
    let Err(Failure::Cancelled(cancelled)) = reasoned else { panic!("{reasoned:?}") };
    assert_eq!(cancelled.cause().kind(), CauseKind::Explicit);
    assert_eq!(cancelled.cause().reason(), Some("enough"));
    // Through the traits.
    let mut line = 0;
    let plain = B::task_group(async |tg| {
        line = line!() + 1;
        tg.cancel();
        checkpoint().await;
    })
    .await;
    let cancelled = plain.expect_err("the body was cut");
    let location = cancelled.cause().location().expect("it was called somewhere");
    assert_eq!((location.file(), location.line()), (file!(), line));
    checkpoint().await;
}

/// G5: a task that was cut by its own handle does not count, and nobody else is cancelled.
async fn task_cut_by_its_own_handle_does_not_count<B: Runtime>() {
    let log = Log::default();
    let result = B::task_group(async |tg| -> Result<_, Failure> {
        let mut cut = tg.spawn(pending::<()>());
        let log = log.clone();
        let go = event::<B>();
        let gate = Arc::clone(&go);
        tg.spawn(async move {
            gate.wait().await;
            checkpoint().await;
            log.add("sibling went on");
        });
        cut.cancel();
        cut.wait().await;
        go.set();
        assert!(!tg.cancel_called());
        Ok(7)
    })
    .await;
    assert_eq!(result, Ok(7));
    assert_eq!(log.take(), ["sibling went on"]);
}

/// G5: it does not count either if the scope around the group was cancelled as well, later.
async fn own_handle_counts_before_the_outer_scope<B: Runtime>() {
    let (log, scope) = (Log::default(), B::CancelScope::new());
    let result = scope
        .run(async {
            let group = B::task_group(async |tg| -> Result<_, Failure> {
                let waits = event::<B>();
                let ready = Arc::clone(&waits);
                let task = tg.spawn(async move {
                    shield(async {
                        ready.set();
                        turns::<B>().await;
                    })
                    .await;
                    pending::<()>().await;
                });
                waits.wait().await;
                task.cancel();
                scope.cancel();
                Ok(7)
            });
            assert_eq!(group.await, Ok(7));
            log.add("after the group");
        })
        .await;
    assert_eq!(result, Ok(()));
    assert_eq!(log.take(), ["after the group"]);
}

/// G1, G5: a cancellation that comes while a group in a group waits for its tasks reaches them,
/// and the wait goes on until they have ended.
/// Covers: anyio/test_cancel_exiting_task_group
async fn outer_cancellation_reaches_the_wait<B: Runtime>() {
    let log = Log::default();
    let result = B::task_group(async |outer| {
        let log = log.clone();
        let group = outer.clone();
        outer.spawn(async move {
            let inner = B::task_group(async |tg| {
                let _ended = log.on_drop("inner body");
                let log = log.clone();
                tg.spawn(async move {
                    let work = async {
                        until::<B>(|| log.has("inner body")).await;
                        group.cancel();
                        pending::<()>().await;
                    };
                    let cleanup = async {
                        turns::<B>().await;
                        log.add("cleaned up");
                    };
                    finally(work, cleanup).await;
                });
            });
            _ = inner.await;
            log.add("after the inner group");
        });
    })
    .await;
    assert_eq!(result, Ok(()));
    assert_eq!(log.take(), ["inner body", "cleaned up"]);
}

/// C2, G7: cancelling a group reaches the tasks of the groups in its tasks, innermost first.
/// Covers: trio/test_cancel_inheritance
/// Covers: anyio/test_cancel_cascade
async fn outer_cancellation_reaches_grandchildren<B: Runtime>() {
    let log = Log::default();
    let result = B::task_group(async |outer| {
        let waits = event::<B>();
        let (ready, log) = (Arc::clone(&waits), log.clone());
        outer.spawn(async move {
            let _child = log.on_drop("child");
            let inner = B::task_group(async |tg| {
                let _body = log.on_drop("body of the inner group");
                let grandchild = log.on_drop("grandchild");
                let body = log.clone();
                tg.spawn(async move {
                    let _grandchild = grandchild;
                    ready.set();
                    shield(until::<B>(|| body.has("body of the inner group"))).await;
                    pending::<()>().await;
                });
                pending::<()>().await;
            });
            _ = inner.await;
            log.add("after the inner group");
        });
        waits.wait().await;
        outer.cancel();
    })
    .await;
    assert_eq!(result, Ok(()));
    assert_eq!(log.take(), ["body of the inner group", "grandchild", "child"]);
}

/// G5: where a task waits in the *body* of a group of its own, cancelling the outer group skips the
/// code after that group, too.
/// Covers: anyio/test_cancel_propagation
async fn cancelled_outer_group_skips_the_code_after_the_inner_one<B: Runtime>() {
    let log = Log::default();
    let result = B::task_group(async |outer| {
        let waits = event::<B>();
        let (ready, log) = (Arc::clone(&waits), log.clone());
        outer.spawn(async move {
            let inner = B::task_group(async |_| {
                let _body = log.on_drop("inner body cut");
                ready.set();
                pending::<()>().await;
            });
            _ = inner.await;
            log.add("after the inner group");
        });
        waits.wait().await;
        outer.cancel();
    })
    .await;
    assert_eq!(result, Ok(()));
    assert_eq!(log.take(), ["inner body cut"]);
}

/// C4, G7: a shield in the body holds the group's scope, and yet does not shield its tasks.
/// Covers: anyio/test_cancel_child_task_when_host_is_shielded
async fn shielded_body_does_not_shield_the_tasks<B: Runtime>() {
    let (log, scope) = (Log::default(), B::CancelScope::new());
    let result = scope
        .run(B::task_group(async |tg| {
            let (waits, gone) = (event::<B>(), event::<B>());
            let (ready, gone_too) = (Arc::clone(&waits), SetOnDrop::<B>(Arc::clone(&gone)));
            tg.spawn(async move {
                let _gone = gone_too;
                ready.set();
                pending::<()>().await;
            });
            shield(async {
                waits.wait().await;
                scope.cancel();
                gone.wait().await;
                log.add("the body saw the task go");
            })
            .await;
        }))
        .await;
    assert!(result.is_err());
    assert_eq!(log.take(), ["the body saw the task go"]);
}

/// C6: a scope that is cancelled inside a task concerns neither the group nor the body.
/// Covers: anyio/test_cancel_scope_in_child_task
async fn scope_in_a_task_is_the_tasks_own<B: Runtime>() {
    let log = Log::default();
    let result = B::task_group(async |tg| -> Result<_, Failure> {
        let log = log.clone();
        let mut task = tg.spawn(async move {
            let scope = B::CancelScope::new();
            scope.cancel();
            assert!(scope.run(checkpoint()).await.is_err());
            checkpoint().await;
            log.add("task went on");
        });
        task.wait().await;
        checkpoint().await;
        assert!(!tg.cancel_called());
        Ok(7)
    })
    .await;
    assert_eq!(result, Ok(7));
    assert_eq!(log.take(), ["task went on"]);
}

/// C3: a scope that one task is in may be cancelled by another.
/// Covers: anyio/test_cancel_scope_in_another_task
async fn scope_is_cancelled_from_another_task<B: Runtime>() {
    let scope = B::CancelScope::new();
    let result = B::task_group(async |tg| -> Result<_, Failure> {
        let (waits, theirs) = (event::<B>(), scope.clone());
        let ready = Arc::clone(&waits);
        let work = tg.spawn(async move {
            let result = theirs.run(async {
                ready.set();
                pending::<()>().await;
            });
            Ok(result.await)
        });
        waits.wait().await;
        scope.cancel();
        Ok(work.join().await?)
    })
    .await;
    let cancelled = result.expect("the group is not cancelled").expect_err("the scope was");
    assert_eq!(cancelled.cause().kind(), CauseKind::Explicit);
}

/// C3: groups that are cancelled and wait for a shielded task sleep meanwhile.
/// Covers: anyio/test_cancel_with_nested_task_groups
async fn waiting_for_a_shielded_task_costs_no_polls<B: Runtime>() {
    const FEW: usize = 10;
    let (outer, inner, task) = (Counter::default(), Counter::default(), Counter::default());
    let result = B::task_group(async |tg| {
        let (shielded, go) = (event::<B>(), event::<B>());
        let (waits, opens) = (Arc::clone(&shielded), Arc::clone(&go));
        // A task of its own, lest it make this one poll the groups.
        tg.spawn(async move {
            waits.wait().await;
            B::sleep(Duration::from_millis(20)).await;
            opens.set();
        });
        let work = B::task_group(async |tg| {
            let polls = task.clone();
            let nested = B::task_group(async move |tg| {
                let shield = shield(async move {
                    shielded.set();
                    go.wait().await;
                });
                tg.spawn(Polls::of(shield, &polls));
            });
            let group = tg.clone();
            tg.spawn(Polls::of(
                async move {
                    group.cancel();
                    nested.await
                },
                &inner,
            ));
            pending::<()>().await;
        });
        assert!(Polls::of(work, &outer).await.is_err());
    })
    .await;
    assert_eq!(result, Ok(()));
    for polls in [outer, inner, task] {
        assert!((1..=FEW).contains(&polls.get()), "{polls:?}");
    }
}

/// C11: a timeout around a group whose body and tasks all wait is one plain error.
/// Covers: anyio/test_timeout_error_with_multiple_cancellations
async fn timeout_around_a_group_is_one_error<B: Runtime>() {
    let group = B::task_group(async |tg| {
        for _ in 0..3 {
            tg.spawn(pending::<()>());
        }
        pending::<()>().await;
    });
    assert_eq!(B::fail_after(Duration::from_millis(5), group).await, Err(TimedOut::new()));
}

/// C14: a cancelled group that has ended leaves nothing behind that would break a later timeout.
/// Covers: anyio/test_fail_after_after_cancellation
async fn timeout_works_after_a_cancelled_group<B: Runtime>() {
    let group = B::task_group(async |tg| {
        tg.cancel();
        checkpoint().await;
    });
    assert!(group.await.is_err());
    let long = B::fail_after(Duration::from_secs(3600), checkpoint()).await;
    assert_eq!(long, Ok(()));
    let short = B::fail_after(Duration::from_millis(1), pending::<()>()).await;
    assert_eq!(short, Err(TimedOut::new()));
}

/// C14: a task may be cancelled by one group after the other, and go on after each.
/// Covers: anyio/test_cancel_twice
async fn one_task_may_be_cancelled_by_two_groups<B: Runtime>() {
    for _ in 0..2 {
        let group = B::task_group(async |tg| {
            let canceller = tg.clone();
            tg.spawn(async move { canceller.cancel() });
            pending::<()>().await;
        });
        assert!(group.await.is_err());
        checkpoint().await;
    }
}

/// C11: tasks that are cut from outside report why that happened, however deep they are.
async fn cut_tasks_report_the_origin<B: Runtime>() {
    let (scope, mut deep) = (B::CancelScope::new(), None);
    let result = scope
        .run(B::task_group(async |_| {
            let inner = B::task_group(async |tg| {
                let waits = event::<B>();
                let ready = Arc::clone(&waits);
                deep = Some(tg.spawn(async move {
                    ready.set();
                    pending::<()>().await;
                }));
                waits.wait().await;
                scope.cancel_because("the origin");
            });
            inner.await
        }))
        .await;
    assert!(result.is_err());
    let cancelled = deep.expect("it was spawned").join().await.expect_err("it was cut");
    assert_eq!(cancelled.cause().reason(), Some("the origin"));
}

/// C6, G5: a scope has caught nothing if the group in it ended by itself, cancelled or not.
/// Covers: trio/test_cancel_scope_no_cancellederror
async fn scope_that_was_not_needed_has_caught_nothing<B: Runtime>() {
    let scope = anyio_engine::CancelScope::<B>::new();
    let result = scope
        .run(B::task_group(async |tg| -> Result<(), Failure> {
            tg.spawn(async {});
            scope.cancel();
            Err(Failure::Named("real"))
        }))
        .await;
    assert_eq!(result, Ok(Err(Failure::Named("real"))));
    assert!(scope.cancel_called() && !scope.cancelled_caught());
}

/// C7, G5: what a cancellation has brought about is not given for a failure: a receiver whose sender
/// was unwound together with it does not see the end of the stream.
async fn end_of_a_cut_sender_is_no_failure<B: Runtime>() {
    let result = B::fail_after(
        Duration::from_millis(2),
        B::task_group(async |tg| -> Result<(), Failure> {
            let (send, receive) = memory_object_stream::<u8>(0);
            tg.spawn(async move {
                let _send = send;
                sleep_forever().await
            });
            let ended = receive.receive().await.is_err();
            Err(Failure::Named(if ended { "end of stream" } else { "an item from nowhere" }))
        }),
    );
    assert!(result.await.is_err(), "the end of the stream beat the deadline");
}

/// The same for a sender whose receiver was unwound together with it.
async fn error_of_a_cut_receiver_is_no_failure<B: Runtime>() {
    let result = B::fail_after(
        Duration::from_millis(2),
        B::task_group(async |tg| -> Result<(), Failure> {
            let (send, receive) = memory_object_stream::<u8>(0);
            tg.spawn(async move {
                let _receive = receive;
                sleep_forever().await
            });
            send.send(1).await.map_err(|_| Failure::Named("broken"))
        }),
    );
    assert!(result.await.is_err(), "the closed stream beat the deadline");
}

/// The same for a body that waits for a task that was unwound together with it.
async fn join_of_a_cut_task_is_no_failure<B: Runtime>() {
    let result = B::fail_after(
        Duration::from_millis(2),
        B::task_group(async |tg| -> Result<(), Failure> {
            let task = tg.spawn(pending::<Result<(), Failure>>());
            Ok(task.join().await?)
        }),
    );
    assert!(result.await.is_err(), "the cancelled task beat the deadline");
}

/// The same on several threads, where the cancellation reaches the task before the body: what it has
/// done there must not get ahead of it.
async fn racing_cancellations_are_no_failures<B: Runtime>() {
    for round in 0..500 {
        let scope = B::CancelScope::new();
        let canceller = scope.clone();
        let group = B::task_group(async |tg| -> Result<(), Failure> {
            let (send, receive) = memory_object_stream::<u8>(0);
            let task = tg.spawn(async move {
                let _send = send;
                sleep_forever().await
            });
            tg.spawn(async move { canceller.cancel() });
            if round % 2 == 0 {
                _ = receive.receive().await;
            } else {
                _ = task.join().await;
            }
            Err(Failure::Named("the body went on"))
        });
        let result = scope.run(group).await;
        assert!(result.is_err(), "round {round}: {result:?}");
    }
}
