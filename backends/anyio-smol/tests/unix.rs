//! Processes and signals, with the programs and numbers that every Unix has.
#![cfg(unix)]

use std::{
    io,
    process::{Command, Stdio},
    time::Duration,
};

use anyio_core::{ChildProcess, Processes, Run, RunOptions, Signal, Signals};
use anyio_engine::{CancelScope, RuntimeExt as _};
use anyio_smol::{SignalStream, Smol};
use futures_lite::{AsyncReadExt as _, AsyncWriteExt as _, StreamExt as _};

const A_WHILE: Duration = Duration::from_millis(20);

fn run<F: Future>(future: F) -> F::Output {
    Smol::run(&RunOptions::default().current_thread(), future).expect("the runtime starts")
}

mod process {
    use super::*;

    fn cat() -> Command {
        let mut command = Command::new("cat");
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        command
    }

    /// Pipes carry bytes both ways; closing the one to the process ends it.
    #[test]
    fn pipes_speak_and_close() {
        run(async {
            let mut child = Smol::spawn_process(cat())?;
            let (mut stdin, mut stdout) =
                (child.take_stdin().unwrap(), child.take_stdout().unwrap());
            assert!(child.take_stdin().is_none() && child.take_stderr().is_none());
            stdin.write_all(b"mew").await?;
            stdin.close().await?;
            let mut text = String::new();
            stdout.read_to_string(&mut text).await?;
            assert_eq!(text, "mew");
            assert_eq!(stdin.write(b"mew").await.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
            stdin.close().await?;
            assert!(child.wait().await?.success());
            io::Result::Ok(())
        })
        .unwrap();
    }

    /// Waiting closes nothing, is resumable, and gives the same status again; killing what has
    /// ended does nothing.
    #[test]
    fn waiting_is_resumable() {
        run(async {
            let mut child = Smol::spawn_process(cat())?;
            let id = child.id();
            assert_ne!(id, 0);
            assert!(Smol::move_on_after(A_WHILE, child.wait()).await.is_none());
            let mut stdin = child.take_stdin().expect("waiting has left it alone");
            stdin.write_all(b"still here").await?;
            drop(stdin);
            let status = child.wait().await?;
            assert_eq!(child.wait().await?, status);
            assert_eq!(child.id(), id);
            child.kill()?;
            io::Result::Ok(())
        })
        .unwrap();
    }

    /// A process that is killed is reaped by the wait after it.
    #[test]
    fn kill_ends_it() {
        run(async {
            let mut child = Smol::spawn_process(cat())?;
            child.kill()?;
            child.kill()?;
            assert!(!child.wait().await?.success());
            io::Result::Ok(())
        })
        .unwrap();
    }

    /// A process that is dropped is killed: the pipe from it ends.
    #[test]
    fn drop_kills() {
        run(async {
            let mut child = Smol::spawn_process(cat())?;
            let _stdin = child.take_stdin();
            let mut stdout = child.take_stdout().unwrap();
            drop(child);
            assert_eq!(stdout.read(&mut [0]).await?, 0);
            io::Result::Ok(())
        })
        .unwrap();
    }

    /// Standard error is a pipe of its own.
    #[test]
    fn standard_error_is_apart() {
        run(async {
            let mut command = Command::new("sh");
            command.args(["-c", "echo out; echo err >&2"]);
            command.stdout(Stdio::piped()).stderr(Stdio::piped());
            let mut child = Smol::spawn_process(command)?;
            let (mut out, mut err) = (String::new(), String::new());
            child.take_stdout().unwrap().read_to_string(&mut out).await?;
            child.take_stderr().unwrap().read_to_string(&mut err).await?;
            assert_eq!((&*out, &*err), ("out\n", "err\n"));
            child.wait().await?;
            io::Result::Ok(())
        })
        .unwrap();
    }
}

mod signal {
    use super::*;

    // Each test has signals of its own, since they share a process, and such that have the same
    // number on every Unix.
    const ALARM: Signal = Signal::from_raw(14);
    const WINDOW: Signal = Signal::from_raw(28);

    async fn raise(signal: Signal) {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("kill -{} {}", signal.as_raw(), std::process::id())]);
        let mut kill = Smol::spawn_process(command).expect("there is a shell");
        assert!(kill.wait().await.is_ok_and(|status| status.success()));
    }

    async fn next(signals: &mut SignalStream) -> Option<Signal> {
        Smol::move_on_after(Duration::from_secs(10), signals.next()).await.flatten()
    }

    /// A signal reaches every stream, once, however often it was named.
    #[test]
    fn every_stream_gets_it() {
        run(async {
            let mut one = Smol::open_signals(&[ALARM, Signal::HANGUP, ALARM])?;
            let mut two = Smol::open_signals(&[ALARM])?;
            raise(ALARM).await;
            assert_eq!(next(&mut one).await, Some(ALARM));
            assert_eq!(next(&mut two).await, Some(ALARM));
            assert!(Smol::move_on_after(A_WHILE, one.next()).await.is_none());

            // Nothing is taken in a cancelled scope.
            raise(ALARM).await;
            let scope = CancelScope::<Smol>::new();
            scope.cancel();
            assert!(scope.run(one.next()).await.is_err());
            assert_eq!(next(&mut one).await, Some(ALARM));
            io::Result::Ok(())
        })
        .unwrap();
    }

    /// A signal that keeps coming does not hide another.
    #[test]
    fn signals_take_turns() {
        run(async {
            let (often, rarely) = (Signal::TERMINATE, WINDOW);
            let mut signals = Smol::open_signals(&[often, rarely])?;
            let mut witness = Smol::open_signals(&[often, rarely])?;
            for signal in [often, rarely, often] {
                raise(signal).await;
                assert_eq!(next(&mut witness).await, Some(signal)); // it is there
            }
            assert_eq!(next(&mut signals).await, Some(often));
            raise(often).await;
            assert_eq!(next(&mut witness).await, Some(often));
            assert_eq!(next(&mut signals).await, Some(rarely));
            assert_eq!(next(&mut signals).await, Some(often));
            io::Result::Ok(())
        })
        .unwrap();
    }

    /// What cannot be received is refused by its name.
    #[test]
    fn impossible_signals_are_refused() {
        run(async {
            for (signals, word) in [
                (&[][..], "no signal was named"),
                (&[Signal::from_raw(9)], "Signal(9)"),
                (&[Signal::from_raw(-1)], "Signal(-1)"),
                (&[Signal::from_raw(100_000)], "Signal(100000)"),
            ] {
                let error = Smol::open_signals(signals).unwrap_err();
                assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
                assert!(error.to_string().contains(word), "{error}");
            }
        });
    }
}
