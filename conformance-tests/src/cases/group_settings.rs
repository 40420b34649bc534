//! Services, limits, and all errors: G2, G11.

use std::{future::pending, sync::Arc};

use anyio_core::{CauseKind, Event as _, Runtime, TaskStatus};
use anyio_engine::{TaskGroup, checkpoint, finally, shield, sleep_forever};

use super::tools::{Failure, Payload, event};
use crate::{
    suite::Case,
    support::{Counter, Log, caught, cause_of, turns, until},
};

pub(super) fn list<B: Runtime>() -> Vec<Case> {
    list![B, group_settings:
        services_end_with_the_others,
        services_end_when_the_body_does,
        services_end_after_the_last_sibling,
        service_cleans_up,
        service_may_end_before,
        failed_service_fails_the_group,
        service_may_spawn_while_it_ends,
        service_spawned_late_ends_too,
        group_of_a_service_that_spawns_services_ends,
        limit_bounds_running_tasks,
        limit_is_first_come_first_served,
        limit_leaves_services_out,
        limit_is_given_back_by_a_panic,
        task_that_waits_for_its_turn_is_cancelled,
        waiting_task_is_cancelled_by_its_handle,
        limit_of_zero_is_refused,
        groups_have_nothing_of_those_before,
        collects_all_errors_in_order,
        collects_an_error_of_the_body_first,
        collects_errors_of_cleanups,
        collects_one_error,
        collects_a_cancellation,
        collecting_a_panic_beats_all,
        names_are_kept,
    ]
}

type Group<B> = TaskGroup<B, Failure>;

fn named<T>(what: &'static str) -> Result<T, Failure> {
    Err(Failure::Named(what))
}

/// G11: services are cancelled when the body and all other tasks have ended.
async fn services_end_with_the_others<B: Runtime>() {
    let (log, go) = (Log::default(), event::<B>());
    let group = Group::<B>::builder().run(async |tg| {
        let service = tg.child().service().spawn(sleep_forever());
        let (theirs, wait) = (log.clone(), Arc::clone(&go));
        tg.spawn(async move {
            wait.wait().await;
            theirs.add("task ended");
        });
        turns::<B>().await;
        assert_eq!(service.status(), TaskStatus::Running);
        go.set();
        Ok(service)
    });
    let service = group.await.unwrap();
    log.add("group ended");
    assert_eq!(cause_of(service.await).kind(), CauseKind::Finished);
    assert_eq!(log.take(), ["task ended", "group ended"]);
}

/// G11: a group of services alone ends with its body.
async fn services_end_when_the_body_does<B: Runtime>() {
    let group = Group::<B>::builder().run(async |tg| {
        for _ in 0..10 {
            tg.child().service().spawn(sleep_forever());
        }
        Ok(1)
    });
    assert_eq!(group.await, Ok(1));
}

/// G11: a sibling spawned by a task keeps the services going.
async fn services_end_after_the_last_sibling<B: Runtime>() {
    let seen = Counter::default();
    let group = Group::<B>::builder().run(async |tg| {
        let service = tg.child().service().spawn(sleep_forever());
        let (group, count) = (tg.clone(), seen.clone());
        tg.spawn(async move {
            checkpoint().await;
            group.spawn(async move {
                turns::<B>().await;
                assert_eq!(service.status(), TaskStatus::Running);
                count.add();
            });
        });
        Ok(())
    });
    assert_eq!(group.await, Ok(()));
    assert_eq!(seen.get(), 1);
}

/// G11: a service is unwound as any task is, with its cleanup, which the group waits for.
async fn service_cleans_up<B: Runtime>() {
    let log = Log::default();
    let group = Group::<B>::builder().run(async |tg| {
        let theirs = log.clone();
        tg.child().service().spawn(finally(pending::<()>(), async move {
            turns::<B>().await;
            theirs.add("cleaned up");
        }));
        checkpoint().await;
        Ok(())
    });
    assert_eq!(group.await, Ok(()));
    log.add("group ended");
    assert_eq!(log.take(), ["cleaned up", "group ended"]);
}

/// G11: a service that ends by itself is no trouble.
async fn service_may_end_before<B: Runtime>() {
    let group = Group::<B>::builder().run(async |tg| {
        let service = tg.child().service().spawn(async { Ok(4) });
        let value = service.await?;
        tg.spawn(checkpoint());
        Ok(value)
    });
    assert_eq!(group.await, Ok(4));
}

/// G3, G11: the failure of a service is one of the group.
async fn failed_service_fails_the_group<B: Runtime>() {
    let group = Group::<B>::builder().run(async |tg| {
        tg.child().service().spawn(async {
            checkpoint().await;
            named::<()>("service broke")
        });
        tg.spawn(sleep_forever());
        Ok(())
    });
    assert_eq!(group.await, named("service broke"));
}

/// G1, G11: what a service spawns while it ends is waited for.
async fn service_may_spawn_while_it_ends<B: Runtime>() {
    let done = Counter::default();
    let group = Group::<B>::builder().run(async |tg| {
        let (group, count) = (tg.clone(), done.clone());
        tg.child().service().spawn(finally(pending::<()>(), async move {
            group.spawn(async move {
                turns::<B>().await;
                count.add();
            });
        }));
        Ok(())
    });
    assert_eq!(group.await, Ok(()));
    assert_eq!(done.get(), 1);
}

/// G11: a service that comes when the others have ended is cancelled, too, and polled first.
async fn service_spawned_late_ends_too<B: Runtime>() {
    let polled = Counter::default();
    let group = Group::<B>::builder().run(async |tg| {
        let (group, count) = (tg.clone(), polled.clone());
        tg.child().service().spawn(finally(pending::<()>(), async move {
            group.child().service().spawn(async move {
                count.add();
                sleep_forever().await
            });
            turns::<B>().await;
        }));
        Ok(())
    });
    assert_eq!(group.await, Ok(()));
    assert_eq!(polled.get(), 1);
}

/// G11: the count of services is right however they come and go.
async fn group_of_a_service_that_spawns_services_ends<B: Runtime>() {
    let ran = Counter::default();
    let group = Group::<B>::builder().run(async |tg| {
        let (group, count) = (tg.clone(), ran.clone());
        tg.child().service().spawn(async move {
            loop {
                let again = count.clone();
                group.child().service().spawn(async move { _ = again.add() });
                group.child().service().spawn(checkpoint());
                checkpoint().await;
            }
        });
        until::<B>(|| ran.get() > 100).await;
        Ok(())
    });
    assert_eq!(group.await, Ok(()));
}

/// G11: no more tasks run at a time than the limit says, and all of them run.
async fn limit_bounds_running_tasks<B: Runtime>() {
    let (begun, done) = (Counter::default(), Counter::default());
    let group = Group::<B>::builder().limit(3).run(async |tg| {
        for _ in 0..50 {
            let (begun, done) = (begun.clone(), done.clone());
            tg.spawn(async move {
                let before = begun.add();
                // In this order: what has ended since then only makes the difference smaller.
                let running = before + 1 - done.get();
                assert!(running <= 3, "{running} at a time");
                checkpoint().await;
                checkpoint().await;
                done.add();
            });
        }
        Ok(())
    });
    assert_eq!(group.await, Ok(()));
    assert_eq!(done.get(), 50);
}

/// G11: the tasks get their turns in the order in which they were spawned.
async fn limit_is_first_come_first_served<B: Runtime>() {
    let order = Arc::new(std::sync::Mutex::new(Vec::new()));
    let group = Group::<B>::builder().limit(1).run(async |tg| {
        let gate = event::<B>();
        let wait = Arc::clone(&gate);
        tg.spawn(async move { wait.wait().await });
        let mut waiting = Vec::new();
        for number in 0..10 {
            let order = Arc::clone(&order);
            waiting.push(tg.spawn(async move { order.lock().unwrap().push(number) }));
            // On several threads, each has to be in the queue before the next one is spawned.
            turns::<B>().await;
        }
        gate.set();
        Ok(())
    });
    assert_eq!(group.await, Ok(()));
    assert_eq!(*order.lock().unwrap(), (0..10).collect::<Vec<_>>());
}

/// G11: services have no share in the limit, or they would use it up.
async fn limit_leaves_services_out<B: Runtime>() {
    let group = Group::<B>::builder().limit(1).run(async |tg| {
        for _ in 0..5 {
            tg.child().service().spawn(sleep_forever());
        }
        tg.spawn(async { Ok("ran") }).await.map_err(Failure::from)
    });
    assert_eq!(group.await, Ok("ran"));
}

/// G4, G11: a task that panics gives its turn back: its siblings do not wait for ever.
async fn limit_is_given_back_by_a_panic<B: Runtime>() {
    let payload = Payload::new("in its turn");
    let group = Group::<B>::builder().limit(1).run(async |tg| {
        let theirs = payload.clone();
        tg.spawn(async move { theirs.throw::<()>() });
        tg.spawn(checkpoint());
        Ok(())
    });
    payload.comes_out_of(group).await;
}

/// G11: a task that has no turn yet when the group is cancelled never runs.
async fn task_that_waits_for_its_turn_is_cancelled<B: Runtime>() {
    let ran = Counter::default();
    let group = Group::<B>::builder().limit(1).run(async |tg| {
        let begun = event::<B>();
        let begin = Arc::clone(&begun);
        tg.spawn(async move {
            begin.set();
            sleep_forever().await
        });
        begun.wait().await;
        let count = ran.clone();
        tg.spawn(async move { _ = count.add() });
        turns::<B>().await;
        tg.cancel();
        Ok(())
    });
    assert_eq!(group.await, Ok(()));
    assert_eq!(ran.get(), 0);
}

/// G8, G11: the same for its own handle; the next one has its turn.
async fn waiting_task_is_cancelled_by_its_handle<B: Runtime>() {
    let ran = Counter::default();
    let group = Group::<B>::builder().limit(1).run(async |tg| {
        let gate = event::<B>();
        let wait = Arc::clone(&gate);
        tg.spawn(async move { wait.wait().await });
        turns::<B>().await;
        let count = ran.clone();
        let mut skipped = tg.spawn(async move { _ = count.add() });
        turns::<B>().await;
        let next = tg.spawn(async { Ok("next") });
        skipped.cancel();
        skipped.wait().await;
        gate.set();
        Ok(next.await?)
    });
    assert_eq!(group.await, Ok("next"));
    assert_eq!(ran.get(), 0);
}

/// G2, G11: a group begins with nothing of one that has ended: no limit, no name, no service, no failure.
async fn groups_have_nothing_of_those_before<B: Runtime>() {
    for round in 0..10 {
        let limited = Group::<B>::builder().limit(1).run(async |tg| {
            tg.child().name("old").spawn(checkpoint());
            tg.child().service().spawn(sleep_forever());
            let joined = tg.spawn(async { Ok("joined") });
            Ok(joined.await?)
        });
        assert_eq!(limited.await, Ok("joined"));
        if round % 2 == 1 {
            let failed = Group::<B>::builder().run(async |tg| {
                tg.spawn(async { named::<()>("old") });
                Ok(())
            });
            assert_eq!(failed.await, Err(Failure::Named("old")));
        }
        let group = Group::<B>::builder().run(async |tg| {
            assert!(!tg.cancel_called() && !tg.shutdown_called());
            let (one, other) = (event::<B>(), event::<B>());
            let (mine, theirs) = (Arc::clone(&one), Arc::clone(&other));
            // They run at the same time, or wait for ever.
            let first = tg.spawn(async move {
                mine.set();
                theirs.wait().await;
            });
            let second = tg.spawn(async move {
                other.set();
                one.wait().await;
            });
            assert_eq!((first.name(), second.name()), (None, None));
            Ok((first.await, second.await))
        });
        assert_eq!(group.await, Ok((Ok(()), Ok(()))));
    }
}

/// G11: a group in which nothing could run is refused at once.
async fn limit_of_zero_is_refused<B: Runtime>() {
    let words = caught(async { _ = Group::<B>::builder().limit(0) }).await.unwrap_err();
    assert!(words.contains("limit of 0"), "{words}");
}

/// G2: a group that collects gives all errors, in the order in which the members ended.
async fn collects_all_errors_in_order<B: Runtime>() {
    let group = Group::<B>::builder().run_collecting(async |tg| {
        let mut failing = tg.spawn(async { named::<()>("first") });
        // Outside of the shield the body would be unwound at the first wait.
        shield(failing.wait()).await;
        named::<()>("second")
    });
    let error = group.await.unwrap_err();
    assert_eq!(error.first(), &Failure::Named("first"));
    assert_eq!(error.rest(), [Failure::Named("second")]);
}

/// G2: the body's error comes first if it is what made the others clean up, and fail at that.
/// Covers: anyio/test_exception_group_host
async fn collects_an_error_of_the_body_first<B: Runtime>() {
    let group = Group::<B>::builder().run_collecting(async |tg| {
        let begun = event::<B>();
        let begin = Arc::clone(&begun);
        tg.spawn(async move {
            _ = anyio_engine::catch_cancelled(async {
                begin.set();
                sleep_forever().await
            })
            .await;
            named::<()>("cleanup")
        });
        begun.wait().await;
        named::<()>("body")
    });
    let errors: Vec<_> = group.await.unwrap_err().into_iter().collect();
    assert_eq!(errors, [Failure::Named("body"), Failure::Named("cleanup")]);
}

/// G2: what fails while it cleans up is collected, too.
/// Covers: anyio/test_exception_group_children
/// Covers: trio/test_two_child_crashes
async fn collects_errors_of_cleanups<B: Runtime>() {
    let group = Group::<B>::builder().run_collecting(async |tg| -> Result<(), Failure> {
        let begun = event::<B>();
        let begin = Arc::clone(&begun);
        tg.spawn(async move {
            _ = anyio_engine::catch_cancelled(async {
                begin.set();
                sleep_forever().await
            })
            .await;
            named::<()>("cleanup")
        });
        begun.wait().await;
        tg.spawn(async { named::<()>("cause") });
        sleep_forever().await
    });
    let error = group.await.unwrap_err();
    let errors: Vec<_> = error.into_iter().collect();
    assert_eq!(errors, [Failure::Named("cause"), Failure::Named("cleanup")]);
}

/// G2: one error is a list of one.
/// Covers: anyio/test_failing_child_task_cancels_host
async fn collects_one_error<B: Runtime>() {
    let group = Group::<B>::builder().run_collecting(async |tg| -> Result<(), Failure> {
        tg.spawn(async { named::<()>("only") });
        sleep_forever().await
    });
    let error = group.await.unwrap_err();
    assert_eq!(error.iter().collect::<Vec<_>>(), [&Failure::Named("only")]);
}

/// G2: a group that was cancelled through its handle says so.
async fn collects_a_cancellation<B: Runtime>() {
    let group = Group::<B>::builder().run_collecting(async |tg| {
        tg.cancel_because("no more");
        checkpoint().await;
        Ok(())
    });
    match group.await.unwrap_err().into_first() {
        Failure::Cancelled(cancelled) => {
            assert_eq!(cancelled.cause().reason(), Some("no more"));
        }
        other @ Failure::Named(_) => panic!("{other:?}"),
    }
}

/// G3, G4: a panic beats all the errors there are.
async fn collecting_a_panic_beats_all<B: Runtime>() {
    let payload = Payload::new("beats them");
    let group = Group::<B>::builder().run_collecting(async |tg| {
        let (theirs, begun) = (payload.clone(), event::<B>());
        let begin = Arc::clone(&begun);
        tg.spawn(async move {
            _ = anyio_engine::catch_cancelled(async {
                begin.set();
                sleep_forever().await
            })
            .await;
            theirs.throw::<()>();
        });
        begun.wait().await;
        named::<()>("one")
    });
    payload.comes_out_of(group).await;
}

/// G7: a task has the name it was given, and a group's failure goes by it.
/// Covers: anyio/test_task_name_custom_name
/// Covers: trio/test_spawn_name
async fn names_are_kept<B: Runtime>() {
    let group = Group::<B>::builder().name("the body").run(async |tg| {
        let waiting = tg.child().name("waiting").spawn(sleep_forever());
        assert_eq!(waiting.name(), Some("waiting"));
        tg.child().name("database").spawn(async { named::<()>("down") });
        let seen = anyio_engine::catch_cancelled(sleep_forever()).await.map(|never| never);
        let cause = cause_of::<std::convert::Infallible>(seen);
        assert_eq!(cause.task(), Some("database"));
        Ok(())
    });
    assert_eq!(group.await, named("down"));
}
