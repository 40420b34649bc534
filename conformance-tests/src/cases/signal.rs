//! Signals. They are the whole process's, so that these cases take turns, or have a process of their own.

use std::{
    future::pending,
    os::unix::process::ExitStatusExt as _,
    process::{self, Command},
    task::Poll,
};

use anyio_core::{CancelScope as _, Runtime, Signal, Signals};
use anyio_engine::{Lock, RuntimeExt as _};
use futures_lite::StreamExt as _;

use super::shutdown_signals;
use crate::{
    again::{Program, role, say},
    suite::Case,
    support::{Wakes, poll_once, turns, until},
};

/// Cases run side by side, on several runtimes; this lets one of them play with signals.
static TURN: Lock<()> = Lock::new(());

pub(super) fn list<B: Runtime + Signals>() -> Vec<Case> {
    let signal = list![B, signal:
        signals_are_received_in_order,
        each_receiver_gets_the_signal,
        only_what_was_asked_for_is_received,
        signal_that_came_again_counts_once,
        signal_before_the_first_look_is_kept,
        receiver_may_be_opened_again,
        signal_named_twice_is_received,
        no_signal_is_refused,
        signal_that_cannot_be_caught_is_refused,
        receive_that_timed_out_loses_nothing,
        nothing_is_received_in_a_cancelled_scope,
        order_is_that_of_arrival,
        closing_one_leaves_the_other_alone,
        receiver_is_woken_for_its_own_signals,
        last_receiver_gives_the_signal_back,
        ignored_signal_is_ignored_again,
        signal_that_nobody_took_is_not_lost,
    ];
    [signal, shutdown_signals::list::<B>()].concat()
}

/// The signal that the system calls `name`; its number differs between systems.
fn signal(name: &str) -> Signal {
    let known = shell("for n in 9 10 12 16 17 19 23 24 25 30 31; do echo $n `kill -l $n`; done");
    let mut known = known.lines().filter_map(|line| line.split_once(' '));
    let number = known.find_map(|(number, other)| (other == name).then_some(number));
    Signal::from_raw(number.and_then(|number| number.parse().ok()).expect("the system has it"))
}

/// Sends `signal` to this process.
fn raise(signal: Signal) {
    shell(&format!("kill -{} {}", signal.as_raw(), process::id()));
}

/// What `script` prints.
fn shell(script: &str) -> String {
    let output = Command::new("sh").args(["-c", script]).output().expect("there is a shell");
    assert!(output.status.success(), "{script}: {output:?}");
    String::from_utf8(output.stdout).expect("it is text")
}

/// Signals come out as they came in.
/// Covers: anyio/test_receive_signals
async fn signals_are_received_in_order<B: Runtime + Signals>() {
    let _turn = TURN.lock().await;
    let (one, two) = (signal("USR1"), signal("USR2"));
    let mut signals = B::open_signals(&[one, two]).expect("both can be caught");
    for expected in [one, two, one] {
        raise(expected);
        assert_eq!(signals.next().await, Some(expected));
    }
}

/// Each of several receivers gets the signal.
async fn each_receiver_gets_the_signal<B: Runtime + Signals>() {
    let _turn = TURN.lock().await;
    let one = signal("USR1");
    let mut first = B::open_signals(&[one]).expect("it can be caught");
    let mut second = B::open_signals(&[one, signal("USR2")]).expect("both can be caught");
    for _ in 0..3 {
        raise(one);
        assert_eq!(futures_util::join!(first.next(), second.next()), (Some(one), Some(one)));
    }
    drop(first);
    raise(one);
    assert_eq!(second.next().await, Some(one));
}

/// A receiver gets the signals that it named, and no others.
async fn only_what_was_asked_for_is_received<B: Runtime + Signals>() {
    let _turn = TURN.lock().await;
    let (one, two) = (signal("USR1"), signal("USR2"));
    let mut both = B::open_signals(&[one, two]).expect("both can be caught");
    let mut second = B::open_signals(&[two]).expect("it can be caught");
    raise(one);
    assert_eq!(both.next().await, Some(one));
    raise(two);
    assert_eq!(second.next().await, Some(two));
}

/// A signal that comes again before it was taken counts once.
async fn signal_that_came_again_counts_once<B: Runtime + Signals>() {
    let _turn = TURN.lock().await;
    let (one, two) = (signal("USR1"), signal("USR2"));
    let mut witness = B::open_signals(&[one]).expect("it can be caught");
    let mut signals = B::open_signals(&[one, two]).expect("both can be caught");
    for _ in 0..3 {
        raise(one);
        assert_eq!(witness.next().await, Some(one));
    }
    assert_eq!(signals.next().await, Some(one));
    raise(two);
    assert_eq!(signals.next().await, Some(two));
}

/// A signal that comes before anybody looks is there when somebody does.
async fn signal_before_the_first_look_is_kept<B: Runtime + Signals>() {
    let _turn = TURN.lock().await;
    let one = signal("USR1");
    let mut signals = B::open_signals(&[one]).expect("it can be caught");
    raise(one);
    turns::<B>().await;
    assert_eq!(signals.next().await, Some(one));
}

/// After a receiver has gone, the next one works as the first did.
async fn receiver_may_be_opened_again<B: Runtime + Signals>() {
    let _turn = TURN.lock().await;
    let one = signal("USR1");
    for _ in 0..3 {
        let mut signals = B::open_signals(&[one]).expect("it can be caught");
        raise(one);
        assert_eq!(signals.next().await, Some(one));
    }
}

/// A signal that is named twice is no mistake.
/// Covers: trio/test_open_signal_receiver_restore_handler_after_duplicate_signal
async fn signal_named_twice_is_received<B: Runtime + Signals>() {
    let _turn = TURN.lock().await;
    let one = signal("USR1");
    let mut signals = B::open_signals(&[one, one]).expect("it can be caught");
    raise(one);
    assert_eq!(signals.next().await, Some(one));
}

/// An empty list is refused: it would wait for ever.
/// Covers: trio/test_open_signal_receiver_empty_fail
async fn no_signal_is_refused<B: Runtime + Signals>() {
    let error = B::open_signals(&[]).err().expect("there is nothing to wait for");
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
    assert!(error.to_string().contains("no signal was named"), "{error}");
}

/// A signal that cannot be caught, or does not exist, is refused, and the others named with it
/// stay as they were.
/// Covers: trio/test_open_signal_receiver_restore_handler_after_one_bad_signal
async fn signal_that_cannot_be_caught_is_refused<B: Runtime + Signals>() {
    let _turn = TURN.lock().await;
    let one = signal("USR1");
    for bad in [signal("KILL"), signal("STOP"), Signal::from_raw(-1), Signal::from_raw(1_000)] {
        let error = B::open_signals(&[one, bad]).err().expect("it cannot be caught");
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput, "{bad:?}");
        assert!(error.to_string().contains(&format!("{bad:?}")), "{error}");
    }
    let mut signals = B::open_signals(&[one]).expect("it can be caught");
    raise(one);
    assert_eq!(signals.next().await, Some(one));
}

/// A receive that ran out of time has taken nothing.
async fn receive_that_timed_out_loses_nothing<B: Runtime + Signals>() {
    let _turn = TURN.lock().await;
    let one = signal("USR1");
    let mut signals = B::open_signals(&[one]).expect("it can be caught");
    let timeout = std::time::Duration::from_millis(2);
    assert!(B::move_on_after(timeout, signals.next()).await.is_none());
    raise(one);
    assert_eq!(signals.next().await, Some(one));
}

/// C8: in a cancelled scope nothing is received, and the signal stays for later.
async fn nothing_is_received_in_a_cancelled_scope<B: Runtime + Signals>() {
    let _turn = TURN.lock().await;
    let one = signal("USR1");
    let mut witness = B::open_signals(&[one]).expect("it can be caught");
    let mut signals = B::open_signals(&[one]).expect("it can be caught");
    raise(one);
    assert_eq!(witness.next().await, Some(one));
    let scope = B::CancelScope::new();
    scope.cancel();
    assert!(scope.run(signals.next()).await.is_err());
    assert_eq!(signals.next().await, Some(one));
    assert!(poll_once(&mut signals.next()).is_pending());
}

/// Signals that wait come out in the order in which they came; one that comes again keeps its place.
async fn order_is_that_of_arrival<B: Runtime + Signals>() {
    let _turn = TURN.lock().await;
    // The system itself would give those with a low number first.
    let (low, high) = (signal("USR1").min(signal("USR2")), signal("USR1").max(signal("USR2")));
    let mut witness = B::open_signals(&[low, high]).expect("both can be caught");
    let mut signals = B::open_signals(&[low, high]).expect("both can be caught");
    for _ in 0..2 {
        for come in [high, low, high] {
            raise(come);
            assert_eq!(witness.next().await, Some(come));
        }
        assert_eq!(signals.next().await, Some(high));
        assert_eq!(signals.next().await, Some(low));
        assert!(poll_once(&mut signals.next()).is_pending());
    }
}

/// A receiver that is closed takes nothing from another one, neither what has come nor what will.
async fn closing_one_leaves_the_other_alone<B: Runtime + Signals>() {
    let _turn = TURN.lock().await;
    let one = signal("USR1");
    let mut stays = B::open_signals(&[one]).expect("it can be caught");
    for _ in 0..3 {
        let mut goes = B::open_signals(&[one]).expect("it can be caught");
        raise(one);
        assert_eq!(goes.next().await, Some(one));
        drop(goes);
        assert_eq!(stays.next().await, Some(one));
        raise(one);
        assert_eq!(stays.next().await, Some(one));
    }
}

/// Who waits is woken by what was asked for, and by nothing else.
async fn receiver_is_woken_for_its_own_signals<B: Runtime + Signals>() {
    let _turn = TURN.lock().await;
    let (one, two) = (signal("USR1"), signal("USR2"));
    let mut others = B::open_signals(&[one]).expect("it can be caught");
    let mut mine = B::open_signals(&[two]).expect("it can be caught");
    let wakes = Wakes::default();
    assert!(wakes.poll(&mut mine.next()).is_pending());
    raise(one);
    assert_eq!(others.next().await, Some(one));
    assert_eq!(wakes.count(), 0);
    raise(two);
    until::<B>(|| wakes.count() == 1).await;
    assert_eq!(wakes.poll(&mut mine.next()), Poll::Ready(Some(two)));
}

/// When the last receiver of a signal is closed, the signal does again what it did before: here, it
/// ends the process.
async fn last_receiver_gives_the_signal_back<B: Runtime + Signals>() {
    let one = signal("USR1");
    if role().is_none() {
        let mut program = Program::start("receiver");
        for heard in ["both", "the second", "the first again"] {
            program.hears("listening");
            program.kill(one);
            program.hears(heard);
        }
        program.hears("closed");
        program.kill(one);
        assert_eq!(program.end().signal(), Some(one.as_raw()));
        return;
    }
    let mut first = B::open_signals(&[one]).expect("it can be caught");
    let mut second = B::open_signals(&[one]).expect("it can be caught");
    say("listening");
    assert_eq!(futures_util::join!(first.next(), second.next()), (Some(one), Some(one)));
    say("both");
    drop(first);
    say("listening");
    second.next().await;
    say("the second");
    drop(second);
    let mut first = B::open_signals(&[one]).expect("it can be caught");
    say("listening");
    first.next().await;
    say("the first again");
    drop(first);
    say("closed");
    pending().await
}

/// A signal that was ignored before the first receiver is ignored after the last one.
async fn ignored_signal_is_ignored_again<B: Runtime + Signals>() {
    if role().is_none() {
        let mut program = Program::start_ignoring("HUP", "receiver");
        program.hears("received");
        program.hears("still there");
        assert!(program.end().success());
        return;
    }
    let mut signals = B::open_signals(&[Signal::HANGUP]).expect("it can be caught");
    raise(Signal::HANGUP);
    assert_eq!(signals.next().await, Some(Signal::HANGUP));
    say("received");
    drop(signals);
    raise(Signal::HANGUP);
    turns::<B>().await;
    say("still there");
}

/// A signal that comes in the moment when the last receiver is closed, and which nobody takes, is not
/// lost: it does what it did before, whether the handler or the closing was first.
/// Covers: trio/test_catch_signals_race_condition_on_exit
async fn signal_that_nobody_took_is_not_lost<B: Runtime + Signals>() {
    if role().is_none() {
        for _ in 0..3 {
            let mut program = Program::start("receiver");
            program.hears("listening");
            assert_eq!(program.end().signal(), Some(Signal::TERMINATE.as_raw()));
        }
        return;
    }
    let signals = B::open_signals(&[Signal::TERMINATE]).expect("it can be caught");
    say("listening");
    raise(Signal::TERMINATE);
    drop(signals);
    pending().await
}
