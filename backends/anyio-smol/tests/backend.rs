//! What is smol's own about this backend. What all backends have in common is in the conformance
//! suite.

use std::{
    collections::HashSet,
    io,
    net::SocketAddr,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::{
        Arc, Barrier, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
        mpsc,
    },
    task::{Context, Poll, Wake, Waker},
    thread,
    time::Duration,
};

use anyio_core::{
    Blocking, Clock, Executor, ListenOptions, Net, Run, RunOptions, Spawn, TcpListener as _,
    TcpStream as _,
};
use anyio_engine::{RuntimeExt as _, checkpoint};
use anyio_smol::{Smol, TcpListener, TcpStream};
use futures_lite::{AsyncReadExt as _, AsyncWriteExt as _};
use smol::Async;

fn run<F: Future>(future: F) -> F::Output {
    Smol::run(&RunOptions::default().current_thread(), future).expect("the runtime starts")
}

fn spawn<F: Future<Output = ()> + Send + 'static>(task: F) {
    Smol::spawner().expect("there always is one").spawn_task(task);
}

fn localhost() -> SocketAddr {
    ([127, 0, 0, 1], 0).into()
}

/// Counts how often a value of its is dropped.
struct Dropped(Arc<AtomicUsize>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.fetch_add(1, SeqCst);
    }
}

mod timers {
    use super::*;

    /// Each sets the alarm of all back and forth.
    #[test]
    fn several_threads_sleep() {
        thread::scope(|scope| {
            for number in 0..4 {
                scope.spawn(move || {
                    smol::block_on(async {
                        for turn in 0..200 {
                            let soon = Duration::from_micros(1 + (turn * 37 + number * 11) % 300);
                            let late = Smol::timer(Smol::now() + 1000 * soon);
                            let end = Smol::now() + soon;
                            futures_lite::future::or(Smol::timer(end), late).await;
                            assert!(Smol::now() >= end);
                        }
                    });
                });
            }
        });
    }

    /// A timer that goes from one task to another lets go of the first one, and dropped, of the last.
    #[test]
    fn tasks_are_let_go_of() {
        let tasks: [Arc<Task>; 2] = Default::default();
        let mut timer = Smol::timer(Smol::now() + Duration::from_secs(3600));
        for task in &tasks {
            let waker = Waker::from(Arc::clone(task));
            assert!(pin!(&mut timer).poll(&mut Context::from_waker(&waker)).is_pending());
        }
        assert_eq!(Arc::strong_count(&tasks[0]), 1);
        assert!(Arc::strong_count(&tasks[1]) > 1);
        drop(timer);
        assert_eq!(Arc::strong_count(&tasks[1]), 1);
    }

    #[derive(Default)]
    struct Task;

    impl Wake for Task {
        fn wake(self: Arc<Self>) {}
    }
}

mod threads {
    use super::*;

    /// A run has as many workers as were asked for, and they are its own: all of them can be
    /// blocked at once, and none of them is the global executor's.
    #[test]
    fn as_many_as_asked_for() {
        const WORKERS: usize = 5;
        let options = RunOptions::default().threads(WORKERS).thread_name("weaver");
        let (send, receive) = mpsc::channel();
        let names = Smol::run(&options, async {
            let all = Arc::new(Barrier::new(WORKERS));
            for _worker in 0..WORKERS {
                let (all, send) = (Arc::clone(&all), send.clone());
                spawn(async move {
                    all.wait();
                    let thread = thread::current();
                    send.send((thread.id(), thread.name().map(str::to_owned))).unwrap();
                });
            }
            // Blocks the thread that has nothing else to do.
            receive.iter().take(WORKERS).collect::<HashSet<_>>()
        });
        let names = names.unwrap();
        assert_eq!(names.len(), WORKERS);
        assert!(names.iter().all(|(_, name)| name.as_deref() == Some("weaver")), "{names:?}");
    }

    /// Without any, everything is in the calling thread.
    #[test]
    fn none_if_none_is_asked_for() {
        let here = thread::current().id();
        run(async {
            let (send, receive) = mpsc::channel();
            spawn(async move { send.send(thread::current().id()).unwrap() });
            while receive.try_recv().map(|id| assert_eq!(id, here)).is_err() {
                checkpoint().await;
            }
        });
    }

    /// There, too, the future is polled for its own sake alone, however busy the tasks are.
    #[test]
    fn tasks_do_not_have_the_future_polled() {
        let (mut polls, mut done) = (0, None);
        run(std::future::poll_fn(|cx| {
            polls += 1;
            if done.is_none() {
                let (flag, waker) = (Arc::new(AtomicUsize::new(0)), cx.waker().clone());
                done = Some(Arc::clone(&flag));
                spawn(async move {
                    for _ in 0..1000 {
                        checkpoint().await;
                    }
                    flag.store(1, SeqCst);
                    waker.wake();
                });
            }
            let ready = done.as_ref().is_some_and(|done| done.load(SeqCst) == 1);
            if ready { Poll::Ready(()) } else { Poll::Pending }
        }));
        assert_eq!(polls, 2);
    }

    /// A task belongs to the run it was spawned in, wherever that happened: by a task, in a
    /// blocking job.
    #[test]
    fn tasks_stay_in_their_run() {
        let options = RunOptions::default().threads(2).thread_name("inside");
        Smol::run(&options, async {
            let (send, receive) = mpsc::channel();
            spawn(async move {
                Smol::to_thread(move || {
                    spawn(async move {
                        send.send(thread::current().name().map(str::to_owned)).unwrap();
                    });
                })
                .await;
            });
            assert_eq!(receive.recv().unwrap().as_deref(), Some("inside"));
        })
        .unwrap();
    }

    /// Two runs at once have their own tasks.
    #[test]
    fn runs_are_apart() {
        let other = thread::spawn(|| {
            let options = RunOptions::default().threads(1).thread_name("two");
            Smol::run(&options, names("two")).unwrap();
        });
        let options = RunOptions::default().threads(1).thread_name("one");
        Smol::run(&options, names("one")).unwrap();
        other.join().unwrap();
    }

    async fn names(expected: &'static str) {
        for _ in 0..100 {
            let (send, receive) = mpsc::channel();
            spawn(async move {
                checkpoint().await;
                send.send(thread::current().name().map(str::to_owned)).expect("it is asked");
            });
            assert_eq!(receive.recv().expect("it is told").as_deref(), Some(expected));
        }
    }
}

mod ends {
    use super::*;

    /// Tasks that are left over have been dropped when `run` returns, also when it panics, and
    /// though a destructor panics.
    #[test]
    fn left_over_tasks_are_dropped() {
        struct Throws;

        impl Drop for Throws {
            fn drop(&mut self) {
                std::panic::resume_unwind(Box::new("on purpose"));
            }
        }

        for threads in [0, 2] {
            let count = Arc::new(AtomicUsize::new(0));
            let leave = async || {
                for _task in 0..10 {
                    let dropped = Dropped(Arc::clone(&count));
                    spawn(async move {
                        let _dropped = dropped;
                        let _throws = Throws;
                        std::future::pending().await
                    });
                }
                checkpoint().await;
            };
            let options = RunOptions::default().threads(threads);
            Smol::run(&options, leave()).unwrap();
            assert_eq!(count.load(SeqCst), 10, "{threads} threads");

            let panicked = catch_unwind(AssertUnwindSafe(|| {
                Smol::run(&options, async {
                    leave().await;
                    panic!("on purpose")
                })
            }));
            assert!(panicked.is_err());
            assert_eq!(count.load(SeqCst), 20, "{threads} threads, with a panic");
        }
    }

    /// What a left-over task spawns while it is dropped is dropped, too, and does not get away to
    /// the global executor.
    #[test]
    fn nothing_gets_away_at_the_end() {
        struct Spawns(Arc<AtomicUsize>);

        impl Drop for Spawns {
            fn drop(&mut self) {
                let dropped = Dropped(Arc::clone(&self.0));
                spawn(async move {
                    let _dropped = dropped;
                    std::future::pending().await
                });
            }
        }

        for threads in [0, 1] {
            let count = Arc::new(AtomicUsize::new(0));
            let spawns = Spawns(Arc::clone(&count));
            Smol::run(&RunOptions::default().threads(threads), async {
                spawn(async move {
                    let _spawns = spawns;
                    std::future::pending().await
                });
            })
            .unwrap();
            assert_eq!(count.load(SeqCst), 1, "{threads} threads");
        }
    }

    /// Tasks that other threads are waking at the end of the run are dropped like all others.
    #[test]
    fn tasks_that_are_being_woken_are_dropped() {
        let wakers = Arc::new(Mutex::new(Vec::<Waker>::new()));
        let stop = Arc::new(AtomicUsize::new(0));
        let (theirs, stopped) = (Arc::clone(&wakers), Arc::clone(&stop));
        let alarm = thread::spawn(move || {
            while stopped.load(SeqCst) == 0 {
                let wakers = theirs.lock().unwrap().clone();
                (0..50).for_each(|_| wakers.iter().for_each(Waker::wake_by_ref));
            }
        });
        for round in 0..1000 {
            let count = Arc::new(AtomicUsize::new(0));
            Smol::run(&RunOptions::default().threads(round % 2), async {
                for _task in 0..4 {
                    let (dropped, wakers) = (Dropped(Arc::clone(&count)), Arc::clone(&wakers));
                    let mut first = true;
                    spawn(std::future::poll_fn(move |cx| {
                        let _dropped = &dropped;
                        if std::mem::take(&mut first) {
                            wakers.lock().unwrap().push(cx.waker().clone());
                        }
                        Poll::Pending
                    }));
                }
                checkpoint().await;
            })
            .unwrap();
            assert_eq!(count.load(SeqCst), 4, "round {round}");
            wakers.lock().unwrap().clear();
        }
        stop.store(1, SeqCst);
        alarm.join().unwrap();
    }

    /// A task that never yields does not keep the run from ending; it is dropped when it does yield,
    /// and so is what its worker had taken up.
    #[test]
    fn stuck_task_is_left_to_itself() {
        let (release, stuck) = mpsc::channel::<()>();
        let (held, dropped) = mpsc::channel::<()>();
        Smol::run(&RunOptions::default().threads(1), async {
            let (begun, begins) = mpsc::channel();
            let also_held = held.clone();
            spawn(async move {
                let _held = held;
                begun.send(()).unwrap();
                stuck.recv().unwrap();
                std::future::pending().await
            });
            begins.recv().unwrap();
            spawn(async move {
                let _held = also_held;
                std::future::pending().await
            });
        })
        .unwrap();
        assert_eq!(dropped.try_recv(), Err(mpsc::TryRecvError::Empty), "it is stuck");
        release.send(()).unwrap();
        assert!(dropped.recv().is_err());
    }

    /// A task for a run that is over is dropped at once.
    #[test]
    fn late_task_is_dropped() {
        let spawner = run(async { Smol::spawner().unwrap() });
        let count = Arc::new(AtomicUsize::new(0));
        let dropped = Dropped(Arc::clone(&count));
        spawner.spawn_task(async move { drop(dropped) });
        assert_eq!(count.load(SeqCst), 1);
    }

    /// A blocking job that has not ended does not keep the run from ending.
    #[test]
    fn run_does_not_wait_for_jobs() {
        let (release, wait) = mpsc::channel::<()>();
        let (told, tell) = mpsc::channel();
        run(async {
            Smol::spawn_blocking(move || {
                wait.recv().unwrap();
                told.send(()).unwrap();
            })
            .unwrap();
        });
        release.send(()).unwrap();
        tell.recv().unwrap();
    }
}

mod elsewhere {
    use super::*;

    /// In smol's own `block_on` everything works, on its global executor.
    /// Covers: anyio/test_run_natively
    #[test]
    fn inside_of_a_bare_block_on() {
        smol::block_on(async {
            let result = Smol::task_group(async |tg| -> Result<_, anyio_core::Cancelled> {
                let task = tg.spawn(async {
                    Smol::sleep(Duration::from_millis(1)).await;
                    Ok(thread::current().name().map(str::to_owned))
                });
                task.await
            });
            let name = result.await.unwrap().expect("its threads have names");
            assert!(name.starts_with("smol-"), "{name}");
            let (mut near, mut far) = pair().await.unwrap();
            near.write_all(b"!").await.unwrap();
            assert_eq!(far.read(&mut [0; 8]).await.unwrap(), 1);
            assert_eq!(Smol::to_thread(|| 7).await, 7);
        });
    }

    /// In an executor of the user's own, and with nothing but a foreign `block_on`.
    #[test]
    fn inside_of_anything() {
        let executor = smol::Executor::new();
        let task = executor.spawn(async {
            let deadline = Smol::now() + Duration::from_millis(1);
            Smol::sleep_until(deadline).await;
            Smol::now() >= deadline
        });
        assert!(futures_lite::future::block_on(executor.run(task)));
        futures_lite::future::block_on(Smol::timer(Smol::now() + Duration::from_millis(1)));
    }

    /// `run` inside somebody's `block_on` is a run; inside a run it is refused.
    #[test]
    fn run_inside() {
        smol::block_on(async { run(async {}) });
        let inner = run(async { Smol::run(&RunOptions::default(), async {}) });
        assert!(inner.unwrap_err().is_nested());
        let result =
            run(async { smol::block_on(async { Smol::run(&RunOptions::default(), async {}) }) });
        assert!(result.unwrap_err().is_nested());
    }
}

async fn pair() -> io::Result<(TcpStream, TcpStream)> {
    let listener = Smol::listen_tcp(localhost(), &ListenOptions::default()).await?;
    let near = Smol::connect_tcp(listener.local_addr()?).await?;
    Ok((near, listener.accept().await?.0))
}

mod net {
    use super::*;

    /// Sockets of `async-io`'s may be brought in and taken out.
    #[test]
    fn sockets_convert() {
        run(async {
            let native = Async::<std::net::TcpListener>::bind(localhost())?;
            let listener = TcpListener::from(native);
            let remote = listener.local_addr()?;
            let near = TcpStream::from(Async::<std::net::TcpStream>::connect(remote).await?);
            let far: Async<std::net::TcpStream> = listener.accept().await?.0.into();
            assert_eq!(near.local_addr()?, far.get_ref().peer_addr()?);
            assert!(far.get_ref().nodelay()?);
            let _native: Async<std::net::TcpListener> = listener.into();
            io::Result::Ok(())
        })
        .unwrap();
    }

    /// Nagle's algorithm is off at both ends.
    #[test]
    fn nothing_is_delayed() {
        let (near, far) = run(pair()).unwrap();
        assert!(near.as_async_io().get_ref().nodelay().unwrap());
        assert!(far.as_async_io().get_ref().nodelay().unwrap());
    }

    /// A socket outlives its run: the reactor is the process's.
    #[test]
    fn socket_outlives_its_run() {
        let (mut near, mut far) = run(pair()).unwrap();
        run(async {
            near.write_all(b"!").await.unwrap();
            assert_eq!(far.read(&mut [0; 8]).await.unwrap(), 1);
        });
    }

    /// A port is taken, unless sharing was asked for.
    #[cfg(all(unix, not(any(target_os = "solaris", target_os = "illumos"))))]
    #[test]
    fn ports_are_shared_on_request() {
        run(async {
            let alone = ListenOptions::default();
            let first = Smol::listen_tcp(localhost(), &alone).await?;
            let taken = Smol::listen_tcp(first.local_addr()?, &alone).await.unwrap_err();
            assert_eq!(taken.kind(), io::ErrorKind::AddrInUse);

            let shared = alone.reuse_port(true).backlog(8);
            let first = Smol::listen_tcp(localhost(), &shared).await?;
            let second = Smol::listen_tcp(first.local_addr()?, &shared).await?;
            assert_eq!(first.local_addr()?, second.local_addr()?);
            io::Result::Ok(())
        })
        .unwrap();
    }
}
