//! Threads for code that blocks.

use std::{
    panic::{AssertUnwindSafe, resume_unwind},
    sync::{Arc, Barrier, mpsc},
    thread,
};

use anyio_core::{Blocking, CancelScope as _, Cancelled, Event as _, Runtime, TaskGroup as _};
use anyio_engine::{RuntimeExt as _, checkpoint, op::is_cancelled, running_backend};
use futures_lite::FutureExt as _;
use futures_util::future::join_all;

use crate::{
    cut::everywhere,
    suite::Case,
    support::{Counter, Log, poll_once, until},
};

pub(super) fn list<B: Runtime + Blocking>() -> Vec<Case> {
    list![B, blocking:
        value_comes_back_from_another_thread,
        panic_comes_back,
        runtime_goes_on_meanwhile,
        many_jobs_block_at_once,
        job_does_not_start_in_a_cancelled_scope,
        cancellation_waits_for_the_job_and_keeps_its_value,
        panic_of_a_job_in_a_cancelled_scope_comes_back,
        job_goes_on_if_it_is_dropped_by_hand,
        job_may_wake_a_task,
        job_is_in_no_task,
        job_that_began_is_never_cut,
    ]
}

/// A job runs on another thread, and its value comes back.
/// Covers: trio/test_run_in_worker_thread
async fn value_comes_back_from_another_thread<B: Runtime + Blocking>() {
    let here = thread::current().id();
    let text = String::from("seven");
    let (there, length) = B::to_thread(move || (thread::current().id(), text.len())).await;
    assert_ne!(here, there);
    assert_eq!(length, 5);
}

/// A panic of the job goes on in the task that waits for it, and spoils nothing.
/// Covers: anyio/test_run_in_thread_exception
/// Covers: trio/test_run_in_worker_thread
async fn panic_comes_back<B: Runtime + Blocking>() {
    let job = || -> u8 { resume_unwind(Box::new("on purpose")) };
    let payload = AssertUnwindSafe(B::to_thread(job)).catch_unwind().await;
    let payload = payload.expect_err("the job panicked");
    assert_eq!(payload.downcast_ref(), Some(&"on purpose"));
    assert_eq!(B::to_thread(|| 7).await, 7);
}

/// While a job blocks its thread, tasks go on; the job ends only because one of them lets it.
async fn runtime_goes_on_meanwhile<B: Runtime + Blocking>() {
    let (send, receive) = mpsc::channel();
    let result: Result<u8, Cancelled> = B::task_group(async |tg| {
        tg.spawn(async move {
            for _ in 0..10 {
                checkpoint().await;
            }
            send.send(7).expect("the job waits");
        });
        Ok(B::to_thread(move || receive.recv().expect("the task sends")).await)
    })
    .await;
    assert_eq!(result, Ok(7));
}

/// Jobs block side by side: these end only when all of them run at once.
async fn many_jobs_block_at_once<B: Runtime + Blocking>() {
    const JOBS: usize = 8;
    let barrier = Arc::new(Barrier::new(JOBS));
    let jobs = (0..JOBS).map(|number| {
        let barrier = Arc::clone(&barrier);
        B::to_thread(move || {
            barrier.wait();
            number
        })
    });
    assert_eq!(join_all(jobs).await, (0..JOBS).collect::<Vec<_>>());
    let jobs = (0..300).map(|number| B::to_thread(move || number));
    assert_eq!(join_all(jobs).await, (0..300).collect::<Vec<_>>());
}

/// C8: in a cancelled scope the job never runs.
async fn job_does_not_start_in_a_cancelled_scope<B: Runtime + Blocking>() {
    let (scope, job) = (B::CancelScope::new(), Arc::new(()));
    let ran = Counter::default();
    scope.cancel();
    let (theirs, counted) = (Arc::clone(&job), ran.clone());
    let result = scope
        .run(B::to_thread(move || {
            drop(theirs);
            counted.add();
        }))
        .await;
    assert!(result.is_err());
    // It is gone, so it cannot run later.
    assert_eq!(Arc::strong_count(&job), 1);
    assert_eq!(ran.get(), 0);
}

/// A scope that is cancelled waits for the job; its value is kept, and the next operation unwinds.
/// Covers: anyio/test_cancel_worker_thread
/// Covers: trio/test_slow_abort_basic
async fn cancellation_waits_for_the_job_and_keeps_its_value<B: Runtime + Blocking>() {
    let (scope, log) = (B::CancelScope::new(), Log::default());
    let (go, wait) = mpsc::channel();
    let running = Arc::new(B::Event::new());
    let told = Arc::clone(&running);
    let mut work = Box::pin(scope.run(async {
        let value = B::to_thread(move || {
            told.set();
            wait.recv().expect("the case sends")
        })
        .await;
        assert_eq!(value, 7);
        log.add("value");
        checkpoint().await;
        log.add("after");
    }));
    assert!(poll_once(&mut work).is_pending());
    running.wait().await;
    scope.cancel();
    for _ in 0..10 {
        assert!(poll_once(&mut work).is_pending());
        checkpoint().await;
    }
    go.send(7).expect("the job waits");
    assert!(work.await.is_err());
    assert_eq!(log.take(), ["value"]);
}

/// A panic of a job is not lost because the scope around it was cancelled meanwhile.
async fn panic_of_a_job_in_a_cancelled_scope_comes_back<B: Runtime + Blocking>() {
    let scope = B::CancelScope::new();
    let (go, wait) = mpsc::channel::<()>();
    let job = move || -> u8 {
        wait.recv().expect("the case sends");
        resume_unwind(Box::new("on purpose"))
    };
    let mut work = Box::pin(AssertUnwindSafe(scope.run(B::to_thread(job))).catch_unwind());
    assert!(poll_once(&mut work).is_pending());
    scope.cancel();
    assert!(poll_once(&mut work).is_pending());
    go.send(()).expect("the job waits");
    assert!(work.await.is_err());
}

/// A job whose future is dropped by hand goes on alone.
/// Covers: anyio/test_cancel_wait_on_thread
async fn job_goes_on_if_it_is_dropped_by_hand<B: Runtime + Blocking>() {
    let (go, wait) = mpsc::channel::<()>();
    let (running, done) = (Arc::new(B::Event::new()), Arc::new(B::Event::new()));
    let (told, tell) = (Arc::clone(&running), Arc::clone(&done));
    let mut work = Box::pin(B::to_thread(move || {
        told.set();
        wait.recv().expect("the case sends");
        tell.set();
    }));
    assert!(poll_once(&mut work).is_pending());
    running.wait().await;
    drop(work);
    assert!(!done.is_set());
    go.send(()).expect("the job waits");
    done.wait().await;
}

/// A job may use what tasks wait for: they are woken from its thread.
async fn job_may_wake_a_task<B: Runtime + Blocking>() {
    let event = Arc::new(B::Event::new());
    let theirs = Arc::clone(&event);
    let (value, ()) = futures_util::join!(
        B::to_thread(move || {
            theirs.set();
            7
        }),
        event.wait(),
    );
    assert_eq!(value, 7);
}

/// Wherever a call is cancelled, its job has run to its end or has not begun when the scope is
/// over; dropped by hand, it ends soon.
async fn job_that_began_is_never_cut<B: Runtime + Blocking>() {
    let cuts = everywhere(async |cut| {
        let (begun, ended) = (Counter::default(), Counter::default());
        let (begins, ends) = (begun.clone(), ended.clone());
        let token = Arc::new(());
        let theirs = Arc::clone(&token);
        let job = move || {
            begins.add();
            thread::yield_now();
            ends.add();
            drop(theirs);
        };
        let done = cut.apply::<B, _>(B::to_thread(job)).await;
        if cut.by_hand() {
            until::<B>(|| Arc::strong_count(&token) == 1).await;
        }
        assert_eq!(begun.get(), ended.get(), "{cut:?}");
        assert!(done.is_none() || ended.get() == 1, "{cut:?}");
    })
    .await;
    assert!(cuts >= 2, "{cuts}");
}

/// A job is in no task and in no scope: it knows no runtime, and is not cancelled with its caller.
/// Covers: trio/test_trio_context_detection
async fn job_is_in_no_task<B: Runtime + Blocking>() {
    let known = || running_backend().is_some();
    assert!(known());
    assert!(!B::to_thread(known).await);
    let (scope, running) = (B::CancelScope::new(), Arc::new(B::Event::new()));
    let (canceller, told) = (scope.clone(), Arc::clone(&running));
    let job = B::to_thread(move || {
        canceller.cancel();
        told.set();
        is_cancelled()
    });
    assert_eq!(scope.run(job).await, Ok(false));
    assert!(running.is_set() && scope.cancel_called());
}
