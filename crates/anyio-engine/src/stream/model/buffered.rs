//! A stream with a buffer: who waits for a place, and for an item, on two and three threads.

use std::task::{Poll, Waker};

use loom::{future::block_on, thread};

use super::{super::memory_object_stream, receive, send};
use crate::model::{Alarm, explore, poll};

/// 1, 2: a sender that fills the buffer and a receiver that empties it wake each other, and the order
/// is kept.
#[test]
fn items_pass_in_order() {
    explore(3, || {
        let (sender, receiver) = memory_object_stream(1);
        let sends = thread::spawn(move || {
            block_on(async {
                for item in 0..3 {
                    assert!(sender.send(item).await.is_ok());
                }
            });
        });
        block_on(async {
            for item in 0..3 {
                assert_eq!(receiver.receive().await, Ok(item));
            }
            assert!(receiver.receive().await.is_err());
        });
        sends.join().unwrap();
    });
}

/// 2: a send that waits has the place which becomes free, or is taken out: nobody else has it, and the
/// place is not lost.
#[test]
fn a_place_survives_its_sender() {
    explore(3, || {
        let (sender, receiver) = memory_object_stream(1);
        let next = sender.clone();
        sender.try_send(0).expect("there is room");
        let mut dropped = send(sender);
        assert!(poll(&mut dropped, Waker::noop()).is_pending());
        let dropper = thread::spawn(move || drop(dropped));
        assert_eq!(receiver.try_receive(), Ok(0));
        dropper.join().unwrap();
        // Taken before it was dropped, it has sent; dropped before, it has not.
        let (_, first) = (next.try_send(8), receiver.try_receive());
        let second = receiver.try_receive();
        match first {
            Ok(7) => assert!(second.is_ok_and(|item| item == 8) || second.is_err()),
            Ok(8) => assert!(second.is_err_and(|error| error.is_would_block())),
            other => panic!("a place was lost: {other:?}"),
        }
        assert_eq!(next.statistics().used, 0);
    });
}

/// 1, 3: one sender and two receivers: each item goes to one of them, and the one without sees the end.
#[test]
fn each_item_goes_to_one_of_two_receivers() {
    explore(2, || {
        let (sender, receiver) = memory_object_stream(1);
        let receivers = [receiver.clone(), receiver]
            .map(|receiver| thread::spawn(move || block_on(receiver.receive()).ok()));
        block_on(async {
            assert!(sender.send(7).await.is_ok());
        });
        drop(sender);
        let items = receivers.map(|receiver| receiver.join().unwrap());
        assert!(matches!(items, [Some(7), None] | [None, Some(7)]), "{items:?}");
    });
}

/// 1, 2: two senders and a receiver that takes all there is: nobody sleeps, nothing is lost.
#[test]
fn a_batch_of_two_senders_is_whole() {
    explore(2, || {
        let (sender, receiver) = memory_object_stream(1);
        let senders = [(1, sender.clone()), (2, sender)].map(|(item, sender)| {
            thread::spawn(move || assert!(block_on(sender.send(item)).is_ok()))
        });
        let mut items = Vec::new();
        block_on(async { while receiver.receive_many(&mut items, 2).await.is_ok() {} });
        senders.into_iter().for_each(|sender| sender.join().unwrap());
        items.sort_unstable();
        assert_eq!(items, [1, 2]);
    });
}

/// 2, 4: an end that is closed while its send waits and a receiver comes: the item is received, or it
/// comes back; never both, and never neither.
#[test]
fn a_send_whose_end_is_closed_has_sent_or_not() {
    explore(3, || {
        let (sender, receiver) = memory_object_stream(0);
        let _open = sender.clone();
        let sender = std::sync::Arc::new(sender);
        let closing = std::sync::Arc::clone(&sender);
        let (alarm, waker) = Alarm::new();
        let mut sending = Box::pin(sender.send(7));
        let mut context = std::task::Context::from_waker(&waker);
        assert!(sending.as_mut().poll(&mut context).is_pending());
        let closer = thread::spawn(move || closing.close());
        let taken = receiver.try_receive();
        closer.join().unwrap();
        assert!(alarm.has_rung());
        match (taken, sending.as_mut().poll(&mut context)) {
            (Ok(7), Poll::Ready(Ok(()))) => {}
            (Err(_), Poll::Ready(Err(error))) => assert!(error.is_closed()),
            other => panic!("{other:?}"),
        }
    });
}

/// 3, 4: an item that comes as its receiver's end is closed is with that receive, or with the other end.
#[test]
fn a_receive_whose_end_is_closed_has_received_or_not() {
    explore(3, || {
        let (sender, receiver) = memory_object_stream(1);
        let other = receiver.clone();
        let receiver = std::sync::Arc::new(receiver);
        let closing = std::sync::Arc::clone(&receiver);
        let mut receiving = Box::pin(receiver.receive());
        let mut context = std::task::Context::from_waker(Waker::noop());
        assert!(receiving.as_mut().poll(&mut context).is_pending());
        let closer = thread::spawn(move || closing.close());
        sender.try_send(7).expect("there is room");
        closer.join().unwrap();
        match receiving.as_mut().poll(&mut context) {
            Poll::Ready(Ok(7)) => assert!(other.try_receive().is_err()),
            Poll::Ready(Err(error)) => {
                assert!(error.is_closed());
                assert_eq!(other.try_receive(), Ok(7));
            }
            result => panic!("{result:?}"),
        }
    });
}

/// 1: two that receive, two items, one of the receives dropped: the other has the first of what is
/// left, and no item is gone.
#[test]
fn an_item_between_two_receives_is_not_lost() {
    explore(3, || {
        let (sender, receiver) = memory_object_stream(2);
        let (second, third) = (receiver.clone(), receiver.clone());
        let mut dropped = receive(receiver);
        assert!(poll(&mut dropped, Waker::noop()).is_pending());
        let (alarm, waker) = Alarm::new();
        let mut receiving = receive(second);
        assert!(poll(&mut receiving, &waker).is_pending());
        let dropper = thread::spawn(move || drop(dropped));
        for item in 0..2 {
            sender.try_send(item).expect("there is room");
        }
        dropper.join().unwrap();
        assert!(alarm.has_rung());
        let Poll::Ready(Some(received)) = poll(&mut receiving, &waker) else {
            panic!("it was given one")
        };
        assert_eq!(third.try_receive(), Ok(1 - received));
        assert!(third.try_receive().is_err());
    });
}
