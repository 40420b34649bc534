//! Ctrl-C, in a process of its own with a real signal: this program again, with one of the programs
//! below in it.
//!
//! They wait for each other's words, not for time to pass.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test: a panic is the report")]

use std::{
    env,
    fmt::Write as _,
    hint,
    io::{BufRead as _, BufReader},
    process::{self, Child, ChildStdout, Command, ExitCode, Stdio},
    thread,
    time::Duration,
};

use anyio::{
    CauseKind, Signal, catch_cancelled, finally, is_cancelled, shield, shutdown_requested, sleep,
    sleep_forever, task_group, to_thread, until_shutdown,
};
use libtest_mimic::{Arguments, Trial};

/// Which of the programs to be; without it, the tests.
const PROGRAM: &str = "INTERRUPT_PROGRAM";
const FLAVOUR: &str = "INTERRUPT_FLAVOUR";

/// Where a program runs: everything in one thread, or not.
const FLAVOURS: [(&str, fn() -> ExitCode); 2] =
    [("current_thread", in_one_thread), ("multi_thread", in_several_threads)];

/// The same, where the first Ctrl-C is a request.
const GRACEFUL: [(&str, fn() -> ExitCode); 2] =
    [("current_thread", gracefully_in_one_thread), ("multi_thread", gracefully_in_several)];

const TESTS: [(&str, fn(Program)); 11] = [
    ("first_cleans_up", first_cleans_up),
    ("value_counts", value_counts),
    ("failure_counts", failure_counts),
    ("shield", second_ends_it_all),
    ("cleanup", second_ends_it_all),
    ("blocking_thread", second_ends_it_all),
    ("busy_loop", second_ends_it_all),
    ("others_hear_it", others_hear_it),
    ("afterwards", afterwards),
    ("grace_in_peace", grace_in_peace),
    ("grace_cut_short", grace_cut_short),
];

fn main() -> ExitCode {
    if let Ok(flavour) = env::var(FLAVOUR) {
        // Whoever waits for it learns that it hangs.
        thread::spawn(|| {
            thread::sleep(Duration::from_secs(120));
            process::exit(99);
        });
        let flavours = if case().starts_with("grace") { GRACEFUL } else { FLAVOURS };
        let (_, start) = flavours.into_iter().find(|known| known.0 == flavour).unwrap();
        let code = start();
        if case() == "afterwards" {
            say("ready");
            thread::sleep(Duration::MAX);
        }
        return code;
    }
    let mut tests = Vec::new();
    for backend in anyio::available_backends() {
        for (flavour, _) in FLAVOURS {
            for (case, test) in TESTS {
                let name = format!("{}::{flavour}::{case}", backend.name());
                let run = move || {
                    test(Program::start(case, backend.name(), flavour));
                    Ok(())
                };
                tests.push(Trial::test(name, run).with_ignored_flag(cfg!(not(unix))));
            }
        }
    }
    libtest_mimic::run(&Arguments::from_args(), tests).exit_code()
}

/// The program unwinds, and its cleanup, which takes its time, runs to its end.
fn first_cleans_up(mut program: Program) {
    program.hears("ready");
    program.interrupt();
    program.hears("cleaned up");
    program.ends_with(130);
}

/// A program that ends by itself has an exit code of its own.
fn value_counts(mut program: Program) {
    program.hears("ready");
    program.interrupt();
    program.ends_with(7);
}

/// So has one that fails by itself.
fn failure_counts(mut program: Program) {
    program.hears("ready");
    program.interrupt();
    program.ends_with(1);
}

/// Whatever the program is stuck in, the second Ctrl-C ends it.
fn second_ends_it_all(mut program: Program) {
    program.hears("ready");
    program.interrupt();
    program.hears("cancelled");
    program.interrupt();
    program.ends_with(130);
}

/// A program may listen itself, and hears every Ctrl-C, from the first to the last but one.
fn others_hear_it(mut program: Program) {
    program.hears("ready");
    program.interrupt();
    program.hears("heard");
    program.hears("cancelled");
    program.interrupt();
    program.ends_with(130);
}

/// Where there is nothing to cancel any more, the first Ctrl-C is the last.
fn afterwards(mut program: Program) {
    program.hears("ready");
    program.interrupt();
    program.ends_with(130);
}

/// With a grace period the first Ctrl-C asks, and who hears it may end in peace.
fn grace_in_peace(mut program: Program) {
    program.hears("ready");
    program.interrupt();
    program.hears("asked");
    program.ends_with(3);
}

/// The second one does not wait for the period to end.
fn grace_cut_short(mut program: Program) {
    program.hears("ready");
    program.interrupt();
    program.hears("asked");
    program.interrupt();
    program.hears("cleaned up");
    program.ends_with(130);
}

/// A program that runs.
struct Program {
    child: Child,
    words: BufReader<ChildStdout>,
}

impl Program {
    fn start(case: &str, backend: &str, flavour: &str) -> Self {
        let mut command = Command::new(env::current_exe().unwrap());
        command.env(PROGRAM, case).env("ANYIO_BACKEND", backend).env(FLAVOUR, flavour);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let words = BufReader::new(child.stdout.take().unwrap());
        Self { child, words }
    }

    fn hears(&mut self, expected: &str) {
        let mut line = String::new();
        self.words.read_line(&mut line).unwrap();
        if line.trim_end() != expected {
            write!(line, " and then {:?}", self.child.wait()).unwrap();
            panic!("waiting for {expected:?}, heard {line}");
        }
    }

    fn interrupt(&self) {
        let command = format!("kill -INT {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &command]).status().unwrap().success());
    }

    fn ends_with(mut self, code: i32) {
        let mut line = String::new();
        self.words.read_line(&mut line).unwrap();
        assert_eq!((line.as_str(), self.child.wait().unwrap().code()), ("", Some(code)));
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// An error that knows nothing of cancellation.
#[derive(Debug)]
#[expect(dead_code, reason = "it is printed")]
struct Failure(&'static str);

#[anyio::main(current_thread)]
async fn in_one_thread() -> Result<ExitCode, Failure> {
    program().await
}

#[anyio::main(threads = 2)]
async fn in_several_threads() -> Result<ExitCode, Failure> {
    program().await
}

#[anyio::main(current_thread, grace = "1h")]
async fn gracefully_in_one_thread() -> Result<ExitCode, Failure> {
    program().await
}

#[anyio::main(threads = 2, grace = "1h")]
async fn gracefully_in_several() -> Result<ExitCode, Failure> {
    program().await
}

async fn program() -> Result<ExitCode, Failure> {
    let told = async { say("cancelled") };
    match &*case() {
        "first_cleans_up" => {
            let clean_up = async {
                sleep(Duration::from_millis(1)).await;
                say("cleaned up");
            };
            finally(ready_for(sleep_forever()), clean_up).await;
        }
        "value_counts" => {
            let caught = catch_cancelled(ready_for(sleep_forever())).await.unwrap_err();
            assert_eq!(caught.cause().kind(), CauseKind::Interrupt);
            return Ok(ExitCode::from(7));
        }
        "failure_counts" => {
            spin_until_cancelled();
            return Err(Failure("a reason of its own"));
        }
        "shield" => beside(told, shield(ready_for(sleep_forever()))).await,
        "cleanup" => {
            let endless = async {
                told.await;
                sleep_forever().await
            };
            finally(ready_for(sleep_forever()), endless).await;
        }
        "blocking_thread" => {
            let job = || {
                say("ready");
                thread::sleep(Duration::MAX);
            };
            beside(told, to_thread(job)).await;
        }
        "busy_loop" => {
            spin_until_cancelled();
            say("cancelled");
            loop {
                hint::spin_loop();
            }
        }
        "others_hear_it" => {
            let mut signals = anyio::open_signal_receiver(&[Signal::INTERRUPT]).unwrap();
            let hear = shield(async move {
                say("ready");
                signals.receive().await;
                say("heard");
            });
            let work = async {
                hear.await;
                sleep_forever().await
            };
            let endless = async {
                told.await;
                sleep_forever().await
            };
            finally(work, endless).await;
        }
        "afterwards" => {}
        "grace_in_peace" => {
            let served = until_shutdown(ready_for(sleep_forever())).await;
            assert!(served.is_none());
            say("asked");
            sleep(Duration::from_millis(1)).await;
            return Ok(ExitCode::from(3));
        }
        "grace_cut_short" => {
            let work = async {
                ready_for(shutdown_requested()).await;
                say("asked");
                sleep_forever().await
            };
            finally(work, async { say("cleaned up") }).await;
        }
        other => panic!("no program {other:?}"),
    }
    Ok(ExitCode::SUCCESS)
}

/// Runs `stuck`, and `told` when it is cancelled, although that keeps `stuck` from ending.
async fn beside<T>(
    told: impl Future<Output = ()> + Send + 'static,
    stuck: impl Future<Output = T>,
) {
    let group = task_group(async |tg| -> anyio::Result<()> {
        tg.spawn(async { finally(sleep_forever(), told).await });
        stuck.await;
        Ok(())
    });
    group.await.unwrap();
}

/// `future`, and the word that it has begun.
async fn ready_for<T>(future: impl Future<Output = T>) -> T {
    say("ready");
    future.await
}

/// Does not let its thread do anything else.
fn spin_until_cancelled() {
    say("ready");
    while !is_cancelled() {
        hint::spin_loop();
    }
}

fn case() -> String {
    env::var(PROGRAM).unwrap()
}

fn say(word: &str) {
    println!("{word}");
}
