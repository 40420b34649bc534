//! A value that many look at: they see the latest one, and hear of every change that is the latest
//! (C7, C8).

use std::thread;

use anyio_core::{CancelScope as _, Cancelled, Runtime, TaskGroup as _};
use anyio_engine::{RuntimeExt as _, checkpoint, watch};

use crate::{
    suite::Case,
    support::{Counter, caught, poll_once},
};

pub(super) fn list<B: Runtime>() -> Vec<Case> {
    list![B, watch:
        latest_value_is_seen,
        change_is_waited_for,
        changes_between_two_looks_are_one,
        everybody_who_waits_gets_the_value,
        wait_for_gives_what_was_waited_for,
        each_receiver_has_seen_its_own,
        change_that_is_none_wakes_nobody,
        panic_in_a_change_strands_nobody,
        last_value_outlives_its_senders,
        value_that_nobody_looks_at_comes_back,
        cancelled_wait_has_seen_nothing,
        nothing_is_waited_for_in_a_cancelled_scope,
        change_beats_a_cancellation,
        end_is_kept_in_a_cancelled_scope,
        statistics_count_who_is_there,
        made_outside_of_a_runtime,
        no_last_value_is_missed,
    ]
}

/// W11: whoever looks sees the latest value, also one that was set when nobody looked.
async fn latest_value_is_seen<B: Runtime>() {
    let (send, receive) = watch(1);
    assert_eq!((*send.borrow(), *receive.borrow()), (1, 1));
    send.send(2).unwrap();
    assert_eq!(send.send_replace(3), 2);
    send.send_modify(|value| *value += 1);
    assert_eq!((*send.borrow(), *receive.borrow()), (4, 4));
    drop(receive);
    assert_eq!(send.send_replace(5), 4);
    assert_eq!(*send.subscribe().borrow(), 5);
}

/// Who waits for a change waits until there is one, and then it has been seen.
async fn change_is_waited_for<B: Runtime>() {
    let (send, mut receive) = watch(1);
    assert_eq!(receive.has_changed(), Ok(false));
    let mut changed = Box::pin(receive.changed());
    assert!(poll_once(&mut changed).is_pending());
    send.send(1).unwrap();
    assert_eq!(changed.await, Ok(()));
    assert_eq!(receive.has_changed(), Ok(false));
    let mut changed = Box::pin(receive.changed());
    assert!(poll_once(&mut changed).is_pending());
    drop(changed);

    send.send(2).unwrap();
    assert_eq!(receive.has_changed(), Ok(true));
    let seen = receive.borrow_and_update();
    assert_eq!((*seen, seen.has_changed()), (2, true));
    drop(seen);
    assert!(!receive.borrow().has_changed());
    assert_eq!(receive.has_changed(), Ok(false));
}

/// Who comes late is not told of each change, only of the last one.
async fn changes_between_two_looks_are_one<B: Runtime>() {
    let (send, mut receive) = watch(0);
    for value in 1..=3 {
        send.send(value).unwrap();
    }
    assert_eq!(receive.changed().await, Ok(()));
    assert_eq!(*receive.borrow(), 3);
    assert!(poll_once(&mut Box::pin(receive.changed())).is_pending());
}

/// One value comes to all who wait for it, and to who comes later.
/// Covers: anyio/test_multiple_waiters
async fn everybody_who_waits_gets_the_value<B: Runtime>() {
    let (send, receive) = watch(None);
    let result: Result<(), Cancelled> = B::task_group(async |tg| {
        for _ in 0..5 {
            let mut receive = receive.clone();
            tg.spawn(async move {
                let found = receive.wait_for(Option::is_some).await;
                assert_eq!(*found.expect("there is a sender"), Some("all of you"));
            });
        }
        checkpoint().await;
        send.send(Some("all of you")).unwrap();
    })
    .await;
    assert_eq!(result, Ok(()));
    let mut late = send.subscribe();
    assert_eq!(*late.wait_for(Option::is_some).await.unwrap(), Some("all of you"));
}

/// A value that is wanted is given at once if it is there, and however it comes otherwise.
async fn wait_for_gives_what_was_waited_for<B: Runtime>() {
    let (send, mut receive) = watch(1);
    assert_eq!(*receive.wait_for(|value| *value == 1).await.unwrap(), 1);
    let mut third = Box::pin(receive.wait_for(|value| *value >= 3));
    assert!(poll_once(&mut third).is_pending());
    send.send(2).unwrap();
    assert!(poll_once(&mut third).is_pending());
    send.send(4).unwrap();
    assert_eq!(*third.await.unwrap(), 4);
}

/// What one receiver has seen, another has not; a clone has seen what its original has.
async fn each_receiver_has_seen_its_own<B: Runtime>() {
    let (send, mut one) = watch(1);
    let two = one.clone();
    assert_eq!(send.receivers(), 2);
    send.send(2).unwrap();
    assert_eq!(one.changed().await, Ok(()));
    assert_eq!((one.has_changed(), two.has_changed()), (Ok(false), Ok(true)));
    assert_eq!((one.clone().has_changed(), two.clone().has_changed()), (Ok(false), Ok(true)));
    assert_eq!(send.subscribe().has_changed(), Ok(false));
    drop((one, two));
    assert_eq!(send.receivers(), 0);
    assert_eq!(send.clone().subscribe().has_changed(), Ok(false));
}

/// Who changes something and says that it was nothing, wakes nobody.
async fn change_that_is_none_wakes_nobody<B: Runtime>() {
    let (send, mut receive) = watch(1);
    let mut changed = Box::pin(receive.changed());
    assert!(poll_once(&mut changed).is_pending());
    assert!(!send.send_if_modified(|_| false));
    assert!(poll_once(&mut changed).is_pending());
    assert!(send.send_if_modified(|value| {
        *value = 2;
        true
    }));
    assert_eq!(changed.await, Ok(()));
}

/// A change that panics is its caller's: nobody hears of it, and everybody can go on.
async fn panic_in_a_change_strands_nobody<B: Runtime>() {
    let (send, mut receive) = watch(1);
    let mut changed = Box::pin(receive.changed());
    assert!(poll_once(&mut changed).is_pending());
    let panics = caught(async { send.send_modify(|_| panic!("in the middle")) });
    assert_eq!(panics.await, Err("in the middle".to_owned()));
    assert!(poll_once(&mut changed).is_pending());
    send.send(2).unwrap();
    assert_eq!(changed.await, Ok(()));
    let panics = caught(async { receive.wait_for(|_| panic!("in a look")).await.map(|it| *it) });
    assert_eq!(panics.await, Err("in a look".to_owned()));
    send.send(3).unwrap();
    assert_eq!(*receive.wait_for(|value| *value == 3).await.unwrap(), 3);
}

/// When all senders are gone, the last value can still be seen, and waiting for another is an error.
async fn last_value_outlives_its_senders<B: Runtime>() {
    let (send, mut receive) = watch(1);
    let other = send.clone();
    other.send(2).unwrap();
    drop(send);
    let mut waits = receive.clone();
    waits.borrow_and_update();
    let mut waits = Box::pin(waits.changed());
    assert!(poll_once(&mut waits).is_pending());
    drop(other);
    assert!(waits.await.is_err_and(|error| error.is_end_of_stream()));
    assert_eq!(receive.changed().await, Ok(()), "it has not seen the last one");
    assert_eq!(*receive.borrow(), 2);
    assert!(receive.changed().await.is_err_and(|error| error.is_end_of_stream()));
    assert!(receive.has_changed().is_err_and(|error| error.is_end_of_stream()));
    assert_eq!(*receive.wait_for(|value| *value == 2).await.unwrap(), 2);
    let never = receive.wait_for(|value| *value == 3).await.map(|found| *found);
    assert!(never.is_err_and(|error| error.is_end_of_stream()));
}

/// When all receivers are gone, a value comes back, and who waits for that hears of it.
async fn value_that_nobody_looks_at_comes_back<B: Runtime>() {
    let (send, receive) = watch(1);
    assert!(!send.is_closed());
    let mut closed = Box::pin(send.closed());
    assert!(poll_once(&mut closed).is_pending());
    let other = receive.clone();
    drop(receive);
    assert!(poll_once(&mut closed).is_pending());
    drop(other);
    closed.await;
    assert!(send.is_closed());
    let refused = send.send(2).unwrap_err();
    assert!(refused.is_broken());
    assert_eq!((refused.into_inner(), *send.borrow()), (2, 1));
}

/// W3: to a receiver whose wait was cut, what changed meanwhile is new.
async fn cancelled_wait_has_seen_nothing<B: Runtime>() {
    let ((send, mut receive), scope) = (watch(1), B::CancelScope::new());
    let mut waits = Box::pin(scope.run(receive.changed()));
    assert!(poll_once(&mut waits).is_pending());
    scope.cancel();
    assert!(waits.await.is_err());
    let mut dropped = Box::pin(receive.changed());
    assert!(poll_once(&mut dropped).is_pending());
    send.send(2).unwrap();
    drop(dropped);
    assert_eq!(receive.has_changed(), Ok(true));
    assert_eq!(receive.changed().await, Ok(()));
}

/// C8: in a cancelled scope no change is seen, though there is one, nor is anything else waited for.
async fn nothing_is_waited_for_in_a_cancelled_scope<B: Runtime>() {
    let ((send, mut receive), scope) = (watch(1), B::CancelScope::new());
    send.send(2).unwrap();
    scope.cancel();
    assert!(scope.run(receive.changed()).await.is_err());
    assert_eq!(receive.has_changed(), Ok(true));
    let wanted = Counter::default();
    let work = async {
        let found = receive.wait_for(|_| {
            wanted.add();
            true
        });
        assert!(found.await.is_ok());
    };
    assert!(scope.run(work).await.is_err());
    assert_eq!((wanted.get(), receive.has_changed()), (0, Ok(true)));
    drop(receive);
    assert!(scope.run(send.closed()).await.is_err());
    send.closed().await;
}

/// C7: a change that came before the cancellation is seen, and the next wait does not begin.
async fn change_beats_a_cancellation<B: Runtime>() {
    let ((send, mut receive), scope) = (watch(1), B::CancelScope::new());
    let seen = Counter::default();
    let mut waits = Box::pin(scope.run(async {
        assert_eq!(receive.changed().await, Ok(()));
        seen.add();
        checkpoint().await;
        seen.add();
    }));
    assert!(poll_once(&mut waits).is_pending());
    send.send(2).unwrap();
    scope.cancel();
    assert!(waits.await.is_err());
    assert_eq!(seen.get(), 1);
}

/// That all senders are gone is not said in a cancelled scope: the same cancellation may be why.
async fn end_is_kept_in_a_cancelled_scope<B: Runtime>() {
    let ((send, receive), scope) = (watch(1), B::CancelScope::new());
    let (mut one, mut two) = (receive.clone(), receive);
    let mut changed = Box::pin(scope.run(one.changed()));
    let mut found = Box::pin(scope.run(async { two.wait_for(|_| false).await.is_ok() }));
    assert!(poll_once(&mut changed).is_pending());
    assert!(poll_once(&mut found).is_pending());
    scope.cancel();
    drop(send);
    assert!(changed.await.is_err(), "the scope was cancelled");
    assert!(found.await.is_err(), "the scope was cancelled");
}

/// Both sides may be on threads that know no runtime.
async fn made_outside_of_a_runtime<B: Runtime>() {
    let (send, mut receive) = thread::spawn(|| watch(0)).join().unwrap();
    let (back, mut forth) = watch(0);
    let other = thread::spawn(move || {
        futures_lite::future::block_on(async {
            receive.changed().await.unwrap();
            back.send(*receive.borrow() + 1).unwrap();
        });
    });
    send.send(10).unwrap();
    assert_eq!(*forth.wait_for(|value| *value > 0).await.unwrap(), 11);
    other.join().unwrap();
}

/// However changes race with waits and cancellations, each receiver sees values in their order, and
/// comes to the last one.
async fn no_last_value_is_missed<B: Runtime>() {
    const LAST: usize = 300;
    let (send, receive) = watch(0_usize);
    let result: Result<(), Cancelled> = B::task_group(async |tg| {
        for me in 0..4_usize {
            let mut receive = receive.clone();
            tg.spawn(async move {
                let mut before = 0;
                while before < LAST {
                    let scope = B::CancelScope::new();
                    let wait = async {
                        let changed = receive.changed();
                        if (me + before) % 3 == 0 {
                            cut_short(&scope, changed).await
                        } else {
                            changed.await
                        }
                    };
                    match scope.run(wait).await {
                        Ok(changed) => changed.expect("there is a sender"),
                        Err(_) => checkpoint().await,
                    }
                    let value = *receive.borrow();
                    assert!(value >= before);
                    before = value;
                }
            });
        }
        for value in 1..=LAST {
            send.send(value).unwrap();
            if value % 5 == 0 {
                checkpoint().await;
            }
        }
    })
    .await;
    assert_eq!(result, Ok(()));
}

/// Cancels the scope after the first poll of what is in it.
async fn cut_short<F: Future>(scope: &impl anyio_core::CancelScope, future: F) -> F::Output {
    let mut future = std::pin::pin!(future);
    std::future::poll_fn(|cx| {
        let polled = future.as_mut().poll(cx);
        scope.cancel();
        polled
    })
    .await
}

/// The statistics count both sides, and who waits: only as long as it waits, however that ends.
async fn statistics_count_who_is_there<B: Runtime>() {
    let (send, mut one) = watch(1);
    let mut two = one.clone();
    let counted = || {
        let statistics = send.statistics();
        (statistics.senders, statistics.receivers, statistics.waiting)
    };
    assert_eq!(counted(), (1, 2, 0));
    let other = send.clone();
    assert_eq!(counted(), (2, 2, 0));
    drop(other);
    {
        let mut first = Box::pin(one.changed());
        let mut second = Box::pin(two.wait_for(|value| *value == 3));
        assert_eq!(counted(), (1, 2, 0), "not before they are polled");
        for _ in 0..2 {
            assert!(poll_once(&mut first).is_pending());
            assert!(poll_once(&mut second).is_pending());
            assert_eq!(counted(), (1, 2, 2));
        }
        send.send(2).unwrap();
        assert_eq!(first.await, Ok(()));
        assert!(poll_once(&mut second).is_pending());
        assert_eq!(counted(), (1, 2, 1));
    }
    assert_eq!(counted(), (1, 2, 0));
    // What is there is not waited for, and where nothing is begun nobody waits.
    assert_eq!(*two.wait_for(|value| *value == 2).await.unwrap(), 2);
    let scope = B::CancelScope::new();
    scope.cancel();
    assert!(scope.run(async { two.changed().await }).await.is_err());
    assert_eq!(counted(), (1, 2, 0));
    drop((one, two));
    assert_eq!(counted(), (1, 0, 0));
}
