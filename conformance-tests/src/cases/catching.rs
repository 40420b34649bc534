//! Who catches a cancellation: C6, and what it leaves alone.

use std::{
    future::{pending, poll_fn},
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake},
    time::Duration,
};

use anyio_core::{
    CancelScope as _, Cancelled, CauseKind, Event as _, Runtime, TaskGroup as _, TaskHandle as _,
};
use anyio_engine::{
    CancelScope, RuntimeExt as _, capture, catch_cancelled, checkpoint, finally, op, shield,
    sleep_forever,
};
use futures_util::join;

use crate::{
    suite::Case,
    support::{Counter, Log, Polls, caught, cause_of, is_pending, turns, until},
};

pub(super) fn list<B: Runtime>() -> Vec<Case> {
    list![B, catching:
        own_cancel_is_caught,
        outer_cancel_passes,
        outermost_cancelled_scope_catches,
        outer_cancelled_while_unwinding,
        shielded_scope_catches_its_own,
        catching_is_not_needed,
        cancelled_before_it_began,
        unwound_scope_behind_a_raised_shield,
        unwound_scope_that_was_moved_out,
        checkpoint_in_outer_after_shield,
        checkpoint_in_middle_after_shield,
        scope_in_another_task,
        scope_in_a_child_ends_alone,
        children_of_a_shielded_body_are_cancelled,
        one_handle_many_runs,
        one_handle_inside_itself,
        catch_gives_the_value,
        catch_returns_in_a_cancelled_scope,
        catch_waits_for_cleanup,
        catch_of_an_inner_scope,
        handler_may_be_shielded,
        poll_in_the_middle_of_a_walk,
    ]
}

/// C6: a scope that is cancelled itself gives `Cancelled`, and the code after it runs.
async fn own_cancel_is_caught<B: Runtime>() {
    let (outer, scope) = (CancelScope::<B>::new(), CancelScope::<B>::new());
    let result = outer
        .run(async {
            let result = scope.run(async {
                scope.cancel();
                checkpoint().await;
            });
            assert!(result.await.is_err());
            checkpoint().await;
            7
        })
        .await;
    assert_eq!(result, Ok(7));
    assert!(scope.cancel_called() && scope.cancelled_caught());
    assert!(!outer.cancel_called() && !outer.cancelled_caught());
}

/// C6: a scope that was not cancelled itself gives nothing when an outer one is: the code after it
/// does not run.
async fn outer_cancel_passes<B: Runtime>() {
    let log = Log::default();
    let (outer, inner) = (CancelScope::<B>::new(), CancelScope::<B>::new());
    let result = outer
        .run(async {
            _ = inner
                .run(async {
                    outer.cancel();
                    checkpoint().await;
                })
                .await;
            log.add("between");
        })
        .await;
    assert!(result.is_err() && log.take().is_empty());
    assert!(outer.cancelled_caught());
    assert!(!inner.cancel_called() && !inner.cancelled_caught() && inner.cause().is_none());
}

/// C6: of several cancelled scopes the outermost one catches, whichever was cancelled first.
/// Covers: anyio/test_cancelled_scope_based_checkpoint
/// Covers: trio/test_cancel_scope_nesting
async fn outermost_cancelled_scope_catches<B: Runtime>() {
    for inner_first in [true, false] {
        let log = Log::default();
        let (outer, inner) = (CancelScope::<B>::new(), CancelScope::<B>::new());
        let result = outer
            .run(async {
                if !inner_first {
                    outer.cancel();
                }
                _ = inner
                    .run(async {
                        let _dropped = log.on_drop("dropped");
                        inner.cancel();
                        outer.cancel();
                        checkpoint().await;
                    })
                    .await;
                log.add("between");
            })
            .await;
        assert!(result.is_err() && outer.cancelled_caught() && !inner.cancelled_caught());
        assert_eq!(log.take(), ["dropped"]);
    }
}

/// C6: if an outer scope is cancelled while the inner one unwinds, the outer one takes over.
/// Covers: anyio/test_cancelled_raises_beyond_origin_unshielded
async fn outer_cancelled_while_unwinding<B: Runtime>() {
    let log = Log::default();
    let (outer, inner) = (CancelScope::<B>::new(), CancelScope::<B>::new());
    let result = outer
        .run(async {
            let body = async {
                inner.cancel();
                checkpoint().await;
            };
            let cleanup = async {
                outer.cancel();
                checkpoint().await;
                log.add("cleanup");
            };
            _ = inner.run(finally(body, cleanup)).await;
            log.add("between");
        })
        .await;
    assert!(result.is_err() && outer.cancelled_caught() && !inner.cancelled_caught());
    assert_eq!(log.take(), ["cleanup"]);
}

/// C6: a shielded scope catches its own cancellation though an outer one was cancelled meanwhile;
/// the code after it runs, up to the first operation.
/// Covers: anyio/test_cancelled_raises_beyond_origin_shielded
async fn shielded_scope_catches_its_own<B: Runtime>() {
    for operation in [false, true] {
        let log = Log::default();
        let (outer, inner) = (CancelScope::<B>::new(), CancelScope::<B>::shielded());
        let result = outer
            .run(async {
                let body = async {
                    inner.cancel();
                    checkpoint().await;
                };
                let work = inner.run(finally(body, async { outer.cancel() }));
                assert!(work.await.is_err());
                log.add("between");
                if operation {
                    checkpoint().await;
                    log.add("after");
                }
            })
            .await;
        assert!(inner.cancelled_caught());
        assert_eq!((result.is_err(), outer.cancelled_caught()), (operation, operation));
        assert_eq!(log.take(), ["between"]);
    }
}

/// C6: work that ends before it meets an operation is not cancelled, though its scope is; and
/// nothing of that is left in the task afterwards.
/// Covers: anyio/test_cancelled_not_caught
/// Covers: trio/test_cancel_scope_no_cancellederror
async fn catching_is_not_needed<B: Runtime>() {
    let scope = CancelScope::<B>::new();
    let result = scope
        .run(async {
            scope.cancel();
            Err::<(), _>("an error of its own")
        })
        .await;
    assert_eq!(result, Ok(Err("an error of its own")));
    assert!(scope.cancel_called() && !scope.cancelled_caught());
    assert!(!op::is_cancelled());
    checkpoint().await;
}

/// C6: a scope that is cancelled before it begins is cancelled where its work first waits; it never
/// becomes uncancelled; a second cancellation, or one after its end, changes nothing.
/// Covers: anyio/test_cancel_before_entering_scope
/// Covers: trio/test_cancel_unbound
async fn cancelled_before_it_began<B: Runtime>() {
    let (log, scope) = (Log::default(), B::CancelScope::new());
    scope.cancel_because("early");
    scope.cancel_because("again");
    for _ in 0..2 {
        let result = scope
            .run(async {
                assert!(op::is_cancelled());
                log.add("began");
                checkpoint().await;
                log.add("never");
            })
            .await;
        assert_eq!(cause_of(result).reason(), Some("early"));
        assert_eq!(log.take(), ["began"]);
    }
    let late = B::CancelScope::new();
    assert_eq!(late.run(async { 7 }).await, Ok(7));
    late.cancel();
    assert!(late.cancel_called());
    checkpoint().await;
}

/// C6: a scope that has been unwound beneath a cancelled one, and is polled again when a shield has
/// been raised between the two, gives its own `Cancelled`.
async fn unwound_scope_behind_a_raised_shield<B: Runtime>() {
    let (gate, log) = (B::Event::new(), Log::default());
    let (outer, middle, inner) =
        (B::CancelScope::new(), B::CancelScope::new(), B::CancelScope::new());
    let unwinds = async {
        let result = inner
            .run(async {
                let _dropped = log.on_drop("dropped");
                outer.cancel();
                inner.cancel_because("its own");
                pending::<()>().await;
            })
            .await;
        assert_eq!(cause_of(result).reason(), Some("its own"));
        log.add("after");
        gate.set();
    };
    // The gate's shield keeps the scopes around it from dropping it all.
    let unwinds = middle.run(async { join!(shield(gate.wait()), unwinds) });
    let raises = async {
        poll_fn(|cx| {
            cx.waker().wake_by_ref();
            if log.has("dropped") { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        assert_eq!(log.take(), ["dropped"], "unwound, and waits for the outer scope");
        middle.set_shielded(true);
    };
    let result = outer.run(async { join!(unwinds, raises) }).await;
    assert!(matches!(result, Ok((Ok(((), ())), ()))));
    assert_eq!(log.take(), ["after"]);
}

/// C6: a scope that has been unwound beneath a cancelled one, and is then polled outside of it,
/// gives its own `Cancelled` and does not wait for ever.
async fn unwound_scope_that_was_moved_out<B: Runtime>() {
    let (outer, inner) = (B::CancelScope::new(), B::CancelScope::new());
    let mut work = Box::pin(inner.run(pending::<()>()));
    let result = outer
        .run(async {
            outer.cancel();
            inner.cancel_because("its own");
            work.as_mut().await
        })
        .await;
    assert!(result.is_err());
    assert_eq!(cause_of(work.await).reason(), Some("its own"));
}

/// C6: after a shield and a scope around it, the next operation in the cancelled scope outside of
/// them unwinds.
/// Covers: anyio/test_triple_nested_shield_checkpoint_in_outer
async fn checkpoint_in_outer_after_shield<B: Runtime>() {
    let log = Log::default();
    let (outer, middle) = (B::CancelScope::new(), B::CancelScope::new());
    let result = outer
        .run(async {
            let work = middle.run(async {
                middle.cancel();
                outer.cancel();
                shield(checkpoint()).await;
                log.add("middle");
            });
            assert!(work.await.is_ok());
            log.add("outer");
            checkpoint().await;
            log.add("never");
        })
        .await;
    assert!(result.is_err());
    assert_eq!(log.take(), ["middle", "outer"]);
}

/// C6: after a shield, the next operation unwinds; of the two cancelled scopes around it the outer
/// one catches.
/// Covers: anyio/test_triple_nested_shield_checkpoint_in_middle
async fn checkpoint_in_middle_after_shield<B: Runtime>() {
    let log = Log::default();
    let (outer, middle) = (B::CancelScope::new(), B::CancelScope::new());
    let result = outer
        .run(async {
            _ = middle
                .run(async {
                    shield(async {
                        outer.cancel();
                        middle.cancel();
                        checkpoint().await;
                    })
                    .await;
                    log.add("middle");
                    checkpoint().await;
                    log.add("never");
                })
                .await;
            log.add("outer");
        })
        .await;
    assert!(result.is_err());
    assert_eq!(log.take(), ["middle"]);
}

/// C3: a scope in one task can be cancelled from another, and a future of somebody else's, which
/// knows nothing of scopes, is dropped.
/// Covers: anyio/test_cancel_scope_in_another_task
/// Covers: anyio/test_shielding_immediate_scope_cancelled
/// Covers: anyio/test_cancel_native_future_tasks
async fn scope_in_another_task<B: Runtime>() {
    for shielded in [false, true] {
        let (scope, polls, log) = (B::CancelScope::new(), Counter::default(), Log::default());
        scope.set_shielded(shielded);
        let work = {
            let (scope, polls, dropped) = (scope.clone(), polls.clone(), log.on_drop("dropped"));
            async move {
                let foreign = async move {
                    let _dropped = dropped;
                    pending::<()>().await;
                };
                let result = scope.run(Polls::of(foreign, &polls)).await;
                Ok::<_, Cancelled>(cause_of(result).kind())
            }
        };
        let kind = B::task_group(async |tg| -> Result<_, Cancelled> {
            let task = tg.spawn(work);
            until::<B>(|| polls.get() > 0).await;
            turns::<B>().await;
            scope.cancel();
            task.join().await
        })
        .await;
        assert_eq!(kind, Ok(CauseKind::Explicit));
        assert_eq!(log.take(), ["dropped"]);
    }
}

/// C6: a scope cancelled in a child task touches neither the group nor its body.
/// Covers: anyio/test_cancel_scope_in_child_task
async fn scope_in_a_child_ends_alone<B: Runtime>() {
    let result = B::task_group(async |tg| -> Result<_, Cancelled> {
        let child = tg.spawn(async {
            let scope = B::CancelScope::new();
            let result = scope
                .run(async {
                    scope.cancel();
                    checkpoint().await;
                })
                .await;
            checkpoint().await;
            Ok::<_, Cancelled>(result.is_err())
        });
        let cut = child.join().await?;
        checkpoint().await;
        assert!(!tg.cancel_called());
        Ok(cut)
    })
    .await;
    assert_eq!(result, Ok(true));
}

/// C2: cancelling a scope reaches the children of a group in it at once, though the group's body is
/// shielded.
/// Covers: anyio/test_cancel_child_task_when_host_is_shielded
async fn children_of_a_shielded_body_are_cancelled<B: Runtime>() {
    struct Raises(Arc<AtomicBool>);

    impl Drop for Raises {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }

    let (scope, started, log) = (B::CancelScope::new(), Counter::default(), Log::default());
    let ended = Arc::new(AtomicBool::new(false));
    let group = B::task_group(async |tg| {
        let (begun, raises) = (started.clone(), Raises(ended.clone()));
        tg.spawn(async move {
            let _raises = raises;
            begun.add();
            sleep_forever().await;
        });
        shield(async {
            until::<B>(|| started.get() > 0).await;
            scope.cancel();
            until::<B>(|| ended.load(Ordering::SeqCst)).await;
            log.add("shielded");
        })
        .await;
    });
    assert!(scope.run(group).await.is_err());
    assert_eq!(log.take(), ["shielded"]);
}

/// C1: one handle may run several pieces of work at once, in different places; all are cancelled
/// together, and so is what it runs later.
async fn one_handle_many_runs<B: Runtime>() {
    let (scope, other, log) = (B::CancelScope::new(), B::CancelScope::new(), Log::default());
    let work = |value: u32| async move {
        checkpoint().await;
        if value == 0 {
            pending::<()>().await;
        }
        value
    };
    let cancels = async {
        for _ in 0..3 {
            checkpoint().await;
        }
        scope.cancel();
    };
    let (one, two, three, ()) = join!(
        scope.run(work(1)),
        scope.run(work(0)),
        other.run(async {
            let result = scope.run(work(0)).await;
            checkpoint().await;
            log.add("the other scope goes on");
            result
        }),
        cancels
    );
    assert_eq!(one, Ok(1), "it had ended before");
    assert!(two.is_err() && matches!(three, Ok(Err(_))));
    assert_eq!(log.take(), ["the other scope goes on"]);
    assert!(scope.run(pending::<()>()).await.is_err());
}

/// C6: a handle that runs inside of its own run is caught by the outer of the two.
async fn one_handle_inside_itself<B: Runtime>() {
    let (scope, log) = (B::CancelScope::new(), Log::default());
    let mut work = Box::pin(scope.run(async {
        _ = scope.run(pending::<()>()).await;
        log.add("between");
    }));
    assert!(is_pending(work.as_mut()).await);
    scope.cancel();
    assert!(work.await.is_err());
    assert!(log.take().is_empty());
}

/// C6: without a cancellation `catch_cancelled` gives the value; a panic goes through it.
async fn catch_gives_the_value<B: Runtime>() {
    let work = async {
        checkpoint().await;
        7
    };
    assert_eq!(catch_cancelled(work).await, Ok(7));
    let panics = catch_cancelled(async { panic!("through") });
    assert_eq!(caught(panics).await, Err("through".into()));
}

/// C6: `catch_cancelled` returns though the scopes around it are cancelled, so that code may look at
/// what it has; the next operation unwinds.
async fn catch_returns_in_a_cancelled_scope<B: Runtime>() {
    let (outer, inner, log) = (B::CancelScope::new(), B::CancelScope::new(), Log::default());
    let result = outer
        .run(inner.run(async {
            let mut lines = 0;
            let caught = catch_cancelled(async {
                lines += 1;
                checkpoint().await;
                lines += 1;
                outer.cancel_because("why");
                checkpoint().await;
                lines += 1;
            })
            .await;
            assert_eq!((lines, cause_of(caught).reason()), (2, Some("why")));
            log.add("caught");
            checkpoint().await;
            log.add("never");
        }))
        .await;
    assert!(result.is_err() && !inner.cancel_called());
    assert_eq!(log.take(), ["caught"]);
}

/// C5: `catch_cancelled` returns after the cleanup of what it has dropped.
async fn catch_waits_for_cleanup<B: Runtime>() {
    let (scope, log) = (B::CancelScope::new(), Log::default());
    let result = scope
        .run(async {
            let body = async {
                let _dropped = log.on_drop("body");
                shield(async {
                    scope.cancel();
                    checkpoint().await;
                    log.add("shield");
                })
                .await;
                pending::<()>().await;
            };
            let cleanup = async {
                checkpoint().await;
                log.add("cleanup");
            };
            assert!(catch_cancelled(finally(body, cleanup)).await.is_err());
            log.add("caught");
        })
        .await;
    assert!(result.is_ok());
    assert_eq!(log.take(), ["shield", "body", "cleanup", "caught"]);
}

/// C6: a scope inside a catch keeps its own cancellation to itself.
async fn catch_of_an_inner_scope<B: Runtime>() {
    let scope = B::CancelScope::new();
    let caught = catch_cancelled(async {
        let result = scope.run(async {
            scope.cancel();
            checkpoint().await;
        });
        result.await.is_err()
    });
    assert_eq!(caught.await, Ok(true));
    checkpoint().await;
}

/// C6: code that handles a cancellation may await under a shield.
async fn handler_may_be_shielded<B: Runtime>() {
    let (scope, log) = (B::CancelScope::new(), Log::default());
    let result = scope
        .run(async {
            let caught = catch_cancelled(async {
                scope.cancel();
                sleep_forever().await
            });
            if caught.await.is_err() {
                shield(B::sleep(Duration::from_millis(1))).await;
                log.add("handled");
            }
            sleep_forever().await
        })
        .await;
    assert!(result.is_err());
    assert_eq!(log.take(), ["handled"]);
}

/// C3, C4: work that is polled while the cancellation is still on its way inwards is woken again when
/// it has arrived. The waker polls at once, so each step of the way has a poll behind it.
async fn poll_in_the_middle_of_a_walk<B: Runtime>() {
    let (scope, place) = (B::CancelScope::new(), Mutex::new(None));
    let mut outer = Box::pin(scope.run(async {
        *place.lock().unwrap() = Some(capture());
        pending::<()>().await;
    }));
    assert!(is_pending(outer.as_mut()).await);
    let context = place.lock().unwrap().take().unwrap();
    let work = async move {
        let caught = catch_cancelled(async {
            _ = capture(); // the work has a place of its own in the tree from now on
            pending::<()>().await;
        });
        _ = context.in_scope(async { assert!(caught.await.is_err()) }).await;
    };
    let eager = Arc::new(Eager(Mutex::new(Some(Box::pin(work)))));
    Arc::clone(&eager).wake();
    assert!(eager.0.lock().unwrap().is_some(), "it waits");
    scope.cancel();
    assert!(eager.0.lock().unwrap().is_none(), "it has been caught");
}

/// Polls its future inside of the call that wakes it.
struct Eager(Mutex<Option<Pin<Box<dyn Future<Output = ()> + Send>>>>);

impl Wake for Eager {
    fn wake(self: Arc<Self>) {
        let taken = self.0.try_lock().ok().and_then(|mut future| future.take());
        if let Some(mut future) = taken
            && future.as_mut().poll(&mut Context::from_waker(&self.clone().into())).is_pending()
        {
            *self.0.lock().unwrap() = Some(future);
        }
    }
}
