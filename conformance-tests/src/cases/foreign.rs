//! Groups in the hands of code that knows nothing of them: C13, C15, and C1 for futures that move.

use std::{
    future::pending,
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
    time::Duration,
};

use anyio_core::{
    CancelScope as _, Cancelled, CauseKind, Event as _, Runtime, TaskGroup as _, TaskHandle as _,
    TaskStatus,
};
use anyio_engine::{
    FutureExt as _, RuntimeExt as _, capture, catch_cancelled, checkpoint, finally,
    memory_object_stream, shield, shutdown_requested,
};
use futures_util::{
    FutureExt as _, StreamExt as _, future::join, join, select, stream::FuturesUnordered,
};

use super::tools::{Failure, Payload, event};
use crate::{
    suite::Case,
    support::{Counter, Log, Polls, poll_once, turns, until},
};

pub(super) fn list<B: Runtime>() -> Vec<Case> {
    list![B, foreign:
        group_dropped_by_select_is_cancelled,
        group_dropped_by_hand_is_cancelled,
        dropped_group_closes_with_its_last_task,
        failures_in_a_dropped_group_harm_nobody,
        group_that_was_never_polled_does_nothing,
        groups_in_futures_unordered,
        joined_groups_unwind_together,
        select_over_a_borrowed_group_keeps_it,
        group_moves_between_tasks,
        moved_group_leaves_its_old_scope,
        moved_group_that_waits_leaves_its_old_scope,
        moved_group_obeys_its_new_scope,
        moved_group_that_waits_obeys_its_new_scope,
        unwound_group_that_moves_away_says_cancelled,
        captured_scope_drives_a_group_on_a_foreign_thread,
        captured_scope_cancels_a_group_on_a_foreign_thread,
        captured_scope_pins_a_group,
        captured_scope_waits_for_a_borrowed_group,
        lent_set_is_woken_when_its_scope_ends,
        request_reaches_a_set_that_outlives_its_scope,
    ]
}

/// C13: a group that a foreign `select!` drops is cancelled. Its body is gone at once; its tasks run
/// their cleanup to the end, and nobody waits for them; their handles say what happened.
/// Covers: trio/test_nursery_misnest
async fn group_dropped_by_select_is_cancelled<B: Runtime>() {
    let (log, waits, go) = (Log::default(), event::<B>(), event::<B>());
    let mut kept = None;
    let group = B::task_group(async |tg| {
        let _body = log.on_drop("body");
        let (ready, gate, log) = (Arc::clone(&waits), Arc::clone(&go), log.clone());
        let task = tg.spawn(async move {
            let work = async {
                ready.set();
                pending::<()>().await;
            };
            let cleanup = async {
                gate.wait().await;
                log.add("cleaned up");
            };
            finally(work, cleanup).await;
        });
        kept = Some((tg, task));
        pending::<()>().await;
    });
    select! {
        result = Box::pin(group).fuse() => panic!("nobody has ended the group: {result:?}"),
        () = Box::pin(waits.wait()).fuse() => {}
    }
    assert_eq!(log.take(), ["body"]);
    let (group, task) = kept.expect("the body has run");
    assert!(group.cancel_called());
    go.set();
    let cancelled = task.join().await.expect_err("it was cancelled");
    assert_eq!(cancelled.cause().kind(), CauseKind::Dropped);
    assert_eq!(log.take(), ["cleaned up"]);
}

/// C13: the same if it is dropped by hand, and while it only waits for its tasks.
async fn group_dropped_by_hand_is_cancelled<B: Runtime>() {
    let mut task = None;
    let mut group = Box::pin(B::task_group(async |tg| {
        task = Some(tg.spawn(pending::<()>()));
    }));
    assert!(poll_once(&mut group).is_pending());
    drop(group);
    let mut task = task.expect("the body has run");
    task.wait().await;
    assert_eq!(task.status(), TaskStatus::Cancelled);
    let cancelled = task.join().await.expect_err("it was cancelled");
    assert_eq!(cancelled.cause().kind(), CauseKind::Dropped);
}

/// C13, G6: a group whose future was dropped takes tasks as any cancelled group does, as long as
/// one of its tasks is there; after that it is closed.
async fn dropped_group_closes_with_its_last_task<B: Runtime>() {
    let (log, waits, go) = (Log::default(), event::<B>(), event::<B>());
    let mut kept = None;
    let mut group = Box::pin(B::task_group(async |tg| {
        let (ready, gate) = (Arc::clone(&waits), Arc::clone(&go));
        tg.spawn(shield(async move {
            ready.set();
            gate.wait().await;
        }));
        kept = Some(tg);
    }));
    assert!(poll_once(&mut group).is_pending());
    waits.wait().await;
    drop(group);
    let group = kept.expect("the body has run");
    let theirs = log.clone();
    let late = group.spawn(async move {
        theirs.add("started");
        checkpoint().await;
        theirs.add("went on");
    });
    assert!(late.join().await.is_err());
    assert_eq!(log.take(), ["started"]);
    go.set();
    until::<B>(|| group.try_spawn(async {}).is_err_and(|error| error.is_closed())).await;
}

/// C13: what the tasks of a dropped group fail with is lost, be it an error or a panic, and harms
/// nobody.
/// Covers: trio/test_asyncexitstack_nursery_misnest_cleanup
async fn failures_in_a_dropped_group_harm_nobody<B: Runtime>() {
    let (waits, waits_too) = (event::<B>(), event::<B>());
    let mut tasks = None;
    let mut group = Box::pin(B::task_group(async |tg| -> Result<(), Failure> {
        let (ready, ready_too) = (Arc::clone(&waits), Arc::clone(&waits_too));
        let errs = tg.spawn(async move {
            let caught = catch_cancelled(async {
                ready.set();
                pending::<()>().await;
            })
            .await;
            assert!(caught.is_err());
            Err::<(), _>(Failure::Named("lost"))
        });
        let panics = tg.spawn(async move {
            _ = catch_cancelled(async {
                ready_too.set();
                pending::<()>().await;
            })
            .await;
            Payload::new("lost").throw::<()>();
        });
        tasks = Some((errs, panics));
        Ok(())
    }));
    assert!(poll_once(&mut group).is_pending());
    waits.wait().await;
    waits_too.wait().await;
    drop(group);
    let (mut errs, mut panics) = tasks.expect("the body has run");
    errs.wait().await;
    panics.wait().await;
    assert_eq!((errs.status(), panics.status()), (TaskStatus::Failed, TaskStatus::Failed));
    checkpoint().await;
}

/// C1: a group is nothing before it is polled, so dropping it then does nothing.
async fn group_that_was_never_polled_does_nothing<B: Runtime>() {
    let log = Log::default();
    let group = B::task_group(async |tg| {
        log.add("body");
        tg.spawn(async {});
    });
    drop(group);
    assert!(log.take().is_empty());
}

/// C1: groups may be driven by any combinator, many in one task; the error of one is its own.
async fn groups_in_futures_unordered<B: Runtime>() {
    const GROUPS: usize = 20;
    let groups: FuturesUnordered<_> = (0..GROUPS)
        .map(|index| {
            B::task_group(async move |tg| -> Result<_, Failure> {
                let waits = event::<B>();
                let ready = Arc::clone(&waits);
                tg.spawn(async move {
                    turns::<B>().await;
                    ready.set();
                    if index % 2 == 0 { Ok(()) } else { Err(Failure::Named("odd")) }
                });
                waits.wait().await;
                Ok(index)
            })
        })
        .collect();
    let mut well: Vec<_> = groups.filter_map(|result| async { result.ok() }).collect().await;
    well.sort_unstable();
    assert_eq!(well, (0..GROUPS).step_by(2).collect::<Vec<_>>());
}

/// C5: groups that are joined inline unwind together when the scope around them is cancelled; what
/// one of them has shielded is waited for, and holds nothing back in the other.
async fn joined_groups_unwind_together<B: Runtime>() {
    let (log, scope) = (Log::default(), B::CancelScope::new());
    let (waits, gone) = (event::<B>(), event::<B>());
    let result = scope
        .run(async {
            let left = B::task_group(async |tg| {
                let (ready, gate, log) = (Arc::clone(&waits), Arc::clone(&gone), log.clone());
                tg.spawn(async move {
                    shield(async {
                        ready.set();
                        gate.wait().await;
                        log.add("left went on behind its shield");
                    })
                    .await;
                    pending::<()>().await;
                });
            });
            let right = B::task_group(async |tg| {
                let (gone, log) = (Arc::clone(&gone), log.clone());
                tg.spawn(async move {
                    let cleanup = async {
                        log.add("right was cut");
                        gone.set();
                    };
                    finally(pending::<()>(), cleanup).await;
                });
                waits.wait().await;
                scope.cancel();
            });
            _ = join!(left, right);
            log.add("after both");
        })
        .await;
    assert!(result.is_err());
    assert_eq!(log.take(), ["right was cut", "left went on behind its shield"]);
}

/// C13: a loop around a `select!` that only borrows the group goes on with it.
async fn select_over_a_borrowed_group_keeps_it<B: Runtime>() {
    let go = event::<B>();
    let gate = Arc::clone(&go);
    let mut group = Box::pin(B::task_group(async move |tg| -> Result<_, Failure> {
        let task = tg.spawn(async move {
            gate.wait().await;
            Ok(7)
        });
        Ok(task.join().await?)
    }))
    .fuse();
    let mut ticks = 0;
    let result = loop {
        let mut tick = Box::pin(B::sleep(Duration::from_millis(1))).fuse();
        select! {
            result = group => break result,
            () = tick => {
                ticks += 1;
                if ticks == 3 {
                    go.set();
                }
            }
        }
    };
    assert_eq!(result, Ok(7));
    assert!(ticks >= 3);
}

/// C1: a group that one task has begun may be ended by another, which is the one that is woken.
async fn group_moves_between_tasks<B: Runtime>() {
    let (waits, go) = (event::<B>(), event::<B>());
    let (ready, gate) = (Arc::clone(&waits), Arc::clone(&go));
    let mut group = Box::pin(B::task_group(async move |tg| -> Result<_, Failure> {
        let task = tg.spawn(async move {
            gate.wait().await;
            Ok(7)
        });
        Ok(task.join().await?)
    }));
    assert!(poll_once(&mut group).is_pending());
    let result = B::task_group(async |tg| -> Result<_, Failure> {
        let driver = tg.spawn(async move {
            assert!(poll_once(&mut group).is_pending());
            ready.set();
            group.await
        });
        waits.wait().await;
        go.set();
        Ok(driver.join().await?)
    })
    .await;
    assert_eq!(result, Ok(7));
}

/// C1, C5: once a group is polled elsewhere, the scope that it was in has no hold on it, and is not
/// held by it either.
async fn moved_group_leaves_its_old_scope<B: Runtime>() {
    leaves_its_old_scope::<B>(false).await;
}

/// C1, C5: the same if its body has ended and it only waits for its task.
async fn moved_group_that_waits_leaves_its_old_scope<B: Runtime>() {
    leaves_its_old_scope::<B>(true).await;
}

async fn leaves_its_old_scope<B: Runtime>(body_ends: bool) {
    let (old, opened, left, go) = (B::CancelScope::new(), event::<B>(), event::<B>(), event::<B>());
    let gate = Arc::clone(&go);
    let group = B::task_group(async move |tg| -> Result<_, Failure> {
        let task = tg.spawn(async move {
            gate.wait().await;
            checkpoint().await;
            Ok(7)
        });
        Ok(if body_ends { 7 } else { task.join().await? })
    });
    let table = Mutex::new(Some(Box::pin(group)));
    let take = || table.lock().unwrap_or_else(PoisonError::into_inner).take();
    let here = async {
        let work = old.run(async {
            let mut group = take().expect("it is on the table");
            assert!(poll_once(&mut group).is_pending());
            *table.lock().unwrap_or_else(PoisonError::into_inner) = Some(group);
            opened.set();
            pending::<()>().await;
        });
        assert!(work.await.is_err());
        left.set();
    };
    let there = async {
        opened.wait().await;
        let mut group = take().expect("it is on the table");
        assert!(poll_once(&mut group).is_pending());
        old.cancel();
        left.wait().await;
        turns::<B>().await;
        go.set();
        assert_eq!(group.await, Ok(7));
    };
    join!(here, there);
}

/// C1, C5: the scope that a group is polled in now is the one that cancels it, and waits for the
/// cleanup of its task.
async fn moved_group_obeys_its_new_scope<B: Runtime>() {
    obeys_its_new_scope::<B>(false).await;
}

/// C1, C5: the same if its body has ended and it only waits for its task.
async fn moved_group_that_waits_obeys_its_new_scope<B: Runtime>() {
    obeys_its_new_scope::<B>(true).await;
}

async fn obeys_its_new_scope<B: Runtime>(body_ends: bool) {
    let (log, waits, old) = (Log::default(), event::<B>(), B::CancelScope::new());
    let (ready, theirs) = (Arc::clone(&waits), log.clone());
    let mut group = Box::pin(B::task_group(async move |tg| {
        tg.spawn(async move {
            let work = async {
                ready.set();
                pending::<()>().await;
            };
            let cleanup = async {
                turns::<B>().await;
                theirs.add("cleaned up");
            };
            finally(work, cleanup).await;
        });
        if !body_ends {
            pending::<()>().await;
        }
    }));
    let kept = old.run(async { assert!(poll_once(&mut group).is_pending()) }).await;
    assert_eq!(kept, Ok(()));
    let (new, polls) = (B::CancelScope::new(), Counter::default());
    let canceller = async {
        waits.wait().await;
        until::<B>(|| polls.get() > 0).await;
        new.cancel();
    };
    let work = async {
        _ = Polls::of(group, &polls).await;
        log.add("after the group");
    };
    let (left, ()) = join(new.run(work), canceller).await;
    assert!(left.is_err());
    assert_eq!(log.take(), ["cleaned up"]);
}

/// C6: a group that was unwound by an outer scope, and is then polled where that scope does not
/// reach, says that it was cancelled, and why; it does not hang.
async fn unwound_group_that_moves_away_says_cancelled<B: Runtime>() {
    let (log, scope, waits) = (Log::default(), B::CancelScope::new(), event::<B>());
    let ready = Arc::clone(&waits);
    let theirs = log.clone();
    let mut group = Box::pin(B::task_group(async move |tg| {
        tg.spawn(async move {
            let work = async {
                ready.set();
                pending::<()>().await;
            };
            let cleanup = async {
                turns::<B>().await;
                theirs.add("cleaned up");
            };
            finally(work, cleanup).await;
        });
    }));
    let canceller = async {
        waits.wait().await;
        scope.cancel_because("enough");
    };
    let (left, ()) = join(scope.run(&mut group), canceller).await;
    assert!(left.is_err());
    assert_eq!(log.take(), ["cleaned up"]);
    let cancelled = group.await.expect_err("its task was cut");
    assert_eq!(cancelled.cause().reason(), Some("enough"));
}

/// C15: a group that was opened on the runtime may be driven by a foreign thread, in the scope that
/// was captured.
async fn captured_scope_drives_a_group_on_a_foreign_thread<B: Runtime>() {
    let (polls, go) = (Counter::default(), event::<B>());
    let gate = Arc::clone(&go);
    let group = B::task_group(async move |tg| -> Result<_, Cancelled> {
        let task = tg.spawn(async move {
            gate.wait().await;
            Ok(7)
        });
        task.join().await
    });
    let mut group = Box::pin(Polls::of(group, &polls));
    assert!(poll_once(&mut group).is_pending());
    let here = capture();
    let driver = thread::spawn(move || futures_lite::future::block_on(here.in_scope(group)));
    until::<B>(|| polls.get() > 1).await;
    go.set();
    until::<B>(|| driver.is_finished()).await;
    assert_eq!(driver.join().expect("the group has not panicked"), Ok(Ok(7)));
}

/// C15: cancelling that scope reaches the group and its tasks, whose cleanup the thread waits for.
async fn captured_scope_cancels_a_group_on_a_foreign_thread<B: Runtime>() {
    let (log, waits, scope) = (Log::default(), event::<B>(), B::CancelScope::new());
    let result = scope
        .run(async {
            let (ready, theirs) = (Arc::clone(&waits), log.clone());
            let mut group = Box::pin(B::task_group(async move |tg| {
                tg.spawn(async move {
                    let work = async {
                        ready.set();
                        pending::<()>().await;
                    };
                    let cleanup = async {
                        turns::<B>().await;
                        theirs.add("cleaned up");
                    };
                    finally(work, cleanup).await;
                });
            }));
            assert!(poll_once(&mut group).is_pending());
            let (here, theirs) = (capture(), log.clone());
            let work = async move {
                _ = group.await;
                theirs.add("after the group");
            };
            let driver =
                thread::spawn(move || futures_lite::future::block_on(work.in_scope(&here)));
            waits.wait().await;
            scope.cancel_because("enough");
            shield(until::<B>(|| driver.is_finished())).await;
            driver.join().expect("the group has not panicked")
        })
        .await;
    let cancelled =
        result.expect("the code has ended").expect_err("the captured scope was cancelled");
    assert_eq!(cancelled.cause().reason(), Some("enough"));
    assert_eq!(log.take(), ["cleaned up"]);
}

/// C15: a group in a captured scope stays there, in whatever scope it is polled by reference; that
/// one neither cancels it nor waits for it.
async fn captured_scope_pins_a_group<B: Runtime>() {
    let go = event::<B>();
    let gate = Arc::clone(&go);
    let group = B::task_group(async move |tg| -> Result<_, Cancelled> {
        let task = tg.spawn(async move {
            gate.wait().await;
            checkpoint().await;
            Ok(7)
        });
        task.join().await
    });
    let mut group = Box::pin(capture().in_scope(group));
    for _ in 0..3 {
        let scope = B::CancelScope::new();
        scope.cancel();
        assert!(scope.run(&mut group).await.is_err());
    }
    go.set();
    assert_eq!(group.await, Ok(Ok(7)));
}

/// C15, C5: where a captured scope is used, its cancellation waits for the cleanup in a group, even
/// one that is only borrowed; the scope itself, where it was opened, does not.
async fn captured_scope_waits_for_a_borrowed_group<B: Runtime>() {
    let (log, waits, scope) = (Log::default(), event::<B>(), B::CancelScope::new());
    let (ready, theirs) = (Arc::clone(&waits), log.clone());
    let mut group = Box::pin(B::task_group(async move |tg| {
        tg.spawn(async move {
            let work = async {
                ready.set();
                pending::<()>().await;
            };
            let cleanup = async {
                until::<B>(|| theirs.has("the scope was left")).await;
                theirs.add("cleaned up");
            };
            finally(work, cleanup).await;
        });
    }));
    let (give, take) = mpsc::channel();
    let mut open = Box::pin(scope.run(async {
        give.send(capture()).expect("it is taken below");
        pending::<()>().await;
    }));
    assert!(poll_once(&mut open).is_pending());
    let captured = take.recv().expect("the code has begun");
    let open = async {
        assert!(open.await.is_err());
        log.add("the scope was left");
    };
    let canceller = async {
        waits.wait().await;
        scope.cancel_because("enough");
    };
    let (left, (), ()) = join!(captured.in_scope(&mut group), open, canceller);
    let cancelled = left.expect_err("the captured scope was cancelled");
    assert_eq!(cancelled.cause().reason(), Some("enough"));
    assert_eq!(log.take(), ["the scope was left", "cleaned up"]);
}

/// C4, C8: an operation that was refused in a scope, and is polled by a set that polls only what was
/// woken, goes on when the scope has ended and the set has not.
async fn lent_set_is_woken_when_its_scope_ends<B: Runtime>() {
    let (send, receive) = memory_object_stream(1);
    send.try_send(1).unwrap();
    let mut set = FuturesUnordered::new();
    set.push(receive.receive());
    let scope = B::CancelScope::new();
    scope.cancel();
    assert!(scope.run(set.next()).await.is_err());
    assert_eq!(set.next().await, Some(Ok(1)));
}

/// C12: the same for the wait for a request: it hears one that comes when the scope it began in has
/// ended.
async fn request_reaches_a_set_that_outlives_its_scope<B: Runtime>() {
    let scope = B::CancelScope::new();
    let result = scope
        .run(async {
            let mut set = FuturesUnordered::new();
            set.push(shutdown_requested());
            let short = Duration::from_millis(2);
            assert!(B::move_on_after(short, set.next()).await.is_none());
            scope.shutdown(Duration::from_secs(3_600));
            set.next().await
        })
        .await;
    assert_eq!(result, Ok(Some(())));
}
