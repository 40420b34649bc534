//! Coming to an end in peace: C12.

use std::{future::pending, sync::Arc, time::Duration};

use anyio_core::{CancelScope as _, Cancelled, CauseKind, Event as _, Runtime, TaskGroup as _};
use anyio_engine::{
    CancelScope, RuntimeExt as _, capture, checkpoint, finally, is_shutdown_requested,
    memory_object_stream, shield, shutdown_requested, sleep_forever, task_group,
};

use super::tools::event;
use crate::{
    suite::Case,
    support::{Counter, Log, Wakes, cause_of, is_pending, turns},
};

/// Longer than any test.
const LONG: Duration = Duration::from_secs(3_600);
const SHORT: Duration = Duration::from_millis(5);

pub(super) fn list<B: Runtime>() -> Vec<Case> {
    list![B, shutdown:
        request_is_heard_everywhere_beneath,
        request_is_heard_in_tasks,
        request_passes_shields,
        request_is_not_heard_outside,
        request_comes_before_the_run,
        request_stays,
        request_reaches_what_comes_later,
        request_from_another_thread,
        nobody_asks_without_a_scope,
        work_may_end_in_peace,
        grace_ends_in_a_cancellation,
        grace_is_not_given_twice,
        no_grace_cancels_at_once,
        deadline_may_come_first,
        cancel_goes_before_the_grace,
        loop_ends_with_a_request,
        work_does_not_begin_after_the_request,
        ready_work_beats_the_request,
        no_item_is_lost_by_a_request,
        work_that_is_cut_by_a_request_cleans_up,
        cancellation_beats_the_request,
        waiting_for_a_request_is_an_operation,
        listener_leaves_nothing_behind,
        captured_scope_passes_requests_on,
        cleanup_has_a_deadline_of_its_own,
        grace_is_an_effective_deadline,
        group_is_asked,
        groups_grace_ends_in_a_cancellation,
        groups_earliest_end_counts,
        group_without_grace_is_cancelled,
        group_that_ends_in_time_is_none_the_worse,
        group_that_has_closed_is_not_asked,
    ]
}

/// C12: a request is heard in all that is beneath the scope, and nothing is cancelled by it.
async fn request_is_heard_everywhere_beneath<B: Runtime>() {
    let scope = B::CancelScope::new();
    let inner = B::CancelScope::new();
    let result = scope
        .run(inner.run(async {
            assert!(!is_shutdown_requested());
            scope.shutdown(LONG);
            assert!(is_shutdown_requested());
            shutdown_requested().await;
            checkpoint().await;
            "in peace"
        }))
        .await;
    assert_eq!(result, Ok(Ok("in peace")));
    assert!(!scope.cancel_called() && !inner.cancel_called());
}

/// C12: so do tasks, of groups however deep.
async fn request_is_heard_in_tasks<B: Runtime>() {
    let heard = Counter::default();
    let scope = B::CancelScope::new();
    let result = scope
        .run(B::task_group(async |tg| {
            for _ in 0..3 {
                let heard = heard.clone();
                tg.spawn(async move {
                    let result = B::task_group(async |inner| {
                        let theirs = heard.clone();
                        inner.spawn(async move {
                            shutdown_requested().await;
                            theirs.add();
                        });
                        shutdown_requested().await;
                        heard.add();
                    });
                    result.await
                });
            }
            turns::<B>().await;
            assert_eq!(heard.get(), 0);
            scope.shutdown(LONG);
        }))
        .await;
    assert_eq!(result, Ok(Ok(())));
    assert_eq!(heard.get(), 6);
}

/// C12: a shield keeps cancellations out, and not requests: who is in it may finish early.
async fn request_passes_shields<B: Runtime>() {
    let scope = B::CancelScope::new();
    let asking = scope.clone();
    let result = scope
        .run(B::task_group(async |tg| {
            tg.spawn(async move {
                checkpoint().await;
                asking.shutdown(LONG);
            });
            shield(shield(shutdown_requested())).await;
        }))
        .await;
    assert_eq!(result, Ok(Ok(())));
}

/// C12: nobody hears of it outside of the scope.
async fn request_is_not_heard_outside<B: Runtime>() {
    let (outer, scope) = (B::CancelScope::new(), B::CancelScope::new());
    let result = outer
        .run(async {
            _ = scope
                .run(async {
                    scope.shutdown(LONG);
                    assert!(is_shutdown_requested());
                })
                .await;
            assert!(!is_shutdown_requested());
            B::move_on_after(SHORT, shutdown_requested()).await
        })
        .await;
    assert_eq!(result, Ok(None));
}

/// C12: a request that was there first is heard at once.
async fn request_comes_before_the_run<B: Runtime>() {
    let scope = B::CancelScope::new();
    scope.shutdown(LONG);
    assert_eq!(scope.run(shutdown_requested()).await, Ok(()));
}

/// C12: a request is never over: it is ready again, for everybody.
async fn request_stays<B: Runtime>() {
    let scope = B::CancelScope::new();
    let result = scope
        .run(async {
            scope.shutdown(LONG);
            for _ in 0..10 {
                shutdown_requested().await;
            }
        })
        .await;
    assert_eq!(result, Ok(()));
}

/// C1, C12: a scope or a task that comes after the request hears it, too.
async fn request_reaches_what_comes_later<B: Runtime>() {
    let scope = B::CancelScope::new();
    let result = scope
        .run(B::task_group(async |tg| {
            scope.shutdown(LONG);
            let later = tg.spawn(async {
                let inner = B::CancelScope::new();
                inner.run(shutdown_requested()).await
            });
            anyio_core::TaskHandle::join(later).await
        }))
        .await;
    assert_eq!(result, Ok(Ok(())));
}

/// C12: a handle is a token: the request may come from any thread.
async fn request_from_another_thread<B: Runtime>() {
    for _ in 0..50 {
        let scope = B::CancelScope::new();
        let asking = scope.clone();
        let thread = std::thread::spawn(move || asking.shutdown(LONG));
        assert_eq!(scope.run(shutdown_requested()).await, Ok(()));
        thread.join().unwrap();
    }
}

/// C12: where there is no scope, nobody will ever ask.
async fn nobody_asks_without_a_scope<B: Runtime>() {
    assert!(!is_shutdown_requested());
    assert_eq!(B::move_on_after(SHORT, shutdown_requested()).await, None);
}

/// C12: work that ends within the grace is not cancelled.
async fn work_may_end_in_peace<B: Runtime>() {
    let scope = B::CancelScope::new();
    let result = scope
        .run(async {
            scope.shutdown(LONG);
            turns::<B>().await;
            7
        })
        .await;
    assert_eq!((result, scope.cause()), (Ok(7), None));
}

/// C11, C12: work that does not is cancelled, and the cause says why.
async fn grace_ends_in_a_cancellation<B: Runtime>() {
    let scope = B::CancelScope::new();
    let begun = B::now();
    let result = scope
        .run(async {
            scope.shutdown(SHORT);
            sleep_forever().await;
        })
        .await;
    assert_eq!(cause_of(result).kind(), CauseKind::Shutdown);
    assert!(B::now() >= begun + SHORT);
}

/// C12: of several requests the earliest end counts.
async fn grace_is_not_given_twice<B: Runtime>() {
    let scope = B::CancelScope::new();
    let result = scope
        .run(async {
            scope.shutdown(LONG);
            scope.shutdown(SHORT);
            scope.shutdown(LONG);
            sleep_forever().await;
        })
        .await;
    assert_eq!(cause_of(result).kind(), CauseKind::Shutdown);
}

/// C12: a grace of nothing is a cancellation.
async fn no_grace_cancels_at_once<B: Runtime>() {
    let scope = B::CancelScope::new();
    let result = scope
        .run(async {
            scope.shutdown(Duration::ZERO);
            assert!(scope.cancel_called());
            checkpoint().await;
        })
        .await;
    assert_eq!(cause_of(result).kind(), CauseKind::Shutdown);
}

/// C11, C12: the scope's own deadline is one still, and whichever comes first names the cause.
async fn deadline_may_come_first<B: Runtime>() {
    let scope = CancelScope::<B>::with_timeout(SHORT);
    scope.shutdown(LONG);
    let result = scope.run(sleep_forever()).await.map(|never| never);
    assert_eq!(cause_of::<std::convert::Infallible>(result).kind(), CauseKind::Deadline);
    let scope = CancelScope::<B>::with_timeout(LONG);
    scope.shutdown(SHORT);
    let result = scope.run(sleep_forever()).await.map(|never| never);
    assert_eq!(cause_of::<std::convert::Infallible>(result).kind(), CauseKind::Shutdown);
    // Taking the deadline away does not take the grace away.
    let scope = CancelScope::<B>::with_timeout(LONG);
    scope.shutdown(SHORT);
    scope.set_deadline(None);
    let result = scope.run(sleep_forever()).await.map(|never| never);
    assert_eq!(cause_of::<std::convert::Infallible>(result).kind(), CauseKind::Shutdown);
}

/// C11, C12: an explicit cancellation does not wait for the grace.
async fn cancel_goes_before_the_grace<B: Runtime>() {
    let scope = B::CancelScope::new();
    let result = scope
        .run(async {
            scope.shutdown(LONG);
            scope.cancel_because("now");
            checkpoint().await;
        })
        .await;
    assert_eq!(cause_of(result).reason(), Some("now"));
}

/// C12: a loop that waits for work ends, and what was taken is brought to its end.
async fn loop_ends_with_a_request<B: Runtime>() {
    let (log, scope) = (Log::default(), B::CancelScope::new());
    let asking = scope.clone();
    let result = scope
        .run(B::task_group(async |tg| {
            let (send, receive) = memory_object_stream::<&'static str>(4);
            let theirs = log.clone();
            tg.spawn(async move {
                while let Some(Ok(job)) = B::until_shutdown(receive.receive()).await {
                    turns::<B>().await;
                    theirs.add(job);
                }
                theirs.add("loop ended");
            });
            send.send("one").await.unwrap();
            send.send("two").await.unwrap();
            while !log.has("two") {
                checkpoint().await;
                B::sleep(Duration::from_millis(1)).await;
            }
            asking.shutdown(LONG);
        }))
        .await;
    assert_eq!(result, Ok(Ok(())));
    assert_eq!(log.take(), ["one", "two", "loop ended"]);
}

/// C12: work that has not begun when the request is there does not begin, ready or not: a loop ends.
async fn work_does_not_begin_after_the_request<B: Runtime>() {
    let (scope, begun) = (B::CancelScope::new(), Counter::default());
    let result = scope
        .run(async {
            let mut rounds = 0;
            while let Some(()) = B::until_shutdown(async { _ = begun.add() }).await {
                rounds += 1;
                if rounds == 5 {
                    scope.shutdown(LONG);
                }
            }
            rounds
        })
        .await;
    assert_eq!((result, begun.get()), (Ok(5), 5));
}

/// C7, C12: work that has begun and is ready in the moment of the request counts.
async fn ready_work_beats_the_request<B: Runtime>() {
    let (scope, ready) = (B::CancelScope::new(), event::<B>());
    let result = scope
        .run(async {
            let mut work = std::pin::pin!(B::until_shutdown(ready.wait()));
            assert!(is_pending(work.as_mut()).await);
            ready.set();
            scope.shutdown(LONG);
            work.await
        })
        .await;
    assert_eq!(result, Ok(Some(())));
}

/// C7, C12: an item is received or stays, however close the request comes.
async fn no_item_is_lost_by_a_request<B: Runtime>() {
    for _ in 0..200 {
        let scope = B::CancelScope::new();
        let (send, receive) = memory_object_stream::<u8>(1);
        let got = scope
            .run(B::task_group(async |tg| {
                let (asking, sending) = (scope.clone(), send.clone());
                tg.spawn(async move { asking.shutdown(LONG) });
                tg.spawn(async move { _ = sending.send(1).await });
                Ok::<_, Cancelled>(B::until_shutdown(receive.receive()).await)
            }))
            .await;
        let received = usize::from(got.unwrap().unwrap().is_some());
        assert_eq!(received + usize::from(receive.try_receive().is_ok()), 1);
    }
}

/// C5, C12: work that a request cuts short is unwound as by a cancellation.
async fn work_that_is_cut_by_a_request_cleans_up<B: Runtime>() {
    let (log, scope) = (Log::default(), B::CancelScope::new());
    let work = finally(
        async {
            scope.shutdown(LONG);
            pending::<()>().await;
        },
        async {
            turns::<B>().await;
            log.add("cleaned up");
        },
    );
    let result = scope
        .run(async {
            let result = B::until_shutdown(work).await;
            log.add("went on");
            checkpoint().await;
            result
        })
        .await;
    assert_eq!(result, Ok(None));
    assert_eq!(log.take(), ["cleaned up", "went on"]);
}

/// C6, C12: a scope that is cancelled, too, does not go on after the work was cut.
async fn cancellation_beats_the_request<B: Runtime>() {
    let (scope, went_on) = (B::CancelScope::new(), Counter::default());
    let result = scope
        .run(async {
            scope.shutdown(LONG);
            scope.cancel();
            _ = B::until_shutdown(pending::<()>()).await;
            went_on.add();
        })
        .await;
    assert!(result.is_err());
    assert_eq!(went_on.get(), 0);
}

/// C8, C12: in a cancelled scope the wait for a request does not begin.
async fn waiting_for_a_request_is_an_operation<B: Runtime>() {
    let (scope, went_on) = (B::CancelScope::new(), Counter::default());
    let result = scope
        .run(async {
            scope.shutdown(Duration::ZERO);
            shutdown_requested().await;
            went_on.add();
        })
        .await;
    assert!(result.is_err());
    assert_eq!(went_on.get(), 0);
}

/// C14: who stops waiting for a request leaves no waker behind.
async fn listener_leaves_nothing_behind<B: Runtime>() {
    let scope = B::CancelScope::new();
    let wakes = Wakes::default();
    let mut run = Box::pin(scope.run(async {
        for _ in 0..10 {
            let mut waiting = Box::pin(shutdown_requested());
            assert!(wakes.poll(&mut waiting).is_pending());
            assert_eq!(wakes.kept(), 1);
            assert!(wakes.poll(&mut waiting).is_pending());
            assert_eq!(wakes.kept(), 1);
        }
        assert_eq!(wakes.kept(), 0);
        let mut waiting = Box::pin(shutdown_requested());
        assert!(wakes.poll(&mut waiting).is_pending());
        scope.shutdown(LONG);
        assert_eq!((wakes.count(), wakes.kept()), (1, 0));
        assert!(wakes.poll(&mut waiting).is_ready());
    }));
    assert_eq!(run.as_mut().await, Ok(()));
}

/// C12, C15: a foreign task in a captured scope hears the requests of that scope.
async fn captured_scope_passes_requests_on<B: Runtime>() {
    let scope = B::CancelScope::new();
    let heard = event::<B>();
    let theirs = Arc::clone(&heard);
    let result = scope
        .run(async {
            let context = capture();
            let thread = std::thread::spawn(move || {
                futures_lite::future::block_on(context.in_scope(async move {
                    shutdown_requested().await;
                    theirs.set();
                }))
            });
            turns::<B>().await;
            scope.shutdown(LONG);
            heard.wait().await;
            thread.join().unwrap()
        })
        .await;
    assert_eq!(result, Ok(Ok(())));
}

/// C10, C12: cleanup under a shield may have a deadline, so that a peer who has gone does not keep it.
async fn cleanup_has_a_deadline_of_its_own<B: Runtime>() {
    let (log, scope) = (Log::default(), B::CancelScope::new());
    let result = scope
        .run(finally(
            async {
                scope.cancel();
                pending::<()>().await;
            },
            async {
                let goodbye = B::move_on_after(SHORT, sleep_forever()).await;
                assert!(goodbye.is_none());
                log.add("gave up on the goodbye");
                checkpoint().await;
                log.add("closed");
            },
        ))
        .await;
    assert!(result.is_err());
    assert_eq!(log.take(), ["gave up on the goodbye", "closed"]);
}

/// C10, C12: from the request on, the end of the grace is the time by which the work will be cancelled.
async fn grace_is_an_effective_deadline<B: Runtime>() {
    let scope = B::CancelScope::new();
    let result = scope
        .run(async {
            checkpoint().await;
            assert_eq!(B::current_effective_deadline(), None);
            let before = B::now();
            scope.shutdown(LONG);
            let end = B::current_effective_deadline().unwrap();
            assert!(end >= before + LONG && end <= B::now() + LONG);
        })
        .await;
    assert_eq!(result, Ok(()));
}

/// C12: a group is asked as a scope is, from any thread, and ends as soon as all have ended.
async fn group_is_asked<B: Runtime>() {
    let log = Log::default();
    let theirs = log.clone();
    let group = B::task_group(async |tg| {
        tg.spawn(async move {
            shield(shutdown_requested()).await;
            turns::<B>().await;
            theirs.add("task ended");
        });
        let from_outside = tg.clone();
        std::thread::spawn(move || from_outside.shutdown(LONG)).join().unwrap();
        shutdown_requested().await;
        assert!(!tg.cancel_called());
    });
    assert_eq!(group.await, Ok(()));
    assert_eq!(log.take(), ["task ended"]);
    assert!(!is_shutdown_requested());
}

/// C11, C12: who has not ended when the grace is over is cancelled, with the cause of a shutdown.
async fn groups_grace_ends_in_a_cancellation<B: Runtime>() {
    let began = B::now();
    let group = task_group::<B, Cancelled, _, _>(async |tg| -> Result<_, Cancelled> {
        let task = tg.spawn(sleep_forever());
        tg.shutdown(SHORT);
        assert!(tg.shutdown_called() && !tg.cancel_called());
        Ok((tg, task))
    });
    let (tg, task) = group.await.unwrap();
    assert!(B::now() >= began + SHORT);
    assert_eq!(tg.cause().unwrap().kind(), CauseKind::Shutdown);
    assert_eq!(cause_of(task.await.map(|never| never)).kind(), CauseKind::Shutdown);
}

/// C12: of several calls the earliest end counts.
async fn groups_earliest_end_counts<B: Runtime>() {
    for graces in [[LONG, SHORT], [SHORT, LONG]] {
        let group = B::task_group(async |tg| {
            tg.spawn(sleep_forever());
            graces.into_iter().for_each(|grace| tg.shutdown(grace));
        });
        assert_eq!(group.await, Ok(()));
    }
}

/// C12: without grace a group is cancelled at once.
async fn group_without_grace_is_cancelled<B: Runtime>() {
    let group = B::task_group(async |tg| -> Result<(), Cancelled> {
        tg.shutdown(Duration::ZERO);
        assert!(tg.cancel_called() && is_shutdown_requested());
        sleep_forever().await
    });
    assert_eq!(cause_of(group.await).kind(), CauseKind::Shutdown);
}

/// G5, C12: what tells the time is no task that could be cut: a group that an outer cancellation reaches
/// when all that is left is that gives its value.
async fn group_that_ends_in_time_is_none_the_worse<B: Runtime>() {
    let scope = B::CancelScope::new();
    let result = scope
        .run(async {
            let inner = scope.clone();
            B::task_group(async |tg| {
                tg.shutdown(LONG);
                turns::<B>().await;
                // In the last poll of the last one.
                inner.cancel();
            })
            .await
        })
        .await;
    assert_eq!(result, Ok(Ok(())));
}

/// C12: one that has closed hears of nothing any more.
async fn group_that_has_closed_is_not_asked<B: Runtime>() {
    let mut kept = None;
    let group = task_group::<B, Cancelled, _, _>(async |tg| kept = Some(tg));
    assert_eq!(group.await, Ok(()));
    let group = kept.unwrap();
    group.shutdown(SHORT);
    assert!(!group.shutdown_called());
}
