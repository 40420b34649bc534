//! Scopes and what is not in them: foreign tasks, foreign drops, and what is left behind. C13 to
//! C15.

use std::{
    future::pending,
    pin::Pin,
    sync::{Arc, Mutex, mpsc},
    thread,
};

use anyio_core::{
    CancelScope as _, Cancelled, Cause, CauseKind, Event as _, Lock as _, Runtime, TaskGroup as _,
};
use anyio_engine::{
    CancelScope, RuntimeExt as _, capture, catch_cancelled, checkpoint, current_backend, finally,
    move_on_after, op, shield, sleep_forever,
};
use futures_lite::future::{block_on, poll_once, yield_now};
use futures_util::{FutureExt as _, join, select_biased};

use crate::{
    suite::Case,
    support::{Counted, Counter, Log, Polls, Wakes, cause_of, is_pending, until},
};

pub(super) fn list<B: Runtime>() -> Vec<Case> {
    list![B, context:
        captured_scope_reaches_a_foreign_task,
        captured_scope_that_is_cancelled_already,
        captured_nothing,
        captured_backend,
        foreign_task_is_a_root,
        foreign_task_is_a_boundary,
        foreign_task_keeps_its_parent,
        foreign_task_may_drive_a_group,
        captured_scope_that_has_ended,
        plain_foreign_task_is_in_no_scope,
        dropped_scope_cancels_what_is_captured,
        dropped_group_cleans_up,
        dropped_cleanup_is_dropped,
        select_lets_go_of_its_losers,
        ended_work_is_gone,
        cancelled_work_is_gone,
        dropped_work_is_gone,
        refused_wakers_are_let_go,
        refused_wakers_do_not_pile_up,
        no_timer_is_left,
        many_runs_leave_nothing,
        cancelled_group_is_freed,
    ]
}

/// Waits for a thread without blocking the runtime, and gives what it gave.
async fn joined<B: Runtime, T: Send>(thread: thread::JoinHandle<T>) -> T {
    shield(until::<B>(|| thread.is_finished())).await;
    thread.join().unwrap()
}

/// C15: a captured scope reaches work in a thread that knows no runtime, and cancels it there.
async fn captured_scope_reaches_a_foreign_task<B: Runtime>() {
    let (scope, polls) = (B::CancelScope::new(), Counter::default());
    let result = scope
        .run(async {
            let (context, count) = (capture(), polls.clone());
            let thread = thread::spawn(move || {
                block_on(context.in_scope(Polls::of(pending::<()>(), &count)))
            });
            until::<B>(|| polls.get() > 0).await;
            scope.cancel_because("enough");
            joined::<B, _>(thread).await
        })
        .await;
    let foreign = result.expect("after the shield nothing waited");
    assert_eq!(cause_of(foreign).reason(), Some("enough"));
}

/// C15: in a captured scope that is cancelled already, work gets as far as its first operation.
async fn captured_scope_that_is_cancelled_already<B: Runtime>() {
    let (scope, log) = (B::CancelScope::new(), Log::default());
    let context = scope
        .run(async {
            scope.cancel();
            capture()
        })
        .await
        .expect("nothing waited");
    let result = context
        .in_scope(async {
            assert!(op::is_cancelled());
            log.add("began");
            checkpoint().await;
            log.add("never");
        })
        .await;
    assert_eq!(cause_of(result).kind(), CauseKind::Explicit);
    assert_eq!(log.take(), ["began"]);
    assert_eq!(context.in_scope(async { 7 }).await, Ok(7), "it had nothing to wait for");
}

/// C15: outside of any scope there is nothing to capture, and work is not cancelled by anybody.
async fn captured_nothing<B: Runtime>() {
    let context = thread::spawn(capture).join().unwrap();
    let (scope, log) = (B::CancelScope::new(), Log::default());
    let result = scope
        .run(async {
            scope.cancel();
            let work = context.in_scope(async {
                assert!(!op::is_cancelled());
                log.add("in no scope");
            });
            work.await
        })
        .await;
    assert_eq!(result, Ok(Ok(())));
    assert_eq!(log.take(), ["in no scope"]);
}

/// C15: the backend comes along.
async fn captured_backend<B: Runtime>() {
    let context = capture();
    let here = current_backend().expect("the case runs on a backend");
    let there = thread::spawn(move || {
        assert!(current_backend().is_none());
        block_on(context.in_scope(async { current_backend() }))
    });
    let there = there.join().unwrap().expect("nobody cancels").expect("it came along");
    assert!(std::ptr::eq(here, there));
}

/// C15: work in a captured scope is a task of its own: what it holds does not hold the scope.
async fn foreign_task_is_a_root<B: Runtime>() {
    let (scope, gate, log) = (B::CancelScope::new(), Arc::new(B::Event::new()), Log::default());
    let slot = Mutex::new(None);
    let result = scope
        .run(async {
            let (context, gate, log) = (capture(), gate.clone(), log.clone());
            let mut foreign = Box::pin(async move {
                let work = async {
                    shield(gate.wait()).await;
                    log.add("shielded");
                    checkpoint().await;
                    log.add("never");
                };
                context.in_scope(work).await
            });
            assert!(is_pending(foreign.as_mut()).await);
            *slot.lock().unwrap() = Some(foreign);
            scope.cancel();
            checkpoint().await;
        })
        .await;
    assert!(result.is_err(), "and ended before the foreign work");
    let mut foreign = slot.lock().unwrap().take().unwrap();
    assert!(is_pending(foreign.as_mut()).await);
    gate.set();
    assert!(foreign.await.is_err());
    assert_eq!(log.take(), ["shielded"]);
}

/// C15: it unwinds as any task does: its cleanup runs to its end before `Cancelled` is given.
async fn foreign_task_is_a_boundary<B: Runtime>() {
    let (scope, begun, log) = (B::CancelScope::new(), Counter::default(), Log::default());
    let result = scope
        .run(async {
            let (context, begun_there, log) = (capture(), begun.clone(), log.clone());
            let thread = thread::spawn(move || {
                let inner = B::CancelScope::new();
                let body = async {
                    let _dropped = log.on_drop("body");
                    begun_there.add();
                    sleep_forever().await;
                };
                let cleanup = async {
                    for _ in 0..3 {
                        checkpoint().await;
                    }
                    log.add("cleanup");
                };
                let result = block_on(context.in_scope(inner.run(finally(body, cleanup))));
                log.add("ended");
                result.is_err()
            });
            until::<B>(|| begun.get() > 0).await;
            scope.cancel();
            joined::<B, _>(thread).await
        })
        .await;
    assert_eq!(result, Ok(true));
    assert_eq!(log.take(), ["body", "cleanup", "ended"]);
}

/// C15: its parent is the captured scope, wherever it is polled.
async fn foreign_task_keeps_its_parent<B: Runtime>() {
    let (captured, other) = (B::CancelScope::new(), B::CancelScope::new());
    let log = Log::default();
    let mut in_captured = Box::pin(captured.run(async {
        let context = capture();
        let mut work = Box::pin(context.in_scope(async {
            loop {
                log.add(if op::is_cancelled() { "cancelled" } else { "free" });
                yield_now().await;
            }
        }));
        assert!(is_pending(work.as_mut()).await);
        let elsewhere = async {
            other.cancel();
            // `Context` and not `other` decides, and that it is polled here moves nothing.
            assert!(is_pending(work.as_mut()).await);
            captured.cancel();
            let result = work.as_mut().await;
            assert!(result.is_err());
        };
        assert!(other.run(elsewhere).await.is_ok());
    }));
    assert!(!is_pending(in_captured.as_mut()).await);
    assert_eq!(log.take(), ["free", "free", "cancelled"]);
}

/// C15: a group that is polled by reference, from several places, stays in the captured scope.
async fn foreign_task_may_drive_a_group<B: Runtime>() {
    let gate = Arc::new(B::Event::new());
    let group = B::task_group(async |tg| -> Result<u32, Cancelled> {
        let gate = gate.clone();
        tg.spawn(async move { gate.wait().await });
        Ok(7)
    });
    let mut work = Box::pin(capture().in_scope(group));
    let scope = B::CancelScope::new();
    let mut lent = Box::pin(scope.run(&mut work));
    assert!(is_pending(lent.as_mut()).await);
    scope.cancel();
    assert!(lent.await.is_err(), "the group does not hold what is not around it");
    gate.set();
    assert_eq!(work.await, Ok(Ok(7)));
}

/// C15: a captured scope that ends by itself leaves the work to the scope around it.
async fn captured_scope_that_has_ended<B: Runtime>() {
    let (outer, inner) = (B::CancelScope::new(), B::CancelScope::new());
    let mut work = None;
    let result = outer
        .run(async {
            let mut foreign = None;
            let ended = inner.run(async {
                let work = foreign.insert(Box::pin(capture().in_scope(pending::<()>())));
                assert!(is_pending(work.as_mut()).await);
            });
            assert!(ended.await.is_ok());
            let mut foreign = foreign.expect("it was put there");
            inner.cancel();
            assert!(is_pending(foreign.as_mut()).await);
            work = Some(foreign);
            outer.cancel_because("outer");
            checkpoint().await;
        })
        .await;
    assert!(result.is_err());
    let foreign = work.expect("it was put there").await;
    assert_eq!(cause_of(foreign).reason(), Some("outer"));
}

/// C15: a scope ends where somebody else's task begins, unless it is carried there.
async fn plain_foreign_task_is_in_no_scope<B: Runtime>() {
    let scope = B::CancelScope::new();
    let result = scope
        .run(async {
            scope.cancel();
            let thread = thread::spawn(|| {
                block_on(async {
                    checkpoint().await;
                    op::is_cancelled()
                })
            });
            thread.join().unwrap()
        })
        .await;
    assert_eq!(result, Ok(false));
}

/// C13: a scope that somebody drops is cancelled: what was carried elsewhere ends, and is told.
async fn dropped_scope_cancels_what_is_captured<B: Runtime>() {
    let (scope, (send, contexts)) = (B::CancelScope::new(), mpsc::channel());
    let polls = Counter::default();
    let mut work = Box::pin(scope.run(async {
        send.send(capture()).unwrap();
        pending::<()>().await;
    }));
    assert!(is_pending(work.as_mut()).await);
    let (context, count) = (contexts.recv().unwrap(), polls.clone());
    let thread =
        thread::spawn(move || block_on(context.in_scope(Polls::of(pending::<()>(), &count))));
    until::<B>(|| polls.get() > 0).await;
    drop(work);
    assert_eq!(cause_of(joined::<B, _>(thread).await).kind(), CauseKind::Dropped);
    assert!(!scope.cancel_called(), "the handle may run other work");
    assert_eq!(scope.run(async { 7 }).await, Ok(7));
}

/// C13: the tasks of a group that somebody drops are cancelled and clean up, though nobody waits.
/// Covers: trio/test_asyncexitstack_nursery_misnest_cleanup
/// Covers: trio/test_nursery_misnest
async fn dropped_group_cleans_up<B: Runtime>() {
    let (gate, cleanups) = (Arc::new(B::Event::new()), Counter::default());
    let (send, causes) = mpsc::channel::<Cause>();
    let mut group = Box::pin(B::task_group(async |tg| {
        let (gate, cleanups) = (gate.clone(), cleanups.clone());
        tg.spawn(async move {
            let body = async {
                gate.set();
                let caught = catch_cancelled(pending::<()>()).await;
                send.send(cause_of(caught)).unwrap();
                sleep_forever().await;
            };
            let cleanup = async {
                checkpoint().await;
                cleanups.add();
            };
            finally(body, cleanup).await;
        });
        sleep_forever().await;
    }));
    assert!(is_pending(group.as_mut()).await);
    until::<B>(|| gate.is_set()).await;
    drop(group);
    until::<B>(|| cleanups.get() > 0).await;
    assert_eq!(causes.recv().unwrap().kind(), CauseKind::Dropped);
}

/// C13: dropping cannot await: a `finally` that somebody drops drops its cleanup.
async fn dropped_cleanup_is_dropped<B: Runtime>() {
    let log = Log::default();
    let (body, cleanup) = (log.on_drop("body"), log.on_drop("cleanup"));
    let mut work = Box::pin(finally(
        async move {
            let _dropped = body;
            pending::<()>().await;
        },
        async move {
            let _dropped = cleanup;
            panic!("a cleanup was polled by a drop");
        },
    ));
    assert!(is_pending(work.as_mut()).await);
    drop(work);
    let mut dropped = log.take();
    dropped.sort_unstable();
    assert_eq!(dropped, ["body", "cleanup"]);
}

/// C13: what a foreign `select!` drops holds nothing any more.
async fn select_lets_go_of_its_losers<B: Runtime>() {
    let (scope, log) = (B::CancelScope::new(), Log::default());
    let result = scope
        .run(async {
            let mut loser = Box::pin(shield(pending::<()>()).fuse());
            let mut winner = Box::pin(checkpoint().fuse());
            select_biased! {
                () = loser.as_mut() => log.add("never"),
                () = winner.as_mut() => log.add("won"),
            }
            drop(loser);
            scope.cancel();
            checkpoint().await;
            log.add("never");
        })
        .await;
    assert!(result.is_err());
    assert_eq!(log.take(), ["won"]);
}

/// Work of every kind that waits, with a clone of `probe` at its innermost; `held` does not end
/// before its gate opens.
fn busy<B: Runtime>(
    probe: &Arc<()>,
    scope: &B::CancelScope,
) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    let (scope, probe) = (scope.clone(), Arc::clone(probe));
    Box::pin(async move {
        let inner = B::CancelScope::new();
        let lock = <B::Lock<()>>::new(());
        let _guard = lock.lock().await;
        let waits = async {
            let (_probe, _context) = (Arc::clone(&probe), capture());
            _ = lock.lock().await;
        };
        let work = inner.run(finally(
            async {
                join!(waits, scope.run(sleep_forever()), async {
                    _ = catch_cancelled(sleep_forever()).await;
                })
            },
            checkpoint(),
        ));
        _ = B::move_on_after(std::time::Duration::from_secs(3600), work).await;
    })
}

/// C14: work that has ended has left nothing behind: what it owned and the wakers it left are gone,
/// though the handles of its scopes live on.
async fn ended_work_is_gone<B: Runtime>() {
    let (scope, inner) = (B::CancelScope::new(), B::CancelScope::new());
    let (probe, wakes) = (Arc::new(()), Wakes::default());
    let owned = Arc::clone(&probe);
    let mut work = Box::pin(scope.run(inner.run(async move {
        let _owned = owned;
        shield(checkpoint()).await;
        7
    })));
    assert!(wakes.poll(&mut work).is_pending());
    assert!(wakes.kept() > 0, "it waits");
    while wakes.poll(&mut work).is_pending() {}
    assert_eq!((Arc::strong_count(&probe), wakes.kept()), (1, 0));
}

/// C14: so has work that was cancelled.
/// Covers: trio/test_locals_destroyed_promptly_on_cancel
async fn cancelled_work_is_gone<B: Runtime>() {
    let (scope, inner) = (B::CancelScope::new(), B::CancelScope::new());
    let (probe, wakes) = (Arc::new(()), Wakes::default());
    let mut work = Box::pin(scope.run(busy::<B>(&probe, &inner)));
    assert!(wakes.poll(&mut work).is_pending());
    scope.cancel();
    while wakes.poll(&mut work).is_pending() {}
    assert_eq!((Arc::strong_count(&probe), wakes.kept()), (1, 0));
}

/// C14: so has work that somebody has dropped.
async fn dropped_work_is_gone<B: Runtime>() {
    for cancelled in [false, true] {
        let (scope, inner) = (B::CancelScope::new(), B::CancelScope::new());
        let (probe, wakes) = (Arc::new(()), Wakes::default());
        let mut work = Box::pin(scope.run(busy::<B>(&probe, &inner)));
        assert!(wakes.poll(&mut work).is_pending());
        assert!(wakes.kept() > 0, "it waits");
        if cancelled {
            scope.cancel();
        }
        drop(work);
        assert_eq!((Arc::strong_count(&probe), wakes.kept()), (1, 0));
    }
}

/// C14: the wakers of refused operations go with their scope.
async fn refused_wakers_are_let_go<B: Runtime>() {
    let (outer, inner, wakes) = (B::CancelScope::new(), B::CancelScope::new(), Wakes::default());
    let mut work = Box::pin(outer.run(async {
        outer.cancel();
        // Held, so that what is refused stays.
        join!(shield(pending::<()>()), inner.run(checkpoint()))
    }));
    assert!(wakes.poll(&mut work).is_pending());
    assert!(wakes.kept() > 0, "the checkpoint was refused");
    drop(work);
    assert_eq!(wakes.kept(), 0);
}

/// C14: an operation that is refused a thousand times over leaves one waker, not a thousand.
async fn refused_wakers_do_not_pile_up<B: Runtime>() {
    let (scope, wakes) = (B::CancelScope::new(), Wakes::default());
    let mut work = Box::pin(scope.run(shield_beside_refused()));
    scope.cancel();
    for _ in 0..1000 {
        assert!(wakes.poll(&mut work).is_pending());
    }
    assert!(wakes.kept() < 10, "{} wakers are kept", wakes.kept());
    drop(work);
    assert_eq!(wakes.kept(), 0);
}

/// A refused operation that stays where it is.
async fn shield_beside_refused() {
    join!(shield(pending::<()>()), finally(async {}, async {}), checkpoint());
}

/// C14: a timer goes when its scope has ended, by itself, by a cancellation, or dropped, and the task
/// comes to rest.
async fn no_timer_is_left<B: Runtime>() {
    type Clock<B> = Counted<B>;
    let hour = std::time::Duration::from_secs(3600);
    let waiting = || {
        let scope = CancelScope::<Clock<B>>::with_timeout(hour);
        let work = {
            let scope = scope.clone();
            async move { scope.run(move_on_after::<Clock<B>, _>(hour, pending::<()>())).await }
        };
        (scope, Box::pin(work))
    };
    let (scope, mut work) = waiting();
    assert!(is_pending(work.as_mut()).await);
    assert!(Counted::<B>::live_timers() > 0);
    scope.cancel();
    assert!(work.as_mut().await.is_err());
    checkpoint().await;
    assert_eq!(Counted::<B>::live_timers(), 0);

    let (_scope, mut work) = waiting();
    assert!(is_pending(work.as_mut()).await);
    drop(work);
    checkpoint().await;
    assert_eq!(Counted::<B>::live_timers(), 0);

    let scope = CancelScope::<Clock<B>>::with_timeout(hour);
    let mut work = Box::pin(scope.run(checkpoint()));
    assert!(is_pending(work.as_mut()).await);
    assert_eq!(Counted::<B>::live_timers(), 1);
    scope.set_deadline(None);
    assert!(work.as_mut().await.is_ok());
    checkpoint().await;
    assert_eq!(Counted::<B>::live_timers(), 0);
}

/// C14: a handle that has run ten thousand times keeps nothing of those runs, nor does the scope
/// they were in.
async fn many_runs_leave_nothing<B: Runtime>() {
    let (outer, scope, wakes) = (B::CancelScope::new(), B::CancelScope::new(), Wakes::default());
    let result = outer
        .run(async {
            for round in 0..10_000 {
                let mut work = Box::pin(scope.run(shield(checkpoint())));
                assert!(wakes.poll(&mut work).is_pending());
                if round % 2 == 0 {
                    assert!(wakes.poll(&mut work).is_ready());
                }
            }
        })
        .await;
    assert!(result.is_ok());
    assert_eq!(wakes.kept(), 0);
    assert!(!scope.cancel_called());
}

/// C14: a group that was cancelled is freed with all that its tasks owned, though a handle on its
/// scope lives on.
/// Covers: trio/test_nursery_cancel_doesnt_create_cyclic_garbage
async fn cancelled_group_is_freed<B: Runtime>() {
    let (scope, probe) = (B::CancelScope::new(), Arc::new(()));
    let begun = Counter::default();
    let group = B::task_group(async |outer| {
        for _ in 0..3 {
            let (owned, begun, inner) = (Arc::clone(&probe), begun.clone(), outer.clone());
            outer.spawn(async move {
                // Knows the group that it is a task of.
                let _owned = (owned, inner, capture());
                begun.add();
                sleep_forever().await;
            });
        }
        until::<B>(|| begun.get() == 3).await;
        scope.cancel();
        sleep_forever().await;
    });
    assert!(scope.run(group).await.is_err());
    assert_eq!(Arc::strong_count(&probe), 1);
    assert!(poll_once(checkpoint()).await.is_none());
}
