//! Memory object streams: order, hand-over, ends (C7, C8). Closing is in `stream_close`.
//!
//! Who comes first is decided by polling by hand: a future that was polled once is in the queue.
#![expect(clippy::extra_unused_type_parameters, reason = "every case has the same shape")]

use std::{
    collections::BTreeSet,
    future::pending,
    pin::pin,
    sync::{Arc, Mutex},
};

use anyio_core::{
    CancelScope as _, Cancelled, Event as _, MemoryReceiveStream as _, MemorySendStream as _,
    ObjectReceiveStream as _, ObjectSendStream as _, Runtime, TaskGroup as _, TaskHandle as _,
};
use anyio_engine::{RuntimeExt as _, checkpoint, memory_object_stream, shield};
use futures_util::{
    join,
    stream::{FuturesUnordered, StreamExt as _},
};

use crate::{
    suite::Case,
    support::{Log, poll_once},
};

pub(super) fn list<B: Runtime>() -> Vec<Case> {
    list![B, stream:
        without_capacity_sends_and_receives_meet,
        without_capacity_nothing_goes_without_a_partner,
        waiting_receive_gets_consecutive_sends,
        buffer_keeps_order_and_bounds,
        full_stream_makes_senders_wait,
        waiting_receives_are_served_in_order,
        waiting_sends_are_served_in_order,
        waiting_receive_owns_the_next_item,
        waiting_send_owns_the_next_place,
        cancelled_receive_leaves_the_queue,
        receive_that_timed_out_leaves_nothing_behind,
        cancelled_send_has_sent_nothing,
        granted_receive_beats_a_cancellation,
        granted_send_beats_a_cancellation,
        granted_receive_that_is_dropped_passes_its_item_on,
        granted_receive_that_is_dropped_puts_its_item_in_front,
        item_put_back_makes_no_room,
        nothing_is_sent_in_a_cancelled_scope,
        nothing_is_received_in_a_cancelled_scope,
        clones_work_together,
        items_of_one_task_arrive_in_order,
        many_producers_and_consumers_lose_nothing,
        item_taken_before_a_cancellation_was_sent,
        item_of_a_cancelled_send_is_not_taken,
        lent_send_goes_on_elsewhere,
        send_that_was_passed_over_looks_again,
        racing_cancellations_lose_nothing,
        forms_that_never_wait_are_there_in_the_trait_lane,
        stream_is_described,
    ]
}

/// With no capacity each send waits until its item is received.
async fn without_capacity_sends_and_receives_meet<B: Runtime>() {
    let (mut send, mut receive) = B::memory_object_stream(0);
    let log = Log::default();
    let sending = async {
        send.send(1).await.expect("there is a receiver");
        log.add("sent");
    };
    let mut sending = Box::pin(sending);
    assert!(poll_once(&mut sending).is_pending());
    assert!(log.take().is_empty());
    assert_eq!(receive.receive().await, Ok(1));
    sending.await;
    assert_eq!(log.take(), ["sent"]);
}

/// With no capacity the forms that never wait need a partner who waits.
async fn without_capacity_nothing_goes_without_a_partner<B: Runtime>() {
    let (send, receive) = memory_object_stream(0);
    assert!(send.try_send(1).is_err_and(|error| error.is_would_block()));
    assert!(receive.try_receive().is_err_and(|error| error.is_would_block()));

    let mut receiving = Box::pin(receive.receive());
    assert!(poll_once(&mut receiving).is_pending());
    assert!(send.try_send(2).is_ok());
    assert!(send.try_send(3).is_err_and(|error| error.is_would_block()));
    assert_eq!(receiving.await, Ok(2));

    let mut sending = Box::pin(send.send(4));
    assert!(poll_once(&mut sending).is_pending());
    assert_eq!(receive.try_receive(), Ok(4));
    assert!(receive.try_receive().is_err_and(|error| error.is_would_block()));
    assert!(sending.await.is_ok());
}

/// A receiver that was there first gets what is sent then, in order.
/// Covers: anyio/test_receive_then_send
async fn waiting_receive_gets_consecutive_sends<B: Runtime>() {
    let (mut send, mut receive) = B::memory_object_stream(0);
    let items: Result<_, Cancelled> = B::task_group(async |tg| {
        let receiver = tg.spawn(async move {
            let first = receive.receive().await;
            Ok([first, receive.receive().await])
        });
        send.send("hello").await.expect("there is a receiver");
        send.send("anyio").await.expect("there is a receiver");
        receiver.join().await
    })
    .await;
    assert_eq!(items, Ok([Ok("hello"), Ok("anyio")]));
}

/// Items wait in the stream up to its capacity, and come out in the order they went in.
/// Covers: anyio/test_send_nowait_then_receive_nowait
/// Covers: trio/test_channel
async fn buffer_keeps_order_and_bounds<B: Runtime>() {
    for capacity in [1, 2, 5] {
        let (send, receive) = memory_object_stream(capacity);
        for round in 0..3 {
            for item in 0..capacity {
                send.try_send(round * 10 + item).expect("there is room");
            }
            let error = send.try_send(99).expect_err("it is full");
            assert!(error.is_would_block());
            assert_eq!(error.into_inner(), 99);
            for item in 0..capacity {
                assert_eq!(receive.try_receive(), Ok(round * 10 + item));
            }
            assert!(receive.try_receive().is_err_and(|error| error.is_would_block()));
        }
    }
}

/// A send into a full stream waits for one receive, and its item comes after those in the stream.
async fn full_stream_makes_senders_wait<B: Runtime>() {
    let (mut send, mut receive) = B::memory_object_stream(2);
    send.send(1).await.expect("there is a receiver");
    send.send(2).await.expect("there is a receiver");
    let mut third = Box::pin(send.send(3));
    assert!(poll_once(&mut third).is_pending());
    assert_eq!(receive.receive().await, Ok(1));
    assert!(third.await.is_ok());
    assert_eq!(receive.receive().await, Ok(2));
    assert_eq!(receive.receive().await, Ok(3));
}

/// Of several receives that wait, the first gets the first item.
async fn waiting_receives_are_served_in_order<B: Runtime>() {
    let (send, receive) = memory_object_stream(3);
    let mut waiting: Vec<_> = (0..3).map(|_| Box::pin(receive.receive())).collect();
    assert!(waiting.iter_mut().all(|waiter| poll_once(waiter).is_pending()));
    for item in 0..3 {
        assert!(send.try_send(item).is_ok());
    }
    for (item, waiter) in waiting.into_iter().enumerate().rev() {
        assert_eq!(waiter.await, Ok(item));
    }
}

/// Of several sends that wait, the first gets the first place; a place goes to one of them.
async fn waiting_sends_are_served_in_order<B: Runtime>() {
    for capacity in [0, 2] {
        let (send, receive) = memory_object_stream(capacity);
        for item in 0..capacity {
            assert!(send.try_send(item).is_ok());
        }
        let mut waiting: Vec<_> =
            (capacity..capacity + 3).map(|item| Box::pin(send.send(item))).collect();
        assert!(waiting.iter_mut().all(|waiter| poll_once(waiter).is_pending()));
        for item in 0..3 {
            assert_eq!(receive.receive().await, Ok(item));
            assert!(waiting.iter_mut().skip(1).all(|waiter| poll_once(waiter).is_pending()));
            assert!(waiting.remove(0).await.is_ok());
        }
    }
}

/// An item that comes while somebody waits is theirs: nobody takes it away before they have had a
/// turn.
/// Covers: trio/test_channel_fairness
async fn waiting_receive_owns_the_next_item<B: Runtime>() {
    let (send, receive) = memory_object_stream(1);
    let mut receiving = Box::pin(receive.receive());
    assert!(poll_once(&mut receiving).is_pending());
    send.try_send(1).expect("there is room");
    assert!(receive.try_receive().is_err_and(|error| error.is_would_block()));
    let mut late = Box::pin(receive.receive());
    assert!(poll_once(&mut late).is_pending());
    assert_eq!(receiving.await, Ok(1));
    send.try_send(2).expect("there is room");
    assert_eq!(late.await, Ok(2));
}

/// A place that becomes free while somebody waits is theirs: nobody fills it before they have had
/// a turn.
/// Covers: trio/test_channel_fairness
async fn waiting_send_owns_the_next_place<B: Runtime>() {
    let (send, receive) = memory_object_stream(1);
    send.try_send(1).expect("there is room");
    let mut sending = Box::pin(send.send(2));
    assert!(poll_once(&mut sending).is_pending());
    assert_eq!(receive.try_receive(), Ok(1));
    assert!(send.try_send(3).is_err_and(|error| error.is_would_block()));
    assert_eq!(receive.try_receive(), Ok(2));
    assert!(sending.await.is_ok());
}

/// A receive that is cancelled is no longer there for an item.
/// Covers: anyio/test_cancel_receive
async fn cancelled_receive_leaves_the_queue<B: Runtime>() {
    let (send, receive) = memory_object_stream(0);
    let scope = B::CancelScope::new();
    let mut receiving = Box::pin(scope.run(receive.receive()));
    assert!(poll_once(&mut receiving).is_pending());
    scope.cancel();
    assert!(receiving.await.is_err());
    assert!(send.try_send(1).is_err_and(|error| error.is_would_block()));
    assert_eq!(send.statistics().waiting_receivers, 0);
}

/// After a receive that ran out of time the stream works as before.
/// Covers: trio/test_553
async fn receive_that_timed_out_leaves_nothing_behind<B: Runtime>() {
    let (mut send, mut receive) = B::memory_object_stream(1);
    let timeout = std::time::Duration::from_millis(1);
    assert!(B::move_on_after(timeout, receive.receive()).await.is_none());
    send.send("Test for PR #553").await.expect("there is a receiver");
    assert_eq!(receive.receive().await, Ok("Test for PR #553"));
}

/// A send that is cancelled has sent nothing.
/// Covers: anyio/test_cancel_send
async fn cancelled_send_has_sent_nothing<B: Runtime>() {
    for capacity in [0, 1] {
        let (send, receive) = memory_object_stream(capacity);
        for item in 0..capacity {
            send.try_send(item).expect("there is room");
        }
        let scope = B::CancelScope::new();
        let mut sending = Box::pin(scope.run(send.send(7)));
        assert!(poll_once(&mut sending).is_pending());
        scope.cancel();
        assert!(sending.await.is_err());
        for item in 0..capacity {
            assert_eq!(receive.try_receive(), Ok(item));
        }
        assert!(receive.try_receive().is_err_and(|error| error.is_would_block()));
    }
}

/// C7: an item that was handed over before the cancellation is received.
async fn granted_receive_beats_a_cancellation<B: Runtime>() {
    let (mut send, mut receive) = B::memory_object_stream(0);
    let scope = B::CancelScope::new();
    let mut receiving = Box::pin(scope.run(receive.receive()));
    assert!(poll_once(&mut receiving).is_pending());
    assert!(send.send(7).await.is_ok());
    scope.cancel();
    assert_eq!(receiving.await, Ok(Ok(7)));
}

/// C7: a send whose item was taken before the cancellation has sent it, and says so.
async fn granted_send_beats_a_cancellation<B: Runtime>() {
    let (mut send, mut receive) = B::memory_object_stream(0);
    let scope = B::CancelScope::new();
    let mut sending = Box::pin(scope.run(send.send(7)));
    assert!(poll_once(&mut sending).is_pending());
    assert_eq!(receive.receive().await, Ok(7));
    scope.cancel();
    assert_eq!(sending.await, Ok(Ok(())));
}

/// An item that was handed to a receive which is dropped before having seen it goes to the next
/// one that waits.
async fn granted_receive_that_is_dropped_passes_its_item_on<B: Runtime>() {
    for capacity in [0, 1, 5] {
        let (mut send, mut receive) = B::memory_object_stream(capacity);
        let mut other = receive.clone();
        let mut first = Box::pin(receive.receive());
        let mut second = Box::pin(other.receive());
        assert!(poll_once(&mut first).is_pending());
        assert!(poll_once(&mut second).is_pending());
        assert!(send.send(7).await.is_ok());
        drop(first);
        assert_eq!(second.await, Ok(7));
    }
}

/// Where nobody waits, such an item comes first for the next receive: order is kept.
async fn granted_receive_that_is_dropped_puts_its_item_in_front<B: Runtime>() {
    let (send, receive) = memory_object_stream(5);
    let mut first = Box::pin(receive.receive());
    let mut second = Box::pin(receive.receive());
    assert!(poll_once(&mut first).is_pending());
    assert!(poll_once(&mut second).is_pending());
    for item in 1..=3 {
        send.try_send(item).expect("there is room");
    }
    assert_eq!(second.await, Ok(2));
    drop(first);
    assert_eq!(receive.receive().await, Ok(1));
    assert_eq!(receive.receive().await, Ok(3));
    assert!(receive.try_receive().is_err_and(|error| error.is_would_block()));

    drop(send);
    assert!(receive.receive().await.is_err_and(|error| error.is_end_of_stream()));
}

/// An item that came back takes no place and gives none: a send that waits goes on waiting until
/// there is room within the capacity, or somebody to take its item.
async fn item_put_back_makes_no_room<B: Runtime>() {
    for capacity in [0, 1] {
        let (send, receive) = memory_object_stream(capacity);
        let mut receiving = Box::pin(receive.receive());
        assert!(poll_once(&mut receiving).is_pending());
        for item in 0..=capacity {
            send.try_send(item).expect("the first goes to the receive, the others have room");
        }
        let mut sending = Box::pin(send.send(7));
        assert!(poll_once(&mut sending).is_pending());
        drop(receiving);
        assert_eq!(receive.receive().await, Ok(0));
        assert!(poll_once(&mut sending).is_pending(), "capacity {capacity} was exceeded");
        assert!(receive.statistics().used <= capacity);
        for item in 1..=capacity {
            assert_eq!(receive.receive().await, Ok(item));
        }
        if capacity == 0 {
            assert_eq!(receive.try_receive(), Ok(7));
        }
        assert!(sending.await.is_ok());
    }
}

/// C8: in a cancelled scope nothing is sent, though there is room or somebody waits.
/// Covers: anyio/test_send_when_cancelled
async fn nothing_is_sent_in_a_cancelled_scope<B: Runtime>() {
    let (mut send, mut receive) = B::memory_object_stream(1);
    let scope = B::CancelScope::new();
    scope.cancel();
    assert!(scope.run(send.send(1)).await.is_err());
    let mut receiving = Box::pin(receive.receive());
    assert!(poll_once(&mut receiving).is_pending());
    assert!(scope.run(send.send(2)).await.is_err());
    assert!(poll_once(&mut receiving).is_pending());
    assert!(send.send(3).await.is_ok());
    assert_eq!(receiving.await, Ok(3));
}

/// C8: in a cancelled scope nothing is received, though something is there.
async fn nothing_is_received_in_a_cancelled_scope<B: Runtime>() {
    let (mut send, mut receive) = B::memory_object_stream(1);
    let scope = B::CancelScope::new();
    assert!(send.send(1).await.is_ok());
    scope.cancel();
    assert!(scope.run(receive.receive()).await.is_err());
    assert_eq!(receive.receive().await, Ok(1));
}

/// Clones go on after the ends they were made from have gone.
/// Covers: anyio/test_clone
async fn clones_work_together<B: Runtime>() {
    let (send, receive) = B::memory_object_stream(1);
    let (mut other_send, mut other_receive) = (send.clone(), receive.clone());
    drop((send, receive));
    assert!(other_send.send("hello").await.is_ok());
    assert_eq!(other_receive.receive().await, Ok("hello"));
    drop(other_send);
    assert!(other_receive.receive().await.is_err_and(|error| error.is_end_of_stream()));
}

/// What one task sends arrives in that order, across threads and at each capacity.
async fn items_of_one_task_arrive_in_order<B: Runtime>() {
    for capacity in [0, 1, 7] {
        let (mut send, mut receive) = B::memory_object_stream(capacity);
        let result: Result<(), Cancelled> = B::task_group(async |tg| {
            tg.spawn(async move {
                for item in 0..1_000 {
                    send.send(item).await.expect("there is a receiver");
                }
            });
            tg.spawn(async move {
                for item in 0..1_000 {
                    assert_eq!(receive.receive().await, Ok(item));
                }
                assert!(receive.receive().await.is_err_and(|error| error.is_end_of_stream()));
            });
        })
        .await;
        assert_eq!(result, Ok(()));
    }
}

/// Each item goes to exactly one receiver, however many send and receive.
/// Covers: trio/test_channel_multiple_producers
/// Covers: trio/test_channel_multiple_consumers
async fn many_producers_and_consumers_lose_nothing<B: Runtime>() {
    const EACH: usize = 200;
    for capacity in [0, 1, 7] {
        let (send, receive) = B::memory_object_stream(capacity);
        let seen = Arc::new(Mutex::new(Vec::new()));
        let result: Result<(), Cancelled> = B::task_group(async |tg| {
            for producer in 0..4 {
                let mut send = send.clone();
                tg.spawn(async move {
                    for item in 0..EACH {
                        send.send(producer * EACH + item).await.expect("there is a receiver");
                    }
                });
            }
            for _ in 0..4 {
                let (mut receive, seen) = (receive.clone(), Arc::clone(&seen));
                tg.spawn(async move {
                    while let Ok(item) = receive.receive().await {
                        seen.lock().expect("nobody panics").push(item);
                    }
                });
            }
            // The receivers' loops end with the last sender.
            drop((send, receive));
        })
        .await;
        assert_eq!(result, Ok(()));
        let mut seen = std::mem::take(&mut *seen.lock().expect("nobody panics"));
        seen.sort_unstable();
        assert_eq!(seen, (0..4 * EACH).collect::<Vec<_>>());
    }
}

/// C7: a send whose item is taken, and whose scope is cancelled right after that, learns that it has
/// sent: its work is polled once more before it is dropped.
async fn item_taken_before_a_cancellation_was_sent<B: Runtime>() {
    let (send, receive) = memory_object_stream(0);
    let (log, scope) = (Log::default(), B::CancelScope::new());
    let sends = async {
        assert!(send.send(7).await.is_ok());
        log.add("sent");
        pending::<()>().await;
    };
    let takes = async {
        assert_eq!(receive.try_receive(), Ok(7));
        scope.cancel();
    };
    let result = scope.run(async { join!(sends, takes) }).await;
    assert!(result.is_err());
    assert_eq!(log.take(), ["sent"]);
}

/// C7: once a scope is cancelled, nobody takes the item of a send that waits in it, since it could
/// not be given back; if the scope is shielded after all, the send goes on.
async fn item_of_a_cancelled_send_is_not_taken<B: Runtime>() {
    let (send, receive) = memory_object_stream(0);
    let (outer, inner) = (B::CancelScope::new(), B::CancelScope::new());
    let gate = B::Event::new();
    let sends = inner.run(async { send.send(7).await.is_ok() });
    let others = async {
        outer.cancel();
        assert!(receive.try_receive().is_err_and(|error| error.is_would_block()));
        let mut waits = receive.receive();
        assert!(shield(async { poll_once(&mut waits) }).await.is_pending());
        inner.set_shielded(true);
        let item = shield(waits).await;
        gate.set();
        item
    };
    let result = outer.run(async { join!(shield(gate.wait()), sends, others) }).await;
    assert!(matches!(result, Ok(((), Ok(true), Ok(7)))), "{result:?}");
}

/// C4: a send that was lent to a scope which was cancelled goes on where it is polled next; where it
/// stood before does not count any more.
async fn lent_send_goes_on_elsewhere<B: Runtime>() {
    let (send, receive) = memory_object_stream(0);
    let scope = B::CancelScope::new();
    let mut sends = pin!(send.send(1));
    let lent = scope.run(async {
        assert!(shield(async { poll_once(&mut sends) }).await.is_pending());
        scope.cancel();
        sends.as_mut().await
    });
    assert!(lent.await.is_err());
    assert_eq!(join!(sends, receive.receive()), (Ok(()), Ok(1)));

    // And the other way round: an item that waits in a scope which is cancelled now is not taken.
    let mut sends = pin!(send.send(2));
    assert!(poll_once(&mut sends).is_pending());
    let scope = B::CancelScope::new();
    let lent = scope.run(async {
        assert!(poll_once(&mut sends).is_pending());
        scope.cancel();
        assert!(receive.try_receive().is_err_and(|error| error.is_would_block()));
        pending::<()>().await;
    });
    assert!(lent.await.is_err());
    assert!(poll_once(&mut sends).is_pending());
    assert_eq!(receive.try_receive(), Ok(2));
}

/// C8: a send that was passed over in a cancelled scope is told so, though nothing else wakes it; when
/// the scope is shielded after all, it goes on.
async fn send_that_was_passed_over_looks_again<B: Runtime>() {
    let (send, receive) = memory_object_stream(0);
    let (outer, inner) = (B::CancelScope::new(), B::CancelScope::new());
    // It polls only what has been woken.
    let mut alone = FuturesUnordered::from_iter([send.send(7)]);
    let sends = inner.run(alone.next());
    let gate = B::Event::new();
    let others = async {
        outer.cancel();
        let mut waits = receive.receive();
        assert!(shield(async { poll_once(&mut waits) }).await.is_pending());
        inner.set_shielded(true);
        let item = shield(waits).await;
        gate.set();
        item
    };
    let result = outer.run(async { join!(shield(gate.wait()), sends, others) }).await;
    assert!(matches!(result, Ok(((), Ok(Some(Ok(()))), Ok(7)))), "{result:?}");
}

/// However deliveries and cancellations race, a send that said it sent is received once, and one
/// that was cancelled never.
async fn racing_cancellations_lose_nothing<B: Runtime>() {
    for capacity in [0, 1] {
        let (send, receive) = B::memory_object_stream(capacity);
        let sent = Arc::new(Mutex::new(BTreeSet::new()));
        let received = Arc::new(Mutex::new(Vec::new()));
        let result: Result<(), Cancelled> = B::task_group(async |tg| {
            for producer in 0..3 {
                let (mut send, sent) = (send.clone(), Arc::clone(&sent));
                let tasks = tg.clone();
                tg.spawn(async move {
                    for round in 0..60 {
                        let item = producer * 1_000 + round;
                        let scope = B::CancelScope::new();
                        cancel_soon::<B>(&tasks, &scope, producer + round);
                        if scope.run(send.send(item)).await.is_ok_and(|sent| sent.is_ok()) {
                            sent.lock().expect("nobody panics").insert(item);
                        }
                    }
                });
            }
            for consumer in 0..3 {
                let (mut receive, received) = (receive.clone(), Arc::clone(&received));
                let tasks = tg.clone();
                tg.spawn(async move {
                    for round in 0.. {
                        let scope = B::CancelScope::new();
                        cancel_soon::<B>(&tasks, &scope, consumer + round);
                        match scope.run(receive.receive()).await {
                            Ok(Ok(item)) => received.lock().expect("nobody panics").push(item),
                            Ok(Err(_)) => break,
                            Err(_) => checkpoint().await,
                        }
                    }
                });
            }
            drop((send, receive));
        })
        .await;
        assert_eq!(result, Ok(()));
        let mut received = std::mem::take(&mut *received.lock().expect("nobody panics"));
        received.sort_unstable();
        let sent = std::mem::take(&mut *sent.lock().expect("nobody panics"));
        assert_eq!(received, sent.into_iter().collect::<Vec<_>>());
    }
}

/// Cancels `scope` from another task, a few turns later.
fn cancel_soon<B: Runtime>(tasks: &B::TaskGroup<Cancelled>, scope: &B::CancelScope, turns: usize) {
    let scope = scope.clone();
    tasks.spawn(async move {
        for _ in 0..turns % 5 {
            checkpoint().await;
        }
        scope.cancel();
    });
}

/// Code that knows the backend by its type alone can send and receive without waiting, with any number of
/// ends, and is told why not.
/// Covers: anyio/test_send_nowait_then_receive_nowait
async fn forms_that_never_wait_are_there_in_the_trait_lane<B: Runtime>() {
    let (send, receive) = B::memory_object_stream(1);
    assert!(receive.try_receive().is_err_and(|error| error.is_would_block()));
    send.clone().try_send(1).unwrap();
    let refused = send.try_send(2).unwrap_err();
    assert!(refused.is_would_block());
    assert_eq!(refused.into_inner(), 2);
    assert_eq!(receive.clone().try_receive(), Ok(1));

    let (mut waiting, mut sending) = (receive.clone(), send.clone());
    let mut waits = Box::pin(waiting.receive());
    assert!(poll_once(&mut waits).is_pending());
    send.try_send(3).unwrap();
    send.try_send(4).unwrap();
    assert_eq!(waits.await, Ok(3));
    let mut sends = Box::pin(sending.send(5));
    assert!(poll_once(&mut sends).is_pending());
    assert_eq!(receive.try_receive(), Ok(4));
    assert_eq!(receive.try_receive(), Ok(5));
    assert_eq!(sends.await, Ok(()));

    drop((receive, waiting));
    assert!(send.try_send(6).is_err_and(|error| error.is_broken()));
    let (send, receive) = B::memory_object_stream(1);
    send.try_send(7).unwrap();
    drop(send);
    assert_eq!(receive.try_receive(), Ok(7));
    assert!(receive.try_receive().is_err_and(|error| error.is_end_of_stream()));
}

/// The statistics tell what is in the stream, who is open, and who waits; those who left are
/// forgotten.
/// Covers: trio/test_statistics
async fn stream_is_described<B: Runtime>() {
    let (send, receive) = memory_object_stream(2);
    let look = || {
        let now = send.statistics();
        assert_eq!(now, receive.statistics());
        assert_eq!(now.capacity, 2);
        [now.used, now.senders, now.receivers, now.waiting_senders, now.waiting_receivers]
    };
    assert_eq!(look(), [0, 1, 1, 0, 0]);
    let clones = (send.clone(), receive.clone(), receive.clone());
    assert_eq!(look(), [0, 2, 3, 0, 0]);
    drop(clones.1);
    assert_eq!(look(), [0, 2, 2, 0, 0]);
    drop((clones.0, clones.2));

    let mut receiving = [Box::pin(receive.receive()), Box::pin(receive.receive())];
    assert!(receiving.iter_mut().all(|waiter| poll_once(waiter).is_pending()));
    assert_eq!(look(), [0, 1, 1, 0, 2]);
    drop(receiving);
    assert_eq!(look(), [0, 1, 1, 0, 0]);

    for item in 0..2 {
        assert!(send.try_send(item).is_ok());
    }
    let mut sending = [Box::pin(send.send(7)), Box::pin(send.send(8))];
    assert!(sending.iter_mut().all(|waiter| poll_once(waiter).is_pending()));
    assert_eq!(look(), [2, 1, 1, 2, 0]);
    assert_eq!(receive.try_receive(), Ok(0));
    assert_eq!(look(), [2, 1, 1, 1, 0]);
    drop(sending);
    assert_eq!(look(), [2, 1, 1, 0, 0]);
    assert_eq!((receive.try_receive(), receive.try_receive()), (Ok(1), Ok(7)));
    assert_eq!(send.statistics().peak, 2);
}
