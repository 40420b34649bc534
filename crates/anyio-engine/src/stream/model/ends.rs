//! Ends that come and go: clones, weak senders, and the last of a side.

use loom::{future::block_on, thread};

use super::super::memory_object_stream;
use crate::model::explore;

/// 4: a weak sender that becomes a real one as the last sender goes keeps the stream open, or finds it
/// ended; a receiver never sees the end before an item.
#[test]
fn the_end_is_final_for_a_weak_sender() {
    explore(3, || {
        let (sender, receiver) = memory_object_stream(1);
        let weak = sender.downgrade();
        let closer = thread::spawn(move || drop(sender));
        let sent = weak.upgrade().is_some_and(|sender| sender.try_send(7).is_ok());
        closer.join().unwrap();
        assert!(weak.upgrade().is_none());
        match receiver.try_receive() {
            Ok(7) => assert!(sent),
            Err(error) => assert!(!sent && error.is_end_of_stream()),
            other => panic!("{other:?}"),
        }
    });
}

/// 4: the same with a receiver that waits: it has the item, or sees the end, and does not sleep.
#[test]
fn a_receive_sees_what_a_weak_sender_sends_or_the_end() {
    explore(3, || {
        let (sender, receiver) = memory_object_stream(0);
        let weak = sender.downgrade();
        let closer = thread::spawn(move || drop(sender));
        let sends = thread::spawn(move || match weak.upgrade() {
            Some(sender) => block_on(sender.send(7)).is_ok(),
            None => false,
        });
        let received = block_on(receiver.receive()).ok();
        closer.join().unwrap();
        assert_eq!(received.is_some(), sends.join().unwrap());
    });
}

/// 4: two senders go at the same time: the last of them, whichever that is, tells the receiver.
#[test]
fn the_last_of_two_senders_ends_the_stream() {
    explore(3, || {
        let (sender, receiver) = memory_object_stream::<u32>(1);
        let closers = [sender.clone(), sender].map(|sender| thread::spawn(move || drop(sender)));
        assert!(block_on(receiver.receive()).is_err());
        closers.into_iter().for_each(|closer| closer.join().unwrap());
    });
}

/// 4: what is sent as the last receiver goes comes back or is dropped: it does not stay in a stream of
/// nobody.
#[test]
fn nothing_stays_in_a_stream_of_nobody() {
    explore(3, || {
        let (sender, receiver) = memory_object_stream(1);
        let item = std::sync::Arc::new(());
        let closer = thread::spawn(move || drop(receiver));
        let sent = sender.try_send(std::sync::Arc::clone(&item));
        closer.join().unwrap();
        drop(sent);
        assert_eq!(std::sync::Arc::strong_count(&item), 1);
        assert_eq!(sender.statistics().used, 0);
    });
}

/// 4: an end that is cloned as another one goes: the stream stays open, and the clone's item arrives.
#[test]
fn a_clone_keeps_the_stream_open() {
    explore(3, || {
        let (sender, receiver) = memory_object_stream(1);
        let other = sender.clone();
        let closer = thread::spawn(move || drop(other));
        let cloner = thread::spawn(move || {
            let clone = sender.clone();
            drop(sender);
            clone.try_send(7).is_ok()
        });
        assert_eq!(block_on(receiver.receive()), Ok(7));
        closer.join().unwrap();
        assert!(cloner.join().unwrap());
        assert!(receiver.try_receive().is_err_and(|error| error.is_end_of_stream()));
    });
}
