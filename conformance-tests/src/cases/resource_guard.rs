//! Resource guards: two users at once are told so, and nobody ever waits.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use anyio_core::{CancelScope as _, Cancelled, Event as _, Runtime, TaskGroup as _};
use anyio_engine::{ResourceGuard, RuntimeExt as _, checkpoint};

use crate::{
    suite::Case,
    support::{Counter, caught, poll_once},
};

pub(super) fn list<B: Runtime>() -> Vec<Case> {
    list![B, resource_guard:
        second_user_is_told,
        use_ends_however_its_task_ends,
        use_is_no_operation,
        one_at_a_time_on_many_threads,
        statistics_tell_of_a_use,
        made_outside_of_a_runtime,
    ]
}

/// W13: who comes second is told what the first one is doing, at once and in words.
async fn second_user_is_told<B: Runtime>() {
    let socket = ResourceGuard::new("reading from");
    assert!(!socket.is_in_use());
    let reading = socket.try_enter().expect("nobody uses it");
    assert!(socket.is_in_use());
    let busy = socket.try_enter().unwrap_err();
    assert_eq!(busy.to_string(), "another task is already reading from this resource");
    drop(reading);
    assert!(!socket.is_in_use());
    assert!(socket.try_enter().is_ok());
    let words = ResourceGuard::default().try_enter().map(|using| format!("{using:?}"));
    assert!(words.is_ok_and(|words| words.contains("using")));
}

/// A use ends with whoever has it: by a return, a cancellation, a drop by hand or a panic.
async fn use_ends_however_its_task_ends<B: Runtime>() {
    let (guard, scope) = (ResourceGuard::default(), B::CancelScope::new());
    let use_it = async || {
        let _using = guard.try_enter().expect("the one before has ended");
        checkpoint().await;
        B::Event::new().wait().await;
    };
    let mut cancelled = Box::pin(scope.run(use_it()));
    assert!(poll_once(&mut cancelled).is_pending());
    assert!(guard.is_in_use());
    scope.cancel();
    assert!(cancelled.await.is_err());

    let mut dropped = Box::pin(use_it());
    assert!(poll_once(&mut dropped).is_pending());
    assert!(guard.is_in_use());
    drop(dropped);

    let panics = caught(async {
        let _using = guard.try_enter().expect("the one before has ended");
        checkpoint().await;
        panic!("in the middle");
    });
    assert_eq!(panics.await, Err::<(), _>("in the middle".to_owned()));
    assert!(guard.try_enter().is_ok());
}

/// It never waits, so it is no operation: it works in a cancelled scope, where cleanup may need it.
async fn use_is_no_operation<B: Runtime>() {
    let (guard, scope) = (ResourceGuard::default(), B::CancelScope::new());
    let entered = Counter::default();
    scope.cancel();
    let work = async {
        let using = guard.try_enter();
        assert!(using.is_ok() && guard.try_enter().is_err());
        entered.add();
        checkpoint().await;
        entered.add();
    };
    assert!(scope.run(work).await.is_err());
    assert_eq!(entered.get(), 1);
    assert!(!guard.is_in_use());
}

/// However many threads try at once, one is in, and it sees all that was done before it.
async fn one_at_a_time_on_many_threads<B: Runtime>() {
    const EACH: usize = 500;
    let shared = Arc::new((ResourceGuard::default(), AtomicUsize::new(0), AtomicUsize::new(0)));
    let result: Result<(), Cancelled> = B::task_group(async |tg| {
        for _ in 0..4 {
            let shared = Arc::clone(&shared);
            tg.spawn(async move {
                let (guard, inside, uses) = &*shared;
                for _ in 0..EACH {
                    let using = loop {
                        match guard.try_enter() {
                            Ok(using) => break using,
                            Err(_) => checkpoint().await,
                        }
                    };
                    assert_eq!(inside.fetch_add(1, Ordering::Relaxed), 0);
                    // In two steps, as only code that nobody else is in may do.
                    uses.store(uses.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
                    inside.fetch_sub(1, Ordering::Relaxed);
                    drop(using);
                }
            });
        }
    })
    .await;
    assert_eq!(result, Ok(()));
    assert_eq!(shared.2.load(Ordering::Relaxed), 4 * EACH);
    assert!(!shared.0.is_in_use());
}

/// A guard is an ordinary value, in a `static` too, and may be let go on another thread.
async fn made_outside_of_a_runtime<B: Runtime>() {
    let guard = thread::spawn(|| ResourceGuard::new("writing to")).join().unwrap();
    let using = guard.try_enter().expect("nobody uses it");
    thread::scope(|threads| {
        threads.spawn(|| assert!(guard.try_enter().is_err())).join().unwrap();
        threads.spawn(move || drop(using)).join().unwrap();
    });
    assert!(guard.try_enter().is_ok());
}

/// The statistics say whether somebody uses it.
async fn statistics_tell_of_a_use<B: Runtime>() {
    let guard = ResourceGuard::default();
    assert!(!guard.statistics().in_use);
    let using = guard.try_enter().unwrap();
    assert!(guard.statistics().in_use);
    drop(using);
    assert!(!guard.statistics().in_use);
}
