//! Portals with a run of their own, calls from one run into another, and portals that are shared.

use std::{
    future::pending,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Barrier, mpsc},
    thread,
};

use anyio_core::{CallError, CancelScope as _, Event as _, Run, RunError, RunOptions, Runtime};
use anyio_engine::{
    PortalProvider, RunningPortal, RuntimeExt as _, checkpoint, finally, running_backend,
    start_blocking_portal, start_portal_with, tree_local,
};

use super::tools::{Payload, event, joined};
use crate::{
    suite::Case,
    support::{Counter, Log, poll_once},
};

pub(super) fn list<B: Runtime + Run>() -> Vec<Case> {
    list![B, portal_run:
        program_without_a_run_calls,
        end_waits_for_what_runs,
        panic_cancels_what_runs,
        started_from_async_code,
        error_of_the_start_comes_to_the_caller,
        dropped_in_its_own_run,
        call_from_another_run,
        panic_crosses_over,
        call_from_another_run_is_cancelled_and_waited_for,
        abandoned_call_from_another_run_is_not_waited_for,
        cancelling_does_not_block,
        cancelled_call_does_not_start,
        provider_starts_and_stops,
        provider_is_shared_by_threads,
        provider_tries_again,
        provider_cancels_upon_a_panic,
    ]
}

tree_local! {
    static REQUEST: u32;
}

/// As many threads as in each flavour; runs of their own.
fn options() -> [RunOptions; 2] {
    [RunOptions::default().current_thread(), RunOptions::default().threads(2)]
}

/// Runs `f` in a thread that drives no runtime, for each of the [`options`].
async fn apart<B: Runtime>(f: fn(&RunOptions)) {
    for options in options() {
        joined::<B, _>(thread::spawn(move || f(&options))).await;
    }
}

/// Starts a portal for a case.
fn start<B: Run>(options: &RunOptions) -> RunningPortal<B> {
    start_blocking_portal(options).expect("it starts")
}

/// A program that is not async starts a run, calls into it, and ends it.
async fn program_without_a_run_calls<B: Runtime + Run>() {
    apart::<B>(|options| {
        assert!(running_backend().is_none());
        for _ in 0..3 {
            let portal = start::<B>(options);
            let value = portal.call(async {
                B::sleep(std::time::Duration::from_millis(1)).await;
                running_backend().is_some()
            });
            assert_eq!(value, Ok(true));
            let handle = (*portal).clone();
            drop(portal);
            assert!(handle.call(async {}).unwrap_err().is_stopped());
        }
    })
    .await;
}

/// Its end waits for what runs; after that the run is over, and nothing is left of it.
async fn end_waits_for_what_runs<B: Runtime + Run>() {
    apart::<B>(|options| {
        let log = Log::default();
        let portal = start::<B>(options);
        let (go, notes) = (event::<B>(), log.clone());
        let gate = Arc::clone(&go);
        let task = portal.spawn(async move {
            let _dropped = notes.on_drop("dropped");
            gate.wait().await;
            for _ in 0..5 {
                checkpoint().await;
            }
            notes.add("done");
            7
        });
        let (mut task, handle) = (task.expect("it takes calls"), (*portal).clone());
        let stopper = thread::spawn(move || {
            handle.stop(false);
            go.set();
        });
        drop(portal);
        assert_eq!((log.take(), task.wait()), (vec!["done", "dropped"], Ok(7)));
        stopper.join().expect("it does not panic");
    })
    .await;
}

/// If a panic ends the program's part, what runs is cancelled, and cleans up.
async fn panic_cancels_what_runs<B: Runtime + Run>() {
    apart::<B>(|options| {
        let (log, payload) = (Log::default(), Payload::new("program"));
        let notes = log.clone();
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let portal = start::<B>(options);
            let begun = event::<B>();
            let tells = Arc::clone(&begun);
            let work = async move {
                tells.set();
                pending::<()>().await;
            };
            let clean_up = async move {
                checkpoint().await;
                notes.add("cleaned up");
            };
            let _task = portal.spawn(finally(work, clean_up)).expect("it takes calls");
            portal.call(async move { begun.wait().await }).expect("it takes calls");
            payload.throw::<()>();
        }));
        payload.is(&*panicked.expect_err("it panicked"));
        assert_eq!(log.take(), ["cleaned up"]);
    })
    .await;
}

/// A portal may be started, used and ended by async code: it is another run, and nobody waits for
/// themselves.
/// Covers: anyio/test_from_async
async fn started_from_async_code<B: Runtime + Run>() {
    for options in options() {
        let portal = start::<B>(&options);
        assert_eq!(portal.call(async { 7 }), Ok(7));
        drop(portal);
    }
}

/// What keeps the runtime from starting is the caller's to know.
/// Covers: anyio/test_start_with_nonexistent_backend
async fn error_of_the_start_comes_to_the_caller<B: Runtime + Run>() {
    let refuse = |_| Err(RunError::nested("on purpose"));
    let result: Result<RunningPortal<B>, _> = start_portal_with("portal".to_owned(), refuse);
    assert!(result.unwrap_err().is_nested());
    let payload = Payload::new("start");
    let theirs = payload.clone();
    let throw = move |_| theirs.throw();
    let panicked = catch_unwind(|| start_portal_with::<B, _>("portal".to_owned(), throw));
    payload.is(&*panicked.expect_err("it panicked"));
}

/// If the last who has it is a task of its own run, the run ends without being waited for.
async fn dropped_in_its_own_run<B: Runtime + Run>() {
    apart::<B>(|options| {
        let portal = start::<B>(options);
        let (handle, (send, ended)) = ((*portal).clone(), mpsc::channel::<()>());
        let task = handle.spawn(async move {
            let _ends = send;
            drop(portal);
            checkpoint().await;
            7
        });
        let mut task = task.expect("it takes calls");
        assert_eq!(task.wait(), Ok(7));
        assert!(ended.recv().is_err());
    })
    .await;
}

/// A task calls into another run, awaits, and has the value; its own run goes on meanwhile.
/// Covers: anyio/test_call_async_corofunc
/// Covers: anyio/test_call_async_context_variable
async fn call_from_another_run<B: Runtime + Run>() {
    for options in options() {
        let portal = start::<B>(&options);
        let gate = event::<B>();
        let wait = Arc::clone(&gate);
        let here = thread::current().id();
        let call = REQUEST.scope(
            7,
            portal.call_async(async move {
                wait.wait().await;
                // Its values are those of the portal: G7.
                (thread::current().id() == here, REQUEST.try_get().is_err())
            }),
        );
        let (value, ()) = futures_util::join!(call, async {
            checkpoint().await;
            gate.set();
        });
        assert_eq!(value, Ok((false, true)));
    }
}

/// So does a panic, and an error.
/// Covers: anyio/test_call_async_exception
async fn panic_crosses_over<B: Runtime + Run>() {
    let portal = start::<B>(&RunOptions::default().current_thread());
    let payload = Payload::new("call");
    let theirs = payload.clone();
    let call = portal.call_async(async move {
        checkpoint().await;
        theirs.throw::<()>();
    });
    payload.comes_out_of(call).await;
    let call = portal.call_async(async { Err::<(), _>("on purpose") });
    assert_eq!(call.await, Ok(Err("on purpose")));
    portal.stop(false);
    assert!(portal.call_async(async {}).await.unwrap_err().is_stopped());
}

/// If the caller is cancelled, what it called is, too, and cleans up before the caller goes on.
/// Covers: anyio/test_call_async_cancellation_cleanup
async fn call_from_another_run_is_cancelled_and_waited_for<B: Runtime + Run>() {
    for options in options() {
        let portal = start::<B>(&options);
        let (scope, log) = (B::CancelScope::new(), Log::default());
        let (begun, notes) = (event::<B>(), log.clone());
        let tells = Arc::clone(&begun);
        let work = async move {
            tells.set();
            pending::<()>().await;
        };
        let clean_up = async move {
            for _ in 0..5 {
                checkpoint().await;
            }
            notes.add("cleaned up");
        };
        let call = portal.call_async(finally(work, clean_up));
        let mut work = Box::pin(scope.run(async {
            _ = call.await;
            log.add("after");
        }));
        assert!(poll_once(&mut work).is_pending());
        begun.wait().await;
        scope.cancel();
        assert!(work.await.is_err());
        assert_eq!(log.take(), ["cleaned up"]);
    }
}

/// Abandoned, it is cancelled as well, but the caller goes on at once.
/// Covers: anyio/test_call_async_cancellation_cleanup
async fn abandoned_call_from_another_run_is_not_waited_for<B: Runtime + Run>() {
    let portal = start::<B>(&RunOptions::default().current_thread());
    let (scope, begun, go) = (B::CancelScope::new(), event::<B>(), event::<B>());
    let ended = event::<B>();
    let (tells, gate, ends) = (Arc::clone(&begun), Arc::clone(&go), Arc::clone(&ended));
    let work = async move {
        tells.set();
        pending::<()>().await;
    };
    let clean_up = async move {
        gate.wait().await;
        ends.set();
    };
    let call = portal.call_async(finally(work, clean_up)).abandon_on_cancel();
    let mut work = Box::pin(scope.run(call));
    assert!(poll_once(&mut work).is_pending());
    begun.wait().await;
    scope.cancel();
    assert!(work.await.is_err());
    assert!(!ended.is_set());
    go.set();
    ended.wait().await;
}

/// A cancellation does not block, even if the other run is stuck.
/// Covers: anyio/test_call_async_cancellation_does_not_block
async fn cancelling_does_not_block<B: Runtime + Run>() {
    let portal = start::<B>(&RunOptions::default().current_thread());
    let ((go, stuck), begun) = (mpsc::channel::<()>(), event::<B>());
    let (scope, tells) = (B::CancelScope::new(), Arc::clone(&begun));
    let call = portal.call_async(async move {
        tells.set();
        stuck.recv().expect("the case lets it go");
        pending::<()>().await;
    });
    let mut work = Box::pin(scope.run(call.abandon_on_cancel()));
    assert!(poll_once(&mut work).is_pending());
    begun.wait().await;
    scope.cancel();
    assert!(work.await.is_err());
    go.send(()).expect("it is stuck");
}

/// C8: in a cancelled scope nothing is called.
async fn cancelled_call_does_not_start<B: Runtime + Run>() {
    let portal = start::<B>(&RunOptions::default().current_thread());
    let (scope, ran) = (B::CancelScope::new(), Counter::default());
    let counted = ran.clone();
    scope.cancel();
    assert!(scope.run(portal.call_async(async move { counted.add() })).await.is_err());
    drop(portal);
    assert_eq!(ran.get(), 0);
}

/// The first who needs the shared portal starts it, and the last who lets go stops it.
/// Covers: anyio/test_single_thread
async fn provider_starts_and_stops<B: Runtime + Run>() {
    apart::<B>(|options| {
        let provider = PortalProvider::<B>::new(options.clone());
        for _ in 0..3 {
            let first = provider.portal().expect("it starts");
            let second = provider.portal().expect("it is there");
            let handle = (*first).clone();
            drop(first);
            assert_eq!(handle.call(async { 7 }), Ok(7));
            drop(second);
            assert!(handle.call(async {}).unwrap_err().is_stopped());
        }
    })
    .await;
}

/// Threads that need it at the same time have the same one.
/// Covers: anyio/test_multiple_threads
async fn provider_is_shared_by_threads<B: Runtime + Run>() {
    apart::<B>(|options| {
        const THREADS: usize = 4;
        let (starts, options) = (Counter::default(), options.clone());
        let counted = starts.clone();
        let provider = PortalProvider::<B>::with(move || {
            counted.add();
            start_blocking_portal(&options)
        });
        let barrier = Barrier::new(THREADS);
        thread::scope(|threads| {
            for _ in 0..THREADS {
                threads.spawn(|| -> Result<(), CallError> {
                    let portal = provider.portal().expect("it starts");
                    barrier.wait(); // all of them have it
                    assert_eq!(portal.call(async { 7 })?, 7);
                    barrier.wait();
                    Ok(())
                });
            }
        });
        assert_eq!(starts.get(), 1);
    })
    .await;
}

/// A start that fails leaves the provider as it was.
/// Covers: anyio/test_retry_after_failed_enter
async fn provider_tries_again<B: Runtime + Run>() {
    apart::<B>(|options| {
        let (tries, options) = (Counter::default(), options.clone());
        let provider = PortalProvider::<B>::with(move || match tries.add() {
            0 => Err(RunError::nested("on purpose")),
            1 => panic_quietly(),
            _ => start_blocking_portal(&options),
        });
        assert!(provider.portal().unwrap_err().is_nested());
        assert!(catch_unwind(AssertUnwindSafe(|| provider.portal().map(drop))).is_err());
        let portal = provider.portal().expect("it starts");
        assert_eq!(portal.call(async { 7 }), Ok(7));
        let handle = (*portal).clone();
        drop(portal);
        assert!(handle.is_stopped());
    })
    .await;
}

fn panic_quietly<T>() -> T {
    Payload::new("start").throw()
}

/// If a panic lets go of it, what runs is cancelled.
/// Covers: anyio/test_exception_passed_to_portal_cm
async fn provider_cancels_upon_a_panic<B: Runtime + Run>() {
    apart::<B>(|options| {
        let provider = PortalProvider::<B>::new(options.clone());
        let mut task = None;
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let portal = provider.portal().expect("it starts");
            task = Some(portal.spawn(pending::<()>()).expect("it takes calls"));
            Payload::new("program").throw::<()>();
        }));
        assert!(panicked.is_err());
        assert!(task.expect("it was spawned").wait().unwrap_err().is_cancelled());
    })
    .await;
}
