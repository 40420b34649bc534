//! `#[anyio::test]`, by its own hand. `#[anyio::main]` is in `interrupt.rs`.

use std::{cell::Cell, env, io, num::ParseIntError, process::Command, rc::Rc, thread};

use anyio::{sleep_forever, task_group};

/// A name that the functions below use from where they stand.
struct Outside;

/// The plainest one.
#[anyio::test]
async fn plain() {
    let Outside = Outside;
    anyio::checkpoint().await;
}

/// A test may fail with an error, and use what cannot leave its thread.
#[anyio::test]
async fn with_result() -> Result<(), Box<dyn std::error::Error>> {
    let number = Rc::new(Cell::new(1));
    anyio::checkpoint().await;
    assert_eq!(number.get(), "1".parse::<i32>()?);
    Ok(())
}

/// A panic comes through with its words.
#[anyio::test]
#[should_panic(expected = "on purpose")]
async fn should_panic() {
    anyio::checkpoint().await;
    panic!("on purpose");
}

/// A test that hangs says so.
#[anyio::test(timeout = "10ms")]
#[should_panic(expected = "the test hung: it had not ended after 10ms")]
async fn hangs() {
    sleep_forever().await;
}

/// So does one that does not let its thread go.
#[anyio::test(current_thread, timeout = "10ms")]
#[should_panic(expected = "the test hung")]
async fn blocks() {
    thread::park();
    unreachable!("nobody unparks it");
}

/// For as long as it takes.
#[anyio::test(timeout = "none")]
#[should_panic(expected = "never say never")]
async fn patient() -> ! {
    anyio::checkpoint().await;
    panic!("never say never");
}

/// Is not run with the others.
#[anyio::test]
#[ignore = "it fails"]
async fn fails() -> io::Result<()> {
    Err(io::Error::other("a reason of its own"))
}

/// One flavour, one backend.
#[anyio::test(backend = "tokio", threads = 1)]
async fn chosen() {
    assert_eq!(anyio::current_backend().unwrap().name(), "tokio");
}

/// The thread of the test does everything.
#[anyio::test(current_thread)]
async fn alone() -> anyio::Result<()> {
    let here = thread::current().id();
    let task = async |tg: anyio::TaskGroup<_>| tg.spawn(async { Ok(thread::current().id()) }).await;
    assert_eq!(task_group(task).await?, here);
    Ok(())
}

/// An attribute that gives arguments stands above.
#[rstest::rstest]
#[case::first(40, Ok(2))]
#[case(42, "0".parse())]
#[anyio::test(timeout = "10m")]
async fn adds(
    #[case] number: i32,
    #[case] other: Result<i32, ParseIntError>,
) -> Result<(), ParseIntError> {
    anyio::checkpoint().await;
    assert_eq!(number + other?, 42);
    Ok(())
}

mod inner {
    /// `super` means what it means where the function stands.
    #[anyio::test]
    async fn nested() {
        let super::Outside = outside();
    }

    fn outside() -> super::Outside {
        super::Outside
    }
}

/// Each is a test of its own, with the backend and the flavour in its name.
#[test]
fn names() {
    let listed = Command::new(env::current_exe().unwrap()).arg("--list").output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    let tests_of = |function: &str| {
        let mut tests: Vec<_> = listed.lines().filter(|it| it.starts_with(function)).collect();
        tests.sort_unstable();
        tests.join("\n")
    };
    let mut expected = Vec::new();
    for backend in anyio::available_backends() {
        for flavour in ["current_thread", "multi_thread"] {
            let backend = backend.name().replace('-', "_");
            expected.push(format!("inner::nested::{backend}_{flavour}: test"));
        }
    }
    expected.sort();
    assert_eq!(tests_of("inner::nested::"), expected.join("\n"));
    assert_eq!(tests_of("chosen::"), "chosen::tokio_multi_thread: test");
    assert_eq!(tests_of("alone::").lines().count(), anyio::available_backends().len());
    assert_eq!(
        tests_of("adds::case_1_first::"),
        tests_of("adds::case_2::").replace("case_2", "case_1_first")
    );
    assert_eq!(tests_of("adds::").lines().count(), 4 * anyio::available_backends().len());
}

/// An error is a failure, and is shown.
#[test]
fn errors_are_failures() {
    let mut command = Command::new(env::current_exe().unwrap());
    let output = command.args(["--ignored", "fails::"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(!output.status.success(), "{text}");
    assert!(text.contains("a reason of its own"), "{text}");
    assert!(text.contains(" 0 passed"), "{text}");
}
