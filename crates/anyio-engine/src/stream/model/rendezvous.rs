//! A stream without a buffer, where each item goes from hand to hand.

use std::task::{Poll, Waker};

use anyio_core::{Cause, CauseKind};
use loom::{future::block_on, thread};

use super::{super::memory_object_stream, receive, send};
use crate::{
    context::{Frame, Kind, ambient},
    model::{Alarm, Job, explore, poll},
    sys::Arc,
    tree::{Flags, Node},
};

const PLAIN: Kind<'static> = Kind::Scope(Flags::PLAIN, None);

fn cause() -> Cause {
    Cause::of(CauseKind::Interrupt)
}

/// A scope in a scope, as a task would have them.
struct Scopes {
    outer: Frame,
    inner: Frame,
}

impl Scopes {
    fn new() -> Self {
        Self { outer: Frame::new(), inner: Frame::new() }
    }

    /// What the outer scope's poll does with its body: whether it began when the scope was
    /// cancelled, and what came of it.
    fn poll<T>(&self, job: &mut Job<T>, waker: &Waker) -> (bool, Poll<T>) {
        self.outer.enter(&PLAIN, || {
            (ambient::is_effective(), self.inner.enter(&PLAIN, || poll(job, waker)))
        })
    }

    fn node(frame: &Frame) -> Arc<Node> {
        let node = frame.node().map(Arc::clone).expect("what is in the frame has been polled");
        // What all walks share is made before there are threads.
        node.set_shielded(|| false);
        node
    }
}

/// 2, and 9 of the tree: nobody takes an item from a send whose scope is on its way to drop it, even
/// if the walk that cancels has not come to the send's own node.
#[test]
fn a_send_that_is_cancelled_has_sent_nothing() {
    explore(3, || {
        let (sender, receiver) = memory_object_stream(0);
        let (scopes, waker) = (Scopes::new(), Waker::noop());
        let mut job = send(sender);
        assert!(scopes.poll(&mut job, waker).1.is_pending());
        let outer = Scopes::node(&scopes.outer);
        let canceller = thread::spawn(move || outer.cancel(cause()));
        let taker = thread::spawn(move || (receiver.try_receive().is_ok(), receiver));
        let (cancelled, polled) = scopes.poll(&mut job, waker);
        let dropped = cancelled && polled.is_pending();
        if dropped {
            drop(job);
        }
        canceller.join().unwrap();
        let (taken, _receiver) = taker.join().unwrap();
        assert!(!(dropped && taken), "the send was cancelled, and its item taken");
        assert!(polled.is_pending() || (taken && polled == Poll::Ready(true)));
    });
}

/// 2: a receive passes over a send that is cancelled, as a shield comes between: neither is left
/// asleep with the other.
#[test]
fn a_send_that_was_passed_over_looks_again() {
    explore(2, || {
        let (sender, receiver) = memory_object_stream(0);
        let scopes = Scopes::new();
        let mut sending = send(sender);
        assert!(scopes.poll(&mut sending, Waker::noop()).1.is_pending());
        let (outer, inner) = (Scopes::node(&scopes.outer), Scopes::node(&scopes.inner));
        outer.cancel(cause());
        let (send_alarm, send_waker) = Alarm::new();
        assert!(scopes.poll(&mut sending, &send_waker).1.is_pending());

        let shield = thread::spawn(move || inner.set_shielded(|| true));
        let (receive_alarm, receive_waker) = Alarm::new();
        let mut receiving = receive(receiver);
        let mut received = poll(&mut receiving, &receive_waker);
        shield.join().unwrap();
        let mut sent = Poll::Pending;
        let (mut sends, mut receives) = (0, 0);
        while send_alarm.rings() > sends || receive_alarm.rings() > receives {
            if sent.is_pending() && send_alarm.rings() > sends {
                sent = scopes.poll(&mut sending, &send_waker).1;
            }
            sends = send_alarm.rings();
            if received.is_pending() && receive_alarm.rings() > receives {
                received = poll(&mut receiving, &receive_waker);
            }
            receives = receive_alarm.rings();
        }
        assert_eq!(received, Poll::Ready(Some(7)), "both wait, for each other");
        assert_eq!(sent, Poll::Ready(true));
    });
}

/// 1: a send and a receive that come at the same time find each other.
#[test]
fn a_send_and_a_receive_meet() {
    explore(2, || {
        let (sender, receiver) = memory_object_stream(0);
        let sender = thread::spawn(move || block_on(sender.send(7)).is_ok());
        assert_eq!(block_on(receiver.receive()), Ok(7));
        assert!(sender.join().unwrap());
    });
}

/// 3: the item of a receive that is dropped as it is granted goes to the next receive, or back.
#[test]
fn an_item_survives_its_receiver() {
    explore(3, || {
        let (sender, receiver) = memory_object_stream(0);
        let next = receiver.clone();
        let mut dropped = receive(receiver);
        assert!(poll(&mut dropped, Waker::noop()).is_pending());
        let sender = thread::spawn(move || (sender.try_send(7).is_ok(), sender));
        let (alarm, waker) = Alarm::new();
        let mut receiving = receive(next);
        let early = poll(&mut receiving, &waker);
        drop(dropped);
        let (sent, sender) = sender.join().unwrap();
        assert!(sent, "a receive waited all the time");
        assert!(early.is_ready() || alarm.has_rung(), "the item is there and the next one sleeps");
        let received = if early.is_ready() { early } else { poll(&mut receiving, &waker) };
        assert_eq!(received, Poll::Ready(Some(7)));
        drop(sender);
    });
}

/// 4: a send that comes as the last receiver goes fails, with its item; it does not wait.
#[test]
fn a_send_does_not_wait_for_nobody() {
    explore(3, || {
        let (sender, receiver) = memory_object_stream::<u32>(0);
        let closer = thread::spawn(move || drop(receiver));
        let failed = block_on(sender.send(7)).unwrap_err();
        assert_eq!(failed.into_inner(), 7);
        closer.join().unwrap();
    });
}

/// 4: a receive that comes as the last sender goes sees the end; it does not wait.
#[test]
fn a_receive_does_not_wait_for_nobody() {
    explore(3, || {
        let (sender, receiver) = memory_object_stream::<u32>(0);
        let closer = thread::spawn(move || drop(sender));
        assert!(block_on(receiver.receive()).is_err());
        closer.join().unwrap();
    });
}
