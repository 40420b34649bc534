//! What is async-std's own about this backend. What all backends have in common is in the
//! conformance suite; sockets, processes and signals are those of the backend on smol.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
        mpsc,
    },
    thread,
    time::Duration,
};

use anyio_async_std::AsyncStd;
use anyio_core::{
    Blocking, Executor, ListenOptions, Net, Run, RunOptions, Spawn, TcpListener as _,
};
use anyio_engine::{RuntimeExt as _, checkpoint};
use async_std::task;
use futures_lite::{AsyncReadExt as _, AsyncWriteExt as _};

fn run<F: Future>(threads: usize, future: F) -> F::Output {
    AsyncStd::run(&RunOptions::default().threads(threads), future).expect("the runtime starts")
}

fn spawn<F: Future<Output = ()> + Send + 'static>(task: F) {
    AsyncStd::spawner().expect("there always is one").spawn_task(task);
}

/// Counts how often a value of its is dropped.
struct Dropped(Arc<AtomicUsize>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.fetch_add(1, SeqCst);
    }
}

/// The future and its tasks are inside async-std, and run on its threads; without workers, in the
/// calling one.
#[test]
fn runs_on_the_threads_of_async_std() {
    let here = thread::current().id();
    for threads in [0, 2] {
        run(threads, async {
            assert!(task::try_current().is_some());
            assert_eq!(thread::current().id(), here);
            let (send, receive) = mpsc::channel();
            spawn(async move {
                assert!(task::try_current().is_some());
                let thread = thread::current();
                send.send((thread.id(), thread.name().map(str::to_owned))).unwrap();
            });
            let (id, name) = loop {
                match receive.try_recv() {
                    Ok(found) => break found,
                    Err(_) => checkpoint().await,
                }
            };
            if threads == 0 {
                assert_eq!(id, here);
            } else {
                assert_eq!(name.as_deref(), Some("async-std/runtime"));
            }
        });
    }
}

/// Tasks that are left over have been dropped when `run` returns; those that somebody spawned on
/// async-std itself go on.
#[test]
fn only_tasks_of_the_run_are_dropped() {
    for threads in [0, 1, 4] {
        let count = Arc::new(AtomicUsize::new(0));
        let (go, theirs) = run(threads, async {
            for _task in 0..10 {
                let dropped = Dropped(Arc::clone(&count));
                spawn(async move {
                    let _dropped = dropped;
                    std::future::pending().await
                });
            }
            checkpoint().await;
            let (go, gate) = async_std::channel::bounded(1);
            (go, task::spawn(async move { gate.recv().await }))
        });
        assert_eq!(count.load(SeqCst), 10, "{threads} workers");
        go.try_send(7).unwrap();
        assert_eq!(task::block_on(theirs), Ok(7));
    }
}

/// A task for a run that is over is dropped at once.
#[test]
fn late_task_is_dropped() {
    let spawner = run(1, async { AsyncStd::spawner().unwrap() });
    let count = Arc::new(AtomicUsize::new(0));
    let dropped = Dropped(Arc::clone(&count));
    spawner.spawn_task(async move { drop(dropped) });
    assert_eq!(count.load(SeqCst), 1);
}

/// In async-std's own `block_on` and tasks everything works, and is detected; outside it is not.
/// Covers: anyio/test_run_natively
#[test]
fn inside_of_a_bare_async_std() {
    async fn everything() {
        assert!(AsyncStd::detect().is_some());
        let result = AsyncStd::task_group(async |tg| -> Result<_, anyio_core::Cancelled> {
            let task = tg.spawn(async {
                AsyncStd::sleep(Duration::from_millis(1)).await;
                Ok(thread::current().name().map(str::to_owned))
            });
            task.await
        });
        assert_eq!(result.await.unwrap().as_deref(), Some("async-std/runtime"));
        let local = ([127, 0, 0, 1], 0).into();
        let listener = AsyncStd::listen_tcp(local, &ListenOptions::default()).await.unwrap();
        let mut near = AsyncStd::connect_tcp(listener.local_addr().unwrap()).await.unwrap();
        near.write_all(b"!").await.unwrap();
        let (mut far, _) = listener.accept().await.unwrap();
        assert_eq!(far.read(&mut [0; 8]).await.unwrap(), 1);
        assert_eq!(AsyncStd::to_thread(|| 7).await, 7);
    }

    assert!(AsyncStd::detect().is_none());
    task::block_on(everything());
    task::block_on(task::spawn(everything()));
}

/// A run inside a run is refused, and inside somebody else's async-std.
#[test]
fn run_inside_is_refused() {
    let inner = || AsyncStd::run(&RunOptions::default(), async {});
    assert!(run(0, async { inner() }).unwrap_err().is_nested());
    assert!(task::block_on(async { inner() }).unwrap_err().is_nested());
    assert!(task::block_on(task::spawn(
        async move { inner().is_err_and(|error| error.is_nested()) }
    )));
}

/// A blocking job belongs to its run.
#[test]
fn jobs_stay_in_their_run() {
    run(1, async {
        let (send, receive) = mpsc::channel();
        AsyncStd::spawn_blocking(move || {
            let count = Arc::new(AtomicUsize::new(0));
            let dropped = Dropped(Arc::clone(&count));
            spawn(async move { drop(dropped) });
            send.send(count).unwrap();
        })
        .unwrap();
        let count = receive.recv().unwrap();
        while count.load(SeqCst) == 0 {
            checkpoint().await;
        }
    });
}
