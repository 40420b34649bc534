//! Handles on tasks: G8.

use std::{
    future::pending,
    sync::{Arc, mpsc},
    thread,
};

use anyio_core::{
    CancelScope as _, Cancelled, CauseKind, Event as _, Runtime, TaskGroup as _, TaskHandle as _,
    TaskStatus,
};
use anyio_engine::{RuntimeExt as _, checkpoint, scoped_task_group, shield, task_group};

use super::tools::{Failure, event};
use crate::{
    suite::Case,
    support::{Counter, Log, Polls, caught, poll_once, rounds, turns, until},
};

pub(super) fn list<B: Runtime>() -> Vec<Case> {
    list![B, handle:
        join_gives_the_value,
        handle_can_be_awaited,
        wait_may_be_repeated,
        status_of_a_task_that_ends,
        status_of_a_task_that_is_cancelled,
        name_is_what_was_given,
        dropping_a_handle_changes_nothing,
        finished_result_outlives_everything,
        cancel_after_the_end_changes_nothing,
        cancel_racing_with_the_end_keeps_the_result,
        failed_task_is_not_joined_inside_its_group,
        failed_task_is_not_joined_by_a_sibling,
        failed_task_is_cancelled_from_outside,
        cancelled_task_is_joined_inside_its_group,
        cancel_before_the_first_poll,
        cancel_before_the_first_poll_keeps_a_ready_value,
        cancel_reaches_scopes_and_groups_in_the_task,
        cancel_waits_for_shields,
        cancelled_wait_leaves_the_handle_usable,
        join_does_not_start_in_a_cancelled_scope,
        join_moves_between_tasks,
        join_across_groups,
        cancel_wakes_a_task_that_only_waits,
        join_that_has_ended_panics,
    ]
}

/// G8: joining gives the task's value, before or after the task has ended.
async fn join_gives_the_value<B: Runtime>() {
    let result = B::task_group(async |tg| -> Result<_, Cancelled> {
        let (go, ended) = (event::<B>(), event::<B>());
        let gate = Arc::clone(&go);
        let slow = tg.spawn(async move {
            gate.wait().await;
            Ok("slow")
        });
        let signal = Arc::clone(&ended);
        let fast = tg.spawn(async move {
            signal.set();
            Ok("fast")
        });
        ended.wait().await;
        turns::<B>().await;
        let fast = fast.join().await?;
        let mut join = Box::pin(slow.join());
        assert!(poll_once(&mut join).is_pending());
        go.set();
        Ok((fast, join.await?))
    })
    .await;
    assert_eq!(result, Ok(("fast", "slow")));
}

/// G8: awaiting a handle is short for joining it.
async fn handle_can_be_awaited<B: Runtime>() {
    let result = task_group::<B, Cancelled, _, _>(async |tg| {
        let one = tg.spawn(async { Ok(1) });
        let two = tg.spawn(async { Ok(2) });
        Ok(one.await? + two.await?)
    })
    .await;
    assert_eq!(result, Ok(3));
}

/// G8: waiting for a task's end takes nothing away, and may be done again.
/// Covers: anyio/test_wait
async fn wait_may_be_repeated<B: Runtime>() {
    let result = B::task_group(async |tg| -> Result<_, Cancelled> {
        let mut finished = tg.spawn(async { Ok(7) });
        let mut cut = tg.spawn(pending::<()>());
        cut.cancel();
        for _ in 0..3 {
            finished.wait().await;
            cut.wait().await;
        }
        assert!(cut.join().await.is_err());
        finished.join().await
    })
    .await;
    assert_eq!(result, Ok(7));
}

/// G8: the status of a task that nobody cancels.
async fn status_of_a_task_that_ends<B: Runtime>() {
    let mut failed = None;
    let result = B::task_group(async |tg| -> Result<(), Failure> {
        let go = event::<B>();
        let (gate, gate_too) = (Arc::clone(&go), Arc::clone(&go));
        let mut well = tg.spawn(async move { gate.wait().await });
        let fails = tg.spawn(async move {
            gate_too.wait().await;
            shield(turns::<B>()).await;
            Err::<(), _>(Failure::Named("failed"))
        });
        assert_eq!((well.status(), fails.status()), (TaskStatus::Running, TaskStatus::Running));
        failed = Some(fails);
        shield(async {
            go.set();
            well.wait().await;
        })
        .await;
        assert_eq!(well.status(), TaskStatus::Finished);
        Ok(())
    })
    .await;
    assert_eq!(result, Err(Failure::Named("failed")));
    assert_eq!(failed.expect("it was spawned").status(), TaskStatus::Failed);
}

/// G8: the status of a task whose handle is cancelled; the second call changes nothing.
async fn status_of_a_task_that_is_cancelled<B: Runtime>() {
    let result = B::task_group(async |tg| {
        let (waits, go) = (event::<B>(), event::<B>());
        let (ready, gate) = (Arc::clone(&waits), Arc::clone(&go));
        let mut task = tg.spawn(async move {
            shield(async {
                ready.set();
                gate.wait().await;
            })
            .await;
            pending::<()>().await;
        });
        waits.wait().await;
        assert_eq!(task.status(), TaskStatus::Running);
        task.cancel();
        assert_eq!(task.status(), TaskStatus::Cancelling);
        task.cancel();
        turns::<B>().await;
        assert_eq!(task.status(), TaskStatus::Cancelling);
        go.set();
        task.wait().await;
        assert_eq!(task.status(), TaskStatus::Cancelled);
        task.cancel();
        assert_eq!(task.status(), TaskStatus::Cancelled);
    })
    .await;
    assert_eq!(result, Ok(()));
}

/// G7, G8: a task has the name it was given, and none if it was given none.
/// Covers: anyio/test_task_name_custom_name
async fn name_is_what_was_given<B: Runtime>() {
    let result = task_group::<B, Cancelled, _, _>(async |tg| {
        let line = line!() + 1;
        let named = tg.child().name("database").spawn(async {});
        assert_eq!(named.name(), Some("database"));
        assert_eq!((named.location().file(), named.location().line()), (file!(), line));
        assert_eq!(tg.spawn(async {}).name(), None);
        named.await?;
        // Through the traits.
        let unnamed = anyio_core::TaskGroup::spawn(&tg, async {});
        assert_eq!(anyio_core::TaskHandle::name(&unnamed), None);
        Ok(())
    })
    .await;
    assert_eq!(result, Ok(()));
}

/// §8, G8: dropping a handle changes nothing; the group owns the task.
async fn dropping_a_handle_changes_nothing<B: Runtime>() {
    let log = Log::default();
    let result = B::task_group(async |tg| {
        let (waits, go) = (event::<B>(), event::<B>());
        let (ready, gate, log) = (Arc::clone(&waits), Arc::clone(&go), log.clone());
        let task = tg.spawn(async move {
            ready.set();
            gate.wait().await;
            checkpoint().await;
            log.add("ended");
        });
        waits.wait().await;
        drop(task);
        go.set();
    })
    .await;
    assert_eq!(result, Ok(()));
    assert_eq!(log.take(), ["ended"]);
}

/// G8: the value of a task that has ended is not lost, though its group fails after that and has
/// ended when it is asked for.
async fn finished_result_outlives_everything<B: Runtime>() {
    let mut task = None;
    let result = B::task_group(async |tg| -> Result<(), Failure> {
        let mut finished = tg.spawn(async { Ok("kept") });
        finished.wait().await;
        task = Some(finished);
        Err(Failure::Named("body"))
    })
    .await;
    assert_eq!(result, Err(Failure::Named("body")));
    assert_eq!(task.expect("it was spawned").join().await, Ok("kept"));
}

/// G8, C7: cancelling a task that has ended changes nothing.
async fn cancel_after_the_end_changes_nothing<B: Runtime>() {
    let result = B::task_group(async |tg| -> Result<_, Cancelled> {
        let mut task = tg.spawn(async { Ok(7) });
        task.wait().await;
        task.cancel();
        assert_eq!(task.status(), TaskStatus::Finished);
        task.join().await
    })
    .await;
    assert_eq!(result, Ok(7));
}

/// G8, C7: a cancellation that races with the end of the task either comes in time, and then the
/// task's last step was not done, or it changes nothing.
async fn cancel_racing_with_the_end_keeps_the_result<B: Runtime>() {
    const ROUNDS: usize = 500;
    let (send, receive) = mpsc::channel::<Box<dyn FnOnce() + Send>>();
    let canceller = thread::spawn(move || receive.into_iter().for_each(|cancel| cancel()));
    for round in rounds(ROUNDS) {
        let done = Counter::default();
        let result = B::task_group(async |tg| -> Result<(), Cancelled> {
            let last_step = done.clone();
            let task = Arc::new(tg.spawn(async move {
                checkpoint().await;
                last_step.add();
                Ok(round)
            }));
            let theirs = Arc::clone(&task);
            send.send(Box::new(move || theirs.cancel())).expect("the thread waits for more");
            while Arc::strong_count(&task) > 1 {
                checkpoint().await;
            }
            let task = Arc::into_inner(task).expect("the thread is done with it");
            match task.join().await {
                Ok(value) => assert_eq!((value, done.get()), (round, 1)),
                Err(cancelled) => {
                    assert_eq!((cancelled.cause().kind(), done.get()), (CauseKind::Explicit, 0));
                }
            }
            Ok(())
        })
        .await;
        assert_eq!(result, Ok(()));
    }
    drop(send);
    canceller.join().expect("it has only cancelled tasks");
}

/// G8: inside the failing group, joining the failed task stays pending; so `?` never makes a
/// second, false error of it, and the group gives the real one.
async fn failed_task_is_not_joined_inside_its_group<B: Runtime>() {
    let log = Log::default();
    let result = B::task_group(async |tg| -> Result<u8, Failure> {
        let failing = tg.spawn(async { Err::<u8, _>(Failure::Named("real")) });
        let value = failing.join().await;
        log.add("joined");
        Ok(value?)
    })
    .await;
    assert_eq!(result, Err(Failure::Named("real")));
    assert!(log.take().is_empty());
}

/// G8: the same in a sibling, also if the task had failed before the join began.
async fn failed_task_is_not_joined_by_a_sibling<B: Runtime>() {
    let log = Log::default();
    let result = B::task_group(async |tg| -> Result<(), Failure> {
        let mut failing = tg.spawn(async { Err::<u8, _>(Failure::Named("real")) });
        let log = log.clone();
        tg.spawn(async move {
            shield(failing.wait()).await;
            log.add("it has failed");
            let value = failing.join().await;
            log.add("joined");
            Ok(value?)
        });
        Ok(())
    })
    .await;
    assert_eq!(result, Err(Failure::Named("real")));
    // The group may have been cancelled before the sibling's first poll, which comes all the same.
    assert_eq!(log.take(), ["it has failed"]);
}

/// G8: from outside, where nothing is cancelled, a failed task has no value, and says whose failure
/// that was; the error itself went to the group.
/// Covers: anyio/test_exception
async fn failed_task_is_cancelled_from_outside<B: Runtime>() {
    let mut task = None;
    let result = task_group::<B, Failure, _, _>(async |tg| {
        let failing = async { Err::<u8, _>(Failure::Named("real")) };
        task = Some(tg.child().name("culprit").spawn(failing));
        Ok(())
    })
    .await;
    assert_eq!(result, Err(Failure::Named("real")));
    let task = task.expect("it was spawned");
    assert_eq!(task.status(), TaskStatus::Failed);
    let cancelled = task.await.expect_err("it has failed");
    assert_eq!(cancelled.cause().kind(), CauseKind::SiblingFailed);
    assert_eq!(cancelled.cause().task(), Some("culprit"));
}

/// G8: joining a task that was cancelled through its handle gives `Cancelled` inside its group,
/// too, with the place of the call.
async fn cancelled_task_is_joined_inside_its_group<B: Runtime>() {
    let result = B::task_group(async |tg| -> Result<(), Failure> {
        let task = tg.spawn(pending::<()>());
        let line = line!() + 1;
        task.cancel();
        let cancelled = task.join().await.expect_err("it was cancelled");
        let location = cancelled.cause().location().expect("it was called somewhere");
        assert_eq!(cancelled.cause().kind(), CauseKind::Explicit);
        assert_eq!((location.file(), location.line()), (file!(), line));
        assert!(!tg.cancel_called());
        checkpoint().await;
        Ok(())
    })
    .await;
    assert_eq!(result, Ok(()));
}

/// G8, G10: a task that is cancelled before it has started runs up to where it first waits.
/// Covers: anyio/TestCreateTask::test_cancel
async fn cancel_before_the_first_poll<B: Runtime>() {
    let log = Log::default();
    let result = B::task_group(async |tg| {
        let (given, log) = (log.on_drop("released"), log.clone());
        let mut task = tg.spawn(async move {
            let _given = given;
            log.add("started");
            checkpoint().await;
            // With more than one thread it may get this far before the call below.
            pending::<()>().await;
            log.add("went on");
        });
        task.cancel();
        task.wait().await;
        assert_eq!(task.status(), TaskStatus::Cancelled);
    })
    .await;
    assert_eq!(result, Ok(()));
    assert_eq!(log.take(), ["started", "released"]);
}

/// G8, C7: if it does not wait, its value is kept.
async fn cancel_before_the_first_poll_keeps_a_ready_value<B: Runtime>() {
    let result = B::task_group(async |tg| -> Result<_, Cancelled> {
        let task = tg.spawn(async { Ok(7) });
        task.cancel();
        task.join().await
    })
    .await;
    assert_eq!(result, Ok(7));
}

/// G8, C2: cancelling a task reaches the scopes and groups that it is in, whose cleanup is waited
/// for; the group that the task belongs to is not concerned.
async fn cancel_reaches_scopes_and_groups_in_the_task<B: Runtime>() {
    let log = Log::default();
    let result = B::task_group(async |tg| {
        let waits = event::<B>();
        let (ready, log) = (Arc::clone(&waits), log.clone());
        let mut task = tg.spawn(async move {
            let _task = log.on_drop("task");
            let scope = B::CancelScope::new();
            let inner = scope.run(B::task_group(async |tg| {
                let grandchild = log.on_drop("grandchild");
                tg.spawn(async move {
                    let _grandchild = grandchild;
                    shield(async {
                        ready.set();
                        turns::<B>().await;
                    })
                    .await;
                    pending::<()>().await;
                });
            }));
            _ = inner.await;
            log.add("task went on");
        });
        waits.wait().await;
        task.cancel();
        task.wait().await;
        assert!(!tg.cancel_called());
        checkpoint().await;
    })
    .await;
    assert_eq!(result, Ok(()));
    assert_eq!(log.take(), ["grandchild", "task"]);
}

/// G8, C5: a shield in a cancelled task is waited for; what comes after it does not run.
async fn cancel_waits_for_shields<B: Runtime>() {
    let log = Log::default();
    let result = B::task_group(async |tg| {
        let (waits, go) = (event::<B>(), event::<B>());
        let (ready, gate, log) = (Arc::clone(&waits), Arc::clone(&go), log.clone());
        let task = tg.spawn(async move {
            shield(async {
                ready.set();
                gate.wait().await;
                log.add("shielded");
            })
            .await;
            checkpoint().await;
            log.add("after the shield");
        });
        waits.wait().await;
        task.cancel();
        go.set();
        assert!(task.join().await.is_err());
    })
    .await;
    assert_eq!(result, Ok(()));
    assert_eq!(log.take(), ["shielded"]);
}

/// G8: cancelling the one who waits leaves the task and its handle as they were.
async fn cancelled_wait_leaves_the_handle_usable<B: Runtime>() {
    let result = B::task_group(async |tg| -> Result<_, Cancelled> {
        let go = event::<B>();
        let gate = Arc::clone(&go);
        let mut task = tg.spawn(async move {
            gate.wait().await;
            Ok(7)
        });
        let scope = B::CancelScope::new();
        let waiting = async {
            let canceller = async {
                checkpoint().await;
                scope.cancel();
            };
            futures_util::join!(task.wait(), canceller);
        };
        assert!(scope.run(waiting).await.is_err());
        assert_eq!(task.status(), TaskStatus::Running);
        go.set();
        task.join().await
    })
    .await;
    assert_eq!(result, Ok(7));
}

/// C8: joining is an operation: it does not start in a cancelled scope, even if the task has ended.
async fn join_does_not_start_in_a_cancelled_scope<B: Runtime>() {
    let log = Log::default();
    let result = B::task_group(async |tg| {
        let mut task = tg.spawn(async {});
        task.wait().await;
        let scope = B::CancelScope::new();
        scope.cancel();
        let joining = scope.run(async {
            task.wait().await;
            log.add("waited");
        });
        assert!(joining.await.is_err());
        let joining = scope.run(async {
            _ = task.join().await;
            log.add("joined");
        });
        assert!(joining.await.is_err());
    })
    .await;
    assert_eq!(result, Ok(()));
    assert!(log.take().is_empty());
}

/// G8: a join that one task has begun may be ended by another, which is the one that is woken.
async fn join_moves_between_tasks<B: Runtime>() {
    let result = B::task_group(async |tg| -> Result<_, Cancelled> {
        let (waits, go) = (event::<B>(), event::<B>());
        let (ready, gate) = (Arc::clone(&waits), Arc::clone(&go));
        let task = tg.spawn(async move {
            gate.wait().await;
            Ok(7)
        });
        let mut join = Box::pin(task.join());
        assert!(poll_once(&mut join).is_pending());
        let joining = tg.spawn(async move {
            assert!(poll_once(&mut join).is_pending());
            ready.set();
            join.await
        });
        waits.wait().await;
        go.set();
        joining.join().await
    })
    .await;
    assert_eq!(result, Ok(7));
}

/// G8: a task may be joined from another group; if it is cut with its own, that is its end, and not
/// that of the one who joins.
async fn join_across_groups<B: Runtime>() {
    let result = B::task_group(async |outer| -> Result<_, Failure> {
        let mut joining = None;
        let inner = B::task_group(async |tg| -> Result<(), Failure> {
            let task = tg.spawn(pending::<()>());
            joining = Some(outer.spawn(async move { Ok(task.join().await) }));
            Err(Failure::Named("inner"))
        })
        .await;
        assert_eq!(inner, Err(Failure::Named("inner")));
        Ok(joining.expect("it was spawned").join().await?)
    })
    .await;
    let cancelled = result.expect("the outer group went well").expect_err("the task was cut");
    assert_eq!(cancelled.cause().kind(), CauseKind::SiblingFailed);
}

/// G8: cancelling a handle wakes a task that has opened no scope and only waits.
async fn cancel_wakes_a_task_that_only_waits<B: Runtime>() {
    let polls = Counter::default();
    let group = B::task_group(async |tg| {
        let mut task = tg.spawn(Polls::of(pending::<()>(), &polls));
        until::<B>(|| polls.get() > 0).await;
        turns::<B>().await;
        task.cancel();
        task.wait().await;
        assert_eq!(task.status(), TaskStatus::Cancelled);
    });
    assert_eq!(group.await, Ok(()));
}

/// A join that has given its value and is polled once more says so, as any future of ours does.
async fn join_that_has_ended_panics<B: Runtime>() {
    let group = task_group::<B, Cancelled, _, _>(async |tg| -> Result<(), Cancelled> {
        let mut join = tg.spawn(async { Ok(7) }).join();
        assert_eq!((&mut join).await, Ok(7));
        assert!(caught(&mut join).await.unwrap_err().contains("polled after it had ended"));
        scoped_task_group(async |tg| -> Result<(), Cancelled> {
            let mut join = tg.spawn(async { Ok(8) }).join();
            assert_eq!((&mut join).await, Ok(8));
            assert!(caught(&mut join).await.unwrap_err().contains("polled after it had ended"));
            Ok(())
        })
        .await
    });
    assert_eq!(group.await, Ok(()));
}
