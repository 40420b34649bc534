//! What the library promises to those who use it, on each backend that is compiled in.

#[path = "../examples/program/mod.rs"]
#[expect(dead_code, reason = "the tests need its servers, and not the application")]
mod program;

use std::{env, io, net::SocketAddr, process::Command, time::Duration};

use anyio::{
    Any, AsyncStd, Backend, Event, Run, RunOptions, Runner, Smol, TaskGroup, Tokio,
    available_backends, current_backend, prelude::*, task_group,
};
use anyio_portable_library::{ambient, generic};

/// The files `examples/on_….rs`.
const APPLICATIONS: [&str; 3] = ["tokio", "smol", "async-std"];

const PATIENCE: Duration = Duration::from_secs(60);

/// Runs `test` under each backend, beside the servers of the application.
fn on_each<Fut>(test: fn(Vec<SocketAddr>) -> Fut)
where
    Fut: Future<Output = io::Result<()>>,
{
    for backend in available_backends() {
        let group = task_group(async |tg: TaskGroup<io::Error>| {
            test(program::open_servers(&tg).await?).await?;
            assert_eq!(current_backend()?.name(), backend.name());
            tg.cancel();
            Ok(())
        });
        let result = Runner::new().backend(backend).run(group);
        result.unwrap_or_else(|error| panic!("on {}: {error}", backend.name()));
    }
}

/// The compiler finds that the futures are `Send`, also in code that is generic over the backend.
fn spawnable<B: Backend>(
    servers: Vec<SocketAddr>,
) -> impl Future<Output = io::Result<String>> + Send {
    generic::first_answer::<B>(servers, PATIENCE)
}

/// So they are where the backend is not known before the program runs.
fn spawnable_anywhere(servers: Vec<SocketAddr>) -> impl Future<Output = io::Result<String>> + Send {
    ambient::first_answer(servers, PATIENCE)
}

/// So generic code can spawn them.
async fn spawns<B: Backend>(servers: Vec<SocketAddr>) -> io::Result<()> {
    let answers = B::task_group(async |tg| -> io::Result<_> {
        let one = tg.spawn(spawnable::<B>(servers.clone()));
        let two = tg.spawn(spawnable_anywhere(servers));
        Ok((one.join().await?, two.join().await?))
    });
    assert_eq!(answers.await?, ("quick".to_owned(), "quick".to_owned()));
    Ok(())
}

#[test]
fn generic_futures_can_be_spawned() {
    on_each(spawns::<Any>);
    spawn_on::<Tokio>();
    spawn_on::<Smol>();
    spawn_on::<AsyncStd>();
}

fn spawn_on<B: Backend + Run>() {
    let all_answer = B::run(
        &RunOptions::default(),
        task_group(async |tg| {
            let servers = program::open_servers(&tg).await?;
            spawns::<B>(servers).await?;
            tg.cancel();
            io::Result::Ok(())
        }),
    );
    all_answer.expect("it starts").expect("all answer");
}

/// In a program of somebody else's, too, on its runtime and without a group of ours.
#[test]
fn generic_futures_can_be_spawned_directly() {
    on_each(|servers| async {
        let done = std::sync::Arc::new(Event::new());
        let signal = std::sync::Arc::clone(&done);
        Any::spawner()?.spawn_task(async move {
            let answer = generic::first_answer::<Any>(servers, PATIENCE).await;
            assert_eq!(answer.expect("one answers"), "quick");
            signal.set();
        });
        done.wait().await;
        Ok(())
    });
}

#[test]
fn lanes_agree() {
    on_each(|servers| async {
        let generic = generic::first_answer::<Any>(servers.clone(), PATIENCE).await?;
        let ambient = ambient::first_answer(servers, PATIENCE).await?;
        assert_eq!((&*generic, &*ambient), ("quick", "quick"));
        Ok(())
    });
}

#[test]
fn errors_agree() {
    on_each(|servers| async move {
        let slow = || vec![servers[0]];
        let soon = Duration::from_millis(20);
        for (servers, expected) in
            [(slow(), io::ErrorKind::TimedOut), (vec![], io::ErrorKind::NotFound)]
        {
            let generic = generic::first_answer::<Any>(servers.clone(), soon).await;
            let ambient = ambient::first_answer(servers, soon).await;
            for answer in [generic, ambient] {
                assert_eq!(answer.expect_err("nobody answers").kind(), expected);
            }
        }
        Ok(())
    });
}

/// Each names its backend and differs in nothing else. All backends of the dev-dependencies are
/// compiled into each of them, which changes nothing.
#[test]
fn applications_run_on_their_backend() {
    for name in APPLICATIONS {
        let mut path = env::current_exe().expect("a test is a file");
        path.pop();
        path.pop();
        path.push(format!("examples/on_{}{}", name.replace('-', "_"), env::consts::EXE_SUFFIX));
        // Not even the variable by which users choose goes before a backend that is named.
        let output = Command::new(path).env("ANYIO_BACKEND", "another").output();
        let output = output.expect("cargo builds the examples before it runs the tests");
        let expected = format!("trait lane on {name}: quick\nambient lane on {name}: quick\n");
        assert_eq!(String::from_utf8_lossy(&output.stdout), expected, "{output:?}");
    }
}
