//! Groups whose tasks may borrow: G12, and the rules of all groups over again.

use std::{
    cell::{Cell, RefCell},
    future::pending,
    rc::Rc,
    sync::{Arc, Mutex},
    time::Duration,
};

use anyio_core::{CancelScope as _, Cancelled, Cause, CauseKind, Event as _, Runtime, TaskStatus};
use anyio_engine::{
    RuntimeExt as _, ScopedTaskGroup, checkpoint, finally, local_task_group, memory_object_stream,
    scoped_task_group, shield, sleep_forever,
};

use super::tools::{Failure, Payload, event};
use crate::{
    suite::Case,
    support::{Counter, Log, Polls, Wakes, caught, cause_of, is_pending, turns},
};

pub(super) fn list<B: Runtime>() -> Vec<Case> {
    list![B, nested:
        tasks_borrow,
        tasks_need_not_be_send,
        group_of_send_tasks_is_send,
        waits_for_body_and_tasks,
        tasks_take_turns,
        tasks_spawn_siblings,
        tasks_are_spawned_from_another_thread,
        values_come_through_handles,
        first_error_cancels_the_rest,
        error_of_the_body_cancels_the_tasks,
        panic_goes_on_when_all_have_ended,
        panic_of_a_destructor_counts,
        cancelled_tasks_clean_up,
        shielded_task_is_waited_for,
        outer_cancellation_reaches_all,
        deadline_reaches_all,
        own_cancellation_leaves_the_bodys_value,
        task_is_cancelled_by_its_handle,
        group_originates_no_cancellation,
        task_of_a_cancelled_group_is_polled_once,
        spawn_after_the_end_is_refused,
        dropped_midway_leaves_nothing,
        joiner_outside_learns_of_the_drop,
        waiting_costs_nothing,
        only_woken_tasks_are_polled,
        many_tasks,
        groups_nest,
        holds_what_is_around_it,
        join_of_a_cut_task_is_no_failure,
    ]
}

fn named<T>(what: &'static str) -> Result<T, Failure> {
    Err(Failure::Named(what))
}

/// G12: tasks borrow from the caller's frame, and give it back when the group has ended.
async fn tasks_borrow<B: Runtime>() {
    let words = ["one", "two", "three"];
    let mut lengths = [0; 3];
    let result = scoped_task_group(async |tg| {
        for (word, length) in words.iter().zip(&mut lengths) {
            tg.spawn(async move {
                checkpoint().await;
                *length = word.len();
            });
        }
    })
    .await;
    assert_eq!(result, Ok(()));
    assert_eq!(lengths, [3, 3, 5]);
}

/// G12: in a local group they may hold what is not `Send`.
async fn tasks_need_not_be_send<B: Runtime>() {
    let (shared, log) = (Rc::new(Cell::new(0)), RefCell::new(Vec::new()));
    let result = local_task_group(async |tg| {
        for number in 1..=3 {
            let (shared, log) = (Rc::clone(&shared), &log);
            tg.spawn(async move {
                checkpoint().await;
                shared.set(shared.get() + number);
                log.borrow_mut().push(number);
            });
        }
    })
    .await;
    assert_eq!(result, Ok(()));
    assert_eq!((shared.get(), log.into_inner()), (6, vec![1, 2, 3]));
}

/// G12: a scoped group is `Send`, so a task may open one.
async fn group_of_send_tasks_is_send<B: Runtime>() {
    let result = B::task_group(async |tg| -> Result<_, Cancelled> {
        let task = anyio_core::TaskGroup::spawn(&tg, async {
            let data = vec![1, 2, 3];
            let sum = Mutex::new(0);
            scoped_task_group(async |tg| {
                for number in &data {
                    let sum = &sum;
                    tg.spawn(async move {
                        checkpoint().await;
                        *sum.lock().unwrap() += number;
                    });
                }
            })
            .await?;
            Ok(sum.into_inner().unwrap())
        });
        anyio_core::TaskHandle::join(task).await
    });
    assert_eq!(result.await, Ok(6));
}

/// G1: the call returns when the body and all tasks have ended.
async fn waits_for_body_and_tasks<B: Runtime>() {
    let log = Log::default();
    let ended = scoped_task_group(async |tg| -> Result<_, Cancelled> {
        tg.spawn(async { log.add("another") });
        Ok(5)
    });
    assert_eq!(ended.await, Ok(5));
    let result = scoped_task_group(async |tg| {
        tg.spawn(async {
            turns::<B>().await;
            log.add("task");
        });
        log.add("body");
    });
    assert_eq!(result.await, Ok(()));
    log.add("group");
    assert_eq!(log.take(), ["another", "body", "task", "group"]);
}

/// G12: the tasks go on together, though never in parallel.
async fn tasks_take_turns<B: Runtime>() {
    let log = RefCell::new(Vec::new());
    let result = local_task_group(async |tg| {
        for name in ["a", "b"] {
            let log = &log;
            tg.spawn(async move {
                for _ in 0..3 {
                    log.borrow_mut().push(name);
                    checkpoint().await;
                }
            });
        }
    });
    assert_eq!(result.await, Ok(()));
    assert_eq!(log.into_inner(), ["a", "b", "a", "b", "a", "b"]);
}

/// G6: tasks spawn siblings, with a clone of the handle, at any depth.
async fn tasks_spawn_siblings<B: Runtime>() {
    fn tree<'env>(
        tg: ScopedTaskGroup<'env, Cancelled>,
        depth: u32,
        count: &'env Counter,
    ) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send + 'env>> {
        Box::pin(async move {
            count.add();
            if depth > 0 {
                for _ in 0..2 {
                    tg.spawn(tree(tg.clone(), depth - 1, count));
                }
            }
        })
    }

    let count = Counter::default();
    let result = scoped_task_group(async |tg| tree(tg, 6, &count).await);
    assert_eq!(result.await, Ok(()));
    assert_eq!(count.get(), 127);
}

/// G6: the handle may be used on another thread; the group wakes for what comes from there.
async fn tasks_are_spawned_from_another_thread<B: Runtime>() {
    let count = Counter::default();
    let result = scoped_task_group(async |tg| {
        let (sent, received) = memory_object_stream(1);
        let theirs = count.clone();
        let group: ScopedTaskGroup<'static, Cancelled> = tg;
        let thread = std::thread::spawn(move || {
            for _ in 0..100 {
                let count = theirs.clone();
                group.spawn(async move { _ = count.add() });
            }
            drop(sent);
        });
        // No item, only the end: the thread is through.
        let end: Result<(), _> = received.receive().await;
        assert!(end.is_err());
        thread.join().unwrap();
    });
    assert_eq!(result.await, Ok(()));
    assert_eq!(count.get(), 100);
}

/// G8: a handle gives the value, which may borrow, too.
async fn values_come_through_handles<B: Runtime>() {
    let text = String::from("some words here");
    let result = scoped_task_group(async |tg| -> Result<_, Failure> {
        let first = tg.spawn(async { Ok(text.split(' ').next()) });
        let mut late = tg.spawn(async {
            turns::<B>().await;
            Ok(text.len())
        });
        assert_eq!(late.status(), TaskStatus::Running);
        late.wait().await;
        assert_eq!(late.status(), TaskStatus::Finished);
        Ok((first.await?, late.await?))
    });
    assert_eq!(result.await, Ok((Some("some"), 15)));
}

/// G3: the first error cancels the others, and is what the group gives.
async fn first_error_cancels_the_rest<B: Runtime>() {
    let log = Log::default();
    let result = scoped_task_group(async |tg| -> Result<(), Failure> {
        tg.spawn(async {
            let _end = log.on_drop("unwound");
            pending::<()>().await;
        });
        tg.spawn(async {
            checkpoint().await;
            named::<()>("first")
        });
        sleep_forever().await
    });
    assert_eq!(result.await, named("first"));
    assert_eq!(log.take(), ["unwound"]);
}

/// G3: so does one of the body.
async fn error_of_the_body_cancels_the_tasks<B: Runtime>() {
    let log = Log::default();
    let result = scoped_task_group(async |tg| -> Result<(), Failure> {
        let task = tg.spawn(finally(pending::<()>(), async { log.add("cleaned up") }));
        checkpoint().await;
        drop(task);
        named("body")
    });
    assert_eq!(result.await, named("body"));
    assert_eq!(log.take(), ["cleaned up"]);
}

/// G4: a panic goes on in the caller when everybody has ended.
async fn panic_goes_on_when_all_have_ended<B: Runtime>() {
    let (payload, log) = (Payload::new("in a task"), Log::default());
    let group = scoped_task_group(async |tg| {
        tg.spawn(finally(pending::<()>(), async {
            turns::<B>().await;
            log.add("cleaned up");
        }));
        tg.spawn(async {
            checkpoint().await;
            payload.throw::<()>();
        });
    });
    payload.comes_out_of(group).await;
    assert_eq!(log.take(), ["cleaned up"]);
    let group = scoped_task_group(async |_: ScopedTaskGroup<'_, Cancelled>| payload.throw::<()>());
    payload.comes_out_of(group).await;
}

/// G4: also that of a destructor of a task that is unwound.
async fn panic_of_a_destructor_counts<B: Runtime>() {
    struct Throws<'a>(&'a Payload);

    impl Drop for Throws<'_> {
        fn drop(&mut self) {
            self.0.throw::<()>();
        }
    }

    let payload = Payload::new("in a destructor");
    let group = scoped_task_group(async |tg| {
        tg.spawn(async {
            let _throws = Throws(&payload);
            pending::<()>().await;
        });
        turns::<B>().await;
        tg.cancel();
    });
    payload.comes_out_of(group).await;
}

/// C5: cleanup of the tasks may await, and the group waits for it.
async fn cancelled_tasks_clean_up<B: Runtime>() {
    let log = Log::default();
    let result = scoped_task_group(async |tg| {
        for _ in 0..2 {
            tg.spawn(finally(pending::<()>(), async {
                turns::<B>().await;
                log.add("cleaned up");
            }));
        }
        turns::<B>().await;
        tg.cancel();
    });
    assert_eq!(result.await, Ok(()));
    assert_eq!(log.take(), ["cleaned up", "cleaned up"]);
}

/// C2: a task in a shield is waited for, and its siblings are not kept by it.
async fn shielded_task_is_waited_for<B: Runtime>() {
    let (log, go) = (Log::default(), event::<B>());
    let result = scoped_task_group(async |tg| {
        tg.spawn(async {
            shield(async {
                go.wait().await;
                log.add("shielded part");
            })
            .await;
            checkpoint().await;
            log.add("never");
        });
        tg.spawn(async {
            let _end = log.on_drop("sibling");
            pending::<()>().await;
        });
        turns::<B>().await;
        tg.cancel();
        shield(async {
            turns::<B>().await;
            go.set();
        })
        .await;
    });
    assert_eq!(result.await, Ok(()));
    assert_eq!(log.take(), ["sibling", "shielded part"]);
}

/// C6, G5: a cancellation from outside reaches body and tasks, and the code after does not run.
async fn outer_cancellation_reaches_all<B: Runtime>() {
    let (scope, log) = (B::CancelScope::new(), Log::default());
    let result = scope
        .run(async {
            _ = scoped_task_group(async |tg| {
                tg.spawn(async {
                    let _end = log.on_drop("task");
                    checkpoint().await;
                    scope.cancel();
                    pending::<()>().await;
                });
            })
            .await;
            log.add("went on");
        })
        .await;
    assert!(result.is_err());
    assert_eq!(log.take(), ["task"]);
}

/// C10: so does a deadline.
async fn deadline_reaches_all<B: Runtime>() {
    let ended = Counter::default();
    let group = scoped_task_group(async |tg| {
        for _ in 0..10 {
            tg.spawn(finally(pending::<()>(), async { _ = ended.add() }));
        }
        sleep_forever().await
    });
    assert!(B::fail_after(Duration::from_millis(5), group).await.is_err());
    assert_eq!(ended.get(), 10);
}

/// G5: a group that is cancelled itself keeps what its body has made.
async fn own_cancellation_leaves_the_bodys_value<B: Runtime>() {
    let result = scoped_task_group(async |tg| -> Result<_, Cancelled> {
        tg.spawn(sleep_forever());
        tg.cancel_because("that will do");
        assert_eq!(tg.cause().unwrap().reason(), Some("that will do"));
        Ok(4)
    });
    assert_eq!(result.await, Ok(4));
    let cut = scoped_task_group(async |tg| -> Result<(), Cancelled> {
        tg.cancel();
        sleep_forever().await
    });
    assert_eq!(cause_of(cut.await).kind(), CauseKind::Explicit);
    let cut = scoped_task_group(async |tg| -> Result<(), Cancelled> {
        tg.cancel_with(Cause::of(CauseKind::Shutdown));
        sleep_forever().await
    });
    assert_eq!(cause_of(cut.await).kind(), CauseKind::Shutdown);
}

/// G5, G8: a handle cancels its task alone, before it has begun and later.
async fn task_is_cancelled_by_its_handle<B: Runtime>() {
    let (log, begun) = (Log::default(), Counter::default());
    let result = scoped_task_group(async |tg| -> Result<_, Failure> {
        let early = tg.spawn(async {
            begun.add();
            sleep_forever().await;
        });
        early.cancel();
        let mut late = tg.spawn(finally(pending::<()>(), async { log.add("cleaned up") }));
        turns::<B>().await;
        assert_eq!(early.status(), TaskStatus::Cancelled);
        late.cancel();
        assert_eq!(late.status(), TaskStatus::Cancelling);
        late.wait().await;
        assert_eq!(late.status(), TaskStatus::Cancelled);
        assert_eq!(cause_of(late.await).kind(), CauseKind::Explicit);
        Ok("the group stands")
    });
    assert_eq!(result.await, Ok("the group stands"));
    assert_eq!((begun.get(), log.take()), (1, vec!["cleaned up"]));
}

/// G5: tasks that end by themselves in a cancelled scope leave the group's result as it is.
async fn group_originates_no_cancellation<B: Runtime>() {
    let scope = B::CancelScope::new();
    let result = scope
        .run(async {
            scope.cancel();
            scoped_task_group(async |tg| {
                tg.spawn(async {});
            })
            .await
        })
        .await;
    assert_eq!(result, Ok(Ok(())));
}

/// G10: a task of a cancelled group is polled once.
async fn task_of_a_cancelled_group_is_polled_once<B: Runtime>() {
    let (begun, went_on) = (Counter::default(), Counter::default());
    let result = scoped_task_group(async |tg| {
        tg.cancel();
        tg.spawn(async {
            begun.add();
            checkpoint().await;
            went_on.add();
        });
    });
    assert_eq!(result.await, Ok(()));
    assert_eq!((begun.get(), went_on.get()), (1, 0));
}

/// G6: a group that has ended takes no more tasks, and says so.
async fn spawn_after_the_end_is_refused<B: Runtime>() {
    let group: ScopedTaskGroup<'_, Cancelled> =
        scoped_task_group(async |tg| -> Result<_, Cancelled> { Ok(tg) }).await.unwrap();
    assert!(group.try_spawn(async {}).is_err());
    let words = caught(async { drop(group.spawn(async {})) }).await.unwrap_err();
    assert!(words.contains("has closed"), "{words}");
}

/// C13, C14: a group that is dropped midway drops its tasks with it, those that were never polled
/// included, and leaves nothing behind.
async fn dropped_midway_leaves_nothing<B: Runtime>() {
    let log = Log::default();
    let wakes = Wakes::default();
    let mut group = Box::pin(local_task_group(async |tg| -> Result<(), Cancelled> {
        let inner = tg.clone();
        tg.spawn(async {
            let _one = log.on_drop("one");
            let _group = inner;
            pending::<()>().await;
        });
        checkpoint().await;
        tg.spawn(async {
            let _two = log.on_drop("two");
            pending::<()>().await;
        });
        pending().await
    }));
    assert!(wakes.poll(&mut group).is_pending());
    assert!(wakes.poll(&mut group).is_pending());
    drop(group);
    let mut dropped = log.take();
    dropped.sort_unstable();
    assert_eq!(dropped, ["one", "two"]);
    assert_eq!(wakes.kept(), 0);
}

/// C13: who waits for such a task from elsewhere learns of it.
async fn joiner_outside_learns_of_the_drop<B: Runtime>() {
    let mut handle = None;
    let mut group = Box::pin(scoped_task_group(async |tg| -> Result<(), Cancelled> {
        handle = Some(tg.spawn(pending::<Result<(), Cancelled>>()));
        pending().await
    }));
    assert!(is_pending(group.as_mut()).await);
    drop(group);
    let cause = cause_of(handle.unwrap().join().await);
    assert_eq!(cause.kind(), CauseKind::Dropped);
}

/// C3: a cancelled group that waits for a shield is not polled meanwhile.
async fn waiting_costs_nothing<B: Runtime>() {
    /// More than what wakes the group while it works and when it is cancelled.
    const FEW: usize = 50;

    let polls = Counter::default();
    let (cancelled, go) = (event::<B>(), event::<B>());
    let result = B::task_group(async |tg| -> Result<(), Cancelled> {
        let (theirs, call, open) = (polls.clone(), Arc::clone(&cancelled), Arc::clone(&go));
        // In a task of its own, or it would be polled for whatever else happens here.
        let waiting = anyio_core::TaskGroup::spawn(&tg, async move {
            let group = scoped_task_group(async |tg| {
                tg.spawn(shield(open.wait()));
                tg.spawn(pending::<()>());
                turns::<B>().await;
                tg.cancel();
                call.set();
            });
            Polls::of(group, &theirs).await
        });
        cancelled.wait().await;
        // In one thread, a group that woke itself would be polled as often as this is.
        for _ in 0..10 * FEW {
            checkpoint().await;
        }
        turns::<B>().await;
        go.set();
        anyio_core::TaskHandle::join(waiting).await
    });
    assert_eq!(result.await, Ok(()));
    assert!(polls.get() <= FEW, "it was polled {} times", polls.get());
}

/// G12: a task is polled when it was woken, not whenever the group is.
async fn only_woken_tasks_are_polled<B: Runtime>() {
    let polls = Counter::default();
    let result = scoped_task_group(async |tg| {
        let sleeper = tg.spawn(Polls::of(pending::<()>(), &polls));
        tg.spawn(async {
            for _ in 0..100 {
                checkpoint().await;
            }
        })
        .await
        .unwrap();
        assert_eq!(polls.get(), 1);
        sleeper.cancel();
    });
    assert_eq!(result.await, Ok(()));
}

/// Many tasks, spawned before and while they run.
async fn many_tasks<B: Runtime>() {
    let count = Counter::default();
    let result = scoped_task_group(async |tg| {
        for _ in 0..10_000 {
            let group = tg.clone();
            tg.spawn(async {
                let group = group;
                checkpoint().await;
                group.spawn(async { _ = count.add() });
            });
        }
    });
    assert_eq!(result.await, Ok(()));
    assert_eq!(count.get(), 10_000);
}

/// Groups of both kinds nest, and tasks of the inner ones borrow from those of the outer ones.
async fn groups_nest<B: Runtime>() {
    let sums = Mutex::new(Vec::new());
    let result = scoped_task_group(async |outer| {
        for base in [10, 20] {
            let sums = &sums;
            outer.spawn(async move {
                let sum = Mutex::new(base);
                scoped_task_group(async |inner| {
                    for number in 1..=3 {
                        let sum = &sum;
                        inner.spawn(async move {
                            checkpoint().await;
                            *sum.lock().unwrap() += number;
                        });
                    }
                })
                .await?;
                sums.lock().unwrap().push(sum.into_inner().unwrap());
                Ok(())
            });
        }
    });
    assert_eq!(result.await, Ok(()));
    assert_eq!(sums.into_inner().unwrap(), [16, 26]);
}

/// C5: an open group holds what is around it until all its tasks have ended.
async fn holds_what_is_around_it<B: Runtime>() {
    let (log, scope) = (Log::default(), B::CancelScope::new());
    let result = scope
        .run(async {
            let _outer = log.on_drop("outer");
            scoped_task_group(async |tg| {
                tg.spawn(finally(
                    async {
                        checkpoint().await;
                        scope.cancel();
                        pending::<()>().await;
                    },
                    async {
                        turns::<B>().await;
                        log.add("cleaned up");
                    },
                ));
            })
            .await
        })
        .await;
    assert!(result.is_err());
    assert_eq!(log.take(), ["cleaned up", "outer"]);
}

/// C7, G5: a body that waits for a task does not see the task's cancellation as a failure.
async fn join_of_a_cut_task_is_no_failure<B: Runtime>() {
    let group = scoped_task_group(async |tg| -> Result<(), Failure> {
        let task = tg.spawn(pending::<Result<(), Failure>>());
        Ok(task.join().await?)
    });
    let result = B::fail_after(Duration::from_millis(2), group).await;
    assert!(result.is_err(), "the cancelled task beat the deadline");
}
