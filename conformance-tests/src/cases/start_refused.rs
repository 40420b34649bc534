//! Tasks that do not start, or not yet: absorbed cancellations, errors and their sources, groups with a
//! limit. G9, G11.

use std::{error::Error, fmt, future::pending, io, sync::Arc};

use anyio_core::{CancelScope as _, Cancelled, CauseKind, Event as _, Runtime};
use anyio_engine::{
    Ready, TaskGroup, catch_cancelled, checkpoint, memory_object_stream, sleep_forever,
};

use super::tools::{Failure, event};
use crate::{
    suite::Case,
    support::{Counter, cause_of, is_pending, turns},
};

pub(super) fn list<B: Runtime>() -> Vec<Case> {
    list![B, start_refused:
        absorbed_cancel_of_the_caller,
        absorbed_cancel_of_the_group,
        absorbed_cancel_of_an_unused_ready,
        error_keeps_its_source,
        waits_for_a_turn,
        keeps_its_turn_when_it_is_ready,
        gives_its_turn_back_if_it_fails,
        cancelled_before_it_has_a_turn,
        service_needs_no_turn,
    ]
}

type Group<B> = TaskGroup<B, Failure>;

fn named<T>(what: &'static str) -> Result<T, Failure> {
    Err(Failure::Named(what))
}

/// What `start` gave instead of a value.
fn refused<T: fmt::Debug>(result: Result<T, Failure>) -> Cancelled {
    match result {
        Err(Failure::Cancelled(cancelled)) => cancelled,
        other => panic!("{other:?} instead of a cancellation"),
    }
}

/// C5, G9: a starting task that is cancelled with its caller, makes nothing of it and ends well has
/// not started: the caller is cancelled, for the caller's cause.
async fn absorbed_cancel_of_the_caller<B: Runtime>() {
    let result = Group::<B>::builder().run(async |tg| {
        let (scope, seen) = (B::CancelScope::new(), Counter::default());
        let (canceller, count) = (scope.clone(), seen.clone());
        let mut starting = Box::pin(tg.start(async move |_ready: Ready<u8>| {
            // Inside: on another thread, the cancellation may be here before the next line.
            let waits = async {
                canceller.cancel_because("enough");
                pending::<()>().await;
            };
            let cause = cause_of(catch_cancelled(waits).await);
            assert_eq!(cause.reason(), Some("enough"));
            count.add();
            Ok(())
        }));
        let went_on = Counter::default();
        let result = scope
            .run(async {
                _ = (&mut starting).await;
                went_on.add();
            })
            .await;
        assert_eq!(cause_of(result).reason(), Some("enough"));
        assert_eq!((seen.get(), went_on.get()), (1, 0));
        // Gone on with outside of the scope, it says the same.
        let cancelled = refused(starting.await);
        assert_eq!(cancelled.cause().kind(), CauseKind::Explicit);
        assert_eq!(cancelled.cause().reason(), Some("enough"));
        assert!(!tg.cancel_called());
        checkpoint().await;
        Ok(())
    });
    assert_eq!(result.await, Ok(()));
}

/// G9: one that is cancelled with its group, and makes nothing of it, was not started for the group's
/// cause, as a caller outside of the group learns.
async fn absorbed_cancel_of_the_group<B: Runtime>() {
    let outer = Group::<B>::builder().run(async |outer| {
        let (give, take) = memory_object_stream(1);
        let inner = outer.spawn(async move {
            let group =
                Group::<B>::builder().run(async move |tg: Group<B>| -> Result<(), Failure> {
                    give.try_send(tg).expect("there is room");
                    sleep_forever().await
                });
            Ok(refused(group.await))
        });
        let tg = take.receive().await.expect("the other task sends");
        let canceller = tg.clone();
        let starting = tg.start(async move |_ready: Ready<u8>| {
            let waits = async {
                canceller.cancel_because("closing");
                pending::<()>().await;
            };
            assert!(catch_cancelled(waits).await.is_err());
            Ok(())
        });
        let cancelled = refused(starting.await);
        assert_eq!(cancelled.cause().kind(), CauseKind::Explicit);
        assert_eq!(cancelled.cause().reason(), Some("closing"));
        let group = inner.await?;
        assert_eq!(group.cause().reason(), Some("closing"));
        Ok(())
    });
    assert_eq!(outer.await, Ok(()));
}

/// G9: where nobody was cancelled, a task that let go of `ready` and absorbed what came of that has just
/// never started.
async fn absorbed_cancel_of_an_unused_ready<B: Runtime>() {
    let result = Group::<B>::builder().run(async |tg| {
        let starting = tg.start(async |ready: Ready<u8>| {
            drop(ready);
            assert!(catch_cancelled(pending::<()>()).await.is_err());
            Ok(())
        });
        assert_eq!(refused(starting.await).cause().kind(), CauseKind::NeverStarted);
        assert!(!tg.cancel_called());
        Ok(())
    });
    assert_eq!(result.await, Ok(()));
}

/// Has a source.
#[derive(Debug)]
enum Chained {
    Config(io::Error),
    Cancelled(Cancelled),
}

impl fmt::Display for Chained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the configuration cannot be read")
    }
}

impl Error for Chained {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Config(error) => Some(error),
            Self::Cancelled(cancelled) => Some(cancelled),
        }
    }
}

impl From<Cancelled> for Chained {
    fn from(cancelled: Cancelled) -> Self {
        Self::Cancelled(cancelled)
    }
}

/// G9: the caller has the task's error with all that it stands on.
/// Covers: trio/test_start_exception_preserves_cause_and_context
async fn error_keeps_its_source<B: Runtime>() {
    let result = TaskGroup::<B, Chained>::builder().run(async |tg| {
        let failed = tg
            .start(async |_ready: Ready<u8>| {
                checkpoint().await;
                Err::<(), _>(Chained::Config(io::Error::other("line 7")))
            })
            .await;
        let error = failed.expect_err("it was never ready");
        let source = error.source().and_then(|source| source.downcast_ref::<io::Error>());
        assert_eq!(source.map(ToString::to_string).as_deref(), Some("line 7"));
        assert!(!tg.cancel_called());
        Ok(())
    });
    result.await.unwrap();
}

/// G9, G11: in a group with a limit, a task that is to start waits for its turn, and the caller for the
/// task.
async fn waits_for_a_turn<B: Runtime>() {
    let result = Group::<B>::builder().limit(1).run(async |tg| {
        let (go, ran) = (event::<B>(), Counter::default());
        let (wait, count) = (Arc::clone(&go), ran.clone());
        tg.spawn(async move { wait.wait().await });
        turns::<B>().await;
        let mut starting = Box::pin(tg.start(async move |ready| {
            count.add();
            checkpoint().await;
            ready.started(5);
        }));
        assert!(is_pending(starting.as_mut()).await);
        turns::<B>().await;
        assert_eq!(ran.get(), 0, "the other one has the only turn");
        go.set();
        starting.await
    });
    assert_eq!(result.await, Ok(5));
}

/// G9, G11: ready, it still has its turn, until it has ended.
async fn keeps_its_turn_when_it_is_ready<B: Runtime>() {
    let result = Group::<B>::builder().limit(1).run(async |tg| {
        let (go, ran) = (event::<B>(), Counter::default());
        let (wait, count) = (Arc::clone(&go), ran.clone());
        let value = tg
            .start(async move |ready| {
                ready.started(6);
                wait.wait().await;
            })
            .await?;
        let next = tg.spawn(async move { _ = count.add() });
        turns::<B>().await;
        assert_eq!(ran.get(), 0, "the started one has the only turn");
        go.set();
        next.await?;
        Ok(value)
    });
    assert_eq!(result.await, Ok(6));
}

/// G9, G11: one that fails to start gives its turn to the next.
async fn gives_its_turn_back_if_it_fails<B: Runtime>() {
    let result = Group::<B>::builder().limit(1).run(async |tg| {
        let failed = tg.start(async |_ready: Ready<u8>| named::<()>("no port")).await;
        assert_eq!(failed, named("no port"));
        let failed = tg.start(async |_ready: Ready<u8>| Ok(())).await;
        assert_eq!(refused(failed).cause().kind(), CauseKind::NeverStarted);
        tg.start(async |ready| ready.started(7)).await
    });
    assert_eq!(result.await, Ok(7));
}

/// G9, G11: a caller that is cancelled while the task has no turn yet does not wait for one: the task
/// never runs, and the turn is still there for others.
async fn cancelled_before_it_has_a_turn<B: Runtime>() {
    let ran = Counter::default();
    let result = Group::<B>::builder().limit(1).run(async |tg| {
        let (go, scope) = (event::<B>(), B::CancelScope::new());
        let (wait, count) = (Arc::clone(&go), ran.clone());
        tg.spawn(async move { wait.wait().await });
        turns::<B>().await;
        let mut starting = Box::pin(scope.run(tg.start(async move |ready| {
            count.add();
            ready.started(());
        })));
        assert!(is_pending(starting.as_mut()).await);
        scope.cancel_because("tired of waiting");
        assert_eq!(cause_of(starting.await).reason(), Some("tired of waiting"));
        go.set();
        tg.start(async |ready| ready.started("next")).await
    });
    assert_eq!(result.await, Ok("next"));
    assert_eq!(ran.get(), 0);
}

/// G9, G11: a service that starts has no part in the limit.
async fn service_needs_no_turn<B: Runtime>() {
    let result = Group::<B>::builder().limit(1).run(async |tg| {
        let go = event::<B>();
        let wait = Arc::clone(&go);
        tg.spawn(async move { wait.wait().await });
        turns::<B>().await;
        let serve = async |ready: Ready<u8>| {
            ready.started(8);
            sleep_forever().await
        };
        let value = tg.child().service().start(serve).await;
        go.set();
        value
    });
    assert_eq!(result.await, Ok(8));
}
