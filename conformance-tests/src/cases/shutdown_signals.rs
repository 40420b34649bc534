//! Signals that bring a program to its end: C12. Each case has a process of its own.

use std::{future::pending, os::unix::process::ExitStatusExt as _, time::Duration};

use anyio_core::{Cancelled, CauseKind, Runtime, Signal, Signals};
use anyio_engine::{RuntimeExt as _, checkpoint, finally, shield, shutdown_requested};

use crate::{
    again::{Program, role, say},
    suite::Case,
    support::cause_of,
};

pub(super) fn list<B: Runtime + Signals>() -> Vec<Case> {
    list![B, shutdown_signals:
        first_signal_is_a_request,
        second_signal_cancels,
        grace_has_an_end,
        third_signal_ends_the_process,
        signals_are_given_back_afterwards,
    ]
}

/// A grace period that is never over.
const LONG: Duration = Duration::from_secs(3600);

/// The program of these cases: `work`, which signals bring to its end.
async fn program<B: Runtime + Signals, F>(grace: Duration, work: F) -> Result<F::Output, Cancelled>
where
    F: Future + Send,
    F::Output: Send,
{
    B::shutdown_on_signals(grace, work).expect("these signals can be caught").await
}

/// Hears the request, and does not end because of it.
async fn asked() {
    say("ready");
    shutdown_requested().await;
    say("asked");
}

/// The first signal, of either kind, asks the work to end in peace; its value counts.
async fn first_signal_is_a_request<B: Runtime + Signals>() {
    if role().is_none() {
        for signal in [Signal::TERMINATE, Signal::INTERRUPT] {
            let mut work = Program::start("work");
            work.hears("ready");
            work.kill(signal);
            work.hears("asked");
            work.hears("in peace");
            assert!(work.end().success());
        }
        return;
    }
    let work = async {
        asked().await;
        checkpoint().await;
        7
    };
    assert_eq!(program::<B, _>(LONG, work).await, Ok(7));
    say("in peace");
}

/// The second signal does not wait for the grace period to end: the work is cancelled, and cleans up.
async fn second_signal_cancels<B: Runtime + Signals>() {
    if role().is_none() {
        let mut work = Program::start("work");
        work.hears("ready");
        work.kill(Signal::TERMINATE);
        work.hears("asked");
        work.kill(Signal::INTERRUPT);
        work.hears("cleaned up");
        work.hears("cut");
        assert!(work.end().success());
        return;
    }
    let work = async {
        asked().await;
        pending::<()>().await;
    };
    let clean_up = async {
        checkpoint().await;
        say("cleaned up");
    };
    let result = program::<B, _>(LONG, finally(work, clean_up)).await;
    assert_eq!(cause_of(result).kind(), CauseKind::Interrupt);
    say("cut");
}

/// When the grace period is over, and not before, the work is cancelled.
async fn grace_has_an_end<B: Runtime + Signals>() {
    if role().is_none() {
        let mut work = Program::start("work");
        work.hears("ready");
        work.kill(Signal::TERMINATE);
        work.hears("asked");
        work.hears("cut");
        assert!(work.end().success());
        return;
    }
    let grace = Duration::from_millis(20);
    let start = B::now();
    let work = async {
        asked().await;
        pending::<()>().await;
    };
    let result = program::<B, _>(grace, work).await;
    assert!(B::now() - start >= grace);
    assert_eq!(cause_of(result).kind(), CauseKind::Shutdown);
    say("cut");
}

/// A program that is stuck after the second signal is ended by the third.
async fn third_signal_ends_the_process<B: Runtime + Signals>() {
    if role().is_none() {
        let mut work = Program::start("work");
        work.hears("ready");
        work.kill(Signal::TERMINATE);
        work.hears("asked");
        work.kill(Signal::TERMINATE);
        work.hears("stuck");
        work.kill(Signal::TERMINATE);
        assert_eq!(work.end().signal(), Some(Signal::TERMINATE.as_raw()));
        return;
    }
    let stuck = async {
        say("stuck");
        pending::<()>().await;
    };
    let work = async {
        asked().await;
        finally(pending::<()>(), shield(stuck)).await;
    };
    _ = program::<B, _>(LONG, work).await;
}

/// When the work has ended, signals do again what they did before.
async fn signals_are_given_back_afterwards<B: Runtime + Signals>() {
    if role().is_none() {
        let mut work = Program::start("work");
        work.hears("done");
        work.kill(Signal::TERMINATE);
        assert_eq!(work.end().signal(), Some(Signal::TERMINATE.as_raw()));
        return;
    }
    assert_eq!(program::<B, _>(LONG, async { 7 }).await, Ok(7));
    say("done");
    pending().await
}
