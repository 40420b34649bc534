//! Spawning into groups: G6, G7, G10.

use std::{
    future::pending,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use anyio_core::{
    CancelScope as _, Cancelled, Event as _, Runtime, TaskGroup as _, TaskHandle as _, TaskStatus,
};
use anyio_engine::{
    Erased, RuntimeExt as _, checkpoint, current_backend, finally, shield, sleep_forever,
};

use super::tools::{Failure, event, report_of};
use crate::{
    suite::Case,
    support::{Counter, Log, Polls, turns},
};

pub(super) fn list<B: Runtime>() -> Vec<Case> {
    list![B, group_spawn:
        children_spawn_siblings,
        spawn_after_the_end_panics_at_the_caller,
        spawn_after_an_error_panics_at_the_caller,
        try_spawn_after_the_end_gives_the_future_back,
        task_of_a_cancelled_group_is_polled_once,
        task_of_a_cancelled_group_keeps_a_ready_value,
        scope_in_a_task_of_a_cancelled_group_lets_it_go,
        cleanup_may_spawn_into_its_cancelled_group,
        spawners_scope_has_no_hold_on_the_task,
        groups_scope_reaches_tasks_spawned_elsewhere,
        deadline_comes_from_the_group,
        backend_comes_from_the_group,
        destructors_of_cut_tasks_know_their_backend,
        unnamed_task_goes_by_its_spawn_site,
        slots_are_used_again,
        nothing_is_left_for_the_next_task,
        handles_outlive_the_group,
        task_without_an_end_is_cancelled,
    ]
}

/// G6: the handle is owned and cloneable, and any number of tasks may spawn siblings with it.
async fn children_spawn_siblings<B: Runtime>() {
    let ran = Counter::default();
    let result = B::task_group(async |tg| {
        for _ in 0..10 {
            let (group, ran) = (tg.clone(), ran.clone());
            tg.spawn(async move {
                for _ in 0..10 {
                    let ran = ran.clone();
                    group.spawn(async move {
                        checkpoint().await;
                        ran.add();
                    });
                }
            });
        }
    })
    .await;
    assert_eq!(result, Ok(()));
    assert_eq!(ran.get(), 100);
}

/// G6: spawning into a group that has ended panics at the caller's location, and says why.
/// Covers: anyio/test_already_closed
async fn spawn_after_the_end_panics_at_the_caller<B: Runtime>() {
    let group = B::task_group(async |tg| -> Result<_, Cancelled> { Ok(tg) }).await;
    let group = group.expect("nothing is cancelled");
    let line = line!() + 1;
    let report = report_of(|| group.spawn(async {})).expect("the group has ended");
    assert_eq!((report.file.as_str(), report.line), (file!(), line));
    assert!(report.words.contains("closed"), "{report:?}");
}

/// G6: a group that has ended with an error is closed like any other.
/// Covers: anyio/test_start_soon_after_error
async fn spawn_after_an_error_panics_at_the_caller<B: Runtime>() {
    let mut group = None;
    let result = B::task_group(async |tg| -> Result<(), Failure> {
        group = Some(tg.clone());
        tg.spawn(async { Err::<(), _>(Failure::Named("first")) });
        Ok(())
    })
    .await;
    assert_eq!(result, Err(Failure::Named("first")));
    let group = group.expect("the body has run");
    let line = line!() + 1;
    let report = report_of(|| group.spawn(async {})).expect("the group has ended");
    assert_eq!((report.file.as_str(), report.line), (file!(), line));
}

/// G6: a group that has ended hands the future back, which was never polled and still works.
async fn try_spawn_after_the_end_gives_the_future_back<B: Runtime>() {
    let group = B::task_group(async |tg| -> Result<_, Cancelled> { Ok(tg) }).await;
    let group = group.expect("nothing is cancelled");
    let polls = Counter::default();
    let error = group.try_spawn(Polls::of(async { Ok(7) }, &polls)).err();
    let error = error.expect("the group has ended");
    assert!(error.is_closed(), "{error:?}");
    assert_eq!(polls.get(), 0);
    assert_eq!(error.into_future().await, Ok(7));
}

/// G10: a task that is spawned into a cancelled group is polled once, up to where it waits, and is
/// dropped there.
/// Covers: anyio/test_level_cancellation
/// Covers: anyio/test_taskgroups::test_cancel
async fn task_of_a_cancelled_group_is_polled_once<B: Runtime>() {
    let (log, polls) = (Log::default(), Counter::default());
    let result = B::task_group(async |tg| {
        tg.cancel();
        assert!(tg.cancel_called());
        let (given, log) = (log.on_drop("released"), log.clone());
        let work = async move {
            let _given = given;
            log.add("started");
            checkpoint().await;
            log.add("went on");
        };
        tg.spawn(Polls::of(work, &polls));
    })
    .await;
    assert_eq!(result, Ok(()));
    assert_eq!(log.take(), ["started", "released"]);
    assert_eq!(polls.get(), 1);
}

/// G10, C7: if that one poll is enough, the value is kept.
async fn task_of_a_cancelled_group_keeps_a_ready_value<B: Runtime>() {
    let mut task = None;
    let result = B::task_group(async |tg| -> Result<(), Cancelled> {
        tg.cancel();
        task = Some(tg.spawn(async { Ok(7) }));
        Ok(())
    })
    .await;
    assert_eq!(result, Ok(()));
    let task = task.expect("it was spawned");
    assert_eq!(task.status(), TaskStatus::Finished);
    assert_eq!(task.join().await, Ok(7));
}

/// G10, C6: a scope inside such a task does not catch the cancellation, so the code after it does
/// not run.
/// Covers: anyio/test_cancelled_parent
async fn scope_in_a_task_of_a_cancelled_group_lets_it_go<B: Runtime>() {
    let log = Log::default();
    let result = B::task_group(async |tg| -> Result<(), Failure> {
        tg.cancel();
        let log = log.clone();
        tg.spawn(async move {
            log.add("started");
            let inner = B::CancelScope::new().run(checkpoint()).await;
            log.add("not reached");
            inner?;
            Err::<(), _>(Failure::Named("not reached"))
        });
        Ok(())
    })
    .await;
    assert_eq!(result, Ok(()));
    assert_eq!(log.take(), ["started"]);
}

/// G10, G1: what a task spawns while it is being cleaned up is polled once, and waited for.
async fn cleanup_may_spawn_into_its_cancelled_group<B: Runtime>() {
    let log = Log::default();
    let result = B::task_group(async |tg| -> Result<(), Failure> {
        let waits = event::<B>();
        let (ready, group, log) = (Arc::clone(&waits), tg.clone(), log.clone());
        tg.spawn(async move {
            let work = async {
                ready.set();
                pending::<()>().await;
            };
            let cleanup = async {
                let log = log.clone();
                group.spawn(async move {
                    log.add("started");
                    shield(turns::<B>()).await;
                    log.add("shielded");
                    checkpoint().await;
                    log.add("went on");
                });
            };
            finally(work, cleanup).await;
        });
        waits.wait().await;
        Err(Failure::Named("body"))
    })
    .await;
    assert_eq!(result, Err(Failure::Named("body")));
    assert_eq!(log.take(), ["started", "shielded"]);
}

/// G7: the scope around the call of `spawn` has no hold on the task; it belongs to its group.
async fn spawners_scope_has_no_hold_on_the_task<B: Runtime>() {
    let log = Log::default();
    let result = B::task_group(async |tg| {
        let scope = B::CancelScope::new();
        let go = event::<B>();
        let left = scope
            .run(async {
                let (go, log) = (Arc::clone(&go), log.clone());
                tg.spawn(async move {
                    go.wait().await;
                    checkpoint().await;
                    log.add("task of the body went on");
                });
                scope.cancel();
                pending::<()>().await;
            })
            .await;
        assert!(left.is_err());
        // The same for a task of another group, which is cancelled.
        let outer = tg.clone();
        let inner = B::task_group(async |tg| {
            let (go, log, group) = (Arc::clone(&go), log.clone(), tg.clone());
            tg.spawn(async move {
                outer.spawn(async move {
                    go.wait().await;
                    checkpoint().await;
                    log.add("task of another group went on");
                });
                group.cancel();
                pending::<()>().await;
            });
        })
        .await;
        assert_eq!(inner, Ok(()));
        go.set();
    })
    .await;
    assert_eq!(result, Ok(()));
    let mut log = log.take();
    log.sort_unstable();
    assert_eq!(log, ["task of another group went on", "task of the body went on"]);
}

/// G7: the scope around the group reaches a task, though a shielded task of another group, outside
/// of that scope, has spawned it.
async fn groups_scope_reaches_tasks_spawned_elsewhere<B: Runtime>() {
    let (log, scope) = (Log::default(), B::CancelScope::new());
    let result = B::task_group(async |outer| {
        let cut = scope
            .run(B::task_group(async |tg| {
                let (waits, log) = (event::<B>(), log.clone());
                let ready = Arc::clone(&waits);
                outer.spawn(shield(async move {
                    tg.spawn(async move {
                        let _dropped = log.on_drop("cut");
                        ready.set();
                        pending::<()>().await;
                    });
                }));
                waits.wait().await;
                scope.cancel();
            }))
            .await;
        assert!(cut.is_err());
    })
    .await;
    assert_eq!(result, Ok(()));
    assert_eq!(log.take(), ["cut"]);
}

/// G7: a task has the deadline of its group, and not that of the code that spawned it.
async fn deadline_comes_from_the_group<B: Runtime>() {
    let deadline = B::now() + Duration::from_secs(3600);
    let scope = B::CancelScope::new();
    scope.set_deadline(Some(deadline));
    let seen = scope
        .run(B::task_group(async |tg| -> Result<_, Cancelled> {
            let near = B::CancelScope::new();
            near.set_deadline(Some(deadline - Duration::from_secs(1800)));
            let spawned =
                near.run(async { tg.spawn(async { Ok(B::current_effective_deadline()) }) });
            spawned.await?.join().await
        }))
        .await;
    assert_eq!(seen, Ok(Ok(Some(deadline))));
}

/// G7: a task runs on the backend of its group, also if a thread that knows no runtime spawns it.
async fn backend_comes_from_the_group<B: Runtime>() {
    let here = current_backend().map(Erased::name);
    let result = B::task_group(async |tg| -> Result<(), Cancelled> {
        let seen = || async { Ok(current_backend().map(Erased::name)) };
        let near = tg.spawn(seen());
        let spawner = thread::spawn(move || tg.spawn(seen()));
        let far = spawner.join().expect("the group is open");
        assert_eq!(near.join().await?, here);
        assert_eq!(far.join().await?, here);
        Ok(())
    })
    .await;
    assert_eq!(result, Ok(()));
}

/// G7: a task without a name goes by the place that spawned it, through the traits as well.
/// Covers: anyio/test_task_name_default
/// Covers: trio/test_spawn_name
async fn unnamed_task_goes_by_its_spawn_site<B: Runtime>() {
    let (mut line, mut sibling) = (0, None);
    let result = B::task_group(async |tg| -> Result<(), Failure> {
        sibling = Some(tg.spawn(pending::<()>()));
        let failing = async { Err::<(), _>(Failure::Named("first")) };
        line = line!() + 1;
        tg.spawn(failing);
        Ok(())
    })
    .await;
    assert_eq!(result, Err(Failure::Named("first")));
    let sibling = sibling.expect("it was spawned");
    let cancelled = sibling.join().await.expect_err("it was cancelled");
    let name = cancelled.cause().task().expect("the failed task goes by some name");
    assert!(name.contains(&format!("{}:{line}:", file!())), "{name}");
}

/// G8: a handle belongs to its task alone, also when the group has long used the task's place for
/// others: each value reaches its own handle, and each is dropped once.
async fn slots_are_used_again<B: Runtime>() {
    struct Value(usize, Counter);

    impl Drop for Value {
        fn drop(&mut self) {
            self.1.add();
        }
    }

    let dropped = Counter::default();
    let result = B::task_group(async |tg| -> Result<(), Cancelled> {
        let mut kept = Vec::new();
        for number in 0..2_000 {
            let value = Value(number, dropped.clone());
            let mut handle = tg.spawn(async move { Ok(value) });
            match number % 4 {
                0 => kept.push((number, handle)),
                1 => assert_eq!(handle.join().await?.0, number),
                2 => handle.wait().await,
                _ => {}
            }
            // Some of those that were kept give way, out of order.
            if number % 7 == 0 && kept.len() > 20 {
                let (number, handle) = kept.swap_remove(kept.len() / 2);
                assert_eq!(handle.join().await?.0, number);
            }
        }
        for (number, handle) in kept {
            assert_eq!(handle.join().await?.0, number);
        }
        Ok(())
    })
    .await;
    assert_eq!(result, Ok(()));
    assert_eq!(dropped.get(), 2_000);
}

/// G8: what a task has come to can be asked for after its group has ended.
async fn handles_outlive_the_group<B: Runtime>() {
    let handles = B::task_group(async |tg| -> Result<_, Cancelled> {
        let value = tg.spawn(async { Ok(String::from("kept")) });
        let cut = tg.spawn(async { Ok(pending::<String>().await) });
        cut.cancel();
        Ok((value, cut))
    });
    let (value, cut) = handles.await.unwrap();
    assert_eq!(value.status(), TaskStatus::Finished);
    assert_eq!(value.join().await.as_deref(), Ok("kept"));
    assert_eq!(cut.status(), TaskStatus::Cancelled);
    assert!(cut.join().await.is_err());
}

/// G1: a task may be written without an end, as servers are; a cancellation ends it, and the group
/// waits for that.
async fn task_without_an_end_is_cancelled<B: Runtime>() {
    let (turns_seen, ended) = (Counter::default(), Counter::default());
    let result = B::task_group(async |tg| {
        let (seen, over) = (turns_seen.clone(), ended.clone());
        tg.spawn(async move {
            let _over = Guard(over);
            loop {
                seen.add();
                checkpoint().await;
            }
        });
        tg.spawn(sleep_forever());
        turns::<B>().await;
        tg.cancel();
    })
    .await;
    assert_eq!(result, Ok(()));
    assert!(turns_seen.get() > 0);
    assert_eq!(ended.get(), 1);
}

struct Guard(Counter);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.add();
    }
}

/// C4, G7: a task that is unwound is in its context still when its destructors run.
async fn destructors_of_cut_tasks_know_their_backend<B: Runtime>() {
    #[derive(Clone, Default)]
    struct Looks(Arc<Mutex<Vec<Option<&'static str>>>>);

    impl Drop for Looks {
        fn drop(&mut self) {
            let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            seen.push(current_backend().map(Erased::name));
        }
    }

    let looks = Looks::default();
    let here = current_backend().map(Erased::name);
    let result = B::task_group(async |tg| -> Result<(), Cancelled> {
        let (one, two) = (looks.clone(), looks.clone());
        let task = tg.spawn(async move {
            let _looks = one;
            pending::<()>().await;
        });
        tg.spawn(async move {
            let _looks = two;
            pending::<()>().await;
        });
        turns::<B>().await;
        task.cancel();
        turns::<B>().await;
        tg.cancel();
        Ok(())
    });
    assert_eq!(result.await, Ok(()));
    let seen = std::mem::take(&mut *looks.0.lock().unwrap());
    assert_eq!(seen, [here, here]);
}

/// G5, G8: what a handle did to its task is nothing to the task that has its place afterwards.
async fn nothing_is_left_for_the_next_task<B: Runtime>() {
    let ended = Counter::default();
    let result = B::task_group(async |tg| -> Result<(), Cancelled> {
        for _ in 0..20 {
            // Cancelled, and its handle gone, before it is polled; it ends in its first poll all the same.
            let count = ended.clone();
            let task = tg.spawn(async move { _ = count.add() });
            task.cancel();
            drop(task);
            turns::<B>().await;
            let count = ended.clone();
            tg.spawn(async move {
                // A scope, so that it has a node, which would take over what was left.
                B::move_on_after(Duration::from_secs(3_600), checkpoint()).await;
                count.add();
            });
            turns::<B>().await;
        }
        Ok(())
    });
    assert_eq!(result.await, Ok(()));
    assert_eq!(ended.get(), 40);
}
