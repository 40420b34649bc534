//! Permits: places that come and go while others wait for them.

use std::task::{Poll, Waker};

use loom::{future::block_on, thread};

use super::super::{SendStream, memory_object_stream};
use crate::model::{Alarm, Job, explore, poll};

/// Takes a place and sends into it, if it gets one.
fn reserve(stream: SendStream<u32>) -> Job<bool> {
    Box::pin(async move {
        match stream.reserve().await {
            Ok(place) => place.send(7).is_ok(),
            Err(_) => false,
        }
    })
}

/// 2: a place that comes back as somebody asks for one is given: it does not lie about while the other
/// sleeps.
#[test]
fn a_place_that_comes_back_is_given() {
    explore(3, || {
        let (sender, receiver) = memory_object_stream(1);
        let other = sender.clone();
        let place = sender.try_reserve_owned().expect("there is room");
        let dropper = thread::spawn(move || drop(place));
        let (alarm, waker) = Alarm::new();
        let mut reserving = reserve(other);
        let early = poll(&mut reserving, &waker);
        dropper.join().unwrap();
        assert!(early.is_ready() || alarm.has_rung(), "a place is free, and who wants it sleeps");
        let sent = if early.is_ready() { early } else { poll(&mut reserving, &waker) };
        assert_eq!(sent, Poll::Ready(true));
        assert_eq!(receiver.try_receive(), Ok(7));
    });
}

/// 2, 5: a place that is given to a reserve as that one is dropped goes to the next.
#[test]
fn a_place_survives_who_it_was_given_to() {
    explore(3, || {
        let (sender, receiver) = memory_object_stream(1);
        let (first, second) = (sender.clone(), sender.clone());
        let place = sender.try_reserve_owned().expect("there is room");
        let mut dropped = reserve(first);
        assert!(poll(&mut dropped, Waker::noop()).is_pending());
        let (alarm, waker) = Alarm::new();
        let mut next = reserve(second);
        assert!(poll(&mut next, &waker).is_pending());
        let dropper = thread::spawn(move || drop(dropped));
        drop(place);
        dropper.join().unwrap();
        assert!(alarm.has_rung(), "a place is free, and who wants it sleeps");
        assert_eq!(poll(&mut next, &waker), Poll::Ready(true));
        drop(next);
        assert_eq!(receiver.try_receive(), Ok(7));
        let end = receiver.try_receive().unwrap_err();
        assert!(end.is_end_of_stream());
    });
}

/// 5: a permit that is used as its end is closed either sends, and the item arrives, or has its item
/// back; its place is free then.
#[test]
fn a_permit_sends_or_learns_that_its_end_was_closed() {
    explore(3, || {
        let (sender, receiver) = memory_object_stream(1);
        let other = sender.clone();
        let sender = std::sync::Arc::new(sender);
        let closing = std::sync::Arc::clone(&sender);
        let place = sender.try_reserve().expect("there is room");
        let closer = thread::spawn(move || closing.close());
        let sent = place.send(7);
        closer.join().unwrap();
        match sent {
            Ok(()) => assert_eq!(receiver.try_receive(), Ok(7)),
            Err(error) => assert!(error.is_closed() && error.into_inner() == 7),
        }
        assert_eq!(other.statistics().reserved, 0);
        assert!(other.try_send(8).is_ok());
        assert_eq!(receiver.try_receive(), Ok(8));
    });
}

/// 4, 5: a permit that is used as the last receiver goes loses nothing: the item arrives, or is dropped
/// with what was in the stream, or comes back.
#[test]
fn a_permit_does_not_outlive_the_stream_unnoticed() {
    explore(3, || {
        let (sender, receiver) = memory_object_stream(1);
        let item = std::sync::Arc::new(());
        let closer = thread::spawn(move || drop(receiver));
        let place = sender.try_reserve();
        if let Ok(place) = place {
            _ = place.send(std::sync::Arc::clone(&item));
        }
        closer.join().unwrap();
        assert_eq!(std::sync::Arc::strong_count(&item), 1, "an item is in a stream of nobody");
        assert_eq!((sender.statistics().used, sender.statistics().reserved), (0, 0));
        assert!(sender.try_reserve().is_err_and(|error| error.is_broken()));
    });
}

/// 1, 2: with no capacity, a reserve and a receive that come at the same time find each other.
#[test]
fn a_reserve_and_a_receive_meet() {
    explore(3, || {
        let (sender, receiver) = memory_object_stream(0);
        let producer = thread::spawn(move || {
            let place = block_on(sender.reserve()).expect("there is a receiver");
            place.send(7).is_ok()
        });
        assert_eq!(block_on(receiver.receive()), Ok(7));
        assert!(producer.join().unwrap());
    });
}

/// 3: the item of a permit arrives though the receive that the permit was given for is dropped at the
/// same time.
#[test]
fn an_item_of_a_permit_survives_its_receiver() {
    explore(3, || {
        let (sender, receiver) = memory_object_stream(0);
        let first = receiver.clone();
        let mut dropped = super::receive(first);
        assert!(poll(&mut dropped, Waker::noop()).is_pending());
        let place = sender.try_reserve_owned().expect("somebody waits");
        let dropper = thread::spawn(move || drop(dropped));
        let sender = place.send(7).expect("there is a receiver");
        dropper.join().unwrap();
        assert_eq!(receiver.try_receive(), Ok(7));
        assert_eq!((sender.statistics().used, sender.statistics().reserved), (0, 0));
    });
}

/// 2, 3: three at one place: a permit that is used, a send that waits, and a receive. Both items arrive,
/// in one order or the other, and nobody sleeps.
#[test]
fn a_permit_a_send_and_a_receive_share_a_place() {
    explore(2, || {
        let (sender, receiver) = memory_object_stream(1);
        let place = sender.clone().try_reserve_owned().expect("there is room");
        let user = thread::spawn(move || assert!(place.send(7).is_ok()));
        let sends = thread::spawn(move || assert!(block_on(sender.send(8)).is_ok()));
        let items = block_on(async { [receiver.receive().await, receiver.receive().await] });
        assert!(matches!(items, [Ok(7), Ok(8)] | [Ok(8), Ok(7)]), "{items:?}");
        user.join().unwrap();
        sends.join().unwrap();
    });
}

/// 2: three at one place: two that want it, and who gives it back. Both get it, one after the other.
#[test]
fn two_reserves_have_their_turns() {
    explore(2, || {
        let (sender, receiver) = memory_object_stream::<u32>(1);
        let place = sender.clone().try_reserve_owned().expect("there is room");
        let other = sender.clone();
        let takers = [sender, other].map(|sender| {
            thread::spawn(move || drop(block_on(sender.reserve()).expect("there is a receiver")))
        });
        drop(place);
        takers.into_iter().for_each(|taker| taker.join().unwrap());
        assert!(receiver.try_receive().is_err_and(|error| error.is_end_of_stream()));
        assert_eq!(receiver.statistics().reserved, 0);
    });
}
