//! Threads and portals, on each backend, where they need runs of their own.

use std::{
    sync::{Arc, mpsc},
    thread,
};

use anyio::{
    Erased, Runner, available_backends, finally, from_thread, sleep_forever, start_blocking_portal,
    task_group, to_thread,
};

/// Each backend, in one thread and with workers.
fn runners() -> impl Iterator<Item = Runner> {
    available_backends().into_iter().flat_map(|backend| {
        let runner = Runner::new().backend(backend);
        [runner.clone().current_thread(), runner.threads(2)]
    })
}

/// A job that ends when its run has long been over ends well, and its value is dropped.
/// Covers: anyio/test_asyncio_worker_thread_loop_closed_during_result_report
/// Covers: trio/test_run_in_worker_thread_abandoned
#[test]
fn abandoned_job_outlives_the_run() {
    for runner in runners() {
        let ((go, wait), (begins, begun)) = (mpsc::channel::<()>(), mpsc::channel());
        let (value, dropped) = mpsc::channel::<()>();
        runner.run(async {
            let job = move || {
                begins.send(()).unwrap();
                wait.recv().unwrap();
                value
            };
            let wait = async {
                let mut call = Box::pin(to_thread(job).abandon_on_cancel());
                assert!(futures_lite::future::poll_once(&mut call).await.is_none());
            };
            wait.await;
            to_thread(move || begun.recv().unwrap()).await;
        });
        go.send(()).unwrap();
        // The value is dropped, by whom it may be.
        assert!(dropped.recv().is_err());
    }
}

/// The thread of a portal has the name that was asked for; code that runs in it finds it.
/// Covers: anyio/test_start_with_thread_name
#[test]
fn portals_thread_has_a_name() {
    for backend in available_backends() {
        let runner = Runner::new().backend(backend).current_thread();
        let name = || thread::current().name().map(str::to_owned);
        let portal = runner.clone().thread_name("mine").start_portal().unwrap();
        assert_eq!(portal.call(async move { name() }).unwrap().as_deref(), Some("mine"));
        let portal = runner.start_portal().unwrap();
        let expected = format!("{}-portal", backend.name());
        assert_eq!(portal.call(async move { name() }).unwrap(), Some(expected));
    }
}

/// A backend that cannot be started is an error of the start.
/// Covers: anyio/test_start_with_nonexistent_backend
#[test]
fn backend_that_cannot_run_is_an_error() {
    static NO_RUN: Erased = Erased::of::<anyio::Tokio>();
    let runner = Runner::new().backend(&NO_RUN);
    assert!(runner.start_portal().is_err());
    assert!(runner.portal_provider().portal().is_err());
}

/// The whole way: a program, a portal, a group in it, a thread of that, and back.
#[test]
fn there_and_back() {
    for runner in runners() {
        let portal = runner.start_portal().unwrap();
        let sum = portal.call(async {
            task_group(async |tg| {
                let one =
                    tg.spawn(async { Ok(to_thread(|| from_thread::run(async { 40 })).await) });
                Ok(one.await?.unwrap() + 2)
            })
            .await
        });
        let sum: anyio::Result<u32> = sum.unwrap();
        assert_eq!(sum, Ok(42));
    }
}

/// A named task, and one that cleans up when the portal is stopped.
/// Covers: anyio/test_start_with_name
#[test]
fn tasks_of_a_portal_have_names() {
    let portal = start_blocking_portal().unwrap();
    let (cleaned, log) = mpsc::channel();
    let ((begins, begun), cleaned) = (mpsc::channel(), Arc::new(cleaned));
    let work = async move {
        begins.send(()).unwrap();
        sleep_forever().await;
    };
    let clean_up = async move { cleaned.send("cleaned up").unwrap() };
    let mut task = portal.child().name("endless").spawn(finally(work, clean_up)).unwrap();
    assert_eq!(task.name(), Some("endless"));
    begun.recv().unwrap();
    portal.stop(true);
    assert!(task.wait().unwrap_err().is_cancelled());
    assert_eq!(log.recv(), Ok("cleaned up"));
}
