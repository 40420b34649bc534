//! Portals: async code for threads that are not async.

use std::{
    future::pending,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{Arc, Mutex, mpsc},
    thread,
    time::{Duration, Instant},
};

use anyio_core::{CallError, CancelScope as _, Cancelled, CauseKind, Event as _, Runtime};
use anyio_engine::{
    BlockingPortal, Holding, RuntimeExt as _, checkpoint, current_task, finally,
    is_shutdown_requested, op::is_cancelled, running_backend, shield, tree_local,
};

use super::tools::{Failure, Payload, event, joined};
use crate::{
    suite::Case,
    support::{Counter, Log, is_pending, until},
};

pub(super) fn list<B: Runtime>() -> Vec<Case> {
    list![B, portal:
        call_gives_the_value,
        panic_goes_on_in_the_caller,
        spawned_task_is_waited_for_later,
        wait_can_time_out,
        task_is_cancelled_by_its_handle,
        task_cancelled_at_once_is_polled,
        cancel_racing_with_the_end_keeps_the_result,
        start_waits_for_the_task_to_be_ready,
        start_tells_that_a_task_was_never_ready,
        resource_is_held_open_for_a_thread,
        resource_that_cannot_be_opened,
        resource_that_is_not_held,
        calls_of_its_own_run_are_refused,
        stopped_portal_refuses,
        stop_waits_for_what_runs,
        stop_may_cancel_what_runs,
        handle_outlives_the_portal,
        failed_body_cancels_what_runs,
        scope_around_the_portal_reaches_the_calls,
        failures_are_the_callers_alone,
        tasks_have_the_portals_values,
        many_threads_and_many_portals,
    ]
}

tree_local! {
    static REQUEST: u32;
}

/// Runs `thread` in a thread that has a portal into this run, and waits for it.
async fn with_thread<B: Runtime, T: Send + 'static>(
    thread: impl FnOnce(BlockingPortal<B>) -> T + Send + 'static,
) -> T {
    let body = async |portal: BlockingPortal<B>| -> Result<T, Cancelled> {
        Ok(joined::<B, _>(thread::spawn(move || thread(portal))).await)
    };
    B::blocking_portal(body).await.expect("nobody cancels it")
}

/// A thread calls, and has the value; the future runs where the tasks of the run do.
/// Covers: anyio/test_start_task_soon
async fn call_gives_the_value<B: Runtime>() {
    let value = with_thread::<B, _>(|portal| {
        let here = thread::current().id();
        portal.call(async move {
            checkpoint().await;
            B::sleep(Duration::from_millis(1)).await;
            (thread::current().id() != here, running_backend().is_some())
        })
    });
    assert_eq!(value.await, Ok((true, true)));
}

/// A panic goes on in who waits, and the portal works on.
/// Covers: anyio/test_raise_baseexception_from_task
async fn panic_goes_on_in_the_caller<B: Runtime>() {
    let payload = Payload::new("call");
    let theirs = payload.clone();
    let (thrown, after) = with_thread::<B, _>(move |portal| {
        let mut dropped = portal.spawn(async { resume_unwind(Box::new("of no interest")) });
        until_finished(dropped.as_mut().expect("it takes calls"));
        drop(dropped);
        let call = async move {
            checkpoint().await;
            theirs.throw::<()>();
        };
        let thrown = catch_unwind(AssertUnwindSafe(|| portal.call(call)));
        (thrown.err(), portal.call(async { 7 }))
    })
    .await;
    payload.is(&*thrown.expect("it panicked"));
    assert_eq!(after, Ok(7));
}

fn until_finished(task: &mut anyio_engine::PortalTask<()>) {
    while !task.is_finished() {
        thread::yield_now();
    }
}

/// Several tasks run at the same time, and are waited for in any order.
/// Covers: anyio/test_start_task_soon
/// Covers: anyio/test_start_task_soon_with_name
async fn spawned_task_is_waited_for_later<B: Runtime>() {
    let values = with_thread::<B, _>(|portal| -> Result<_, CallError> {
        let (one, two) = (event::<B>(), event::<B>());
        let (theirs, others) = (Arc::clone(&one), Arc::clone(&two));
        let mut first = portal.child().name("first").spawn(async move {
            theirs.wait().await;
            1
        })?;
        let mut second = portal.spawn(async move {
            others.wait().await;
            one.set();
            2
        })?;
        assert_eq!((first.name(), second.name()), (Some("first"), None));
        assert!(!first.is_finished());
        portal.call(async move { two.set() })?;
        Ok((first.wait()?, second.wait()?))
    });
    assert_eq!(values.await, Ok((1, 2)));
}

/// Who does not want to wait for ever does not; the task goes on, and can be waited for again.
async fn wait_can_time_out<B: Runtime>() {
    with_thread::<B, _>(|portal| {
        let go = event::<B>();
        let gate = Arc::clone(&go);
        let task = portal.spawn(async move {
            gate.wait().await;
            7
        });
        let mut task = task.expect("it takes calls");
        let start = Instant::now();
        let error = task.wait_timeout(Duration::from_millis(5)).unwrap_err();
        assert!(error.is_timed_out() && start.elapsed() >= Duration::from_millis(5));
        go.set();
        assert_eq!(task.wait(), Ok(7));
    })
    .await;
}

/// A task is cancelled by its handle, cleans up, and says so.
/// Covers: anyio/test_start_task_soon_cancel_later
async fn task_is_cancelled_by_its_handle<B: Runtime>() {
    let log = Log::default();
    let notes = log.clone();
    with_thread::<B, _>(move |portal| {
        let begun = event::<B>();
        let tells = Arc::clone(&begun);
        let inner = notes.clone();
        let task = portal.spawn(async move {
            let work = async {
                tells.set();
                pending::<()>().await;
            };
            let clean_up = async {
                checkpoint().await;
                inner.add("cleaned up");
            };
            finally(work, clean_up).await;
        });
        let mut task = task.expect("it takes calls");
        portal.call(async move { begun.wait().await }).expect("it takes calls");
        let line = line!() + 1;
        task.cancel();
        let error = task.wait().unwrap_err();
        notes.add("told");
        let cause = error.as_cancelled().expect("it is a cancellation").cause();
        assert_eq!(cause.kind(), CauseKind::Explicit);
        let place = cause.location().expect("somebody has called");
        assert_eq!((place.file(), place.line()), (file!(), line));
        assert_eq!(portal.call(async { 7 }), Ok(7));
    })
    .await;
    assert_eq!(log.take(), ["cleaned up", "told"]);
}

/// G10: a task that is cancelled before it has run at all gets as far as its first operation, so that it
/// can let go of what it was given.
/// Covers: anyio/test_start_task_soon_cancel_immediately
async fn task_cancelled_at_once_is_polled<B: Runtime>() {
    with_thread::<B, _>(|portal| {
        for _ in 0..50 {
            let (begun, ended) = (Counter::default(), Counter::default());
            let (begins, ends) = (begun.clone(), ended.clone());
            let task = portal.spawn(async move {
                begins.add();
                pending::<()>().await;
                ends.add();
            });
            let mut task = task.expect("it takes calls");
            task.cancel();
            assert!(task.wait().unwrap_err().is_cancelled());
            assert_eq!((begun.get(), ended.get()), (1, 0));
        }
    })
    .await;
}

/// C7: whether a task is cancelled while it ends or not, it gives its value or a cancellation, once.
/// Covers: anyio/test_cancel_during_completion
async fn cancel_racing_with_the_end_keeps_the_result<B: Runtime>() {
    with_thread::<B, _>(|portal| {
        for _ in 0..100 {
            let done = Counter::default();
            let counted = done.clone();
            let task = portal.spawn(async move {
                checkpoint().await;
                counted.add();
                7
            });
            let mut task = task.expect("it takes calls");
            task.cancel();
            match task.wait() {
                Ok(value) => assert_eq!((value, done.get()), (7, 1)),
                Err(error) => assert!(error.is_cancelled() && done.get() == 0),
            }
            // There is nothing left to cancel.
            task.cancel();
        }
    })
    .await;
}

/// `start` blocks until the task is ready; what it ends in comes later, even if it fails then.
/// Covers: anyio/TestBlockingPortal::test_start_with_value
/// Covers: anyio/test_start_crash_after_started_call
/// Covers: anyio/test_start_with_name
async fn start_waits_for_the_task_to_be_ready<B: Runtime>() {
    let payload = Payload::new("after");
    let theirs = payload.clone();
    let thrown = with_thread::<B, _>(move |portal| {
        let go = event::<B>();
        let gate = Arc::clone(&go);
        let started = portal.child().name("server").start(|ready| async move {
            checkpoint().await;
            let own_name = current_task().and_then(|task| task.name().map(str::to_owned));
            ready.started(own_name);
            gate.wait().await;
            theirs.throw::<()>();
        });
        let (mut task, value) = started.expect("it takes calls");
        assert_eq!(value.flatten().as_deref(), Some("server"));
        assert_eq!(task.name(), Some("server"));
        assert!(!task.is_finished());
        go.set();
        catch_unwind(AssertUnwindSafe(|| task.wait())).err()
    });
    payload.is(&*thrown.await.expect("it panicked"));
}

/// If the task ends without being ready, `start` does not wait for ever, and nothing is lost.
async fn start_tells_that_a_task_was_never_ready<B: Runtime>() {
    with_thread::<B, _>(|portal| {
        let started = portal.start(|ready| async move {
            checkpoint().await;
            drop::<anyio_engine::PortalReady<u8>>(ready);
            "failed"
        });
        let (mut task, value) = started.expect("it takes calls");
        assert_eq!((value, task.wait()), (None, Ok("failed")));
    })
    .await;
}

/// What has to be opened and closed by async code is held open while a thread uses it.
async fn resource_is_held_open_for_a_thread<B: Runtime>() {
    let log = Log::default();
    let notes = log.clone();
    with_thread::<B, _>(move |portal| {
        for asks in [true, false] {
            let inner = notes.clone();
            let held = portal.wrap(|holding| async move {
                checkpoint().await;
                inner.add("opened");
                holding.hold(7).await;
                checkpoint().await;
                inner.add("closed");
                Ok::<_, Failure>("bye")
            });
            let held = held.expect("it takes calls").expect("it could be opened");
            notes.add("used");
            assert_eq!(*held, 7);
            if asks {
                assert_eq!(held.exit(), Ok(Ok("bye")));
            } else {
                drop(held);
            }
            notes.add("done");
        }
    })
    .await;
    assert_eq!(log.take(), ["opened", "used", "closed", "done"].repeat(2));
}

/// If it cannot be opened, the thread hears why.
async fn resource_that_cannot_be_opened<B: Runtime>() {
    let result = with_thread::<B, _>(|portal| {
        let held = portal.wrap(|holding: Holding<u8>| async move {
            checkpoint().await;
            Err("no such thing")?;
            holding.hold(7).await;
            Ok::<_, &str>(())
        });
        held.expect("it takes calls").err()
    });
    assert_eq!(result.await, Some("no such thing"));
}

/// If the task forgets to hold anything out, the thread does not wait for ever.
async fn resource_that_is_not_held<B: Runtime>() {
    with_thread::<B, _>(|portal| {
        let held = portal.wrap(|_: Holding<u8>| async {
            checkpoint().await;
            Ok::<_, Failure>(())
        });
        let error = held.expect_err("there is nothing");
        assert!(error.is_not_held(), "{error}");
        assert!(error.to_string().contains("holding.hold(value)"), "{error}");
    })
    .await;
}

/// A task of the portal's own run would wait for itself: what blocks is refused, and the rest works.
/// Covers: anyio/test_call_portal_from_event_loop_thread
async fn calls_of_its_own_run_are_refused<B: Runtime>() {
    let result = B::blocking_portal(async |portal: BlockingPortal<B>| -> Result<(), CallError> {
        assert!(portal.call(async {}).unwrap_err().is_refused());
        let never = portal.start(|_: anyio_engine::PortalReady<u8>| async {});
        assert!(never.unwrap_err().is_refused());
        let (inner, gate) = (portal.clone(), event::<B>());
        let wait = Arc::clone(&gate);
        let mut task = portal.spawn(async move {
            wait.wait().await;
            inner.call(async {}).unwrap_err().is_refused()
        })?;
        let error = task.wait().unwrap_err();
        assert!(error.is_refused() && error.to_string().contains(".await"), "{error}");
        gate.set();
        assert!((&mut task).await?);
        Ok(())
    });
    assert_eq!(result.await, Ok(()));
}

/// A portal that has been stopped takes no more calls, and says so.
/// Covers: anyio/test_call_stopped_portal
async fn stopped_portal_refuses<B: Runtime>() {
    let (kept, ran) = (Mutex::new(None), Counter::default());
    let result = B::blocking_portal(async |portal: BlockingPortal<B>| -> Result<(), Cancelled> {
        *kept.lock().unwrap() = Some(portal.clone());
        portal.stop(false);
        assert!(portal.is_stopped());
        portal.wait_stopped().await;
        let counted = ran.clone();
        assert!(portal.spawn(async move { counted.add() }).unwrap_err().is_stopped());
        Ok(())
    });
    assert_eq!(result.await, Ok(()));
    let portal = kept.lock().unwrap().take().expect("it was put there");
    let foreign = thread::spawn(move || portal.call(async {}));
    let error = joined::<B, _>(foreign).await.unwrap_err();
    assert!(error.is_stopped(), "{error:?}");
    assert_eq!(ran.get(), 0);
}

/// A stop lets what runs come to its end, and the portal waits for it.
async fn stop_waits_for_what_runs<B: Runtime>() {
    let (go, log) = (event::<B>(), Log::default());
    let (gate, notes) = (Arc::clone(&go), log.clone());
    let mut work = Box::pin(B::blocking_portal(
        async move |portal: BlockingPortal<B>| -> Result<_, Cancelled> {
            let task = portal.spawn(async move {
                gate.wait().await;
                checkpoint().await;
                notes.add("task");
                7
            });
            portal.stop(false);
            Ok(task.expect("it took calls"))
        },
    ));
    for _ in 0..10 {
        assert!(is_pending(work.as_mut()).await);
        checkpoint().await;
    }
    go.set();
    let mut task = work.await.expect("nobody fails");
    log.add("portal");
    assert_eq!((task.wait(), log.take()), (Ok(7), vec!["task", "portal"]));
}

/// A stop may cancel what runs instead; who waits for it is told, and the body goes on.
/// Covers: anyio/test_cancel_portal_future
async fn stop_may_cancel_what_runs<B: Runtime>() {
    let log = Log::default();
    let notes = log.clone();
    let (error, line) = with_thread::<B, _>(move |portal| {
        let begun = event::<B>();
        let tells = Arc::clone(&begun);
        let task = portal.spawn(async move {
            let work = async {
                tells.set();
                pending::<()>().await;
            };
            finally(work, async { notes.add("cleaned up") }).await;
        });
        portal.call(async move { begun.wait().await }).expect("it takes calls");
        portal.stop(false);
        portal.stop(true);
        (task.expect("it took calls").wait().unwrap_err(), line!() - 1)
    })
    .await;
    let cause = error.as_cancelled().expect("it is a cancellation").cause();
    let place = cause.location().expect("somebody has called");
    assert_eq!((place.file(), place.line()), (file!(), line));
    assert_eq!(cause.reason(), Some("the portal was stopped"));
    assert_eq!(log.take(), ["cleaned up"]);
}

/// What has ended can be asked for, and cancelled, when the portal is gone.
/// Covers: anyio/test_start_task_soon_cancel_after_stop
async fn handle_outlives_the_portal<B: Runtime>() {
    let mut task =
        with_thread::<B, _>(|portal| portal.spawn(async { 7 }).expect("it takes calls")).await;
    task.cancel();
    assert_eq!(task.wait(), Ok(7));
}

/// If the body fails, the calls that run are cancelled, and their threads told.
/// Covers: anyio/test_aexit_with_exception
async fn failed_body_cancels_what_runs<B: Runtime>() {
    let (begun, send) = (event::<B>(), mpsc::channel());
    let (tells, (send, told)) = (Arc::clone(&begun), send);
    let result = B::blocking_portal(async move |portal: BlockingPortal<B>| {
        let foreign = thread::spawn(move || {
            let call = portal.call(async move {
                tells.set();
                pending::<()>().await;
            });
            send.send(call).expect("the case waits");
        });
        begun.wait().await;
        drop(foreign);
        Err::<(), _>(Failure::Named("body"))
    });
    assert_eq!(result.await, Err(Failure::Named("body")));
    let mut call = None;
    until::<B>(|| {
        call = told.try_recv().ok();
        call.is_some()
    })
    .await;
    assert!(call.expect("it was told").unwrap_err().is_cancelled());
}

/// The calls are in the scope in which the portal was opened.
async fn scope_around_the_portal_reaches_the_calls<B: Runtime>() {
    let (scope, log) = (B::CancelScope::new(), Log::default());
    let (begun, notes) = (event::<B>(), log.clone());
    let (tells, canceller) = (Arc::clone(&begun), scope.clone());
    let (send, told) = mpsc::channel();
    let result = scope.run(B::blocking_portal(async |portal: BlockingPortal<B>| {
        let foreign = thread::spawn(move || {
            let call = portal.call(async move {
                shield(async {
                    tells.set();
                    checkpoint().await;
                })
                .await;
                notes.add("shielded");
                while !is_cancelled() {
                    checkpoint().await;
                }
                pending::<()>().await;
            });
            send.send(call).expect("the case waits");
        });
        begun.wait().await;
        drop(foreign);
        canceller.cancel_because("seen enough");
        checkpoint().await;
        Ok::<(), Cancelled>(())
    }));
    assert!(result.await.is_err());
    let mut call = None;
    until::<B>(|| {
        call = told.try_recv().ok();
        call.is_some()
    })
    .await;
    let error = call.expect("it was told").unwrap_err();
    assert_eq!(error.as_cancelled().and_then(|it| it.cause().reason()), Some("seen enough"));
    assert_eq!(log.take(), ["shielded"]);
}

/// A call that fails, or is cancelled, fails nobody else.
async fn failures_are_the_callers_alone<B: Runtime>() {
    with_thread::<B, _>(|portal| -> Result<(), CallError> {
        let go = event::<B>();
        let gate = Arc::clone(&go);
        let mut other = portal.spawn(async move {
            gate.wait().await;
            assert!(!is_cancelled() && !is_shutdown_requested());
            7
        })?;
        assert_eq!(portal.call(async { Err::<(), _>("on purpose") })?, Err("on purpose"));
        let mut cut = portal.spawn(pending::<()>())?;
        cut.cancel();
        assert!(cut.wait().unwrap_err().is_cancelled());
        go.set();
        assert_eq!(other.wait()?, 7);
        Ok(())
    })
    .await
    .expect("it takes calls");
}

/// G7: the tasks of a portal have the local values of where it was opened, whoever calls.
/// Covers: anyio/test_contextvar_propagation_sync
/// Covers: anyio/test_contextvar_propagation_async
async fn tasks_have_the_portals_values<B: Runtime>() {
    let seen = REQUEST.scope(
        7,
        with_thread::<B, _>(|portal| {
            let unset = REQUEST.try_get().is_err();
            let called = portal.call(async {
                checkpoint().await;
                REQUEST.get()
            });
            (unset, called, portal.call(async { REQUEST.get() }))
        }),
    );
    assert_eq!(seen.await, (true, Ok(7), Ok(7)));
}

/// Many threads and many portals, with panics and cancels on both sides: everybody comes through, and
/// gets what is theirs.
async fn many_threads_and_many_portals<B: Runtime>() {
    const THREADS: usize = 4;
    let mut portals = Vec::new();
    for _ in 0..3 {
        portals.push(Box::pin(with_thread::<B, _>(|portal| {
            let threads: Vec<_> = (0..THREADS)
                .map(|number| {
                    let portal = portal.clone();
                    thread::spawn(move || some_of_everything::<B>(&portal, number))
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().expect("no check failed")).sum()
        })));
    }
    let sums: Vec<usize> = futures_util::future::join_all(portals).await;
    assert_eq!(sums, [THREADS * 60; 3]);
}

fn some_of_everything<B: Runtime>(portal: &BlockingPortal<B>, number: usize) -> usize {
    let mut ended = 0;
    for round in 0..20 {
        let value = portal.call(async move {
            checkpoint().await;
            number + round
        });
        assert_eq!(value, Ok(number + round));
        let panics = async { resume_unwind(Box::new("on purpose")) };
        let panicked = catch_unwind(AssertUnwindSafe(|| portal.call::<_>(panics).map(|(): ()| ())));
        assert!(panicked.is_err());
        let mut cut = portal.spawn(pending::<()>()).expect("it takes calls");
        cut.cancel();
        assert!(cut.wait().unwrap_err().is_cancelled());
        ended += 3;
    }
    ended
}
