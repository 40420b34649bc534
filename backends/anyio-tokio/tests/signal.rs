//! Signals, beside those who listen by tokio's own means.
#![cfg(unix)]

use std::{io, process::Command};

use anyio_core::{Run, RunOptions, Signal, Signals};
use anyio_tokio::Tokio;
use futures_lite::StreamExt as _;

fn raise(signal: Signal) {
    let script = format!("kill -{} {}", signal.as_raw(), std::process::id());
    let status = Command::new("sh").args(["-c", &script]).status();
    assert!(status.expect("there is a shell").success());
}

/// Who listened by tokio's own means before is heard all the time, and keeps the process alive.
#[test]
fn tokios_own_listener_stays() -> io::Result<()> {
    let listen = async {
        let kind = tokio::signal::unix::SignalKind::user_defined2();
        let signal = Signal::from_raw(kind.as_raw_value());
        let mut theirs = tokio::signal::unix::signal(kind)?;
        let mut ours = Tokio::open_signals(&[signal])?;
        raise(signal);
        assert_eq!(ours.next().await, Some(signal));
        assert_eq!(theirs.recv().await, Some(()));
        drop(ours);
        raise(signal);
        assert_eq!(theirs.recv().await, Some(()));
        Ok(())
    };
    Tokio::run(&RunOptions::default().current_thread(), listen).expect("the runtime starts")
}

/// Outside of a run, the error says so.
#[test]
fn nothing_is_running() {
    let error = Tokio::open_signals(&[Signal::HANGUP]).expect_err("no runtime is there");
    assert_eq!(error.kind(), io::ErrorKind::NotConnected);
}
