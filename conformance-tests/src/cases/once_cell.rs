//! Cells whose value is made once, by one while others wait; whoever fails leaves it to the next (C8).

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use anyio_core::{CancelScope as _, Cancelled, Event as _, Runtime, TaskGroup as _};
use anyio_engine::{OnceCell, RuntimeExt as _, checkpoint};

use crate::{
    suite::Case,
    support::{Counter, caught, poll_once},
};

pub(super) fn list<B: Runtime>() -> Vec<Case> {
    list![B, once_cell:
        value_is_made_once,
        everybody_gets_the_value,
        cancelled_maker_leaves_it_to_the_next,
        dropped_maker_leaves_it_to_the_next,
        panic_of_the_maker_leaves_it_to_the_next,
        error_goes_to_the_maker_alone,
        waiter_that_leaves_takes_nobody_along,
        nothing_is_made_in_a_cancelled_scope,
        value_that_was_made_beats_a_cancellation,
        set_is_refused_when_it_is_too_late,
        statistics_tell_who_waits,
        made_outside_of_a_runtime,
        cancellations_race_with_makers,
    ]
}

/// W10: of many who want the value at once one makes it.
async fn value_is_made_once<B: Runtime>() {
    let (cell, made) = (Arc::new(OnceCell::new()), Counter::default());
    let result: Result<(), Cancelled> = B::task_group(async |tg| {
        for me in 0..8 {
            let (cell, made) = (Arc::clone(&cell), made.clone());
            tg.spawn(async move {
                let make = async || {
                    checkpoint().await;
                    made.add();
                    me
                };
                let value = *cell.get_or_init(make).await;
                assert_eq!(cell.get(), Some(&value));
            });
        }
    })
    .await;
    assert_eq!(result, Ok(()));
    assert_eq!(made.get(), 1);
}

/// Who waits gets the value that somebody else makes, and who comes later gets it at once.
async fn everybody_gets_the_value<B: Runtime>() {
    let (cell, go) = (OnceCell::new(), B::Event::new());
    assert_eq!(cell.get(), None);
    let mut maker = Box::pin(cell.get_or_init(async || {
        go.wait().await;
        7
    }));
    assert!(poll_once(&mut maker).is_pending());
    let mut waiting: Vec<_> =
        (0..3).map(|_| Box::pin(cell.get_or_init(async || unreachable!()))).collect();
    assert!(waiting.iter_mut().all(|waiter| poll_once(waiter).is_pending()));
    assert_eq!(cell.get(), None);
    go.set();
    let made = maker.await;
    for waiter in waiting {
        assert!(std::ptr::eq(waiter.await, made));
    }
    assert_eq!(cell.get_or_init(async || unreachable!()).await, &7);
    assert_eq!(cell.get_or_try_init(async || Err(())).await, Ok(&7));
}

/// If who makes the value is cancelled, what it has begun is dropped, and the next makes it.
async fn cancelled_maker_leaves_it_to_the_next<B: Runtime>() {
    let (cell, scope) = (OnceCell::new(), B::CancelScope::new());
    let mut maker = Box::pin(scope.run(async {
        cell.get_or_init(async || {
            B::Event::new().wait().await;
            1
        })
        .await;
    }));
    assert!(poll_once(&mut maker).is_pending());
    let mut next = Box::pin(cell.get_or_init(async || 2));
    assert!(poll_once(&mut next).is_pending());
    scope.cancel();
    assert!(maker.await.is_err());
    assert_eq!(next.await, &2);
    assert_eq!(cell.into_inner(), Some(2));
}

/// The same if it is dropped by hand, before or after the next one came.
async fn dropped_maker_leaves_it_to_the_next<B: Runtime>() {
    let cell = OnceCell::new();
    let mut maker = Box::pin(cell.get_or_init(std::future::pending::<u8>));
    assert!(poll_once(&mut maker).is_pending());
    drop(maker);
    let mut maker = Box::pin(cell.get_or_init(std::future::pending::<u8>));
    assert!(poll_once(&mut maker).is_pending());
    let mut next = Box::pin(cell.get_or_init(async || 3));
    assert!(poll_once(&mut next).is_pending());
    drop(maker);
    assert_eq!(next.await, &3);
}

/// If it panics, the panic is its caller's, and the next one makes the value: nobody is stranded.
async fn panic_of_the_maker_leaves_it_to_the_next<B: Runtime>() {
    let (cell, go) = (OnceCell::new(), B::Event::new());
    let mut maker = Box::pin(caught(cell.get_or_init(async || -> u8 {
        go.wait().await;
        panic!("out of clay")
    })));
    assert!(poll_once(&mut maker).is_pending());
    let mut next = Box::pin(cell.get_or_init(async || 4));
    assert!(poll_once(&mut next).is_pending());
    go.set();
    assert_eq!(maker.await.copied(), Err("out of clay".to_owned()));
    assert_eq!(next.await, &4);
}

/// If it fails, its own caller gets the error, as it was, and the next one makes the value.
async fn error_goes_to_the_maker_alone<B: Runtime>() {
    let (cell, go) = (OnceCell::new(), B::Event::new());
    let mut maker = Box::pin(cell.get_or_try_init(async || {
        go.wait().await;
        Err::<u8, _>("no clay")
    }));
    assert!(poll_once(&mut maker).is_pending());
    let mut next = Box::pin(cell.get_or_try_init(async || Ok::<_, &str>(5)));
    assert!(poll_once(&mut next).is_pending());
    go.set();
    assert_eq!(maker.await, Err("no clay"));
    assert_eq!(next.await, Ok(&5));
}

/// W3: one who waits for another's value and is cut leaves the queue; its own way to make it is not
/// gone.
async fn waiter_that_leaves_takes_nobody_along<B: Runtime>() {
    let (cell, scope) = (OnceCell::new(), B::CancelScope::new());
    let mut maker = Box::pin(cell.get_or_init(std::future::pending::<u8>));
    assert!(poll_once(&mut maker).is_pending());
    let mut leaves = Box::pin(scope.run(async {
        cell.get_or_init(async || 6).await;
    }));
    assert!(poll_once(&mut leaves).is_pending());
    let mut dropped = Box::pin(cell.get_or_init(async || 7));
    assert!(poll_once(&mut dropped).is_pending());
    let mut last = Box::pin(cell.get_or_init(async || 8));
    assert!(poll_once(&mut last).is_pending());
    scope.cancel();
    assert!(leaves.await.is_err());
    // Its turn has come, and goes on to the next.
    drop(maker);
    drop(dropped);
    assert_eq!(last.await, &8);
}

/// C8: in a cancelled scope nothing is made, and what has been made is not given either.
async fn nothing_is_made_in_a_cancelled_scope<B: Runtime>() {
    let (cell, scope) = (OnceCell::new(), B::CancelScope::new());
    let (made, given) = (Counter::default(), Counter::default());
    scope.cancel();
    for _ in 0..2 {
        let work = async {
            cell.get_or_init(async || made.add()).await;
            given.add();
        };
        assert!(scope.run(work).await.is_err());
        let work = async {
            let value = cell.get_or_try_init(async || Ok::<_, ()>(made.add())).await;
            assert!(value.is_ok());
            given.add();
        };
        assert!(scope.run(work).await.is_err());
        _ = cell.set(9);
    }
    assert_eq!((made.get(), given.get()), (0, 0));
}

/// C7: a value that was made before the cancellation is given, and the next wait does not begin.
async fn value_that_was_made_beats_a_cancellation<B: Runtime>() {
    let (cell, scope, go) = (OnceCell::new(), B::CancelScope::new(), B::Event::new());
    let got = AtomicUsize::new(0);
    let mut waits = Box::pin(scope.run(async {
        let value = *cell.get_or_init(async || unreachable!()).await;
        got.store(value, Ordering::SeqCst);
        checkpoint().await;
        got.store(0, Ordering::SeqCst);
    }));
    let mut maker = Box::pin(cell.get_or_init(async || {
        go.wait().await;
        10
    }));
    assert!(poll_once(&mut maker).is_pending());
    assert!(poll_once(&mut waits).is_pending());
    go.set();
    maker.await;
    scope.cancel();
    assert!(waits.await.is_err());
    assert_eq!(got.load(Ordering::SeqCst), 10);
}

/// A value that is set by hand comes back if there is one, or while somebody makes one.
async fn set_is_refused_when_it_is_too_late<B: Runtime>() {
    let mut cell = OnceCell::new();
    let mut maker = Box::pin(cell.get_or_init(std::future::pending));
    assert!(poll_once(&mut maker).is_pending());
    assert_eq!(cell.set("mine"), Err("mine"));
    drop(maker);
    assert_eq!(cell.set("mine"), Ok(()));
    assert_eq!(cell.set("yours"), Err("yours"));
    assert_eq!(cell.get_mut().copied(), Some("mine"));
    assert_eq!(cell.get_or_init(async || "nobody's").await, &"mine");
}

/// A cell is an ordinary value, in a `static` too, or one that has its value from the beginning.
async fn made_outside_of_a_runtime<B: Runtime>() {
    static CELL: OnceCell<usize> = OnceCell::new();
    let other = thread::spawn(|| {
        futures_lite::future::block_on(async { *CELL.get_or_init(async || 11).await })
    });
    let mine = *CELL.get_or_init(async || 11).await;
    assert_eq!((mine, other.join().unwrap()), (11, 11));
    assert_eq!(OnceCell::from(12).into_inner(), Some(12));
    assert_eq!(OnceCell::<u8>::default().into_inner(), None);
}

/// However cancellations race with those who make the value, one is made in the end, and those who
/// are left all have the same.
async fn cancellations_race_with_makers<B: Runtime>() {
    for round in 0..30_usize {
        let cell = Arc::new(OnceCell::new());
        let result: Result<(), Cancelled> = B::task_group(async |tg| {
            for me in 0..6_usize {
                let (cell, tasks) = (Arc::clone(&cell), tg.clone());
                tg.spawn(async move {
                    let scope = B::CancelScope::new();
                    let canceller = scope.clone();
                    if me > 0 {
                        tasks.spawn(async move {
                            for _ in 0..(me + round) % 5 {
                                checkpoint().await;
                            }
                            canceller.cancel();
                        });
                    }
                    let work = async {
                        *cell
                            .get_or_init(async || {
                                checkpoint().await;
                                checkpoint().await;
                                me
                            })
                            .await
                    };
                    if let Ok(value) = scope.run(work).await {
                        assert_eq!(cell.get(), Some(&value));
                    }
                });
            }
        })
        .await;
        assert_eq!(result, Ok(()));
        assert!(cell.get().is_some(), "one of them was not cancelled");
    }
}

/// The statistics say whether there is a value, whether somebody makes one, and how many wait for that.
async fn statistics_tell_who_waits<B: Runtime>() {
    let (cell, go) = (OnceCell::new(), B::Event::new());
    let counted = || {
        let statistics = cell.statistics();
        (statistics.initialized, statistics.initializing, statistics.waiting)
    };
    assert_eq!(counted(), (false, false, 0));
    let make = async || {
        go.wait().await;
        1
    };
    let mut makes = Box::pin(cell.get_or_init(make));
    assert!(poll_once(&mut makes).is_pending());
    assert_eq!(counted(), (false, true, 0));
    let mut waits = Box::pin(cell.get_or_try_init(async || Err("not its turn")));
    let mut leaves = Box::pin(cell.get_or_init(make));
    assert!(poll_once(&mut waits).is_pending());
    assert!(poll_once(&mut leaves).is_pending());
    assert_eq!(counted(), (false, true, 2));
    drop(leaves);
    assert_eq!(counted(), (false, true, 1));
    drop(makes);
    assert_eq!(counted(), (false, false, 1));
    assert_eq!(waits.await, Err("not its turn"));
    assert_eq!(counted(), (false, false, 0));
    go.set();
    assert_eq!(*cell.get_or_init(make).await, 1);
    assert_eq!(counted(), (true, false, 0));
}
