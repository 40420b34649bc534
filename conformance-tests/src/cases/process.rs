//! Child processes, with the programs that every Unix has.

use std::{
    io::Write as _,
    os::unix::process::ExitStatusExt as _,
    process::{Command, Stdio},
};

use anyio_core::{CancelScope as _, ChildProcess as _, Processes, Runtime};
use anyio_engine::{RuntimeExt as _, checkpoint};
use futures_lite::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::{
    cut::everywhere,
    suite::Case,
    support::{poll_once, until},
};

pub(super) fn list<B: Runtime + Processes>() -> Vec<Case> {
    list![B, process:
        exit_status_is_given,
        waiting_again_gives_the_same,
        pipes_carry_bytes_both_ways,
        outputs_are_separate,
        pipes_are_taken_once_and_only_if_asked_for,
        much_data_flows_through,
        missing_program_is_an_error,
        killed_process_ends,
        killing_what_has_ended_does_nothing,
        dropped_process_is_killed_and_reaped,
        wait_that_is_cancelled_goes_on_later,
        wait_does_not_start_in_a_cancelled_scope,
        wait_returns_though_the_pipe_is_open,
        process_gone_breaks_its_pipes,
        environment_and_directory_are_passed_on,
        process_is_known_by_its_number,
    ]
}

/// A shell that runs `script`.
fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]).stdin(Stdio::null());
    command
}

/// Whether there is a process with that number, ended but not reaped included.
fn exists(id: u32) -> bool {
    let check = shell(&format!("kill -0 {id}")).stderr(Stdio::null()).status();
    check.expect("there is a shell").success()
}

/// The status that a program ends with is given.
async fn exit_status_is_given<B: Runtime + Processes>() {
    let mut good = B::spawn_process(Command::new("true")).expect("it is there");
    assert!(good.wait().await.expect("it ends").success());
    let mut bad = B::spawn_process(shell("exit 7")).expect("there is a shell");
    assert_eq!(bad.wait().await.expect("it ends").code(), Some(7));
    let mut killed = B::spawn_process(shell("kill -9 $$")).expect("there is a shell");
    assert_eq!(killed.wait().await.expect("it ends").signal(), Some(9));
}

/// A process may be waited for again, with the same answer.
async fn waiting_again_gives_the_same<B: Runtime + Processes>() {
    let mut child = B::spawn_process(shell("exit 3")).expect("there is a shell");
    let first = child.wait().await.expect("it ends");
    let second = child.wait().await.expect("it has ended");
    assert_eq!((first.code(), second), (Some(3), first));
}

/// What is written to a process's input comes out of its output; closing the input tells it that
/// there is no more.
async fn pipes_carry_bytes_both_ways<B: Runtime + Processes>() {
    let mut command = Command::new("cat");
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = B::spawn_process(command).expect("it is there");
    let mut stdin = child.take_stdin().expect("it was asked for");
    let mut stdout = child.take_stdout().expect("it was asked for");
    for text in ["one ", "two "] {
        stdin.write_all(text.as_bytes()).await.expect("it reads");
        stdin.flush().await.expect("it reads");
        let mut echo = [0; 4];
        stdout.read_exact(&mut echo).await.expect("it writes");
        assert_eq!(echo, text.as_bytes());
    }
    stdin.close().await.expect("closing is no trouble");
    assert_eq!(stdout.read(&mut [0; 1]).await.expect("it has ended"), 0);
    assert!(child.wait().await.expect("it ends").success());
}

/// Output and errors come by pipes of their own.
async fn outputs_are_separate<B: Runtime + Processes>() {
    let mut command = shell("echo out; echo err >&2");
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = B::spawn_process(command).expect("there is a shell");
    let mut stdout = child.take_stdout().expect("it was asked for");
    let mut stderr = child.take_stderr().expect("it was asked for");
    let (mut out, mut err) = (String::new(), String::new());
    let read =
        futures_util::join!(stdout.read_to_string(&mut out), stderr.read_to_string(&mut err));
    assert!(matches!(read, (Ok(4), Ok(4))));
    assert_eq!((&*out, &*err), ("out\n", "err\n"));
    assert!(child.wait().await.expect("it ends").success());
}

/// Pipes are there for what was asked to be piped, and for the first who takes them.
async fn pipes_are_taken_once_and_only_if_asked_for<B: Runtime + Processes>() {
    let mut command = shell("exit 0");
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = B::spawn_process(command).expect("there is a shell");
    assert!(child.take_stdin().is_none());
    assert!(child.take_stderr().is_none());
    assert!(child.take_stdout().is_some());
    assert!(child.take_stdout().is_none());
    child.wait().await.expect("it ends");
}

/// More than a pipe can hold goes in and out at the same time.
async fn much_data_flows_through<B: Runtime + Processes>() {
    const SIZE: usize = 2 << 20;
    let mut command = Command::new("cat");
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = B::spawn_process(command).expect("it is there");
    let mut stdin = child.take_stdin().expect("it was asked for");
    let mut stdout = child.take_stdout().expect("it was asked for");
    let data: Vec<u8> = (0..SIZE).map(|at| (at % 251) as u8).collect();
    let writing = async {
        stdin.write_all(&data).await.expect("it reads");
        stdin.close().await.expect("closing is no trouble");
    };
    let mut back = Vec::new();
    let ((), read) = futures_util::join!(writing, stdout.read_to_end(&mut back));
    assert_eq!(read.expect("it writes"), SIZE);
    assert!(back == data);
    assert!(child.wait().await.expect("it ends").success());
}

/// A program that does not exist is an error at once.
async fn missing_program_is_an_error<B: Runtime + Processes>() {
    let missing = B::spawn_process(Command::new("/there/is/no/such/program"));
    let error = missing.err().expect("there is no such program");
    assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
}

/// A process that is killed ends, by that signal.
async fn killed_process_ends<B: Runtime + Processes>() {
    let mut child = B::spawn_process(shell("exec sleep 3600")).expect("there is a shell");
    child.kill().expect("it runs");
    assert_eq!(child.wait().await.expect("it ends").signal(), Some(9));
}

/// Killing a process that has ended is no error, and changes nothing.
async fn killing_what_has_ended_does_nothing<B: Runtime + Processes>() {
    let mut child = B::spawn_process(shell("exit 5")).expect("there is a shell");
    assert_eq!(child.wait().await.expect("it ends").code(), Some(5));
    child.kill().expect("it does nothing");
    assert_eq!(child.wait().await.expect("it has ended").code(), Some(5));
}

/// A process that is dropped is killed and reaped: no orphan and no zombie stays.
/// Covers: anyio/test_process_aexit_cancellation_doesnt_orphan_process
async fn dropped_process_is_killed_and_reaped<B: Runtime + Processes>() {
    let child = B::spawn_process(shell("exec sleep 3600")).expect("there is a shell");
    let id = child.id();
    assert!(exists(id));
    drop(child);
    until::<B>(|| !exists(id)).await;

    let scope = B::CancelScope::new();
    let mut child = B::spawn_process(shell("exec sleep 3600")).expect("there is a shell");
    let id = child.id();
    let mut work = Box::pin(scope.run(async move { child.wait().await }));
    assert!(poll_once(&mut work).is_pending());
    scope.cancel();
    assert!(work.await.is_err());
    until::<B>(|| !exists(id)).await;
}

/// Waiting is resumable: wherever a wait is cut, a later one gives the status.
async fn wait_that_is_cancelled_goes_on_later<B: Runtime + Processes>() {
    let cuts = everywhere(async |cut| {
        let mut command = shell("read line; exit 4");
        command.stdin(Stdio::piped());
        let mut child = B::spawn_process(command).expect("there is a shell");
        let mut stdin = child.take_stdin().expect("it was asked for");
        let end = async {
            checkpoint().await;
            stdin.write_all(b"end\n").await.expect("it reads");
            stdin.flush().await.expect("it reads");
        };
        futures_util::join!(cut.apply::<B, _>(child.wait()), end);
        assert_eq!(child.wait().await.expect("it ends").code(), Some(4), "{cut:?}");
    })
    .await;
    assert!(cuts >= 4, "{cuts}");
}

/// C8: in a cancelled scope a wait does not return, though the process has ended.
async fn wait_does_not_start_in_a_cancelled_scope<B: Runtime + Processes>() {
    let mut child = B::spawn_process(Command::new("true")).expect("it is there");
    child.wait().await.expect("it ends");
    let scope = B::CancelScope::new();
    scope.cancel();
    assert!(scope.run(child.wait()).await.is_err());
    assert!(child.wait().await.expect("it has ended").success());
}

/// The end of the process is what a wait waits for, not that of those it left behind with its
/// pipes.
/// Covers: anyio/test_wait_returns_on_process_exit_with_open_stdout
async fn wait_returns_though_the_pipe_is_open<B: Runtime + Processes>() {
    // The grandchild reads this pipe, and so lives, until the case lets it go. (A shell gives what
    // it runs in the background no input unless told to.)
    let (reader, mut writer) = std::io::pipe().expect("there are pipes");
    let mut command = shell("exec 3<&0; cat <&3 & exit 6");
    command.stdin(reader).stdout(Stdio::piped());
    let mut child = B::spawn_process(command).expect("there is a shell");
    let mut stdout = child.take_stdout().expect("it was asked for");
    assert_eq!(child.wait().await.expect("it ends").code(), Some(6));
    let mut byte = [0; 1];
    {
        let mut reading = Box::pin(stdout.read(&mut byte));
        assert!(poll_once(&mut reading).is_pending(), "the pipe is open");
    }
    writer.write_all(b"x").expect("the grandchild reads");
    assert_eq!(stdout.read(&mut byte).await.expect("the grandchild writes"), 1);
    drop(writer);
    assert_eq!(stdout.read(&mut byte).await.expect("the grandchild has ended"), 0);
}

/// After the process has gone its input is broken and its output at its end.
/// Covers: anyio/test_exceptions_after_subprocess_closes_standard_streams
async fn process_gone_breaks_its_pipes<B: Runtime + Processes>() {
    let mut command = shell("exit 0");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = B::spawn_process(command).expect("there is a shell");
    let mut stdin = child.take_stdin().expect("it was asked for");
    let mut stdout = child.take_stdout().expect("it was asked for");
    let mut stderr = child.take_stderr().expect("it was asked for");
    child.wait().await.expect("it ends");
    assert_eq!(stdout.read(&mut [0; 1]).await.expect("its end"), 0);
    assert_eq!(stderr.read(&mut [0; 1]).await.expect("its end"), 0);
    // A process that is being started beside this one may have the pipe open for a moment.
    let error = loop {
        let written = stdin.write_all(b"hello").await;
        if let Err(error) = written.and(stdin.flush().await) {
            break error;
        }
        B::sleep(std::time::Duration::from_millis(1)).await;
    };
    assert_eq!(error.kind(), std::io::ErrorKind::BrokenPipe);
}

/// What `Command` says about environment and directory holds.
/// Covers: anyio/test_process_cwd
/// Covers: anyio/test_process_env
async fn environment_and_directory_are_passed_on<B: Runtime + Processes>() {
    let mut command = shell("printf '%s in ' \"$ANYIO_TEST\"; pwd");
    command.env("ANYIO_TEST", "here").current_dir("/").stdout(Stdio::piped());
    let mut child = B::spawn_process(command).expect("there is a shell");
    let mut stdout = child.take_stdout().expect("it was asked for");
    let mut text = String::new();
    stdout.read_to_string(&mut text).await.expect("it writes");
    assert_eq!(text, "here in /\n");
    child.wait().await.expect("it ends");
}

/// The number of a process is the one that it knows itself by, also after its end.
async fn process_is_known_by_its_number<B: Runtime + Processes>() {
    let mut command = shell("echo $$");
    command.stdout(Stdio::piped());
    let mut child = B::spawn_process(command).expect("there is a shell");
    let mut stdout = child.take_stdout().expect("it was asked for");
    let mut text = String::new();
    stdout.read_to_string(&mut text).await.expect("it writes");
    assert_eq!(text.trim().parse(), Ok(child.id()));
    let before = child.id();
    child.wait().await.expect("it ends");
    assert_eq!(child.id(), before);
}
