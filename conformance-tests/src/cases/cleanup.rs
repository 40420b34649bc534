//! Work that has to be done whatever happens: shields, `finally`, `bracket`.

use std::{future::pending, time::Duration};

use anyio_core::{CancelScope as _, Event as _, Lock as _, Runtime};
use anyio_engine::{
    CancelScope, RuntimeExt as _, bracket, catch_cancelled, checkpoint, finally, op, shield,
    sleep_forever,
};
use futures_lite::future::yield_now;

use crate::{
    suite::Case,
    support::{Counter, Log, caught, is_pending},
};

pub(super) fn list<B: Runtime>() -> Vec<Case> {
    list![B, cleanup:
        shield_gives_the_value,
        shields_nest,
        panic_in_a_shield_lets_go,
        finally_after_a_value,
        finally_after_a_panic,
        finally_after_a_cancellation,
        cleanup_may_use_operations,
        first_panic_wins,
        panic_of_a_destructor_counts,
        panic_of_the_cleanup_counts,
        nested_cleanups_run_inside_out,
        finally_in_a_shield_ends_by_itself,
        cleanup_with_a_deadline,
        cleanup_with_a_scope_of_its_own,
        cleanup_toggles_a_shield,
        finally_moved_out_panics,
        bracket_moved_out_panics,
        shield_raised_while_unwinding,
        bracket_lends_to_both,
        bracket_after_a_cancellation,
        bracket_after_a_panic,
        bracket_panics_once,
        nothing_comes_between_body_and_cleanup,
        nothing_comes_between_body_and_release,
    ]
}

const SHORT: Duration = Duration::from_millis(10);

/// C5: a shield gives what the work in it gives, and nobody else's cancellation.
async fn shield_gives_the_value<B: Runtime>() {
    let scope = B::CancelScope::new();
    assert_eq!(shield(async { 7 }).await, 7);
    let work = async {
        scope.cancel();
        shield(async {
            assert!(!op::is_cancelled());
            B::sleep(Duration::from_millis(1)).await;
            7
        })
        .await
    };
    assert_eq!(scope.run(work).await, Ok(7));
}

/// C5: the outer of two shields holds after the inner one has ended.
async fn shields_nest<B: Runtime>() {
    let (scope, log) = (B::CancelScope::new(), Log::default());
    let result = scope
        .run(async {
            scope.cancel();
            shield(async {
                shield(checkpoint()).await;
                log.add("inner");
                checkpoint().await;
                log.add("outer");
            })
            .await;
            checkpoint().await;
            log.add("never");
        })
        .await;
    assert!(result.is_err());
    assert_eq!(log.take(), ["inner", "outer"]);
}

/// C5: a shield that panics holds nothing any more.
async fn panic_in_a_shield_lets_go<B: Runtime>() {
    let (scope, log) = (B::CancelScope::new(), Log::default());
    let result = scope
        .run(async {
            scope.cancel();
            let shielded = shield(async {
                checkpoint().await;
                panic!("shielded")
            });
            assert_eq!(caught(shielded).await, Err("shielded".into()));
            log.add("caught");
            checkpoint().await;
            log.add("never");
        })
        .await;
    assert!(result.is_err());
    assert_eq!(log.take(), ["caught"]);
}

/// C5: after a body that ends by itself the cleanup runs, and then the value is given.
async fn finally_after_a_value<B: Runtime>() {
    let log = Log::default();
    let work = finally(
        async {
            checkpoint().await;
            log.add("body");
            7
        },
        async {
            checkpoint().await;
            log.add("cleanup");
        },
    );
    assert_eq!(work.await, 7);
    assert_eq!(log.take(), ["body", "cleanup"]);
}

/// C5: after a body that panics the cleanup runs, and then the panic goes on.
async fn finally_after_a_panic<B: Runtime>() {
    let log = Log::default();
    let body = async {
        let _dropped = log.on_drop("body");
        checkpoint().await;
        panic!("first")
    };
    let cleanup = async {
        checkpoint().await;
        log.add("cleanup");
    };
    assert_eq!(caught(finally(body, cleanup)).await, Err("first".into()));
    assert_eq!(log.take(), ["body", "cleanup"]);
}

/// C5: after a body that is cancelled the cleanup runs to its end, and then the scope ends; the
/// code after it does not run.
async fn finally_after_a_cancellation<B: Runtime>() {
    let (scope, log) = (B::CancelScope::new(), Log::default());
    let result = scope
        .run(async {
            let body = async {
                let _dropped = log.on_drop("body");
                scope.cancel();
                sleep_forever().await;
            };
            let cleanup = async {
                for _ in 0..3 {
                    checkpoint().await;
                }
                log.add("cleanup");
            };
            finally(body, cleanup).await;
            log.add("never");
        })
        .await;
    assert!(result.is_err());
    assert_eq!(log.take(), ["body", "cleanup"]);
}

/// C5: nothing is refused in a cleanup.
async fn cleanup_may_use_operations<B: Runtime>() {
    let (scope, log) = (B::CancelScope::new(), Log::default());
    let (lock, event) = (<B::Lock<()>>::new(()), B::Event::new());
    let body = async {
        scope.cancel();
        pending::<()>().await;
    };
    let cleanup = async {
        assert!(!op::is_cancelled());
        let _guard = lock.lock().await;
        event.set();
        event.wait().await;
        B::sleep(Duration::from_millis(1)).await;
        assert!(catch_cancelled(checkpoint()).await.is_ok());
        log.add("cleanup");
    };
    assert!(scope.run(finally(body, cleanup)).await.is_err());
    assert_eq!(log.take(), ["cleanup"]);
}

/// C5: if body and cleanup both panic, the panic of the body goes on.
async fn first_panic_wins<B: Runtime>() {
    let body = async { panic!("first") };
    let cleanup = async {
        checkpoint().await;
        panic!("second")
    };
    assert_eq!(caught(finally(body, cleanup)).await, Err("first".into()));
}

/// C5: a destructor that panics while the body is dropped counts as the body's panic; the cleanup
/// runs all the same.
async fn panic_of_a_destructor_counts<B: Runtime>() {
    struct Panics;

    impl Drop for Panics {
        fn drop(&mut self) {
            panic!("destructor");
        }
    }

    let (scope, log) = (B::CancelScope::new(), Log::default());
    let body = async {
        let _panics = Panics;
        scope.cancel();
        pending::<()>().await;
    };
    let cleanup = async {
        checkpoint().await;
        log.add("cleanup");
    };
    let result = caught(scope.run(finally(body, cleanup))).await;
    assert_eq!(result.map(|_| ()), Err("destructor".into()));
    assert_eq!(log.take(), ["cleanup"]);
}

/// C5: the panic of a cleanup goes on, in the place of a value or of a cancellation.
async fn panic_of_the_cleanup_counts<B: Runtime>() {
    for cancelled in [false, true] {
        let scope = B::CancelScope::new();
        let body = async {
            if cancelled {
                scope.cancel();
                checkpoint().await;
            }
        };
        let cleanup = async {
            checkpoint().await;
            panic!("cleanup")
        };
        let result = caught(scope.run(finally(body, cleanup))).await;
        assert_eq!(result.map(|_| ()), Err("cleanup".into()));
    }
}

/// C5: nested cleanups run from the inside out, each to its end.
async fn nested_cleanups_run_inside_out<B: Runtime>() {
    let cleanup = async |log: &Log, begins, ends| {
        log.add(begins);
        for _ in 0..3 {
            checkpoint().await;
        }
        log.add(ends);
    };
    for panics in [false, true] {
        let (scope, log) = (B::CancelScope::new(), Log::default());
        let body = async {
            assert!(!panics, "the body panics");
            scope.cancel();
            pending::<()>().await;
        };
        let inner = finally(body, cleanup(&log, "inner begins", "inner ends"));
        let work = finally(inner, cleanup(&log, "outer begins", "outer ends"));
        let result = caught(scope.run(work)).await;
        assert_eq!(result.is_err(), panics);
        assert!(result.is_err() || result.is_ok_and(|it| it.is_err()));
        assert_eq!(log.take(), ["inner begins", "inner ends", "outer begins", "outer ends"]);
    }
}

/// C5: a `finally` in a shield is not cut by what is outside: body and cleanup end by themselves.
async fn finally_in_a_shield_ends_by_itself<B: Runtime>() {
    let (scope, log) = (B::CancelScope::new(), Log::default());
    let result = scope
        .run(async {
            let body = async {
                scope.cancel();
                checkpoint().await;
                log.add("body");
            };
            let cleanup = async {
                checkpoint().await;
                log.add("cleanup");
            };
            shield(finally(body, cleanup)).await;
            checkpoint().await;
            log.add("never");
        })
        .await;
    assert!(result.is_err());
    assert_eq!(log.take(), ["body", "cleanup"]);
}

/// C10: a cleanup may have a deadline of its own.
async fn cleanup_with_a_deadline<B: Runtime>() {
    let (scope, log) = (B::CancelScope::new(), Log::default());
    let body = async {
        scope.cancel();
        pending::<()>().await;
    };
    let cleanup = async {
        assert!(B::move_on_after(SHORT, sleep_forever()).await.is_none());
        checkpoint().await;
        log.add("gave up");
    };
    assert!(scope.run(finally(body, cleanup)).await.is_err());
    assert_eq!(log.take(), ["gave up"]);
}

/// C6: a scope in a cleanup catches its own cancellation.
async fn cleanup_with_a_scope_of_its_own<B: Runtime>() {
    let (outer, inner, log) = (B::CancelScope::new(), B::CancelScope::new(), Log::default());
    let body = async {
        outer.cancel();
        pending::<()>().await;
    };
    let cleanup = async {
        let cut = inner.run(async {
            inner.cancel();
            checkpoint().await;
        });
        assert!(cut.await.is_err());
        checkpoint().await;
        log.add("cleanup");
    };
    assert!(outer.run(finally(body, cleanup)).await.is_err());
    assert_eq!(log.take(), ["cleanup"]);
}

/// C10: shielded scopes that come and go in a handler leave the cancellation around them as it was.
/// Covers: anyio/test_shielded_cleanup_after_cancel
async fn cleanup_toggles_a_shield<B: Runtime>() {
    let (outer, log) = (B::CancelScope::new(), Log::default());
    let result = outer
        .run(async {
            let caught = catch_cancelled(async {
                outer.cancel();
                sleep_forever().await
            });
            assert!(caught.await.is_err());
            for _ in 0..3 {
                let handler = CancelScope::<B>::with_timeout(SHORT);
                handler.set_shielded(true);
                assert!(handler.run(sleep_forever()).await.is_err());
                handler.set_shielded(false);
                assert!(op::is_cancelled());
                log.add("handled");
            }
            checkpoint().await;
            log.add("never");
        })
        .await;
    assert!(result.is_err());
    assert_eq!(log.take(), ["handled"; 3]);
}

/// C6: a `finally` that an outer scope has unwound, and that is polled outside of it then, has
/// nothing to give and panics with words.
async fn finally_moved_out_panics<B: Runtime>() {
    let (scope, log) = (B::CancelScope::new(), Log::default());
    let mut work = Box::pin(finally(pending::<()>(), async {
        checkpoint().await;
        log.add("cleanup");
    }));
    let mut lent = Box::pin(scope.run(&mut work));
    assert!(is_pending(lent.as_mut()).await);
    scope.cancel();
    assert!(lent.await.is_err());
    assert_eq!(log.take(), ["cleanup"]);
    let words = caught(work).await.expect_err("it has no value to give");
    assert!(words.contains("`finally`") && words.contains("outer scope"), "{words}");
}

/// C6: so does a `bracket`.
async fn bracket_moved_out_panics<B: Runtime>() {
    let (scope, mut log) = (B::CancelScope::new(), Log::default());
    let work = bracket(
        &mut log,
        async |_| pending::<()>().await,
        async |log| {
            checkpoint().await;
            log.add("released");
        },
    );
    let mut work = Box::pin(work);
    scope.cancel();
    assert!(scope.run(&mut work).await.is_err());
    let words = caught(work).await.expect_err("it has no value to give");
    assert!(words.contains("`bracket`"), "{words}");
    assert_eq!(log.take(), ["released"]);
}

/// C6: a shield raised around work that is unwinding does not make a scope that was not cancelled
/// catch: the work was cut short, and that is not kept silent.
/// Covers: trio/test_unshield_while_cancel_propagating
/// Covers: trio/test_slow_abort_edge_cases
async fn shield_raised_while_unwinding<B: Runtime>() {
    let (outer, inner, log) = (B::CancelScope::new(), B::CancelScope::new(), Log::default());
    let work = outer.run(async {
        let body = async {
            outer.cancel();
            checkpoint().await;
        };
        let cleanup = async { inner.set_shielded(true) };
        _ = inner.run(finally(body, cleanup)).await;
        log.add("never");
    });
    let words = caught(work).await.expect_err("there is nothing to go on with");
    assert!(words.contains("shield"), "{words}");
    assert!(log.take().is_empty());
}

/// C5: `bracket` lends its resource to the body and then to the release, and gives the value.
async fn bracket_lends_to_both<B: Runtime>() {
    let mut steps = vec!["open"];
    let count = bracket(
        &mut steps,
        async |steps| {
            checkpoint().await;
            steps.push("use");
            steps.len()
        },
        async |steps| {
            checkpoint().await;
            steps.push("close");
        },
    )
    .await;
    assert_eq!((count, steps), (2, vec!["open", "use", "close"]));
}

/// C5: the release of a `bracket` runs to its end also after a cancellation.
async fn bracket_after_a_cancellation<B: Runtime>() {
    let (scope, mut steps) = (CancelScope::<B>::new(), vec!["open"]);
    let work = bracket(
        &mut steps,
        async |steps| {
            steps.push("use");
            scope.cancel();
            checkpoint().await;
            steps.push("never");
        },
        async |steps| {
            for _ in 0..3 {
                checkpoint().await;
            }
            steps.push("close");
        },
    );
    let result = scope
        .run(async {
            work.await;
            panic!("the code after it does not run");
        })
        .await;
    assert!(result.is_err());
    assert_eq!(steps, ["open", "use", "close"]);
}

/// C5: and after a panic, which then goes on.
async fn bracket_after_a_panic<B: Runtime>() {
    let mut steps = vec!["open"];
    let work = bracket(
        &mut steps,
        async |steps| {
            checkpoint().await;
            steps.push("use");
            panic!("first")
        },
        async |steps| {
            checkpoint().await;
            steps.push("close");
        },
    );
    assert_eq!(caught(work).await, Err("first".into()));
    assert_eq!(steps, ["open", "use", "close"]);
}

/// C5: of two panics in a `bracket` the first goes on; that of the release alone does, too.
async fn bracket_panics_once<B: Runtime>() {
    for body_panics in [true, false] {
        let mut resource = ();
        let work = bracket(
            &mut resource,
            async |()| assert!(!body_panics, "first"),
            async |()| {
                checkpoint().await;
                panic!("second")
            },
        );
        let expected = if body_panics { "first" } else { "second" };
        assert_eq!(caught(work).await, Err(expected.into()));
    }
}

/// Cancels `work` after each number of polls, from none to one more than it needs, and has `check`
/// look at what came of it.
async fn cancelled_at_each_poll<B: Runtime, F: Future<Output = ()> + Send>(
    work: impl Fn(Log) -> F,
    expected: &[&str],
) {
    for polls in 0..=expected.len() + 3 {
        let (scope, log) = (B::CancelScope::new(), Log::default());
        let mut run = Box::pin(scope.run(work(log.clone())));
        let mut ended = false;
        for _ in 0..polls {
            ended = !is_pending(run.as_mut()).await;
            if ended {
                break;
            }
        }
        if !ended {
            scope.cancel();
            let result = run.await;
            let whole = log.has("value");
            assert_eq!(result.is_ok(), whole, "a value that is there is kept");
        }
        let seen = log.take();
        let cleanup: Vec<_> = seen.iter().filter(|step| expected.contains(step)).collect();
        assert_eq!(cleanup, expected.iter().collect::<Vec<_>>(), "cancelled after {polls} polls");
    }
}

/// C5: there is no gap: whenever the cancellation comes, between the polls of body and cleanup or at
/// the seam, the cleanup runs once and to its end; a value that the body has given is kept.
async fn nothing_comes_between_body_and_cleanup<B: Runtime>() {
    let work = |log: Log| async move {
        let body = async {
            for _ in 0..3 {
                yield_now().await;
            }
            log.add("value");
        };
        let cleanup = async {
            for step in ["one", "two", "three"] {
                checkpoint().await;
                log.add(step);
            }
        };
        finally(body, cleanup).await;
    };
    cancelled_at_each_poll::<B, _>(work, &["one", "two", "three"]).await;
}

/// C5: nor is there one in a `bracket`.
async fn nothing_comes_between_body_and_release<B: Runtime>() {
    let work = |log: Log| async move {
        let mut count = Counter::default();
        bracket(
            &mut count,
            async |_| {
                for _ in 0..3 {
                    yield_now().await;
                }
                log.add("value");
            },
            async |_| {
                for step in ["one", "two", "three"] {
                    checkpoint().await;
                    log.add(step);
                }
            },
        )
        .await;
    };
    cancelled_at_each_poll::<B, _>(work, &["one", "two", "three"]).await;
}
