//! What the facade itself promises: names, the choice of a backend. Words for those who have none are
//! in `nothing_is_running.rs`. What its functions *do* is in the conformance suite.

use std::{
    collections::BTreeSet,
    env, io,
    panic::catch_unwind,
    process::{Command, Output},
    time::{Duration, Instant},
};

use anyio::{Any, Erased, NoRuntime, Runner, Tokio, prelude::*};
use futures_lite::{AsyncReadExt as _, AsyncWriteExt as _, future::block_on};

/// What a panic said.
fn words(f: impl FnOnce() + std::panic::UnwindSafe) -> String {
    let payload = catch_unwind(f).expect_err("it did not panic");
    let text = payload.downcast_ref::<String>().cloned();
    text.or_else(|| payload.downcast_ref::<&str>().map(|&text| text.to_owned()))
        .expect("a panic with words")
}

mod names {
    use super::*;

    /// Reexported types are the engine's own, and those of `Any`.
    #[test]
    fn types_are_the_engines() {
        fn same<T>(_: fn(T), _: fn(T)) {}
        same::<<Any as anyio::Runtime>::Event>(|_: anyio::Event| {}, |_: anyio_engine::Event| {});
        same::<<Any as anyio::Runtime>::CancelScope>(|_: anyio::CancelScope| {}, |_| {});
        same::<<Any as anyio::Runtime>::TaskGroup<io::Error>>(
            |_: anyio::TaskGroup<io::Error>| {},
            |_| {},
        );
        same::<<Any as anyio::Net>::TcpStream>(|_: anyio::TcpStream| {}, |_| {});
        same::<anyio::Result>(|_: Result<(), anyio::Cancelled>| {}, |_| {});
    }

    /// `Any` is a backend as any other.
    #[test]
    fn any_is_a_backend() {
        fn is_backend<B: anyio::Backend + anyio::Run>() -> &'static str {
            B::NAME
        }
        assert_eq!(is_backend::<Any>(), "any");
        assert_eq!(is_backend::<Tokio>(), "tokio");
    }

    /// The futures of the functions can be spawned, and named.
    #[test]
    fn futures_are_send_and_named() {
        use anyio::types::{Fail, MoveOn, Scoped, Sleep};

        fn send<F: Send>(future: F) -> F {
            future
        }
        fn named<F>(_: F) {}
        let second = Duration::from_secs(1);
        named::<Sleep<Any>>(send(anyio::sleep(second)));
        named::<Scoped<Any, _, MoveOn>>(send(anyio::move_on_after(second, async {})));
        named::<Scoped<Any, _, Fail>>(send(anyio::fail_after(second, async {})));
        drop(send(anyio::task_group(async |tg| {
            tg.spawn(async {});
        })));
        drop(send(anyio::to_thread(|| ())));
        drop(send(anyio::connect_tcp(([127, 0, 0, 1], 1).into())));
        drop(send(anyio::listen_tcp(([127, 0, 0, 1], 0).into())));
    }

    /// A name of the core or the engine is public in exactly one place.
    #[test]
    fn names_have_one_path() {
        let mut seen = BTreeSet::new();
        for source in [
            include_str!("../src/lib.rs"),
            include_str!("../src/traits.rs"),
            include_str!("../src/types.rs"),
        ] {
            for from in ["anyio_core", "anyio_engine"] {
                let list = source.split_once(&format!("pub use {from}::{{"));
                let Some((_, list)) = list else { continue };
                let list = list.split_once('}').expect("the list ends").0;
                for name in list.split(',').map(str::trim).filter(|name| !name.is_empty()) {
                    let name = name.split_once(" as ").map_or(name, |(name, _)| name);
                    assert!(seen.insert((from, name.to_owned())), "{from}::{name} is there twice");
                }
            }
        }
        assert!(seen.len() > 60, "the lists were not found");
    }
}

mod starting {
    use super::*;

    /// `run` gives what the future gives, and lets its panic through.
    #[test]
    fn output_and_panic_come_back() {
        let local = String::from("borrowed");
        assert_eq!(anyio::run(async { local.len() }), 8);
        assert_eq!(words(|| anyio::run(async { panic!("on purpose") })), "on purpose");
    }

    /// A run inside a run is refused, in words, and does not disturb the outer one.
    #[test]
    fn nested_run_is_refused() {
        anyio::run(async {
            let error = Runner::new().try_run(async {}).unwrap_err();
            assert!(error.is_nested());
            let said = words(|| anyio::run(async {}));
            assert!(said.contains("cannot run tokio here"), "{said}");
            anyio::sleep(Duration::from_millis(1)).await;
        });
        anyio::run(async {});
    }

    /// A run inside somebody else's tokio is refused as well.
    #[test]
    fn run_inside_bare_tokio_is_refused() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        assert!(runtime.block_on(async { Runner::new().try_run(async {}) }).is_err());
    }

    /// The settings reach the runtime.
    #[test]
    fn settings_are_heard() {
        let name = async || {
            anyio::task_group(async |tg| -> anyio::Result<_> {
                tg.spawn(async { Ok(std::thread::current().name().map(str::to_owned)) }).await
            })
            .await
            .unwrap()
        };
        assert_eq!(Runner::new().threads(1).run(name()).as_deref(), Some("tokio-worker"));
        let runner = Runner::new().threads(1).thread_name("weaver");
        assert_eq!(runner.run(name()).as_deref(), Some("weaver"));
        let mine = std::thread::current().name().map(str::to_owned);
        assert_eq!(Runner::new().current_thread().run(name()), mine);
    }

    /// A blocking job that nobody waits for does not keep the run from ending.
    #[test]
    fn abandoned_job_does_not_hang_the_end() {
        let (release, wait) = std::sync::mpsc::channel::<()>();
        anyio::run(async {
            Any::spawn_blocking(move || _ = wait.recv()).unwrap();
        });
        drop(release); // it waited for this until now
    }
}

mod current {
    use super::*;

    /// Everything works inside a runtime that somebody else started, of either flavour.
    #[test]
    fn bare_tokio_is_found() {
        async fn everything() {
            assert_eq!(anyio::current_backend().unwrap().name(), "tokio");

            let timer = anyio::move_on_after(Duration::from_millis(2), anyio::sleep_forever());
            assert!(timer.await.is_none());

            let listener = anyio::listen_tcp(([127, 0, 0, 1], 0).into()).await.unwrap();
            let remote = listener.local_addr().unwrap();
            let sum = anyio::task_group(async |tg| -> io::Result<_> {
                tg.spawn(async move { listener.accept().await?.0.write_all(b"40").await });
                let two = tg.spawn(async {
                    // A child of a child: the backend is found on whatever thread it runs.
                    let two = async |tg: anyio::TaskGroup<io::Error>| {
                        tg.spawn(async { Ok(anyio::to_thread(|| 2).await) })
                            .await
                            .map_err(Into::into)
                    };
                    anyio::task_group(two).await
                });
                let mut text = String::new();
                anyio::connect_tcp(remote).await?.read_to_string(&mut text).await?;
                Ok(text.parse::<u32>().unwrap() + two.await?)
            });
            assert_eq!(sum.await.unwrap(), 42);
        }

        use tokio::runtime::Builder;
        Builder::new_current_thread().enable_all().build().unwrap().block_on(everything());
        let builder = &mut Builder::new_multi_thread();
        let runtime = builder.worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(everything());
        // In a task of tokio's own, and on a thread that has entered a handle.
        runtime.block_on(runtime.spawn(everything())).unwrap();
        let _entered = runtime.enter();
        block_on(everything());
    }

    /// The thread's guard names a backend where no task does, and is undone by its drop.
    #[test]
    fn guard_names_a_backend() {
        let without = anyio::current_backend().map(Erased::name);
        {
            let _guard = anyio::enter(Tokio::erased());
            assert_eq!(anyio::current_backend().unwrap().name(), "tokio");
            // It starts nothing: there still is no runtime to spawn on.
            let error = Any::spawner().unwrap_err().to_string();
            assert!(error.contains("#[tokio::main]"), "{error}");
        }
        assert_eq!(anyio::current_backend().map(Erased::name), without);
    }

    /// A backend that nobody compiled into the facade is as good as the others.
    #[test]
    fn custom_backend_is_found() {
        Runner::new().backend(&THREADS).run(async {
            assert_eq!(anyio::current_backend().unwrap().name(), "threads");
            let name = anyio::task_group(async |tg| -> anyio::Result<_> {
                tg.spawn(async { Ok(anyio::current_backend().unwrap().name()) }).await
            });
            assert_eq!(name.await, Ok("threads"));

            // What it lacks is an error, not a panic, and names the backend.
            let error = anyio::connect_tcp(([127, 0, 0, 1], 1).into()).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::Unsupported);
            assert!(error.to_string().contains("threads"), "{error}");
        });
    }

    /// A program runs even if nobody hears of a Ctrl-C, and reports what it gives.
    #[test]
    fn program_without_signals() {
        use std::process::ExitCode;

        let runner = Runner::new().backend(&THREADS);
        assert_eq!(runner.run_main(async {}), ExitCode::SUCCESS);
        assert_eq!(runner.run_main(async { Err::<(), _>("an error") }), ExitCode::FAILURE);
        assert_eq!(runner.run_main(async { ExitCode::from(7) }), ExitCode::from(7));
        assert_eq!(
            words(|| _ = runner.run_main(async {
                if true {
                    panic!("on purpose")
                }
            })),
            "on purpose"
        );
    }

    /// One thread a task.
    #[derive(Clone, Copy, Debug)]
    struct Threads;

    impl anyio::Executor for Threads {
        const NAME: &'static str = "threads";
        type Spawner = Self;
        fn spawner() -> Result<Self, NoRuntime> {
            Ok(Self)
        }
    }

    impl anyio::Spawn for Threads {
        fn spawn_task<F: Future<Output = ()> + Send + 'static>(&self, task: F) {
            std::thread::spawn(|| block_on(task));
        }
    }

    impl anyio::Clock for Threads {
        type Timer = std::future::Pending<()>;
        fn now() -> Instant {
            Instant::now()
        }
        fn timer(_: Instant) -> Self::Timer {
            std::future::pending()
        }
    }

    impl anyio::Run for Threads {
        fn run<F: Future>(_: &anyio::RunOptions, future: F) -> Result<F::Output, anyio::RunError> {
            Ok(block_on(anyio_engine::root(&THREADS, future)))
        }
    }

    static THREADS: Erased = Erased::of::<Threads>().with_run::<Threads>();
}

/// The variable is read once in a process, so each case has a process of its own: this test
/// program again, with one test in it.
mod variable {
    use super::*;

    fn with(value: &str, case: &str) -> Output {
        Command::new(env::current_exe().expect("this program has a path"))
            .args(["--exact", "variable::child", "--nocapture"])
            .env("ANYIO_BACKEND", value)
            .env("FACADE_CASE", case)
            .output()
            .expect("this program runs")
    }

    #[track_caller]
    fn says(output: &Output, well: bool, text: &str) {
        let out = String::from_utf8_lossy(&output.stdout);
        let err = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.success(), well, "{out}{err}");
        assert!(out.contains(text) || err.contains(text), "{out}{err}");
    }

    #[test]
    fn child() {
        let Ok(case) = env::var("FACADE_CASE") else { return };
        let name = async { anyio::current_backend().unwrap().name() };
        let name = match &*case {
            "run" => anyio::run(name),
            "any" => Any::run(&anyio::RunOptions::default(), name).unwrap(),
            "explicit" => Runner::new().backend(Tokio::erased()).run(name),
            other => panic!("no case {other:?}"),
        };
        println!("ran on {name}");
    }

    /// It chooses among those compiled in.
    #[test]
    fn chooses() {
        says(&with("tokio", "run"), true, "ran on tokio");
        says(&with("tokio", "any"), true, "ran on tokio");
    }

    /// Empty, it is as good as unset.
    #[test]
    fn empty_is_unset() {
        says(&with("", "run"), true, "ran on tokio");
    }

    /// A name nobody knows is refused, and what there is is named.
    /// Covers: anyio/test_run_unknown_backend
    #[test]
    fn unknown_is_refused() {
        let output = with("Tokyo", "run");
        says(&output, false, "ANYIO_BACKEND is \"Tokyo\"");
        says(&output, false, "the backends compiled in are: tokio");
        says(&output, false, "tests/facade.rs");
    }

    /// It has no say where the code has chosen.
    #[test]
    fn code_goes_first() {
        says(&with("Tokyo", "explicit"), true, "ran on tokio");
    }
}
