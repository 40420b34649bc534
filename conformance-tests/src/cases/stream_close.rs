//! Memory object streams: closing, by hand and by drop, and what each side is told.
#![expect(clippy::extra_unused_type_parameters, reason = "every case has the same shape")]

use std::sync::Arc;

use anyio_core::{
    Cancelled, ObjectReceiveStream as _, ObjectSendStream as _, Runtime, TaskGroup as _,
};
use anyio_engine::{RuntimeExt as _, memory_object_stream};

use crate::{
    suite::Case,
    support::{Counter, Log, poll_once},
};

pub(super) fn list<B: Runtime>() -> Vec<Case> {
    list![B, stream_close:
        dropped_end_is_closed,
        closed_end_refuses,
        closing_again_does_nothing,
        peer_gone_is_told_apart_from_own_end_closed,
        clone_of_a_closed_end_is_closed,
        clones_are_counted,
        last_sender_wakes_receivers_with_the_end,
        last_receiver_wakes_senders_with_their_items,
        buffered_items_outlive_their_senders,
        buffered_items_go_with_the_last_receiver,
        item_handed_back_to_nobody_is_dropped,
        closing_a_send_end_withdraws_its_items,
        closing_a_receive_end_leaves_items_to_others,
        closing_one_of_several_wakes_its_own_waiters_only,
        closing_after_the_item_was_taken_is_no_error,
        closing_after_the_item_was_given_keeps_it,
        item_that_was_not_sent_is_handed_back,
        end_of_one_stream_lets_a_pipeline_end,
        cancelled_task_lets_its_ends_go,
    ]
}

/// Dropping an end closes it; the other side learns of it.
async fn dropped_end_is_closed<B: Runtime>() {
    let (send, mut receive) = B::memory_object_stream::<u8>(1);
    drop(send);
    assert!(receive.receive().await.is_err_and(|error| error.is_end_of_stream()));

    let (mut send, receive) = B::memory_object_stream(1);
    drop(receive);
    let error = send.send(7).await.expect_err("nobody can receive it");
    assert!(error.is_broken());
    assert_eq!(error.into_inner(), 7);
}

/// An end that was closed refuses, in the form that waits and in the one that does not.
/// Covers: anyio/test_sync_close
/// Covers: trio/test_close_sync
async fn closed_end_refuses<B: Runtime>() {
    let (send, receive) = memory_object_stream(1);
    let (_send_too, _receive_too) = (send.clone(), receive.clone());
    send.close();
    receive.close();
    assert!(send.is_closed() && receive.is_closed());
    assert!(send.try_send(1).is_err_and(|error| error.is_closed()));
    assert!(send.send(1).await.is_err_and(|error| error.is_closed()));
    assert!(receive.try_receive().is_err_and(|error| error.is_closed()));
    assert!(receive.receive().await.is_err_and(|error| error.is_closed()));
}

/// Closing an end twice, or dropping a closed one, is the same as closing it once.
/// Covers: trio/test_channel
async fn closing_again_does_nothing<B: Runtime>() {
    let (send, receive) = memory_object_stream(1);
    let other = (send.clone(), receive.clone());
    send.close();
    send.close();
    receive.close();
    receive.close();
    drop((send, receive));
    let now = other.0.statistics();
    assert_eq!([now.senders, now.receivers], [1, 1]);
    assert!(other.0.try_send(7).is_ok());
    assert_eq!(other.1.try_receive(), Ok(7));
}

/// *Closed* is what we did ourselves, *broken* what the other side did; where both are so, it is
/// closed.
/// Covers: anyio/test_receive_send_closed_receive_stream
async fn peer_gone_is_told_apart_from_own_end_closed<B: Runtime>() {
    let (send, receive) = memory_object_stream(1);
    receive.close();
    assert!(receive.try_receive().is_err_and(|error| error.is_closed()));
    assert!(send.try_send(1).is_err_and(|error| error.is_broken()));
    assert!(send.send(1).await.is_err_and(|error| error.is_broken()));
    send.close();
    assert!(send.try_send(1).is_err_and(|error| error.is_closed()));
    assert!(send.send(1).await.is_err_and(|error| error.is_closed()));
    assert!(receive.receive().await.is_err_and(|error| error.is_closed()));
}

/// A clone of an end that was closed is closed, and opens nothing.
/// Covers: anyio/test_clone_closed
/// Covers: trio/test_receive_channel_clone_and_close
async fn clone_of_a_closed_end_is_closed<B: Runtime>() {
    let (send, receive) = memory_object_stream::<u8>(1);
    receive.close();
    let receive_too = receive.clone();
    assert!(receive_too.is_closed());
    assert!(receive_too.receive().await.is_err_and(|error| error.is_closed()));
    assert!(send.try_send(1).is_err_and(|error| error.is_broken()));
    send.close();
    let send_too = send.clone();
    assert!(send_too.is_closed());
    assert!(send_too.send(1).await.is_err_and(|error| error.is_closed()));
    let now = send.statistics();
    assert_eq!([now.senders, now.receivers], [0, 0]);
}

/// A side is gone when all its clones are, and not before.
/// Covers: trio/test_receive_channel_clone_and_close
/// Covers: trio/test_channel_multiple_producers
async fn clones_are_counted<B: Runtime>() {
    let (send, receive) = B::memory_object_stream(3);
    let (mut last_send, mut last_receive) = (send.clone(), receive.clone());
    let others = (send.clone(), receive.clone());
    drop((send, receive));
    assert!(last_send.send(1).await.is_ok());
    drop(others);
    assert!(last_send.send(2).await.is_ok());
    assert_eq!(last_receive.receive().await, Ok(1));
    drop(last_send);
    assert_eq!(last_receive.receive().await, Ok(2));
    assert!(last_receive.receive().await.is_err_and(|error| error.is_end_of_stream()));
}

/// The last sender that goes wakes all who wait to receive, with the end of the stream.
/// Covers: anyio/test_close_send_while_receiving
async fn last_sender_wakes_receivers_with_the_end<B: Runtime>() {
    let (send, receive) = B::memory_object_stream::<u8>(1);
    let (arrived, ended) = (Counter::default(), Counter::default());
    let result: Result<(), Cancelled> = B::task_group(async |tg| {
        for _ in 0..3 {
            let (mut receive, arrived, ended) = (receive.clone(), arrived.clone(), ended.clone());
            tg.spawn(async move {
                let mut receiving = Box::pin(receive.receive());
                assert!(poll_once(&mut receiving).is_pending());
                arrived.add();
                assert!(receiving.await.is_err_and(|error| error.is_end_of_stream()));
                ended.add();
            });
        }
        crate::support::until::<B>(|| arrived.get() == 3).await;
        assert_eq!(ended.get(), 0);
        drop(send);
    })
    .await;
    assert_eq!(result, Ok(()));
    assert_eq!(ended.get(), 3);
}

/// The last receiver that goes wakes all who wait to send, and each gets its item back.
/// Covers: anyio/test_close_receive_while_sending
async fn last_receiver_wakes_senders_with_their_items<B: Runtime>() {
    let (send, receive) = memory_object_stream(0);
    let mut sending: Vec<_> = [None, Some(1)].map(|item| Box::pin(send.send(item))).into();
    assert!(sending.iter_mut().all(|waiter| poll_once(waiter).is_pending()));
    receive.close();
    for item in [None, Some(1)] {
        let error = sending.remove(0).await.expect_err("nobody can receive it");
        assert!(error.is_broken());
        assert_eq!(error.into_inner(), item);
    }
}

/// What was sent can be received after all senders have gone; then comes the end, and it stays.
/// Covers: anyio/test_receive_after_send_closed
async fn buffered_items_outlive_their_senders<B: Runtime>() {
    let (mut send, mut receive) = B::memory_object_stream(2);
    assert!(send.send(1).await.is_ok() && send.send(2).await.is_ok());
    drop(send);
    assert_eq!(receive.receive().await, Ok(1));
    assert_eq!(receive.receive().await, Ok(2));
    for _ in 0..3 {
        assert!(receive.receive().await.is_err_and(|error| error.is_end_of_stream()));
    }
}

/// Items that nobody can receive any more are dropped with the last receiver, not with the stream.
async fn buffered_items_go_with_the_last_receiver<B: Runtime>() {
    let (mut send, receive) = B::memory_object_stream(2);
    let item = Arc::new(());
    assert!(send.send(Arc::clone(&item)).await.is_ok());
    assert!(send.send(Arc::clone(&item)).await.is_ok());
    let other = receive.clone();
    drop(receive);
    assert_eq!(Arc::strong_count(&item), 3);
    drop(other);
    assert_eq!(Arc::strong_count(&item), 1);
    drop(send);
}

/// An item that was given to a receive which is dropped after its end was closed is dropped, too,
/// if no receiver is left, and goes to another one if there is one.
async fn item_handed_back_to_nobody_is_dropped<B: Runtime>() {
    for others in [false, true] {
        let (send, receive) = memory_object_stream(1);
        let other = others.then(|| receive.clone());
        let item = Arc::new(());
        let mut receiving = Box::pin(receive.receive());
        assert!(poll_once(&mut receiving).is_pending());
        send.try_send(Arc::clone(&item)).expect("there is room");
        receive.close();
        drop(receiving);
        if let Some(other) = other {
            assert!(Arc::ptr_eq(&other.receive().await.expect("it came back"), &item));
        }
        assert_eq!(Arc::strong_count(&item), 1);
        drop(send);
    }
}

/// Closing an end on which sends wait ends them, and takes their items out; others go on.
/// Covers: anyio/test_close_send_clone_while_sending
/// Covers: anyio/test_close_send_while_sending
async fn closing_a_send_end_withdraws_its_items<B: Runtime>() {
    let (send, receive) = memory_object_stream(0);
    let other = send.clone();
    let mut mine = Box::pin(send.send("mine"));
    assert!(poll_once(&mut mine).is_pending());
    send.close();
    assert!(receive.try_receive().is_err_and(|error| error.is_would_block()));
    let error = mine.await.expect_err("its end was closed");
    assert!(error.is_closed());
    assert_eq!(error.into_inner(), "mine");

    let mut theirs = Box::pin(other.send("theirs"));
    assert!(poll_once(&mut theirs).is_pending());
    assert_eq!(receive.try_receive(), Ok("theirs"));
    assert!(theirs.await.is_ok());

    let mut last = Box::pin(other.send("last"));
    assert!(poll_once(&mut last).is_pending());
    other.close();
    assert!(last.await.is_err_and(|error| error.is_closed()));
    assert!(receive.try_receive().is_err_and(|error| error.is_end_of_stream()));
}

/// Closing an end on which receives wait ends them; an item sent then is there for the others.
/// Covers: anyio/test_close_receive_clone_while_receiving
async fn closing_a_receive_end_leaves_items_to_others<B: Runtime>() {
    let (send, receive) = memory_object_stream(1);
    let other = receive.clone();
    let mut receiving = Box::pin(receive.receive());
    assert!(poll_once(&mut receiving).is_pending());
    receive.close();
    send.try_send(7).expect("there is room");
    assert!(receiving.await.is_err_and(|error| error.is_closed()));
    assert_eq!(other.receive().await, Ok(7));
}

/// Closing one clone wakes those who wait on it, and nobody else.
/// Covers: trio/test_close_multiple_send_handles
/// Covers: trio/test_close_multiple_receive_handles
async fn closing_one_of_several_wakes_its_own_waiters_only<B: Runtime>() {
    let (send, receive) = memory_object_stream(0);
    let other = send.clone();
    let mut mine = [Box::pin(send.send(1)), Box::pin(send.send(2))];
    let mut theirs = Box::pin(other.send(3));
    assert!(mine.iter_mut().all(|waiter| poll_once(waiter).is_pending()));
    assert!(poll_once(&mut theirs).is_pending());
    send.close();
    for sending in mine {
        assert!(sending.await.is_err_and(|error| error.is_closed()));
    }
    assert!(poll_once(&mut theirs).is_pending());
    assert_eq!(receive.try_receive(), Ok(3));
    assert!(theirs.await.is_ok());

    let also = receive.clone();
    let mut mine = [Box::pin(receive.receive()), Box::pin(receive.receive())];
    let mut theirs = Box::pin(also.receive());
    assert!(mine.iter_mut().all(|waiter| poll_once(waiter).is_pending()));
    assert!(poll_once(&mut theirs).is_pending());
    receive.close();
    for receiving in mine {
        assert!(receiving.await.is_err_and(|error| error.is_closed()));
    }
    assert!(poll_once(&mut theirs).is_pending());
    assert!(other.try_send(4).is_ok());
    assert_eq!(theirs.await, Ok(4));
}

/// A send whose item was taken has succeeded, though its end is closed before it has had a turn.
/// Covers: anyio/test_close_send_after_item_received
async fn closing_after_the_item_was_taken_is_no_error<B: Runtime>() {
    let (send, receive) = memory_object_stream(0);
    let mut sending = Box::pin(send.send(7));
    assert!(poll_once(&mut sending).is_pending());
    assert_eq!(receive.try_receive(), Ok(7));
    send.close();
    receive.close();
    assert!(sending.await.is_ok());
}

/// A receive that was given an item has it, though its end is closed before it has had a turn.
/// Covers: anyio/test_close_receive_after_item_sent
async fn closing_after_the_item_was_given_keeps_it<B: Runtime>() {
    let (send, receive) = memory_object_stream(0);
    let mut receiving = Box::pin(receive.receive());
    assert!(poll_once(&mut receiving).is_pending());
    send.try_send(7).expect("somebody waits");
    receive.close();
    send.close();
    assert_eq!(receiving.await, Ok(7));
}

/// Each way of not sending hands the item back.
async fn item_that_was_not_sent_is_handed_back<B: Runtime>() {
    let (send, receive) = memory_object_stream(1);
    let other = send.clone();
    assert!(send.try_send(Box::new(0)).is_ok());
    let full = send.try_send(Box::new(1)).expect_err("it is full");
    assert_eq!((full.is_would_block(), *full.into_inner()), (true, 1));
    send.close();
    let closed = send.try_send(Box::new(2)).expect_err("it is closed");
    assert_eq!((closed.is_closed(), *closed.into_inner()), (true, 2));
    let closed = send.send(Box::new(3)).await.expect_err("it is closed");
    assert_eq!((closed.is_closed(), *closed.into_inner()), (true, 3));
    drop(receive);
    let broken = other.try_send(Box::new(4)).expect_err("nobody is left");
    assert_eq!((broken.is_broken(), *broken.into_inner()), (true, 4));
    let broken = other.send(Box::new(5)).await.expect_err("nobody is left");
    assert_eq!((broken.is_broken(), *broken.into_inner()), (true, 5));
}

/// Loops over streams end one after the other when the first sender goes.
async fn end_of_one_stream_lets_a_pipeline_end<B: Runtime>() {
    let (mut numbers, mut incoming) = B::memory_object_stream(0);
    let (mut squares, mut outgoing) = B::memory_object_stream(2);
    let log = Log::default();
    let result: Result<u64, Cancelled> = B::task_group(async |tg| {
        let ended = log.clone();
        tg.spawn(async move {
            while let Ok(number) = incoming.receive().await {
                squares.send(number * number).await.expect("the body receives");
            }
            ended.add("the middle ended");
        });
        tg.spawn(async move {
            for number in 1..=10_u64 {
                numbers.send(number).await.expect("the middle receives");
            }
        });
        let mut sum = 0;
        while let Ok(square) = outgoing.receive().await {
            sum += square;
        }
        Ok(sum)
    })
    .await;
    assert_eq!(result, Ok(385));
    assert_eq!(log.take(), ["the middle ended"]);
}

/// A task that is cancelled lets its ends go, and no others.
async fn cancelled_task_lets_its_ends_go<B: Runtime>() {
    let (send, mut receive) = B::memory_object_stream::<u8>(0);
    let mut kept = send.clone();
    let result: Result<(), Cancelled> = B::task_group(async |tg| {
        tg.spawn(async move {
            let _held = send;
            std::future::pending::<()>().await;
        });
        tg.cancel();
    })
    .await;
    assert_eq!(result, Ok(()));
    // The clone outside is open still.
    let (sent, received) = futures_util::join!(kept.send(7), receive.receive());
    assert!(sent.is_ok());
    assert_eq!(received, Ok(7));
    drop(kept);
    assert!(receive.receive().await.is_err_and(|error| error.is_end_of_stream()));
}
