//! Starting tasks: G9.

use std::{future::pending, sync::Arc};

use anyio_core::{
    CancelScope as _, CauseKind, Event as _, Ready as _, Runtime, TaskGroup as _, TaskStatus,
};
use anyio_engine::{
    Ready, RuntimeExt as _, TaskGroup, catch_cancelled, checkpoint, finally, shield, sleep_forever,
};

use super::tools::{Failure, Payload, SetOnDrop, event};
use crate::{
    suite::Case,
    support::{Counter, Log, caught, cause_of, is_pending, turns},
};

pub(super) fn list<B: Runtime>() -> Vec<Case> {
    list![B, start:
        gives_the_value_and_goes_on,
        value_may_be_nothing,
        works_on_the_trait,
        may_be_ready_before_there_is_a_future,
        error_before_is_the_callers_alone,
        error_after_is_the_groups,
        error_right_after_is_the_groups,
        panic_before_is_the_callers_alone,
        panic_after_is_the_groups,
        panic_of_the_closure_is_the_callers,
        end_without_ready_is_an_error,
        unused_ready_cancels_the_task,
        ready_may_be_used_elsewhere,
        ignored_ready_changes_nothing,
        callers_cancel_reaches_the_task,
        caller_waits_for_the_cleanup,
        too_late_to_be_ready,
        error_beats_the_callers_cancel,
        value_beats_the_callers_cancel,
        groups_cancel_reaches_the_task,
        groups_cancel_is_seen_by_a_caller_outside,
        own_cancel_does_not_count_for_the_group,
        after_ready_the_caller_has_no_hold,
        in_a_cancelled_scope_it_runs_to_its_first_wait,
        dropped_start_takes_the_task_along,
        dropped_after_ready_leaves_the_task_alone,
        group_waits_for_a_task_that_starts,
        closed_group_panics,
        with_handle,
        names_and_services_combine,
        shielded_caller_is_not_disturbed,
        never_polled_starts_nothing,
    ]
}

type Group<B> = TaskGroup<B, Failure>;

fn named<T>(what: &'static str) -> Result<T, Failure> {
    Err(Failure::Named(what))
}

/// G9: the caller goes on with what the task is ready with, and the task goes on, too.
/// Covers: anyio/test_taskgroups::test_start_with_value
/// Covers: trio/test_nursery_start
async fn gives_the_value_and_goes_on<B: Runtime>() {
    let log = Log::default();
    let result = Group::<B>::builder().run(async |tg| {
        let (theirs, go) = (log.clone(), event::<B>());
        let wait = Arc::clone(&go);
        let value = tg
            .start(async move |ready| {
                theirs.add("starting");
                checkpoint().await;
                ready.started(7);
                wait.wait().await;
                theirs.add("went on");
            })
            .await?;
        log.add("started");
        go.set();
        Ok(value)
    });
    assert_eq!(result.await, Ok(7));
    assert_eq!(log.take(), ["starting", "started", "went on"]);
}

/// G9: there need not be a value.
/// Covers: anyio/test_start_no_value
async fn value_may_be_nothing<B: Runtime>() {
    let result = Group::<B>::builder()
        .run(async |tg| tg.start(async |ready: Ready<()>| ready.started(())).await);
    assert_eq!(result.await, Ok(()));
}

/// G9: generic code starts tasks through the trait.
async fn works_on_the_trait<B: Runtime>() {
    let result = B::task_group(async |tg: B::TaskGroup<Failure>| -> Result<_, Failure> {
        let value = tg.start(
            |ready: <B::TaskGroup<Failure> as anyio_core::TaskGroup<_>>::Ready<_>| async move {
                ready.started(3);
            },
        );
        value.await
    });
    assert_eq!(result.await, Ok(3));
}

/// G9: the task may be ready before its future is even there.
/// Covers: anyio/test_start_sync_wrapper
async fn may_be_ready_before_there_is_a_future<B: Runtime>() {
    let result = Group::<B>::builder().run(async |tg| {
        let started = tg.child().start_with_handle(|ready| {
            ready.started(5);
            async { Ok(8) }
        });
        let (value, handle) = started.await?;
        Ok((value, handle.await?))
    });
    assert_eq!(result.await, Ok((5, 8)));
}

/// G9: an error before the task is ready goes to the caller, as it is, and the group goes on.
/// Covers: anyio/test_start_crash_before_started_call
/// Covers: trio/test_nursery_start
async fn error_before_is_the_callers_alone<B: Runtime>() {
    let result = Group::<B>::builder().run(async |tg| {
        let failed = tg
            .start(async |_ready: Ready<u8>| {
                checkpoint().await;
                named::<()>("no port")
            })
            .await;
        assert_eq!(failed, named("no port"));
        assert!(!tg.cancel_called());
        checkpoint().await;
        Ok(())
    });
    assert_eq!(result.await, Ok(()));
}

/// G9: an error after the task was ready goes to the group.
async fn error_after_is_the_groups<B: Runtime>() {
    let result = Group::<B>::builder().run(async |tg| -> Result<(), Failure> {
        tg.start(async |ready| {
            ready.started(());
            checkpoint().await;
            named::<()>("broke later")
        })
        .await?;
        sleep_forever().await
    });
    assert_eq!(result.await, named("broke later"));
}

/// G9: ready and failed in one go: the caller has its value, and the group the error.
async fn error_right_after_is_the_groups<B: Runtime>() {
    let mut value = None;
    let result = Group::<B>::builder().run(async |tg| {
        let starting = tg.start(async |ready| {
            ready.started(1);
            named::<()>("at once")
        });
        // The group is cancelled by then; what was there is kept all the same.
        value = Some(starting.await);
        Ok(())
    });
    assert_eq!(result.await, named("at once"));
    assert_eq!(value, Some(Ok(1)));
}

/// G9: a panic before the task is ready comes out of `start`, and the group goes on.
async fn panic_before_is_the_callers_alone<B: Runtime>() {
    let payload = Payload::new("early");
    let result = Group::<B>::builder().run(async |tg| {
        let theirs = payload.clone();
        let starting = tg.start(async move |_ready: Ready<u8>| {
            checkpoint().await;
            theirs.throw::<()>();
        });
        payload.comes_out_of(starting).await;
        assert!(!tg.cancel_called());
        Ok(())
    });
    assert_eq!(result.await, Ok(()));
}

/// G4: a panic after the task was ready is the group's.
async fn panic_after_is_the_groups<B: Runtime>() {
    let payload = Payload::new("late");
    let group = Group::<B>::builder().run(async |tg| {
        let theirs = payload.clone();
        tg.start(async move |ready| {
            ready.started(());
            checkpoint().await;
            theirs.throw::<()>();
        })
        .await?;
        Ok(())
    });
    payload.comes_out_of(group).await;
}

/// G9: so is one of the closure that makes the task's future.
async fn panic_of_the_closure_is_the_callers<B: Runtime>() {
    let payload = Payload::new("no future");
    let result = Group::<B>::builder().run(async |tg| {
        let starting = tg.start(|_ready: Ready<u8>| {
            if true {
                payload.throw::<()>();
            }
            async {}
        });
        payload.comes_out_of(starting).await;
        Ok(())
    });
    assert_eq!(result.await, Ok(()));
}

/// G9: a task that ends without having been ready has not started.
/// Covers: trio/test_nursery_start
async fn end_without_ready_is_an_error<B: Runtime>() {
    let result = Group::<B>::builder().run(async |tg| {
        let failed = tg.start(async |ready: Ready<u8>| std::mem::forget(ready)).await;
        match failed {
            Err(Failure::Cancelled(cancelled)) => {
                assert_eq!(cancelled.cause().kind(), CauseKind::NeverStarted);
            }
            other => panic!("{other:?}"),
        }
        assert!(!tg.cancel_called());
        Ok(())
    });
    assert_eq!(result.await, Ok(()));
}

/// G9: a task that lets go of `ready` unused is cancelled, with its cleanup, and has not started.
async fn unused_ready_cancels_the_task<B: Runtime>() {
    let log = Log::default();
    let result = Group::<B>::builder().run(async |tg| {
        let theirs = log.clone();
        let failed = tg.start(async move |ready: Ready<u8>| {
            drop(ready);
            finally(pending::<()>(), async { theirs.add("cleaned up") }).await;
        });
        let Err(Failure::Cancelled(cancelled)) = failed.await else { panic!("it has started") };
        assert_eq!(cancelled.cause().kind(), CauseKind::NeverStarted);
        log.add("not started");
        checkpoint().await;
        Ok(())
    });
    assert_eq!(result.await, Ok(()));
    assert_eq!(log.take(), ["cleaned up", "not started"]);
}

/// G9: `ready` may be given to somebody else.
async fn ready_may_be_used_elsewhere<B: Runtime>() {
    let result = Group::<B>::builder().run(async |tg| {
        let group = tg.clone();
        tg.start(async move |ready| {
            let said = event::<B>();
            let says = Arc::clone(&said);
            group.spawn(async move {
                checkpoint().await;
                ready.started(4);
                says.set();
            });
            said.wait().await;
        })
        .await
    });
    assert_eq!(result.await, Ok(4));
}

/// G9: a function that is made to be started may be spawned or called as well.
async fn ignored_ready_changes_nothing<B: Runtime>() {
    async fn serve(ready: Ready<u8>) -> Result<u8, Failure> {
        ready.started(1);
        checkpoint().await;
        Ok(2)
    }

    let result = Group::<B>::builder().run(async |tg| {
        let spawned = tg.spawn(serve(Ready::ignored()));
        Ok(serve(Ready::ignored()).await? + spawned.await?)
    });
    assert_eq!(result.await, Ok(4));
}

/// G9: a task that is not ready yet is cancelled with its caller, and the group is not.
/// Covers: anyio/test_start_cancels_parent_scope
async fn callers_cancel_reaches_the_task<B: Runtime>() {
    let (log, waiting) = (Log::default(), event::<B>());
    let result = Group::<B>::builder().run(async |tg| {
        let scope = B::CancelScope::new();
        let (theirs, begun) = (log.clone(), Arc::clone(&waiting));
        let canceller = scope.clone();
        tg.spawn(async move {
            waiting.wait().await;
            canceller.cancel_because("enough");
        });
        let result = scope
            .run(tg.start(async move |_ready: Ready<u8>| {
                let _end = theirs.on_drop("task ended");
                begun.set();
                pending::<()>().await;
            }))
            .await;
        log.add("caller goes on");
        assert_eq!(cause_of(result).reason(), Some("enough"));
        assert!(!tg.cancel_called());
        checkpoint().await;
        Ok(())
    });
    assert_eq!(result.await, Ok(()));
    assert_eq!(log.take(), ["task ended", "caller goes on"]);
}

/// C5, G9: `start` holds its caller until the task has ended, with its cleanup.
async fn caller_waits_for_the_cleanup<B: Runtime>() {
    let (log, waiting, go) = (Log::default(), event::<B>(), event::<B>());
    let result = Group::<B>::builder().run(async |tg| {
        let scope = B::CancelScope::new();
        let (theirs, begun, proceed) = (log.clone(), Arc::clone(&waiting), Arc::clone(&go));
        let (ours, canceller) = (log.clone(), scope.clone());
        tg.spawn(async move {
            waiting.wait().await;
            canceller.cancel();
            turns::<B>().await;
            ours.add("cleanup may end");
            go.set();
        });
        let result = scope
            .run(tg.start(async move |_ready: Ready<u8>| {
                begun.set();
                finally(pending::<()>(), async {
                    proceed.wait().await;
                    theirs.add("cleaned up");
                })
                .await;
            }))
            .await;
        log.add("caller goes on");
        assert!(result.is_err());
        Ok(())
    });
    assert_eq!(result.await, Ok(()));
    assert_eq!(log.take(), ["cleanup may end", "cleaned up", "caller goes on"]);
}

/// G9: being ready after the caller was cancelled does nothing, and the task is still the caller's.
async fn too_late_to_be_ready<B: Runtime>() {
    let result = Group::<B>::builder().run(async |tg| {
        let scope = B::CancelScope::new();
        let canceller = scope.clone();
        let after = Counter::default();
        let theirs = after.clone();
        let result = scope
            .run(tg.start(async move |ready| {
                canceller.cancel();
                ready.started(1);
                checkpoint().await;
                theirs.add();
            }))
            .await;
        assert!(result.is_err());
        checkpoint().await;
        assert_eq!(after.get(), 0, "the task has to be unwound with its caller");
        Ok(())
    });
    assert_eq!(result.await, Ok(()));
}

/// G3, G9: an error while the caller is being cancelled is not lost.
async fn error_beats_the_callers_cancel<B: Runtime>() {
    let result = Group::<B>::builder().run(async |tg| {
        let scope = B::CancelScope::new();
        let canceller = scope.clone();
        let result = scope
            .run(tg.start(async move |_ready: Ready<u8>| {
                // Inside: on another thread, the cancellation may be here before the next line.
                let waits = async {
                    canceller.cancel();
                    pending::<()>().await;
                };
                _ = catch_cancelled(waits).await;
                named::<()>("cleanup failed")
            }))
            .await;
        assert_eq!(result, Ok(named("cleanup failed")));
        Ok(())
    });
    assert_eq!(result.await, Ok(()));
}

/// C7, G9: ready before the cancellation is ready, and the value is kept.
async fn value_beats_the_callers_cancel<B: Runtime>() {
    let result = Group::<B>::builder().run(async |tg| {
        let scope = B::CancelScope::new();
        let canceller = scope.clone();
        let stop = event::<B>();
        let wait = Arc::clone(&stop);
        let result = scope
            .run(tg.start(async move |ready| {
                ready.started(9);
                canceller.cancel();
                wait.wait().await;
            }))
            .await;
        assert_eq!(result, Ok(Ok(9)));
        turns::<B>().await;
        stop.set();
        Ok(())
    });
    assert_eq!(result.await, Ok(()));
}

/// G9: a task that is not ready yet is cancelled with its group, too, and the code after `start`
/// does not run.
async fn groups_cancel_reaches_the_task<B: Runtime>() {
    let (ended, went_on) = (event::<B>(), Counter::default());
    let result = Group::<B>::builder().run(async |tg| {
        let end = SetOnDrop::<B>(Arc::clone(&ended));
        let group = tg.clone();
        tg.spawn(async move { group.cancel() });
        _ = tg
            .start(async move |_ready: Ready<u8>| {
                let _end = end;
                pending::<()>().await;
            })
            .await;
        went_on.add();
        Ok(())
    });
    let result = result.await;
    assert!(matches!(result, Err(Failure::Cancelled(_))), "{result:?}");
    assert!(ended.is_set());
    assert_eq!(went_on.get(), 0);
}

/// G9: a caller outside of the group hears of the group's cancellation as an error.
async fn groups_cancel_is_seen_by_a_caller_outside<B: Runtime>() {
    let outer = Group::<B>::builder().run(async |outer| {
        let (send, group) = (Arc::new(std::sync::Mutex::new(None)), event::<B>());
        let (sender, there) = (Arc::clone(&send), Arc::clone(&group));
        let inner = outer.spawn(async move {
            _ = Group::<B>::builder()
                .run(async |tg| -> Result<(), Failure> {
                    *sender.lock().unwrap() = Some(tg.clone());
                    there.set();
                    sleep_forever().await
                })
                .await;
        });
        group.wait().await;
        let tg = send.lock().unwrap().take().unwrap();
        let begun = event::<B>();
        let (begin, theirs) = (Arc::clone(&begun), tg.clone());
        outer.spawn(async move {
            begun.wait().await;
            theirs.cancel_because("closing");
        });
        let failed = tg
            .start(async move |_ready: Ready<u8>| {
                begin.set();
                pending::<()>().await;
            })
            .await;
        let Err(Failure::Cancelled(cancelled)) = failed else { panic!("it has started") };
        assert_eq!(cancelled.cause().reason(), Some("closing"));
        inner.await?;
        Ok(())
    });
    assert_eq!(outer.await, Ok(()));
}

/// G5: a task that its caller has cut before it was ready is nothing to the group.
async fn own_cancel_does_not_count_for_the_group<B: Runtime>() {
    let result = Group::<B>::builder().run(async |tg| {
        let starting = tg.start(async |_ready: Ready<u8>| pending::<()>().await);
        assert_eq!(B::move_on_after(std::time::Duration::from_millis(5), starting).await, None);
        Ok("the group stands")
    });
    assert_eq!(result.await, Ok("the group stands"));
}

/// G9: once it is ready, the task is the group's: a scope around `start` does not reach it.
async fn after_ready_the_caller_has_no_hold<B: Runtime>() {
    let done = Counter::default();
    let result = Group::<B>::builder().run(async |tg| {
        let scope = B::CancelScope::new();
        let (theirs, go) = (done.clone(), event::<B>());
        let wait = Arc::clone(&go);
        let started = scope
            .run(tg.start(async move |ready| {
                ready.started(());
                wait.wait().await;
                theirs.add();
            }))
            .await;
        assert_eq!(started, Ok(Ok(())));
        scope.cancel();
        turns::<B>().await;
        go.set();
        Ok(())
    });
    assert_eq!(result.await, Ok(()));
    assert_eq!(done.get(), 1);
}

/// G9, G10: `start` is no operation: in a cancelled scope the task runs up to its first wait.
/// Covers: anyio/test_start_cancelled
/// Covers: trio/test_nursery_start
async fn in_a_cancelled_scope_it_runs_to_its_first_wait<B: Runtime>() {
    let (begun, went_on) = (Counter::default(), Counter::default());
    let result = Group::<B>::builder().run(async |tg| {
        tg.cancel();
        let (begin, on) = (begun.clone(), went_on.clone());
        tg.start(async move |_ready: Ready<u8>| {
            begin.add();
            checkpoint().await;
            on.add();
        })
        .await
    });
    assert!(matches!(result.await, Err(Failure::Cancelled(_))));
    assert_eq!((begun.get(), went_on.get()), (1, 0));
}

/// C13: a start that somebody drops takes its task along; the group still waits for it.
async fn dropped_start_takes_the_task_along<B: Runtime>() {
    let log = Log::default();
    let result = Group::<B>::builder().run(async |tg| {
        let (theirs, begun) = (log.clone(), event::<B>());
        let begin = Arc::clone(&begun);
        let mut starting = Box::pin(tg.start(async move |_ready: Ready<u8>| {
            begin.set();
            finally(pending::<()>(), async { theirs.add("cleaned up") }).await;
        }));
        assert!(is_pending(starting.as_mut()).await);
        begun.wait().await;
        log.add("dropped");
        drop(starting);
        Ok(())
    });
    assert_eq!(result.await, Ok(()));
    assert_eq!(log.take(), ["dropped", "cleaned up"]);
}

/// C13, G9: dropped when the task was ready already, it leaves the task to the group.
async fn dropped_after_ready_leaves_the_task_alone<B: Runtime>() {
    let done = Counter::default();
    let result = Group::<B>::builder().run(async |tg| {
        let (theirs, go, ready_now) = (done.clone(), event::<B>(), event::<B>());
        let (wait, set) = (Arc::clone(&go), Arc::clone(&ready_now));
        let mut starting = Box::pin(tg.start(async move |ready| {
            wait.wait().await;
            ready.started(());
            set.set();
            checkpoint().await;
            theirs.add();
        }));
        assert!(is_pending(starting.as_mut()).await);
        go.set();
        ready_now.wait().await;
        drop(starting);
        Ok(())
    });
    assert_eq!(result.await, Ok(()));
    assert_eq!(done.get(), 1);
}

/// G1: a group is not over while a task of it is starting.
async fn group_waits_for_a_task_that_starts<B: Runtime>() {
    let started = Counter::default();
    let result = Group::<B>::builder().run(async |tg| {
        let (group, seen) = (tg.clone(), started.clone());
        tg.spawn(async move {
            let value = group
                .start(async |ready| {
                    turns::<B>().await;
                    ready.started(6);
                })
                .await?;
            assert_eq!(value, 6);
            seen.add();
            Ok(())
        });
        Ok(())
    });
    assert_eq!(result.await, Ok(()));
    assert_eq!(started.get(), 1);
}

/// G6: into a group that has ended nothing can be started, and the panic says so.
/// Covers: anyio/test_start_already_closed
/// Covers: trio/test_nursery_start
async fn closed_group_panics<B: Runtime>() {
    let group = Group::<B>::builder().run(async |tg| Ok(tg)).await.unwrap();
    let words = caught(group.start(async |ready: Ready<u8>| ready.started(1))).await.unwrap_err();
    assert!(words.contains("has closed") && words.contains("start.rs"), "{words}");
}

/// G8: the handle comes along if it is wanted.
/// Covers: anyio/test_start_return_handle_success
/// Covers: anyio/test_start_return_handle_cancel
async fn with_handle<B: Runtime>() {
    let result = Group::<B>::builder().run(async |tg| {
        let task = async |ready: Ready<u8>| {
            ready.started(1);
            Ok(pending::<u8>().await)
        };
        let (value, mut handle) = tg.child().start_with_handle(task).await?;
        assert_eq!((value, handle.status()), (1, TaskStatus::Running));
        handle.cancel();
        handle.wait().await;
        assert_eq!(handle.status(), TaskStatus::Cancelled);
        let finishing = async |ready: Ready<u8>| {
            ready.started(2);
            Ok("done")
        };
        let (value, handle) = tg.child().start_with_handle(finishing).await?;
        Ok((value, handle.await?))
    });
    assert_eq!(result.await, Ok((2, "done")));
}

/// G11: a task that is started may have a name, and be a service.
/// Covers: anyio/test_task_name_custom_name
async fn names_and_services_combine<B: Runtime>() {
    let result = Group::<B>::builder().run(async |tg| {
        let serve = async |ready: Ready<()>| {
            ready.started(());
            sleep_forever().await
        };
        let ((), handle) = tg.child().name("server").service().start_with_handle(serve).await?;
        assert_eq!(handle.name(), Some("server"));
        Ok(handle)
    });
    let handle = result.await.unwrap();
    assert_eq!(cause_of(handle.await).kind(), CauseKind::Finished);
}

/// C2, G9: under a shield the caller is not cancelled, and nor is what it starts.
async fn shielded_caller_is_not_disturbed<B: Runtime>() {
    let (outer, tried) = (Group::<B>::builder(), Counter::default());
    let result = outer.run(async |tg| {
        let scope = B::CancelScope::new();
        let canceller = scope.clone();
        _ = scope
            .run(shield(async {
                let value = tg.start(async move |ready| {
                    canceller.cancel();
                    checkpoint().await;
                    ready.started(5);
                });
                assert_eq!(value.await, Ok(5));
                tried.add();
            }))
            .await;
        Ok(())
    });
    assert_eq!(result.await, Ok(()));
    assert_eq!(tried.get(), 1);
}

/// G9: a start that was never polled has started nothing, and not even called for the task.
async fn never_polled_starts_nothing<B: Runtime>() {
    let called = Counter::default();
    let result = Group::<B>::builder().run(async |tg| {
        let count = called.clone();
        let starting = tg.start(move |_ready: Ready<u8>| {
            count.add();
            pending::<()>()
        });
        checkpoint().await;
        drop(starting);
        Ok(())
    });
    assert_eq!(result.await, Ok(()));
    assert_eq!(called.get(), 0);
}
