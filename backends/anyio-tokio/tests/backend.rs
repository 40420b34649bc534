//! What is tokio's own about this backend. What all backends have in common is in the conformance
//! suite.

use std::{
    future::poll_fn,
    io,
    net::{Shutdown, SocketAddr},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use anyio_core::{
    Blocking, Clock, Executor, ListenOptions, Net, Run, RunOptions, Spawn, TcpListener as _,
    TcpStream as _,
};
use anyio_engine::{CancelScope, RuntimeExt as _, checkpoint, from_thread};
use anyio_tokio::{TcpListener, TcpStream, Tokio, TokioSpawner};
use futures_lite::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::runtime::{Builder, Handle};

const SECOND: Duration = Duration::from_secs(1);

fn run<F: Future>(future: F) -> F::Output {
    Tokio::run(&RunOptions::default().current_thread(), future).expect("the runtime starts")
}

fn localhost() -> SocketAddr {
    ([127, 0, 0, 1], 0).into()
}

async fn pair() -> io::Result<(TcpStream, TcpStream)> {
    let listener = Tokio::listen_tcp(localhost(), &ListenOptions::default()).await?;
    let near = Tokio::connect_tcp(listener.local_addr()?).await?;
    Ok((near, listener.accept().await?.0))
}

/// Counts how often a value of its is dropped.
struct Dropped(Arc<AtomicUsize>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.fetch_add(1, SeqCst);
    }
}

mod ends {
    use super::*;

    /// Tasks that are left over have been dropped when `run` returns, also when it panics.
    #[test]
    fn left_over_tasks_are_dropped() {
        for threads in [0, 2] {
            let count = Arc::new(AtomicUsize::new(0));
            let leave = async || {
                for _task in 0..10 {
                    let dropped = Dropped(Arc::clone(&count));
                    Tokio::spawner().unwrap().spawn_task(async move {
                        let _dropped = dropped;
                        std::future::pending().await
                    });
                }
                checkpoint().await;
            };
            let options = RunOptions::default().threads(threads);
            Tokio::run(&options, leave()).unwrap();
            assert_eq!(count.load(SeqCst), 10, "{threads} threads");

            let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                Tokio::run(&options, async {
                    leave().await;
                    panic!("on purpose")
                })
            }));
            assert!(panicked.is_err());
            assert_eq!(count.load(SeqCst), 20, "{threads} threads, with a panic");
        }
    }

    /// A task for a runtime that is gone is dropped at once.
    #[test]
    fn late_task_is_dropped() {
        let spawner = run(async { Tokio::spawner().unwrap() });
        let count = Arc::new(AtomicUsize::new(0));
        let dropped = Dropped(Arc::clone(&count));
        spawner.spawn_task(async move { drop(dropped) });
        assert_eq!(count.load(SeqCst), 1);
    }

    /// In a runtime that somebody else has started, of either flavour, everything works.
    /// Covers: anyio/test_run_natively
    #[test]
    fn inside_of_a_bare_runtime() {
        async fn everything() {
            let result = Tokio::task_group(async |tg| -> Result<_, anyio_core::Cancelled> {
                let task = tg.spawn(async {
                    Tokio::sleep(Duration::from_millis(1)).await;
                    Ok(Handle::current().id())
                });
                task.await
            });
            assert_eq!(result.await, Ok(Handle::current().id()));
            let (mut near, mut far) = pair().await.unwrap();
            near.write_all(b"!").await.unwrap();
            assert_eq!(far.read(&mut [0; 8]).await.unwrap(), 1);
            assert_eq!(Tokio::to_thread(|| 7).await, 7);
        }
        for mut builder in [Builder::new_current_thread(), Builder::new_multi_thread()] {
            let runtime = builder.enable_all().build().unwrap();
            runtime.block_on(everything());
            runtime.block_on(runtime.spawn(everything())).unwrap();
        }
    }

    /// A spawner may be made of any handle.
    #[test]
    fn spawner_of_a_handle() {
        let runtime = Builder::new_multi_thread().worker_threads(1).build().unwrap();
        let (send, receive) = std::sync::mpsc::channel();
        TokioSpawner::from(runtime.handle().clone()).spawn_task(async move {
            send.send(Handle::current().id()).unwrap();
        });
        assert_eq!(receive.recv().unwrap(), runtime.handle().id());
    }
}

mod time {
    use super::*;

    fn poll_once<F: Future>(future: F) -> Poll<F::Output> {
        pin!(future).poll(&mut Context::from_waker(Waker::noop()))
    }

    /// A timer in the past is ready at once, although tokio's wheel stands still meanwhile.
    #[test]
    fn past_is_ready_at_once() {
        run(async {
            let past = Tokio::now();
            std::thread::sleep(Duration::from_millis(5));
            assert!(poll_once(Tokio::timer(past)).is_ready());
            assert!(poll_once(Tokio::timer(Tokio::now())).is_ready());
            assert!(poll_once(Tokio::timer(Tokio::now() + SECOND)).is_pending());
        });
    }

    /// tokio's paused clock is the clock.
    /// Covers: trio/test_current_time_with_mock_clock
    #[test]
    fn paused_clock_is_honoured() {
        let runtime = Builder::new_current_thread().enable_all().start_paused(true).build();
        runtime.unwrap().block_on(async {
            let began = Tokio::now();
            Tokio::sleep(3600 * SECOND).await;
            assert!(Tokio::now() - began >= 3600 * SECOND);
            assert!(Tokio::now() > std::time::Instant::now(), "it has run ahead of the wall's");
        });
    }

    /// A body that has used tokio's budget up does not hide the deadline.
    #[test]
    fn timer_needs_no_budget() {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let task = runtime.spawn(async {
            let mut timer = pin!(Tokio::timer(Tokio::now() + Duration::from_millis(1)));
            poll_fn(|cx| {
                let _not_yet = timer.as_mut().poll(cx);
                Poll::Ready(())
            })
            .await;
            tokio::time::sleep(Duration::from_millis(20)).await;
            poll_fn(|cx| {
                while let Poll::Ready(budget) = tokio::task::coop::poll_proceed(cx) {
                    budget.made_progress();
                }
                Poll::Ready(timer.as_mut().poll(cx).is_ready())
            })
            .await
        });
        assert!(runtime.block_on(task).unwrap());
    }
}

mod blocking {
    use std::{
        sync::{atomic::AtomicBool, mpsc},
        task::Wake,
    };

    use super::*;

    #[derive(Default)]
    struct Woken(AtomicBool);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.store(true, SeqCst);
        }
    }

    /// C7: a task that has used tokio's budget up finds a value that is there all the same.
    #[test]
    fn value_needs_no_budget() {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let task = runtime.spawn(async {
            let (go, wait) = mpsc::channel::<()>();
            let mut job = pin!(Tokio::spawn_blocking(move || wait.recv().is_ok()).unwrap());
            let woken = Arc::new(Woken::default());
            let waker = Waker::from(Arc::clone(&woken));
            assert!(job.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
            go.send(()).unwrap();
            while !woken.0.load(SeqCst) {
                tokio::task::yield_now().await;
            }
            poll_fn(|cx| {
                while let Poll::Ready(budget) = tokio::task::coop::poll_proceed(cx) {
                    budget.made_progress();
                }
                Poll::Ready(job.as_mut().poll(cx))
            })
            .await
        });
        assert_eq!(runtime.block_on(task).unwrap(), Poll::Ready(Some(true)));
    }
}

mod net {
    use super::*;

    /// Both halves work, closing is seen by the other side, and leaves the reading half open.
    #[test]
    fn stream_speaks_and_closes() {
        run(async {
            let (mut near, mut far) = pair().await?;
            assert!(near.as_tokio().nodelay()?);
            assert_eq!(near.peer_addr()?, far.local_addr()?);

            let parts = [io::IoSlice::new(b"he"), io::IoSlice::new(b"llo")];
            let written = near.write_vectored(&parts).await?;
            assert!(written > 2, "only the first part was written");
            near.close().await?;
            let mut text = Vec::new();
            far.read_to_end(&mut text).await?;
            assert_eq!(text, b"hello"[..written]);

            far.write_all(b"bye").await?;
            far.shutdown(Shutdown::Write)?;
            text.clear();
            near.read_to_end(&mut text).await?;
            assert_eq!(text, b"bye");
            io::Result::Ok(())
        })
        .unwrap();
    }

    /// In a cancelled scope nothing starts: what is there to be read or accepted stays there.
    #[test]
    fn cancelled_operations_take_nothing() {
        run(async {
            let (mut near, mut far) = pair().await?;
            far.write_all(b"x").await?;
            near.as_tokio().readable().await?;
            let listener = Tokio::listen_tcp(localhost(), &ListenOptions::default()).await?;
            let remote = listener.local_addr()?;
            let waiting = Tokio::connect_tcp(remote).await?;

            let scope = CancelScope::<Tokio>::new();
            scope.cancel();
            let mut byte = [0];
            assert!(scope.run(near.read(&mut byte)).await.is_err());
            assert!(scope.run(near.write(b"y")).await.is_err());
            assert!(scope.run(near.flush()).await.is_err());
            assert!(scope.run(near.close()).await.is_err());
            assert!(scope.run(listener.accept()).await.is_err());
            assert!(scope.run(Tokio::connect_tcp(remote)).await.is_err());
            assert!(
                scope.run(Tokio::listen_tcp(localhost(), &ListenOptions::default())).await.is_err()
            );

            assert_eq!(near.read(&mut byte).await?, 1);
            assert_eq!(listener.accept().await?.1, waiting.local_addr()?);
            near.write_all(b"z").await?;
            assert_eq!((far.read(&mut byte).await?, byte), (1, *b"z"));
            io::Result::Ok(())
        })
        .unwrap();
    }

    /// A peer that always has something to say does not keep the task to itself.
    #[test]
    fn reading_yields() {
        run(async {
            let (mut near, mut far) = pair().await?;
            far.write_all(&[0; 2000]).await?;
            let turns = Arc::new(AtomicUsize::new(0));
            let counter = Arc::clone(&turns);
            Tokio::spawner().unwrap().spawn_task(async move {
                loop {
                    counter.fetch_add(1, SeqCst);
                    checkpoint().await;
                }
            });
            for _byte in 0..2000 {
                near.read_exact(&mut [0]).await?;
            }
            assert!(turns.load(SeqCst) > 5);
            io::Result::Ok(())
        })
        .unwrap();
    }

    /// A read that did not fill its buffer is followed by what came afterwards, and by the end.
    #[test]
    fn short_reads_lose_nothing() {
        run(async {
            let (mut near, mut far) = pair().await?;
            let mut buffer = [0; 64];
            for round in 0..100 {
                far.write_all(&[round; 10]).await?;
                let mut left = 10;
                while left > 0 {
                    let count = near.read(&mut buffer).await?;
                    assert!(count > 0 && buffer[..count].iter().all(|&byte| byte == round));
                    left -= count;
                }
                if round % 2 == 0 {
                    // It waits now, and is told.
                    let waiting = near.read_exact(&mut buffer[..1]);
                    let told = async {
                        futures_lite::future::yield_now().await;
                        far.write_all(&[7]).await
                    };
                    futures_lite::future::try_zip(waiting, told).await?;
                }
            }
            far.write_all(b"last").await?;
            far.close().await?;
            let mut rest = Vec::new();
            near.read_to_end(&mut rest).await?;
            assert_eq!(rest, b"last");
            io::Result::Ok(())
        })
        .unwrap();
    }

    /// Sockets of tokio's may be brought in and taken out.
    #[test]
    fn sockets_convert() {
        run(async {
            let native = tokio::net::TcpListener::bind(localhost()).await?;
            let listener = TcpListener::from(native);
            let remote = listener.local_addr()?;
            let near = TcpStream::from(tokio::net::TcpStream::connect(remote).await?);
            let far: tokio::net::TcpStream = listener.accept().await?.0.into();
            assert_eq!(near.local_addr()?, far.peer_addr()?);
            let _native: tokio::net::TcpListener = listener.into();
            io::Result::Ok(())
        })
        .unwrap();
    }

    /// A port is taken, unless sharing was asked for.
    #[cfg(all(unix, not(any(target_os = "solaris", target_os = "illumos"))))]
    #[test]
    fn ports_are_shared_on_request() {
        run(async {
            let alone = ListenOptions::default();
            let first = Tokio::listen_tcp(localhost(), &alone).await?;
            let taken = Tokio::listen_tcp(first.local_addr()?, &alone).await.unwrap_err();
            assert_eq!(taken.kind(), io::ErrorKind::AddrInUse);

            let shared = alone.reuse_port(true).backlog(8);
            let first = Tokio::listen_tcp(localhost(), &shared).await?;
            let second = Tokio::listen_tcp(first.local_addr()?, &shared).await?;
            assert_eq!(first.local_addr()?, second.local_addr()?);
            io::Result::Ok(())
        })
        .unwrap();
    }
}

/// Outside of a runtime every door says so, and none lets tokio panic in words of its own.
#[test]
fn nothing_is_running() {
    let here = [
        Tokio::spawner().map(drop).map_err(io::Error::from),
        Tokio::spawn_blocking(|| ()).map(drop).map_err(io::Error::from),
        futures_lite::future::block_on(Tokio::connect_tcp(localhost())).map(drop),
        futures_lite::future::block_on(Tokio::listen_tcp(localhost(), &ListenOptions::default()))
            .map(drop),
    ];
    for result in here {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotConnected);
        assert!(error.to_string().contains("#[tokio::main]"), "{error}");
    }
    let panicked = std::panic::catch_unwind(|| drop(Tokio::timer(Tokio::now())));
    let words = panicked.unwrap_err().downcast::<String>().unwrap();
    assert!(words.contains("#[tokio::main]"), "{words}");
}

/// The threads of a run are shared among its jobs, but not with those that its code starts on another runtime:
/// each job is on a thread of the runtime where it was asked for, and calls back there.
#[test]
fn jobs_stay_on_their_runtime() {
    let asks = || {
        Tokio::to_thread(|| {
            let called = from_thread::run(async { Handle::current().id() });
            [Handle::current().id(), called.expect("the runtime is there")]
        })
    };
    let ids = run(async move {
        let mine = Handle::current().id();
        let before = asks().await;
        let (other, there) = Tokio::to_thread(move || {
            let mut other = Builder::new_multi_thread();
            let other = other.worker_threads(1).enable_all().build().expect("it starts");
            (other.handle().id(), other.block_on(asks()))
        })
        .await;
        [[mine; 2], before, [other; 2], there, asks().await]
    });
    let [mine, before, other, there, after] = ids;
    assert_ne!(mine, other);
    assert_eq!((before, there, after), (mine, other, mine));
}
