//! From a thread back into the run.

use std::{
    future::pending,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, mpsc},
    task::Poll,
    thread,
};

use anyio_core::{
    Blocking, CallError, CancelScope as _, Cancelled, Event as _, Run, RunOptions, Runtime,
    TaskGroup as _, TaskHandle as _,
};
use anyio_engine::{
    RuntimeExt as _, capture, checkpoint, finally,
    from_thread::{self, Handle},
    op::is_cancelled,
    running_backend, shield, tree_local,
};

use super::tools::{Payload, event, joined};
use crate::{
    suite::Case,
    support::{Counter, Log, poll_once, until},
};

pub(super) fn list<B: Runtime + Blocking>() -> Vec<Case> {
    list![B, from_thread:
        future_runs_in_the_run,
        function_runs_in_the_run,
        failure_comes_back_to_the_thread,
        panic_goes_on_in_the_thread,
        future_is_cancelled_with_the_host,
        cancelled_future_is_cleaned_up_first,
        future_of_a_cancelled_host_is_polled_once,
        future_of_an_abandoned_call_goes_on,
        job_can_ask_whether_it_is_cancelled,
        abandoned_job_can_ask,
        job_of_a_dropped_call_hears_why,
        local_values_go_there_and_back,
        task_is_refused,
        foreign_thread_is_told_what_it_lacks,
        handle_works_from_any_thread,
        handle_is_found_in_a_job,
        handle_does_not_lift_the_refusal,
        handles_futures_belong_to_no_scope,
        nested_calls_go_through,
        many_threads_at_once,
    ]
}

/// What a thread sends, which may still take it a while.
async fn receive<B: Runtime, T>(from: &mpsc::Receiver<T>) -> T {
    let mut got = None;
    until::<B>(|| {
        got = from.try_recv().ok();
        got.is_some()
    })
    .await;
    got.expect("it is there")
}

pub(super) fn run<B: Runtime + Run>() -> Vec<Case> {
    list![B, from_thread:
        finished_run_is_an_error,
        run_that_ends_under_a_call_is_an_error,
        future_may_call_into_another_run,
    ]
}

tree_local! {
    static REQUEST: u32;
}

/// A job has a future run where the run's tasks run, and gets its value.
/// Covers: anyio/test_run_corofunc_from_thread
/// Covers: trio/test_trio_from_thread_run
async fn future_runs_in_the_run<B: Runtime + Blocking>() {
    let job = || {
        assert!(running_backend().is_none());
        let here = thread::current().id();
        from_thread::run(async move {
            checkpoint().await;
            B::sleep(std::time::Duration::from_millis(1)).await;
            (thread::current().id() == here, running_backend().is_some())
        })
    };
    assert_eq!(B::to_thread(job).await, Ok((false, true)));
}

/// So is a function.
/// Covers: anyio/test_run_sync_from_thread
/// Covers: trio/test_trio_from_thread_run_sync
async fn function_runs_in_the_run<B: Runtime + Blocking>() {
    let job = || {
        let here = thread::current().id();
        from_thread::run_sync(move || (thread::current().id() == here, running_backend().is_some()))
    };
    assert_eq!(B::to_thread(job).await, Ok((false, true)));
}

/// What the future fails with is a value like any other.
async fn failure_comes_back_to_the_thread<B: Runtime + Blocking>() {
    let job = || from_thread::run(async { Err::<(), _>("on purpose") });
    assert_eq!(B::to_thread(job).await, Ok(Err("on purpose")));
}

/// Its panic goes on in the thread, and spoils nothing.
/// Covers: anyio/test_run_async_from_thread_exception
async fn panic_goes_on_in_the_thread<B: Runtime + Blocking>() {
    let payload = Payload::new("guest");
    let theirs = payload.clone();
    let caught = B::to_thread(move || {
        let thrown = theirs.clone();
        let first = catch_unwind(AssertUnwindSafe(|| {
            from_thread::run(async move {
                checkpoint().await;
                thrown.throw::<()>();
            })
        }));
        let second =
            catch_unwind(AssertUnwindSafe(|| from_thread::run_sync(move || theirs.throw::<()>())));
        let after = from_thread::run(async { 7 });
        (first.err(), second.err(), after)
    });
    let (first, second, after) = caught.await;
    payload.is(&*first.expect("it panicked"));
    payload.is(&*second.expect("it panicked"));
    assert_eq!(after, Ok(7));
}

/// The future stands beneath the task that waits for the job: it is cancelled with that, the job hears of
/// it, and goes on.
/// Covers: anyio/test_cancelscope_propagation
/// Covers: trio/test_from_thread_host_cancelled
async fn future_is_cancelled_with_the_host<B: Runtime + Blocking>() {
    let (scope, begun, log) = (B::CancelScope::new(), event::<B>(), Log::default());
    let (tells, notes) = (Arc::clone(&begun), log.clone());
    let job = move || {
        let inner = notes.clone();
        let result = from_thread::run(async move {
            let _dropped = inner.on_drop("unwound");
            tells.set();
            pending::<()>().await;
        });
        notes.add("back");
        result
    };
    let mut work = Box::pin(scope.run(B::to_thread(job)));
    assert!(poll_once(&mut work).is_pending());
    begun.wait().await;
    scope.cancel_because("seen enough");
    let error = work.await.expect("a value beats the cancellation").unwrap_err();
    let cancelled = error.as_cancelled().expect("it is a cancellation");
    assert_eq!(cancelled.cause().reason(), Some("seen enough"));
    assert_eq!(log.take(), ["unwound", "back"]);
}

/// The thread goes on when the future's cleanup has run, and what is shielded in it.
async fn cancelled_future_is_cleaned_up_first<B: Runtime + Blocking>() {
    let (scope, begun, log) = (B::CancelScope::new(), event::<B>(), Log::default());
    let (tells, notes) = (Arc::clone(&begun), log.clone());
    let job = move || {
        let inner = notes.clone();
        let result = from_thread::run(async move {
            shield(async {
                tells.set();
                for _ in 0..5 {
                    checkpoint().await;
                }
                inner.add("shielded");
            })
            .await;
            finally(pending::<()>(), async {
                checkpoint().await;
                inner.add("cleaned up");
            })
            .await;
        });
        notes.add("back");
        assert!(result.unwrap_err().is_cancelled());
    };
    let mut work = Box::pin(scope.run(B::to_thread(job)));
    assert!(poll_once(&mut work).is_pending());
    begun.wait().await;
    scope.cancel();
    assert!(work.await.is_ok());
    assert_eq!(log.take(), ["shielded", "cleaned up", "back"]);
}

/// Where the host is cancelled already, a future gets as far as its first operation, and a function runs
/// as ever.
async fn future_of_a_cancelled_host_is_polled_once<B: Runtime + Blocking>() {
    let (scope, begun) = (B::CancelScope::new(), Counter::default());
    let (canceller, counted) = (scope.clone(), begun.clone());
    let job = move || {
        canceller.cancel();
        let future = from_thread::run(async move {
            counted.add();
            assert!(is_cancelled());
            checkpoint().await;
            counted.add();
        });
        (future, from_thread::run_sync(|| 7), from_thread::run(async { 8 }))
    };
    let (future, function, ready) = scope.run(B::to_thread(job)).await.expect("it has a value");
    assert!(future.unwrap_err().is_cancelled());
    assert_eq!((function, ready), (Ok(7), Ok(8)));
    assert_eq!(begun.get(), 1);
}

/// If the call may be abandoned, what the job starts belongs to no scope, and goes on to its end.
/// Covers: anyio/test_cancelscope_propagation_when_abandoned
/// Covers: trio/test_from_thread_host_cancelled
async fn future_of_an_abandoned_call_goes_on<B: Runtime + Blocking>() {
    let (scope, begun, go) = (B::CancelScope::new(), event::<B>(), event::<B>());
    let (send, result) = mpsc::channel();
    let (tells, gate) = (Arc::clone(&begun), Arc::clone(&go));
    let job = move || {
        let result = from_thread::run(async move {
            tells.set();
            gate.wait().await;
            checkpoint().await;
            7
        });
        send.send(result).expect("the case waits");
    };
    let mut work = Box::pin(scope.run(B::to_thread(job).abandon_on_cancel()));
    assert!(poll_once(&mut work).is_pending());
    begun.wait().await;
    scope.cancel();
    assert!(matches!(poll_once(&mut work), Poll::Ready(Err(_))));
    go.set();
    assert_eq!(receive::<B, _>(&result).await, Ok(7));
}

/// A job that asks hears that its task is cancelled; it is the task's scope that catches it.
/// Covers: anyio/test_thread_cancelled
/// Covers: trio/test_from_thread_check_cancelled_no_abandon
async fn job_can_ask_whether_it_is_cancelled<B: Runtime + Blocking>() {
    let (outer, inner) = (B::CancelScope::new(), B::CancelScope::new());
    let begun = event::<B>();
    let tells = Arc::clone(&begun);
    let job = move || -> Result<(), CallError> {
        from_thread::check_cancelled().expect("nobody has cancelled it yet");
        tells.set();
        loop {
            from_thread::check_cancelled()?;
            thread::yield_now();
        }
    };
    let mut work = Box::pin(outer.run(inner.run(async {
        let error = B::to_thread(job).await.unwrap_err();
        let reason = error.as_cancelled().and_then(|it| it.cause().reason()).map(str::to_owned);
        assert_eq!(reason.as_deref(), Some("inner"));
        checkpoint().await;
    })));
    assert!(poll_once(&mut work).is_pending());
    begun.wait().await;
    inner.cancel_because("inner");
    assert!(work.await.expect("the outer one is not cancelled").is_err());
}

/// An abandoned job hears it, too.
/// Covers: anyio/test_thread_cancelled_and_abandoned
/// Covers: trio/test_from_thread_check_cancelled_abandon_on_cancel
async fn abandoned_job_can_ask<B: Runtime + Blocking>() {
    let (scope, begun) = (B::CancelScope::new(), event::<B>());
    let ((send, heard), (go, wait)) = (mpsc::channel(), mpsc::channel());
    let tells = Arc::clone(&begun);
    let job = move || {
        tells.set();
        let error = loop {
            match from_thread::check_cancelled() {
                Ok(()) => thread::yield_now(),
                Err(error) => break error,
            }
        };
        send.send(error).expect("the case waits");
        // If it ended now, its value might be there before the call is left alone.
        wait.recv().expect("the case lets it go");
    };
    let mut work = Box::pin(scope.run(B::to_thread(job).abandon_on_cancel()));
    assert!(poll_once(&mut work).is_pending());
    begun.wait().await;
    scope.cancel_because("seen enough");
    assert!(matches!(poll_once(&mut work), Poll::Ready(Err(_))));
    drop(work);
    go.send(()).expect("the job waits");
    let error = receive::<B, _>(&heard).await;
    assert_eq!(error.as_cancelled().and_then(|it| it.cause().reason()), Some("seen enough"));
}

/// A call is dropped by hand, and so is what it is in, which had been cancelled: a job that asks only after that
/// hears why that was, and not that the call was dropped.
async fn job_of_a_dropped_call_hears_why<B: Runtime + Blocking>() {
    let (scope, begun) = (B::CancelScope::new(), event::<B>());
    let ((send, heard), (go, wait)) = (mpsc::channel(), mpsc::channel());
    let tells = Arc::clone(&begun);
    let job = move || {
        tells.set();
        wait.recv().expect("the case lets it go");
        send.send(from_thread::check_cancelled()).expect("the case waits");
    };
    let mut work = Box::pin(scope.run(B::to_thread(job)));
    assert!(poll_once(&mut work).is_pending());
    begun.wait().await;
    scope.cancel_because("seen enough");
    drop(work);
    go.send(()).expect("the job waits");
    let error = receive::<B, _>(&heard).await.expect_err("it is cancelled");
    assert_eq!(error.as_cancelled().and_then(|it| it.cause().reason()), Some("seen enough"));
}

/// Local values reach the thread, and what the thread has run in the run again.
/// Covers: anyio/TestRunAsyncFromThread::test_contextvar_propagation
/// Covers: anyio/TestRunSyncFromThread::test_contextvar_propagation
/// Covers: trio/test_trio_from_thread_run_sync_contextvars
async fn local_values_go_there_and_back<B: Runtime + Blocking>() {
    let job = || {
        let future = from_thread::run(async {
            checkpoint().await;
            let inner = B::to_thread(|| REQUEST.get()).await;
            (REQUEST.get(), inner)
        });
        (REQUEST.get(), future, from_thread::run_sync(|| REQUEST.get()))
    };
    let seen = REQUEST.scope(7, B::to_thread(job)).await;
    assert_eq!(seen, (7, Ok((7, 7)), Ok(7)));
}

/// A task must not block on its own run: it is told so, and does not hang. It does not matter how deep in
/// it stands.
/// Covers: trio/test_from_thread_inside_trio_thread
/// Covers: trio/test_do_in_trio_thread_from_trio_thread
async fn task_is_refused<B: Runtime + Blocking>() {
    let refused = || {
        let run = from_thread::run(async {}).unwrap_err();
        let run_sync = from_thread::run_sync(|| ()).unwrap_err();
        run.is_refused() && run_sync.is_refused()
    };
    assert!(refused());
    let group = B::task_group(async |tg| -> Result<_, Cancelled> {
        tg.spawn(async move { Ok(refused()) }).join().await
    });
    assert_eq!(group.await, Ok(true));
    // Nor one that a job has had run.
    assert_eq!(B::to_thread(move || from_thread::run_sync(refused)).await, Ok(true));
    // A destructor in a cut task is still in the task.
    struct Asks(mpsc::Sender<bool>);
    impl Drop for Asks {
        fn drop(&mut self) {
            let refused = from_thread::run(async {}).unwrap_err().is_refused();
            self.0.send(refused).expect("the case waits");
        }
    }
    let (send, asked) = mpsc::channel();
    let scope = B::CancelScope::new();
    scope.cancel();
    let work = async {
        let _asks = Asks(send);
        checkpoint().await;
    };
    assert!(scope.run(work).await.is_err());
    assert_eq!(asked.try_recv(), Ok(true));
}

/// A thread that runs no job is told what it lacks.
/// Covers: anyio/test_run_async_no_event_loop
/// Covers: anyio/test_thread_cancelled_not_in_worker_thread
/// Covers: trio/test_from_thread_no_token
/// Covers: trio/test_from_thread_check_cancelled_raises_in_foreign_threads
async fn foreign_thread_is_told_what_it_lacks<B: Runtime + Blocking>() {
    let ran = Counter::default();
    let counted = ran.clone();
    let foreign = thread::spawn(move || {
        let counted_again = counted.clone();
        [
            from_thread::run(async move { counted.add() }).unwrap_err(),
            from_thread::run_sync(move || counted_again.add()).unwrap_err(),
            from_thread::check_cancelled().unwrap_err(),
        ]
    });
    for error in joined::<B, _>(foreign).await {
        assert!(error.is_no_runtime(), "{error:?}");
        assert!(error.to_string().contains("`to_thread`"), "{error}");
    }
    assert_eq!(ran.get(), 0);
    // A job's own threads are foreign as well.
    let job = || thread::spawn(|| from_thread::check_cancelled().unwrap_err()).join();
    let error = B::to_thread(job).await.expect("it does not panic");
    assert!(error.is_no_runtime());
}

/// With a handle any thread calls into the run: futures and functions, values and panics.
/// Covers: anyio/test_run_sync_from_unclaimed_thread
/// Covers: trio/test_do_in_trio_thread
/// Covers: trio/test_trio_from_thread_token_kwarg
async fn handle_works_from_any_thread<B: Runtime + Blocking>() {
    let handle = REQUEST.scope(7, async { B::current_handle() }).await.expect("it runs");
    let payload = Payload::new("guest");
    let theirs = payload.clone();
    let foreign = thread::spawn(move || {
        let value = handle.run(async {
            checkpoint().await;
            B::sleep(std::time::Duration::from_millis(1)).await;
            (REQUEST.get(), running_backend().is_some())
        });
        let function = handle.run_sync(|| REQUEST.get());
        let panic =
            catch_unwind(AssertUnwindSafe(|| handle.run(async move { theirs.throw::<()>() })));
        let here = thread::current().id();
        let elsewhere = handle.run_sync(move || thread::current().id() != here);
        (value, function, panic.err(), elsewhere)
    });
    let (value, function, panic, elsewhere) = joined::<B, _>(foreign).await;
    assert_eq!((value, function, elsewhere), (Ok((7, true)), Ok(7), Ok(true)));
    payload.is(&*panic.expect("it panicked"));
}

/// A job finds a handle on its run by itself, and may give it to its threads.
/// Covers: trio/test_trio_to_thread_run_sync_token
/// Covers: trio/test_trio_from_thread_token
async fn handle_is_found_in_a_job<B: Runtime + Blocking>() {
    let job = || {
        let handle = B::current_handle().expect("it belongs to a run");
        let theirs = handle.clone();
        let other = thread::spawn(move || theirs.run(async { 7 }));
        (handle.run(async { 8 }), other.join().expect("it does not panic"))
    };
    assert_eq!(B::to_thread(job).await, (Ok(8), Ok(7)));
}

/// With a handle, too, a task of the same run is refused.
/// Covers: trio/test_from_thread_inside_trio_thread
async fn handle_does_not_lift_the_refusal<B: Runtime + Blocking>() {
    let handle = B::current_handle().expect("it runs");
    assert!(handle.run(async {}).unwrap_err().is_refused());
    let error = handle.run_sync(|| ()).unwrap_err();
    assert!(error.is_refused() && error.to_string().contains(".await"), "{error}");
}

/// What a handle runs belongs to no scope; a captured scope can be taken along.
async fn handles_futures_belong_to_no_scope<B: Runtime + Blocking>() {
    let scope = B::CancelScope::new();
    scope.cancel();
    let work = scope.run(async {
        let (handle, context) = (B::current_handle().expect("it runs"), capture());
        let foreign = thread::spawn(move || {
            let alone = handle.run(async {
                checkpoint().await;
                7
            });
            (alone, handle.run(async move { context.in_scope(pending::<()>()).await }))
        });
        shield(joined::<B, _>(foreign)).await
    });
    let (alone, inside) = work.await.expect("a value beats the cancellation");
    assert_eq!(alone, Ok(7));
    assert!(inside.expect("the run goes on").is_err());
}

/// Threads and runs may call each other, as deep as one likes.
async fn nested_calls_go_through<B: Runtime + Blocking>() {
    fn down<B: Runtime + Blocking>(
        depth: u32,
    ) -> std::pin::Pin<Box<dyn Future<Output = u32> + Send>> {
        Box::pin(async move {
            if depth == 0 {
                return 0;
            }
            let job = move || from_thread::run(down::<B>(depth - 1)).expect("the run goes on");
            B::to_thread(job).await + 1
        })
    }
    assert_eq!(down::<B>(10).await, 10);
}

/// Many threads call at the same time, and all come through.
/// Covers: trio/test_reentry_doesnt_deadlock
async fn many_threads_at_once<B: Runtime + Blocking>() {
    const JOBS: usize = 8;
    let calls = Arc::new(Mutex::new(0));
    let jobs = (0..JOBS).map(|_| {
        let calls = Arc::clone(&calls);
        B::to_thread(move || {
            for _ in 0..50 {
                from_thread::run(checkpoint()).expect("the run goes on");
                from_thread::run_sync(|| ()).expect("the run goes on");
                *calls.lock().unwrap() += 1;
            }
        })
    });
    futures_util::future::join_all(jobs).await;
    assert_eq!(*calls.lock().unwrap(), JOBS * 50);
}

/// As many threads as in each flavour; runs of their own.
fn options() -> [RunOptions; 2] {
    [RunOptions::default().current_thread(), RunOptions::default().threads(2)]
}

/// A handle on a run that has ended says so, and runs nothing.
/// Covers: anyio/test_run_async_closed_event_loop
/// Covers: anyio/test_run_sync_closed_event_loop
/// Covers: anyio/test_run_sync_soon_closed_event_loop
async fn finished_run_is_an_error<B: Runtime + Run>() {
    for options in options() {
        let foreign = thread::spawn(move || {
            let handle = B::run(&options, async { Handle::of::<B>() }).expect("it starts");
            let (handle, ran) = (handle.expect("it ran"), Counter::default());
            let (one, two) = (ran.clone(), ran.clone());
            let future = handle.run(async move { one.add() });
            let function = handle.run_sync(move || two.add());
            assert!(future.unwrap_err().is_finished());
            assert!(function.unwrap_err().is_finished());
            assert_eq!(ran.get(), 0);
        });
        joined::<B, _>(foreign).await;
    }
}

/// If the run ends under a call, what was called is dropped, and the thread is told.
/// Covers: trio/test_await_in_trio_thread_while_main_exits
async fn run_that_ends_under_a_call_is_an_error<B: Runtime + Run>() {
    for options in options() {
        let run = thread::spawn(move || {
            let (log, begun) = (Log::default(), event::<B>());
            let (notes, tells) = (log.clone(), Arc::clone(&begun));
            let calling = B::run(&options, async {
                let handle = Handle::of::<B>().expect("it runs");
                let calling = thread::spawn(move || {
                    let inner = notes.clone();
                    let result = handle.run(async move {
                        let _dropped = inner.on_drop("dropped");
                        tells.set();
                        pending::<()>().await;
                    });
                    notes.add("back");
                    result
                });
                begun.wait().await;
                calling
            });
            let error = calling.expect("it starts").join().expect("no panic").unwrap_err();
            assert!(error.is_finished(), "{error:?}");
            assert_eq!(log.take(), ["dropped", "back"]);
        });
        joined::<B, _>(run).await;
    }
}

/// A task may block on *another* run, if it likes to: that one does not wait for it.
async fn future_may_call_into_another_run<B: Runtime + Run>() {
    let (send, handle) = mpsc::channel();
    let stop = event::<B>();
    let wait = Arc::clone(&stop);
    let other = thread::spawn(move || {
        let run = B::run(&RunOptions::default().current_thread(), async {
            send.send(Handle::of::<B>().expect("it runs")).expect("the case waits");
            wait.wait().await;
        });
        run.expect("it starts");
    });
    let handle = handle.recv().expect("it starts");
    assert_eq!(handle.run(async { 7 }), Ok(7));
    stop.set();
    joined::<B, _>(other).await;
    assert!(handle.run(async {}).unwrap_err().is_finished());
}
