//! Items that each receiver gets: all of them in order, or it is told how many it has missed (C7, C8).

use std::{sync::Arc, thread};

use anyio_core::{CancelScope as _, Cancelled, Runtime, TaskGroup as _};
use anyio_engine::{RuntimeExt as _, broadcast, checkpoint};

use crate::{
    suite::Case,
    support::{Counter, poll_once},
};

pub(super) fn list<B: Runtime>() -> Vec<Case> {
    list![B, broadcast:
        everybody_gets_every_item,
        slow_receiver_is_told_what_it_missed,
        receiver_gets_what_is_sent_from_then_on,
        what_was_sent_outlives_its_senders,
        item_that_nobody_receives_comes_back,
        receiver_that_is_gone_keeps_nothing,
        items_are_counted,
        cancelled_receive_leaves_the_item,
        nothing_is_received_in_a_cancelled_scope,
        item_beats_a_cancellation,
        what_was_missed_is_told_in_a_cancelled_scope,
        end_is_kept_in_a_cancelled_scope,
        statistics_count_who_is_there,
        made_outside_of_a_runtime,
        all_is_received_or_missed,
    ]
}

/// W11: each receiver gets every item, in order, whether it waited for it or comes later.
async fn everybody_gets_every_item<B: Runtime>() {
    let (send, mut one) = broadcast(4);
    let mut two = send.subscribe();
    let mut waits = Box::pin(one.receive());
    assert!(poll_once(&mut waits).is_pending());
    assert!(two.try_receive().is_err_and(|error| error.is_would_block()));
    for item in 1..=3 {
        assert_eq!(send.send(item), Ok(2));
    }
    assert_eq!(waits.await, Ok(1));
    assert_eq!((one.receive().await, one.try_receive()), (Ok(2), Ok(3)));
    for item in 1..=3 {
        assert_eq!(two.receive().await, Ok(item));
    }
    assert!(poll_once(&mut Box::pin(two.receive())).is_pending());
}

/// A sender never waits. A receiver that is slower than the buffer allows is told how many items it has
/// missed, once, and goes on with the oldest there is.
async fn slow_receiver_is_told_what_it_missed<B: Runtime>() {
    let (send, mut slow) = broadcast(2);
    let mut also_slow = send.subscribe();
    for item in 1..=5 {
        assert_eq!(send.send(item), Ok(2));
    }
    let error = slow.receive().await.unwrap_err();
    assert_eq!((error.missed(), error.is_end_of_stream()), (Some(3), false));
    assert_eq!((slow.receive().await, slow.receive().await), (Ok(4), Ok(5)));
    let error = also_slow.try_receive().unwrap_err();
    assert_eq!((error.missed(), error.is_would_block()), (Some(3), false));
    assert_eq!((also_slow.try_receive(), also_slow.try_receive()), (Ok(4), Ok(5)));
    assert!(also_slow.try_receive().is_err_and(|error| error.is_would_block()));
}

/// Who subscribes gets what is sent from then on, and keeps back nothing from before.
async fn receiver_gets_what_is_sent_from_then_on<B: Runtime>() {
    let (send, mut first) = broadcast(4);
    send.send(1).unwrap();
    let mut second = send.subscribe();
    let mut third = first.resubscribe();
    send.clone().send(2).unwrap();
    assert_eq!((second.receive().await, third.receive().await), (Ok(2), Ok(2)));
    assert_eq!((first.receive().await, first.receive().await), (Ok(1), Ok(2)));
}

/// When all senders are gone, what is left is received, and then the end is told, again and again.
async fn what_was_sent_outlives_its_senders<B: Runtime>() {
    let (send, mut receive) = broadcast(4);
    let other = send.clone();
    let mut waits = send.subscribe();
    let mut waits = Box::pin(waits.receive());
    send.send(1).unwrap();
    assert_eq!((&mut waits).await, Ok(1));
    drop(waits);
    let mut waits = send.subscribe();
    let mut waits = Box::pin(waits.receive());
    assert!(poll_once(&mut waits).is_pending());
    drop(send);
    assert!(poll_once(&mut waits).is_pending());
    drop(other);
    assert!(waits.await.is_err_and(|error| error.is_end_of_stream()));
    assert_eq!(receive.receive().await, Ok(1));
    for _ in 0..2 {
        assert!(receive.receive().await.is_err_and(|error| error.is_end_of_stream()));
        assert!(receive.try_receive().is_err_and(|error| error.is_end_of_stream()));
    }
}

/// An item that there is no receiver for comes back; later there may be one.
async fn item_that_nobody_receives_comes_back<B: Runtime>() {
    let (send, receive) = broadcast(4);
    drop(receive);
    assert_eq!(send.receivers(), 0);
    let refused = send.send("hello").unwrap_err();
    assert!(refused.is_broken());
    assert_eq!(refused.into_inner(), "hello");
    let mut receive = send.subscribe();
    assert_eq!(send.send("again"), Ok(1));
    assert_eq!(receive.receive().await, Ok("again"));
}

/// An item is dropped when everybody has it; a receiver that is gone is not waited for.
async fn receiver_that_is_gone_keeps_nothing<B: Runtime>() {
    let item = Arc::new(());
    let (send, mut one) = broadcast(4);
    let two = send.subscribe();
    send.send(Arc::clone(&item)).unwrap();
    drop(one.receive().await);
    assert_eq!(Arc::strong_count(&item), 2, "the other one has not received it");
    drop(two);
    assert_eq!(Arc::strong_count(&item), 1);
    drop((send, one));
}

/// Both sides can say how many items are still to be received.
async fn items_are_counted<B: Runtime>() {
    let (send, mut one) = broadcast(2);
    let mut two = send.subscribe();
    assert_eq!((send.receivers(), send.len(), one.len()), (2, 0, 0));
    assert!(send.is_empty() && one.is_empty());
    send.send(1).unwrap();
    send.send(2).unwrap();
    assert_eq!((send.len(), one.len(), two.len()), (2, 2, 2));
    one.receive().await.unwrap();
    one.receive().await.unwrap();
    assert!(one.is_empty() && !send.is_empty());
    two.receive().await.unwrap();
    assert_eq!((send.len(), two.len()), (1, 1));
    two.receive().await.unwrap();
    assert!(send.is_empty() && two.is_empty());
    for item in 3..=6 {
        send.send(item).unwrap();
    }
    assert_eq!(two.len(), 4, "two of them are gone");
}

/// W3: a receive that was cut has received nothing; the item is still there for this receiver.
async fn cancelled_receive_leaves_the_item<B: Runtime>() {
    let ((send, mut receive), scope) = (broadcast(4), B::CancelScope::new());
    let mut waits = Box::pin(scope.run(receive.receive()));
    assert!(poll_once(&mut waits).is_pending());
    scope.cancel();
    assert!(waits.await.is_err());
    let mut dropped = Box::pin(receive.receive());
    assert!(poll_once(&mut dropped).is_pending());
    send.send(1).unwrap();
    drop(dropped);
    assert_eq!(receive.receive().await, Ok(1));
}

/// C8: in a cancelled scope nothing is received, though there is something.
async fn nothing_is_received_in_a_cancelled_scope<B: Runtime>() {
    let ((send, mut receive), scope) = (broadcast(4), B::CancelScope::new());
    send.send(1).unwrap();
    scope.cancel();
    assert!(scope.run(receive.receive()).await.is_err());
    assert_eq!(receive.len(), 1);
    assert_eq!(receive.receive().await, Ok(1));
}

/// C7: an item that was sent before the cancellation is received, and the next wait does not begin.
async fn item_beats_a_cancellation<B: Runtime>() {
    let ((send, mut receive), scope) = (broadcast(4), B::CancelScope::new());
    let received = Counter::default();
    let mut waits = Box::pin(scope.run(async {
        assert_eq!(receive.receive().await, Ok(1));
        received.add();
        assert_eq!(receive.receive().await, Ok(2));
        received.add();
    }));
    assert!(poll_once(&mut waits).is_pending());
    send.send(1).unwrap();
    send.send(2).unwrap();
    scope.cancel();
    assert!(waits.await.is_err());
    assert_eq!(received.get(), 1);
    assert_eq!(receive.receive().await, Ok(2));
}

/// C7: that some were missed is said also in a scope that was cancelled meanwhile: it would be lost
/// otherwise, and the receiver would not know that it has a gap.
async fn what_was_missed_is_told_in_a_cancelled_scope<B: Runtime>() {
    let ((send, mut receive), scope) = (broadcast(1), B::CancelScope::new());
    let told = Counter::default();
    let mut waits = Box::pin(scope.run(async {
        assert_eq!(receive.receive().await.unwrap_err().missed(), Some(2));
        told.add();
        checkpoint().await;
        told.add();
    }));
    assert!(poll_once(&mut waits).is_pending());
    for item in 1..=3 {
        send.send(item).unwrap();
    }
    scope.cancel();
    assert!(waits.await.is_err());
    assert_eq!(told.get(), 1);
    assert_eq!(receive.receive().await, Ok(3));
}

/// That all senders are gone is not said in a cancelled scope: the same cancellation may be why.
async fn end_is_kept_in_a_cancelled_scope<B: Runtime>() {
    let ((send, mut receive), scope) = (broadcast::<u8>(1), B::CancelScope::new());
    let mut waits = Box::pin(scope.run(receive.receive()));
    assert!(poll_once(&mut waits).is_pending());
    scope.cancel();
    drop(send);
    assert!(waits.await.is_err(), "the scope was cancelled");
    assert!(receive.receive().await.is_err_and(|error| error.is_end_of_stream()));
}

/// Both sides may be on threads that know no runtime.
async fn made_outside_of_a_runtime<B: Runtime>() {
    let (send, mut receive) = thread::spawn(|| broadcast(4)).join().unwrap();
    let mut there = send.subscribe();
    let other = thread::spawn(move || {
        futures_lite::future::block_on(async { there.receive().await.map(|item: u8| item + 1) })
    });
    send.send(1).unwrap();
    assert_eq!(receive.receive().await, Ok(1));
    assert_eq!(other.join().unwrap(), Ok(2));
}

/// However cancellations race with items, each receiver gets every item in order, or is told of it.
async fn all_is_received_or_missed<B: Runtime>() {
    const ITEMS: u64 = 400;
    let (send, receive) = broadcast::<u64>(8);
    let result: Result<(), Cancelled> = B::task_group(async |tg| {
        for me in 0..4_u64 {
            let (mut receive, tasks) = (receive.resubscribe(), tg.clone());
            tg.spawn(async move {
                let mut next = 0;
                loop {
                    let scope = B::CancelScope::new();
                    if (me + next) % 3 == 0 {
                        let canceller = scope.clone();
                        tasks.spawn(async move { canceller.cancel() });
                    }
                    match scope.run(receive.receive()).await {
                        Ok(Ok(item)) => {
                            assert_eq!(item, next);
                            next += 1;
                        }
                        Ok(Err(error)) => match error.missed() {
                            Some(missed) => next += missed,
                            None => break,
                        },
                        Err(_) => checkpoint().await,
                    }
                }
                assert_eq!(next, ITEMS);
            });
        }
        drop(receive);
        for item in 0..ITEMS {
            send.send(item).expect("there are receivers");
            if item % 7 < waits_of_seven(item) {
                checkpoint().await;
            }
        }
        drop(send);
    })
    .await;
    assert_eq!(result, Ok(()));
}

/// Sometimes so fast that receivers miss something, and sometimes not.
const fn waits_of_seven(item: u64) -> u64 {
    if item % 100 < 50 { 6 } else { 1 }
}

/// The statistics count both sides, the items, and who waits: only as long as it waits, however that ends.
async fn statistics_count_who_is_there<B: Runtime>() {
    let (send, mut one) = broadcast(4);
    let mut two = one.resubscribe();
    let counted = || {
        let statistics = send.statistics();
        assert_eq!(statistics.capacity, 4);
        (statistics.senders, statistics.receivers, statistics.buffered, statistics.waiting)
    };
    assert_eq!(counted(), (1, 2, 0, 0));
    let other = send.clone();
    assert_eq!(other.statistics(), send.statistics());
    assert_eq!(counted(), (2, 2, 0, 0));
    drop(other);
    {
        let (mut first, mut second) = (Box::pin(one.receive()), Box::pin(two.receive()));
        assert!(poll_once(&mut first).is_pending());
        assert!(poll_once(&mut second).is_pending());
        assert_eq!(counted(), (1, 2, 0, 2));
        send.send('a').unwrap();
        assert_eq!(first.await, Ok('a'));
        assert_eq!(counted(), (1, 2, 1, 1), "the second has not looked yet");
    }
    assert_eq!(counted(), (1, 2, 1, 0));
    let three = send.subscribe();
    assert_eq!(two.receive().await, Ok('a'));
    assert_eq!(counted(), (1, 3, 0, 0));
    drop((one, two, three));
    assert_eq!(counted(), (1, 0, 0, 0));
}
