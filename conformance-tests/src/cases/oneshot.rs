//! One value, from one to another: it comes whole, once, or it is said why not (C7, C8).

use std::{sync::Arc, thread};

use anyio_core::{CancelScope as _, Cancelled, Runtime, TaskGroup as _};
use anyio_engine::{OneshotReceiver, OneshotStatistics, RuntimeExt as _, checkpoint, oneshot};

use crate::{
    suite::Case,
    support::{Counter, Wakes, poll_once},
};

pub(super) fn list<B: Runtime>() -> Vec<Case> {
    list![B, oneshot:
        value_is_received,
        failure_is_received_as_it_was,
        value_that_is_not_there_yet,
        sender_that_is_gone,
        value_that_nobody_wants_comes_back,
        value_that_was_sent_stays,
        value_is_received_once,
        cancelled_receive_leaves_the_value,
        nothing_is_received_in_a_cancelled_scope,
        value_beats_a_cancellation,
        end_is_kept_in_a_cancelled_scope,
        sender_hears_that_nobody_wants_it,
        nobody_hears_of_it_in_a_cancelled_scope,
        statistics_tell_how_far_it_is,
        value_comes_from_another_thread,
        value_is_dropped_with_the_last_side,
        cancellations_race_with_values,
    ]
}

/// W11: a value is received, whether it was sent before or after somebody waited for it.
/// Covers: anyio/test_result
async fn value_is_received<B: Runtime>() {
    let (send, receive) = oneshot();
    send.send(Box::new(1)).unwrap();
    assert_eq!(receive.await, Ok(Box::new(1)));

    let (send, receive) = oneshot();
    let (mut receive, wakes) = (receive.into_future(), Wakes::default());
    assert!(wakes.poll(&mut receive).is_pending());
    assert_eq!(wakes.count(), 0);
    send.send("later").unwrap();
    assert_eq!(wakes.count(), 1);
    assert_eq!(receive.await, Ok("later"));
}

/// What is sent may be a failure: it comes to who waits, or looks, as it was.
/// Covers: anyio/test_raising_exception
/// Covers: anyio/test_exception_when_future_failed
async fn failure_is_received_as_it_was<B: Runtime>() {
    let failure = || Err::<u8, _>(std::io::Error::other("a disk that is full"));
    let (send, receive) = oneshot();
    send.send(failure()).unwrap();
    let received = receive.await.expect("something was sent");
    assert_eq!(received.unwrap_err().to_string(), "a disk that is full");

    let (send, mut receive) = oneshot();
    send.send(failure()).unwrap();
    let received = receive.try_receive().expect("something was sent");
    assert_eq!(received.unwrap_err().to_string(), "a disk that is full");
}

/// Who looks before something was sent, a value or a failure, is told that it is too soon, and may look
/// again.
/// Covers: anyio/test_return_value_when_future_not_finished
/// Covers: anyio/test_exception_when_future_not_finished
async fn value_that_is_not_there_yet<B: Runtime>() {
    let (send, mut receive) = oneshot::<Result<u8, &str>>();
    for _ in 0..2 {
        assert!(receive.try_receive().is_err_and(|error| error.is_would_block()));
    }
    send.send(Err("no paper")).unwrap();
    assert_eq!(receive.try_receive(), Ok(Err("no paper")));
}

/// If there will be no value, who waits or looks is told that its sender is gone.
/// Covers: anyio/test_cancelled_wait
/// Covers: anyio/test_exception_when_future_cancelled
async fn sender_that_is_gone<B: Runtime>() {
    let (send, receive) = oneshot::<u8>();
    let mut waits = receive.into_future();
    assert!(poll_once(&mut waits).is_pending());
    drop(send);
    assert!(waits.await.is_err_and(|error| error.is_end_of_stream()));

    let (send, mut receive) = oneshot::<u8>();
    drop(send);
    assert!(receive.try_receive().is_err_and(|error| error.is_end_of_stream()));
    let (send, receive) = oneshot::<u8>();
    drop(send);
    assert!(receive.await.is_err_and(|error| error.is_end_of_stream()));
}

/// A value that nobody wants any more comes back to its sender.
/// Covers: anyio/test_already_cancelled
/// Covers: anyio/test_cancelling_with_result
async fn value_that_nobody_wants_comes_back<B: Runtime>() {
    let (send, mut receive) = oneshot();
    assert!(!send.is_closed());
    receive.close();
    receive.close();
    assert!(send.is_closed());
    let refused = send.send(Box::new(2)).unwrap_err();
    assert!(refused.is_broken());
    assert_eq!(refused.into_inner(), Box::new(2));
    assert!(receive.await.is_err());

    let (send, receive) = oneshot();
    drop(receive);
    assert!(send.is_closed());
    assert_eq!(send.send(Box::new(3)).map_err(|error| error.into_inner()), Err(Box::new(3)));

    let (send, receive) = oneshot();
    let mut waits = receive.into_future();
    assert!(poll_once(&mut waits).is_pending());
    drop(waits);
    assert!(send.send(4).is_err());
}

/// What was sent stays, also if the receiver wants nothing more after it.
/// Covers: anyio/test_cancelling_already_set_exception
async fn value_that_was_sent_stays<B: Runtime>() {
    let (send, mut receive) = oneshot::<Result<u8, &str>>();
    send.send(Err("it is late")).unwrap();
    receive.close();
    assert_eq!(receive.receive().await, Ok(Err("it is late")));
}

/// A value is given once; whoever asks again is told that it was their own doing.
async fn value_is_received_once<B: Runtime>() {
    let (send, mut receive) = oneshot();
    send.send(5).unwrap();
    assert_eq!(receive.receive().await, Ok(5));
    assert!(receive.receive().await.is_err_and(|error| error.is_closed()));
    assert!(receive.try_receive().is_err_and(|error| error.is_closed()));
    assert!(receive.await.is_err_and(|error| error.is_closed()));
}

/// W3: a receive that is cut has taken nothing: the next one gets the value.
async fn cancelled_receive_leaves_the_value<B: Runtime>() {
    let ((send, mut receive), scope) = (oneshot(), B::CancelScope::new());
    let mut waits = Box::pin(scope.run(receive.receive()));
    assert!(poll_once(&mut waits).is_pending());
    scope.cancel();
    assert!(waits.await.is_err());
    let mut dropped = Box::pin(receive.receive());
    assert!(poll_once(&mut dropped).is_pending());
    send.send(6).unwrap();
    drop(dropped);
    assert_eq!(receive.receive().await, Ok(6));
}

/// C8: in a cancelled scope a value is not received, though it is there.
async fn nothing_is_received_in_a_cancelled_scope<B: Runtime>() {
    let ((send, mut receive), scope) = (oneshot(), B::CancelScope::new());
    send.send(7).unwrap();
    scope.cancel();
    assert!(scope.run(receive.receive()).await.is_err());
    assert_eq!(receive.try_receive(), Ok(7));

    let (send, receive) = oneshot();
    send.send(8).unwrap();
    assert!(scope.run(async { receive.await }).await.is_err());
}

/// C7: a value that was sent before the cancellation is received, and the next wait does not begin.
async fn value_beats_a_cancellation<B: Runtime>() {
    let ((send, receive), scope) = (oneshot(), B::CancelScope::new());
    let got = Counter::default();
    let mut waits = Box::pin(scope.run(async {
        assert_eq!(receive.await, Ok(9));
        got.add();
        checkpoint().await;
        got.add();
    }));
    assert!(poll_once(&mut waits).is_pending());
    send.send(9).unwrap();
    scope.cancel();
    assert!(waits.await.is_err());
    assert_eq!(got.get(), 1);
}

/// That the sender is gone is not said in a cancelled scope: the same cancellation may be why.
async fn end_is_kept_in_a_cancelled_scope<B: Runtime>() {
    let ((send, receive), scope) = (oneshot::<u8>(), B::CancelScope::new());
    let mut waits = Box::pin(scope.run(async { receive.await }));
    assert!(poll_once(&mut waits).is_pending());
    scope.cancel();
    drop(send);
    assert!(waits.await.is_err(), "the scope was cancelled");
}

/// Who makes a value can stop when nobody wants it any more.
async fn sender_hears_that_nobody_wants_it<B: Runtime>() {
    for close in [true, false] {
        let (mut send, receive) = oneshot::<u8>();
        let mut closed = Box::pin(send.closed());
        assert!(poll_once(&mut closed).is_pending());
        let mut kept: Option<OneshotReceiver<u8>> = Some(receive);
        if close {
            kept.as_mut().unwrap().close();
        } else {
            kept = None;
        }
        closed.await;
        assert!(send.is_closed());
        drop(kept);
    }
}

/// C8: in a cancelled scope it does not hear of it, and a wait that is cut can be repeated.
async fn nobody_hears_of_it_in_a_cancelled_scope<B: Runtime>() {
    let ((mut send, receive), scope) = (oneshot::<u8>(), B::CancelScope::new());
    let mut dropped = Box::pin(send.closed());
    assert!(poll_once(&mut dropped).is_pending());
    drop(dropped);
    drop(receive);
    scope.cancel();
    assert!(scope.run(send.closed()).await.is_err());
    send.closed().await;
}

/// Both sides may be on threads that know no runtime.
async fn value_comes_from_another_thread<B: Runtime>() {
    let (send, receive) = oneshot();
    let (answer, question) = oneshot();
    let other = thread::spawn(move || {
        send.send(10).unwrap();
        futures_lite::future::block_on(async { question.await })
    });
    assert_eq!(receive.await, Ok(10));
    answer.send(11).unwrap();
    assert_eq!(other.join().unwrap(), Ok(11));
}

/// A value that nobody receives is dropped with the last of both sides, and once.
async fn value_is_dropped_with_the_last_side<B: Runtime>() {
    let value = Arc::new(());
    let (send, receive) = oneshot();
    send.send(Arc::clone(&value)).unwrap();
    assert_eq!(Arc::strong_count(&value), 2);
    drop(receive);
    assert_eq!(Arc::strong_count(&value), 1);
}

/// However cancellations race with values and with ends, each value is received or still there.
async fn cancellations_race_with_values<B: Runtime>() {
    let left = Counter::default();
    const ROUNDS: usize = 200;
    let result: Result<(), Cancelled> = B::task_group(async |tg| {
        for round in 0..ROUNDS {
            let (send, mut receive) = oneshot();
            let (scope, left) = (B::CancelScope::new(), left.clone());
            let canceller = scope.clone();
            tg.spawn(async move {
                for _ in 0..round % 3 {
                    checkpoint().await;
                }
                send.send(round).expect("its receiver stays");
            });
            tg.spawn(async move {
                for _ in 0..round % 4 {
                    checkpoint().await;
                }
                canceller.cancel();
            });
            tg.spawn(async move {
                let received = match scope.run(receive.receive()).await {
                    Ok(received) => received,
                    Err(_) => receive.receive().await,
                };
                assert_eq!(received, Ok(round));
                left.add();
            });
        }
    })
    .await;
    assert_eq!(result, Ok(()));
    assert_eq!(left.get(), ROUNDS);
}

/// The statistics of both sides say whether the value is there, and whether it is wanted.
async fn statistics_tell_how_far_it_is<B: Runtime>() {
    let (send, mut receive) = oneshot();
    let both = |sent, wanted| {
        move |statistics: OneshotStatistics| (statistics.sent, statistics.wanted) == (sent, wanted)
    };
    let (nothing_yet, there, over) = (both(false, true), both(true, true), both(false, false));
    assert!(nothing_yet(send.statistics()) && nothing_yet(receive.statistics()));
    send.send(1).unwrap();
    assert!(there(receive.statistics()));
    assert_eq!(receive.receive().await, Ok(1));
    assert!(over(receive.statistics()));

    // Nobody wants it, and it is there all the same.
    let (send, mut receive) = oneshot();
    send.send(1).unwrap();
    receive.close();
    assert!(both(true, false)(receive.statistics()));

    let (send, mut receive) = oneshot::<u8>();
    receive.close();
    assert!(over(send.statistics()) && over(receive.statistics()));

    let (send, receive) = oneshot::<u8>();
    drop(send);
    assert!(nothing_yet(receive.statistics()), "that none will come is said by a receive");
    let (send, _) = oneshot::<u8>();
    assert!(over(send.statistics()));
}
