//! Ctrl-C: the first cancels the program, the next one ends it.
//!
//! The runtime of the program may be stuck when the second one comes. So a thread listens that
//! nothing else runs on, with a runtime of its own. It uses the signals of the backend, as everybody
//! does, and hence quarrels with nobody about who handles them; and it serves the whole process,
//! since what a signal did before is lost with the first that listens to it.
//!
//! # Invariants
//!
//! 1. Whoever starts the listener holds `LISTENING` until it listens or has given up.
//! 2. The listener locks `RUNS` alone, and nobody locks `LISTENING` while holding `RUNS`. So a signal
//!    that comes at any time is handled.
//! 3. A scope is cancelled without any lock: that runs the wakers of others.

use std::{
    collections::BTreeMap,
    process,
    sync::{Mutex, MutexGuard, PoisonError, mpsc},
    thread,
    time::Duration,
};

use anyio_core::{Cause, CauseKind, RunOptions, Signal};
use anyio_engine::Erased;

use crate::{CancelScope, open_signal_receiver};

/// The exit code of a program that was interrupted: what shells make of a death by SIGINT.
pub(super) const INTERRUPTED: u8 = 130;

/// The signals that stop a program, those that are preferred first.
const STOP: &[&[Signal]] = if cfg!(windows) {
    // Ctrl-Break is not known to every backend.
    &[&[Signal::INTERRUPT, Signal::from_raw(21)], &[Signal::INTERRUPT]]
} else {
    &[&[Signal::INTERRUPT]]
};

/// Whether there is a listener. There is one for the process, and it never ends.
static LISTENING: Mutex<bool> = Mutex::new(false);

static RUNS: Mutex<Runs> = Mutex::new(Runs { next: 0, roots: BTreeMap::new() });

/// The programs that run: one, but for tests.
struct Runs {
    next: u64,
    roots: BTreeMap<u64, Root>,
}

#[derive(Clone)]
struct Root {
    scope: CancelScope,
    /// How long it has to come to an end before it is cancelled.
    grace: Option<Duration>,
}

/// From now on, and until what it gives is dropped, a Ctrl-C cancels `scope`, or with a `grace` asks
/// it to shut down first; if all were cancelled before, it ends the process. If `backend` cannot
/// receive signals, nothing happens.
pub(super) fn cancel_on_interrupt(
    backend: &'static Erased,
    scope: CancelScope,
    grace: Option<Duration>,
) -> Listed {
    let listed = Listed::new(Root { scope, grace });
    let mut listening = lock(&LISTENING);
    if !*listening {
        *listening = listen(backend);
    }
    listed
}

/// The run's place among the others, which it leaves when this is dropped.
pub(super) struct Listed(u64);

impl Listed {
    fn new(root: Root) -> Self {
        let mut runs = lock(&RUNS);
        let number = runs.next;
        runs.next += 1;
        runs.roots.insert(number, root);
        Self(number)
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        lock(&RUNS).roots.remove(&self.0);
    }
}

/// Starts the listener, and waits until it listens. `false` if it cannot.
fn listen(backend: &'static Erased) -> bool {
    let (listens, wait) = mpsc::channel();
    let listener = move || {
        let listen = async move {
            let receiver = STOP.iter().find_map(|signals| open_signal_receiver(signals).ok());
            // If it cannot, dropping `listens` tells.
            let Some(mut receiver) = receiver else { return };
            _ = listens.send(());
            loop {
                receiver.receive().await;
                interrupt();
            }
        };
        _ = backend.run(&RunOptions::default().current_thread(), listen);
    };
    let thread = thread::Builder::new().name("anyio-interrupt".to_owned());
    thread.spawn(listener).is_ok() && wait.recv().is_ok()
}

/// One Ctrl-C.
fn interrupt() {
    let mut running: Vec<_> = lock(&RUNS).roots.values().cloned().collect();
    running.retain(|root| !root.scope.cancel_called());
    if running.is_empty() {
        process::exit(INTERRUPTED.into());
    }
    for Root { scope, grace } in running {
        match grace {
            Some(grace) if !scope.shutdown_called() => scope.shutdown(grace),
            _ => scope.cancel_with(Cause::of(CauseKind::Interrupt)),
        }
    }
}

/// No panic leaves anything half done here.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
