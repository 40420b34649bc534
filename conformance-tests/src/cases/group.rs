//! Groups, their ends and their errors: G1, G2, G3.

use std::{
    convert::Infallible,
    future::pending,
    sync::{Arc, Mutex, PoisonError},
};

use anyio_core::{
    CancelScope as _, Cancelled, CauseKind, Event as _, Runtime, TaskGroup as _, TaskHandle as _,
    TaskStatus,
};
use anyio_engine::{RuntimeExt as _, catch_cancelled, checkpoint, finally};

use super::tools::{Failure, event};
use crate::{
    suite::Case,
    support::{Counter, Log, turns, until},
};

pub(super) fn list<B: Runtime>() -> Vec<Case> {
    list![B, group:
        waits_for_body_and_tasks,
        waits_for_tasks_spawned_while_waiting,
        waits_for_a_body_that_ends_last,
        bodies_and_tasks_may_end_in_nothing,
        first_error_cancels_the_rest,
        error_of_a_task_interrupts_the_wait_for_others,
        error_of_the_body_cancels_the_tasks,
        later_errors_are_dropped,
        error_outlives_an_earlier_outer_cancellation,
        error_outlives_a_later_outer_cancellation,
        siblings_see_who_failed,
        tasks_see_that_the_body_failed,
        foreign_future_is_cut,
        what_tasks_own_is_dropped_before_the_group_returns,
        error_of_an_inner_group_leaves_the_outer_one_as_it_was,
    ]
}

/// G1: a group returns when its body and all its tasks have ended, and not before.
/// Covers: anyio/test_success
async fn waits_for_body_and_tasks<B: Runtime>() {
    let log = Log::default();
    let result = B::task_group(async |tg| {
        let _ended = log.on_drop("body");
        for _ in 0..2 {
            let log = log.clone();
            tg.spawn(async move {
                until::<B>(|| log.has("body")).await;
                turns::<B>().await;
                log.add("task");
            });
        }
    })
    .await;
    assert_eq!(result, Ok(()));
    assert_eq!(log.take(), ["body", "task", "task"]);
}

/// G1: tasks that are spawned while the group waits are waited for, too, and so are theirs.
/// Covers: anyio/test_start_soon_while_running
async fn waits_for_tasks_spawned_while_waiting<B: Runtime>() {
    let log = Log::default();
    let result = B::task_group(async |tg| {
        let _ended = log.on_drop("body");
        let (group, log) = (tg.clone(), log.clone());
        tg.spawn(async move {
            until::<B>(|| log.has("body")).await;
            log.add("first");
            let (siblings, theirs) = (group.clone(), log.clone());
            group.spawn(async move {
                turns::<B>().await;
                theirs.add("second");
                siblings.spawn(async move {
                    turns::<B>().await;
                    theirs.add("third");
                });
            });
        });
    })
    .await;
    assert_eq!(result, Ok(()));
    assert_eq!(log.take(), ["body", "first", "second", "third"]);
}

/// G1, G2: a body that outlives its tasks is waited for, and its value is what the group gives.
async fn waits_for_a_body_that_ends_last<B: Runtime>() {
    let log = Log::default();
    let result = B::task_group(async |tg| -> Result<_, Failure> {
        let one = tg.spawn(async { Ok(1) });
        let two = tg.spawn(async { Ok(2) });
        let sum = one.join().await? + two.join().await?;
        turns::<B>().await;
        log.add("body");
        Ok(sum)
    })
    .await;
    assert_eq!(result, Ok(3));
    assert_eq!(log.take(), ["body"]);
}

/// G2: bodies and tasks that cannot fail may end in nothing, and the group's error is `Cancelled`.
async fn bodies_and_tasks_may_end_in_nothing<B: Runtime>() {
    let ran = Counter::default();
    let result: Result<(), Cancelled> = B::task_group(async |tg| {
        let ran = ran.clone();
        tg.spawn(async move {
            ran.add();
        });
    })
    .await;
    assert_eq!(result, Ok(()));
    assert_eq!(ran.get(), 1);
}

/// G3: the first failure cancels the body and the other tasks; when their cleanup has run, the
/// error comes out of the group as it was: typed, and not in a box.
/// Covers: anyio/test_failing_child_task_cancels_host
/// Covers: anyio/test_exception_cancels_siblings
/// Covers: trio/test_child_crash_basic
/// Covers: trio/test_child_crash_wakes_parent
/// Covers: trio/test_task_crash_propagation
async fn first_error_cancels_the_rest<B: Runtime>() {
    let log = Log::default();
    let result = B::task_group(async |tg| -> Result<Infallible, Failure> {
        let _unwound = log.on_drop("body unwound");
        let (waits, started) = (event::<B>(), event::<B>());
        started.set();
        let (ready, cleanup) = (Arc::clone(&waits), log.clone());
        tg.spawn(async move {
            let work = async {
                ready.set();
                pending::<()>().await;
            };
            let cleanup = async {
                turns::<B>().await;
                cleanup.add("sibling cleaned up");
            };
            finally(work, cleanup).await;
        });
        waits.wait().await;
        tg.spawn(async { Err::<(), _>(Failure::Named("first")) });
        pending().await
    })
    .await;
    assert_eq!(result, Err(Failure::Named("first")));
    let mut log = log.take();
    log.sort_unstable();
    assert_eq!(log, ["body unwound", "sibling cleaned up"]);
}

/// G3: a failure is acted on while the group waits, too.
async fn error_of_a_task_interrupts_the_wait_for_others<B: Runtime>() {
    let log = Log::default();
    let result = B::task_group(async |tg| -> Result<(), Failure> {
        let _ended = log.on_drop("body");
        for _ in 0..3 {
            tg.spawn(pending::<()>());
        }
        let log = log.clone();
        tg.spawn(async move {
            until::<B>(|| log.has("body")).await;
            Err::<(), _>(Failure::Named("late"))
        });
        Ok(())
    })
    .await;
    assert_eq!(result, Err(Failure::Named("late")));
}

/// G3: an error of the body cancels the tasks, and is given when they have been cleaned up.
/// Covers: anyio/test_failing_host_task_cancels_children
/// Covers: trio/test_nursery_main_block_error_basic
/// Covers: trio/test_nursery_explicit_exception
async fn error_of_the_body_cancels_the_tasks<B: Runtime>() {
    let log = Log::default();
    let result = B::task_group(async |tg| -> Result<(), Failure> {
        let waits = event::<B>();
        let (ready, log) = (Arc::clone(&waits), log.clone());
        tg.spawn(async move {
            let work = async {
                ready.set();
                pending::<()>().await;
            };
            let cleanup = async {
                turns::<B>().await;
                log.add("cleaned up");
            };
            finally(work, cleanup).await;
        });
        waits.wait().await;
        Err(Failure::Named("body"))
    })
    .await;
    assert_eq!(result, Err(Failure::Named("body")));
    assert_eq!(log.take(), ["cleaned up"]);
}

/// G2: of several errors the first one is given, whoever the others come from.
async fn later_errors_are_dropped<B: Runtime>() {
    let later = Counter::default();
    let result = B::task_group(async |tg| -> Result<(), Failure> {
        let waits = event::<B>();
        let (ready, count) = (Arc::clone(&waits), later.clone());
        tg.spawn(async move {
            let caught = catch_cancelled(async {
                ready.set();
                pending::<()>().await;
            })
            .await;
            assert!(caught.is_err());
            count.add();
            Err::<(), _>(Failure::Named("task, later"))
        });
        waits.wait().await;
        let go = event::<B>();
        let gate = Arc::clone(&go);
        tg.spawn(async move {
            gate.wait().await;
            Err::<(), _>(Failure::Named("first"))
        });
        let caught = catch_cancelled(async {
            go.set();
            pending::<()>().await;
        })
        .await;
        assert!(caught.is_err());
        later.add();
        Err(Failure::Named("body, later"))
    })
    .await;
    assert_eq!(result, Err(Failure::Named("first")));
    assert_eq!(later.get(), 2);
}

/// G3: an error is not lost to a cancellation from outside that came before it, even though that
/// has cut other members; the code after the group gets it.
/// Covers: trio/test_cancel_scope_exceptiongroup_filtering
/// Covers: trio/test_trivial_yields
async fn error_outlives_an_earlier_outer_cancellation<B: Runtime>() {
    let (log, scope) = (Log::default(), B::CancelScope::new());
    let result = scope
        .run(async {
            let result = B::task_group(async |tg| -> Result<(), Failure> {
                let waits = event::<B>();
                let ready = Arc::clone(&waits);
                tg.spawn(pending::<()>());
                tg.spawn(async move {
                    let caught = catch_cancelled(async {
                        ready.set();
                        pending::<()>().await;
                    })
                    .await;
                    assert!(caught.is_err());
                    Err::<(), _>(Failure::Named("real"))
                });
                waits.wait().await;
                scope.cancel();
                Ok(())
            })
            .await;
            log.add("after the group");
            result
        })
        .await;
    assert_eq!(result, Ok(Err(Failure::Named("real"))));
    assert_eq!(log.take(), ["after the group"]);
}

/// G3: an error is not lost to a cancellation from outside that comes while the group still waits
/// for a sibling's cleanup.
async fn error_outlives_a_later_outer_cancellation<B: Runtime>() {
    let scope = B::CancelScope::new();
    let result = scope
        .run(B::task_group(async |tg| -> Result<(), Failure> {
            let waits = event::<B>();
            let (ready, outer) = (Arc::clone(&waits), scope.clone());
            tg.spawn(async move {
                let work = async {
                    ready.set();
                    pending::<()>().await;
                };
                let cleanup = async {
                    outer.cancel();
                    turns::<B>().await;
                };
                finally(work, cleanup).await;
            });
            waits.wait().await;
            Err(Failure::Named("real"))
        }))
        .await;
    assert_eq!(result, Ok(Err(Failure::Named("real"))));
}

/// C11: who is cancelled because a sibling failed learns its name, also if it was spawned after
/// that; and the first cause stands.
/// Covers: trio/test_cancel_reason_nursery
/// Covers: trio/test_cancel_reason_nursery2
async fn siblings_see_who_failed<B: Runtime>() {
    let causes = Mutex::new(Vec::new());
    let note = |cancelled: Cancelled| {
        causes.lock().unwrap_or_else(PoisonError::into_inner).push(cancelled.cause().clone());
    };
    let (mut running, mut late) = (None, None);
    let result = anyio_engine::task_group::<B, Failure, _, _>(async |tg| {
        running = Some(tg.spawn(pending::<()>()));
        let go = event::<B>();
        let gate = Arc::clone(&go);
        tg.child().name("culprit").spawn(async move {
            gate.wait().await;
            Err::<(), _>(Failure::Named("first"))
        });
        let caught = catch_cancelled(async {
            go.set();
            pending::<()>().await;
        })
        .await;
        note(caught.expect_err("it is cancelled"));
        tg.cancel_because("too late to be the cause");
        late = Some(tg.spawn(pending::<()>()));
        Ok(())
    })
    .await;
    assert_eq!(result, Err(Failure::Named("first")));
    for handle in [running, late] {
        note(handle.expect("it was spawned").await.expect_err("it was cancelled"));
    }
    let causes = causes.into_inner().unwrap_or_else(PoisonError::into_inner);
    assert_eq!(causes.len(), 3);
    for cause in causes {
        assert_eq!((cause.kind(), cause.task()), (CauseKind::SiblingFailed, Some("culprit")));
    }
}

/// C11: tasks that are cancelled because the body failed learn the group's name.
/// Covers: trio/test_nested_child_source
async fn tasks_see_that_the_body_failed<B: Runtime>() {
    let mut task = None;
    let group = anyio_engine::TaskGroup::<B, Failure>::builder().name("parent");
    let result = group
        .run(async |tg| -> Result<(), Failure> {
            task = Some(tg.spawn(pending::<()>()));
            Err(Failure::Named("body"))
        })
        .await;
    assert_eq!(result, Err(Failure::Named("body")));
    let cancelled = task.expect("it was spawned").await.expect_err("it was cancelled");
    assert_eq!(cancelled.cause().kind(), CauseKind::SiblingFailed);
    assert_eq!(cancelled.cause().task(), Some("parent"));
}

/// G3, C4: nothing has to be wrapped; a task that waits in a future of another crate is dropped
/// there.
/// Covers: anyio/test_cancel_native_future_tasks
async fn foreign_future_is_cut<B: Runtime>() {
    let log = Log::default();
    let result = B::task_group(async |tg| {
        let waits = event::<B>();
        let (ready, log) = (Arc::clone(&waits), log.clone());
        tg.spawn(async move {
            let _dropped = log.on_drop("dropped");
            ready.set();
            futures_util::future::select(pending::<()>(), pending::<()>()).await;
            log.add("went on");
        });
        waits.wait().await;
        tg.cancel();
    })
    .await;
    assert_eq!(result, Ok(()));
    assert_eq!(log.take(), ["dropped"]);
}

/// G1, C14: what tasks own is gone when the group returns, cancelled or not, though handles on the
/// tasks and on the group are still there, and though the tasks themselves held such handles.
/// Covers: trio/test_locals_destroyed_promptly_on_cancel
/// Covers: trio/test_nursery_cancel_doesnt_create_cyclic_garbage
async fn what_tasks_own_is_dropped_before_the_group_returns<B: Runtime>() {
    let token = Arc::new(());
    let mut handles = Vec::new();
    let group = B::task_group(async |tg| -> Result<_, Cancelled> {
        let held = (Arc::clone(&token), tg.clone());
        handles.push(tg.spawn(async move {
            let _held = held;
            pending::<()>().await;
        }));
        let held = (Arc::clone(&token), tg.clone());
        let mut ends = tg.spawn(async move {
            let _held = held;
            checkpoint().await;
        });
        ends.wait().await;
        handles.push(ends);
        tg.cancel();
        Ok(tg)
    })
    .await;
    assert!(group.is_ok());
    assert_eq!(Arc::strong_count(&token), 1);
    assert_eq!(handles[0].status(), TaskStatus::Cancelled);
    assert_eq!(handles[1].status(), TaskStatus::Finished);
}

/// G3: an error that an inner group gives cancels nothing further out: the outer group is open,
/// its scope is current again, and operations start.
/// Covers: trio/test_task_nursery_stack
async fn error_of_an_inner_group_leaves_the_outer_one_as_it_was<B: Runtime>() {
    let result = B::task_group(async |tg| -> Result<_, Failure> {
        let inner = B::task_group(async |inner| -> Result<(), Failure> {
            inner.spawn(async { Err::<(), _>(Failure::Named("inner")) });
            pending().await
        })
        .await;
        assert_eq!(inner, Err(Failure::Named("inner")));
        assert!(!tg.cancel_called());
        checkpoint().await;
        Ok(tg.spawn(async { Ok(7) }).join().await?)
    })
    .await;
    assert_eq!(result, Ok(7));
}
