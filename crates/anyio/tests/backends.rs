//! Several backends in one program: which one is taken, two at once, and what is made on one and used
//! on another.

use std::{
    env,
    io::{self, ErrorKind},
    process::Command,
    sync::mpsc,
    thread,
    time::Duration,
};

use anyio::{
    Any, AsyncStd, Clock, Erased, Runner, Smol, Tokio, available_backends, prelude::*, run_with,
};
use futures_lite::{AsyncReadExt as _, AsyncWriteExt as _, future::block_on};

const LOCAL: ([u8; 4], u16) = ([127, 0, 0, 1], 0);

fn current() -> &'static str {
    anyio::current_backend().map_or("none", Erased::name)
}

/// A group with tasks, timers, a socket and a thread; on what all of it ran.
async fn everything() -> &'static str {
    let name = current();
    let timer = anyio::move_on_after(Duration::from_millis(2), anyio::sleep_forever());
    assert!(timer.await.is_none());
    let listener = anyio::listen_tcp(LOCAL.into()).await.expect("a port is free");
    let remote = listener.local_addr().expect("it is bound");
    let result = anyio::task_group(async |tg| -> io::Result<()> {
        tg.spawn(async move {
            assert_eq!(current(), name);
            listener.accept().await?.0.write_all(b"hello").await
        });
        let mut text = String::new();
        anyio::connect_tcp(remote).await?.read_to_string(&mut text).await?;
        assert_eq!(text, "hello");
        assert_eq!(anyio::to_thread(|| 7).await, 7);
        Ok(())
    });
    result.await.expect("the loopback works");
    name
}

/// Handles on the executor of one run are the same, and those of two are not. (What goes by way of them is
/// shared in a run only because of that.)
#[test]
fn handles_know_their_executor() {
    for backend in available_backends() {
        let handles = || {
            run_with(backend, async {
                let (one, two) = (Any::spawner().unwrap(), Any::spawner().unwrap());
                assert!(one.is_same(&two), "{}", backend.name());
                one
            })
        };
        let (one, two) = (handles(), handles());
        assert!(one.is_same(&one.clone()) && !one.is_same(&two), "{}", backend.name());
    }
}

/// A timer of any backend has room for a timer of each backend. (One that is larger works, too, in a box.)
#[test]
fn a_timer_without_its_type_is_in_no_box() {
    let room = size_of::<<Any as Clock>::Timer>() - size_of::<usize>();
    for (name, timer) in [
        ("tokio", size_of::<<Tokio as Clock>::Timer>()),
        ("smol", size_of::<<Smol as Clock>::Timer>()),
        ("async-std", size_of::<<AsyncStd as Clock>::Timer>()),
    ] {
        assert!(timer <= room, "{name}: {timer} bytes, and room for {room}");
    }
}

mod choosing {
    use super::*;

    /// All of them, in the documented order.
    #[test]
    fn there_are_three() {
        let names: Vec<_> = available_backends().into_iter().map(Erased::name).collect();
        assert_eq!(names, ["tokio", "smol", "async-std"]);
    }

    /// `run_with` runs on the one that is named, and on nothing else.
    #[test]
    fn run_with_names_one() {
        for backend in available_backends() {
            assert_eq!(run_with(backend, everything()), backend.name());
            let runner = Runner::new().backend(backend);
            assert_eq!(runner.clone().current_thread().run(everything()), backend.name());
            assert_eq!(runner.threads(3).run(everything()), backend.name());
        }
    }

    /// `ANYIO_BACKEND` chooses, else the order; read in a process of its own.
    #[test]
    fn variable_chooses() {
        for (value, name) in
            [("", "tokio"), ("tokio", "tokio"), ("smol", "smol"), ("async-std", "async-std")]
        {
            let output = Command::new(env::current_exe().expect("this program has a path"))
                .args(["--exact", "choosing::child", "--nocapture"])
                .env("ANYIO_BACKEND", value)
                .env("BACKENDS_CHILD", "1")
                .output()
                .expect("this program runs");
            let text = String::from_utf8_lossy(&output.stdout);
            assert!(
                output.status.success() && text.contains(&format!("ran on {name}\n")),
                "{text}"
            );
        }
    }

    #[test]
    fn child() {
        if env::var_os("BACKENDS_CHILD").is_some() {
            println!("ran on {}", anyio::run(everything()));
        }
    }
}

mod inside {
    use super::*;

    /// Code in a runtime that somebody else started runs on that one.
    #[test]
    fn foreign_runtimes_are_found() {
        let tokio = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        assert_eq!(tokio.block_on(everything()), "tokio");
        assert_eq!(tokio.block_on(async { tokio::spawn(everything()).await.unwrap() }), "tokio");

        assert_eq!(async_std::task::block_on(everything()), "async-std");
        let task = async_std::task::spawn(everything());
        assert_eq!(async_std::task::block_on(task), "async-std");

        assert_eq!(smol::block_on(everything()), "smol");
        assert_eq!(smol::block_on(smol::spawn(everything())), "smol");
        let executor = smol::Executor::new();
        assert_eq!(block_on(executor.run(executor.spawn(everything()))), "smol");
        // Where nobody is, smol starts by itself.
        assert_eq!(block_on(everything()), "smol");
    }

    /// The innermost that is known wins: task, guard, tokio, async-std.
    #[test]
    fn order_of_detection() {
        let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let _tokio = tokio.enter();
        assert_eq!(current(), "tokio");
        assert_eq!(async_std::task::block_on(async { current() }), "tokio");
        {
            let _guard = anyio::enter(Smol::erased());
            assert_eq!(current(), "smol");
            assert_eq!(run_with(AsyncStd::erased(), async { current() }), "async-std");
        }
        assert_eq!(current(), "tokio");
    }

    /// A run of one backend inside a run of another is refused.
    #[test]
    fn runs_of_different_backends_do_not_nest() {
        for outer in available_backends() {
            for inner in available_backends() {
                let refused = run_with(outer, async {
                    let there = Runner::new().backend(inner).try_run(async {});
                    let task = anyio::task_group(async move |tg| -> anyio::Result<bool> {
                        let inner = Runner::new().backend(inner);
                        tg.spawn(async move { Ok(inner.try_run(async {}).is_err()) }).await
                    });
                    (there, task.await)
                });
                let (there, task) = refused;
                let words = format!("{} in {}", inner.name(), outer.name());
                assert!(there.is_err_and(|error| error.is_nested()), "{words}");
                assert_eq!(task, Ok(true), "{words}");
            }
        }
    }
}

mod together {
    use super::*;

    /// All of them run at once, each with its own tasks, and talk to each other through what knows
    /// no runtime.
    #[test]
    fn side_by_side() {
        let (to_second, from_first) = anyio::memory_object_stream(0);
        let (to_third, from_second) = anyio::memory_object_stream(0);
        let first = thread::spawn(move || {
            Runner::new().backend(Tokio::erased()).threads(1).run(async {
                for number in 0..100 {
                    to_second.send((number, current())).await.unwrap();
                    anyio::checkpoint().await;
                }
            });
        });
        let second = thread::spawn(move || {
            Runner::new().backend(Smol::erased()).threads(1).run(anyio::task_group(async |tg| {
                tg.spawn(async move {
                    while let Ok((number, theirs)) = from_first.receive().await {
                        assert_eq!(theirs, "tokio");
                        to_third.send((number, current())).await.unwrap();
                    }
                });
            }))
        });
        let sum = run_with(AsyncStd::erased(), async {
            let mut sum = 0;
            while let Ok((number, theirs)) = from_second.receive().await {
                assert_eq!((theirs, current()), ("smol", "async-std"));
                sum += number;
            }
            sum
        });
        assert_eq!(sum, 4950);
        first.join().unwrap();
        assert_eq!(second.join().unwrap(), Ok(()));
    }

    /// Runs `f` on another thread inside a run of `backend` that lasts until the guard is dropped.
    fn host<T: Send + 'static>(
        backend: &'static Erased,
        f: impl AsyncFnOnce() -> T + Send + 'static,
    ) -> (T, Host) {
        let (give, take) = mpsc::channel();
        let stop = std::sync::Arc::new(anyio::Event::new());
        let stopped = std::sync::Arc::clone(&stop);
        let thread = thread::spawn(move || {
            Runner::new().backend(backend).threads(1).run(async {
                _ = give.send(f().await);
                stopped.wait().await;
            });
        });
        (take.recv().expect("it runs"), Host { stop, thread: Some(thread) })
    }

    struct Host {
        stop: std::sync::Arc<anyio::Event>,
        thread: Option<thread::JoinHandle<()>>,
    }

    impl Drop for Host {
        fn drop(&mut self) {
            self.stop.set();
            if let Some(thread) = self.thread.take() {
                thread.join().expect("it only waits");
            }
        }
    }

    async fn pair() -> io::Result<(anyio::TcpStream, anyio::TcpStream)> {
        let listener = anyio::listen_tcp(LOCAL.into()).await?;
        let near = anyio::connect_tcp(listener.local_addr()?).await?;
        Ok((near, listener.accept().await?.0))
    }

    /// What is made on one backend works on every other one, as long as the first one runs: sockets
    /// that wait for their peer, groups that spawn, scopes, locks, streams.
    #[test]
    fn objects_move_while_their_runtime_runs() {
        for made in available_backends() {
            for used in available_backends() {
                let ((mut near, mut far), _running) =
                    host(made, async || pair().await.expect("the loopback works"));
                let echo = run_with(used, async move {
                    anyio::task_group(async |tg| -> io::Result<Vec<u8>> {
                        tg.spawn(async move {
                            let mut byte = [0; 1];
                            far.read_exact(&mut byte).await?;
                            far.write_all(&byte).await
                        });
                        anyio::sleep(Duration::from_millis(1)).await; // the task is waiting now
                        near.write_all(b"x").await?;
                        let mut byte = vec![0; 1];
                        near.read_exact(&mut byte).await?;
                        Ok(byte)
                    })
                    .await
                });
                assert_eq!(echo.unwrap(), b"x", "of {} on {}", made.name(), used.name());
            }
        }
    }

    /// A group goes on spawning where it was opened, whoever uses its handle.
    #[test]
    fn group_stays_where_it_was_opened() {
        for made in available_backends() {
            for used in available_backends() {
                let (give, take) = mpsc::channel();
                let opened = thread::spawn(move || {
                    run_with(
                        made,
                        anyio::task_group(async |tg| -> anyio::Result<()> {
                            let stop = std::sync::Arc::new(anyio::Event::new());
                            give.send((tg, std::sync::Arc::clone(&stop))).map_err(drop).unwrap();
                            stop.wait().await;
                            Ok(())
                        }),
                    )
                });
                let (tg, stop) = take.recv().unwrap();
                let name = run_with(used, async {
                    let task = tg.spawn(async {
                        anyio::sleep(Duration::from_millis(1)).await;
                        Ok(current())
                    });
                    task.await
                });
                assert_eq!(name, Ok(made.name()), "used on {}", used.name());
                stop.set();
                assert_eq!(opened.join().unwrap(), Ok(()));
            }
        }
    }

    /// A socket of a tokio that is gone says so, and names both; one of the others works on, since
    /// their reactor is the process's.
    #[test]
    fn socket_of_a_runtime_that_is_gone() {
        for made in available_backends() {
            for used in available_backends() {
                let (mut near, mut far) = run_with(made, pair()).unwrap();
                let result = run_with(used, async {
                    anyio::task_group(async |tg| -> io::Result<u8> {
                        tg.spawn(async move {
                            anyio::sleep(Duration::from_millis(1)).await; // somebody waits
                            far.write_all(b"x").await
                        });
                        let mut byte = [0; 1];
                        near.read_exact(&mut byte).await.map(|()| byte[0])
                    })
                    .await
                });
                if made.name() == "tokio" {
                    let error = result.unwrap_err();
                    assert_eq!(error.kind(), ErrorKind::NotConnected, "{error}");
                    assert!(error.get_ref().is_some_and(|inner| inner.is::<anyio::NoRuntime>()));
                    let text = error.to_string();
                    assert!(text.contains("tokio") && text.contains(used.name()), "{text}");
                } else {
                    assert_eq!(result.unwrap(), b'x', "of {} on {}", made.name(), used.name());
                }
            }
        }
    }

    /// Typed calls of one backend inside another: tokio, which has to run for them, says so and names
    /// both; smol and async-std work.
    #[test]
    fn typed_calls_elsewhere() {
        for used in [Smol::erased(), AsyncStd::erased()] {
            run_with(used, async {
                let error = Tokio::connect_tcp(LOCAL.into()).await.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::NotConnected);
                let text = error.to_string();
                assert!(text.contains("no tokio runtime") && text.contains(used.name()), "{text}");
            });
        }
        run_with(Tokio::erased(), async {
            assert!(Smol::listen_tcp(LOCAL.into(), &anyio::ListenOptions::default()).await.is_ok());
            Smol::sleep(Duration::from_millis(1)).await;
            let ran = Smol::task_group(async |tg| -> anyio::Result<_> {
                tg.spawn(async { Ok(AsyncStd::to_thread(|| 7).await) }).await
            });
            assert_eq!(ran.await, Ok(7));
        });
    }

    /// `Any` is whatever is current, call by call.
    #[test]
    fn any_follows() {
        for backend in available_backends() {
            let name = run_with(backend, async { Any::to_thread(|| 7).await });
            assert_eq!(name, 7);
        }
    }
}
