//! Memory object streams as `Stream` and `Sink`: what combinators do with them, and that an end which
//! is used in both ways loses and blocks nothing.

use anyio_core::{CancelScope as _, Cancelled, Runtime, TaskGroup as _};
use anyio_engine::{RuntimeExt as _, SendStream, StapledObjectStream, memory_object_stream};
use futures_core::FusedStream;
use futures_util::{FutureExt as _, SinkExt, StreamExt, join, select};

use crate::{
    suite::Case,
    support::{Wakes, poll_once},
};

pub(super) fn list<B: Runtime>() -> Vec<Case> {
    list![B, stream_poll:
        combinators_read_to_the_end,
        combinators_carry_items_between_streams,
        branch_that_loses_keeps_its_item,
        item_of_a_dropped_next_is_received_next,
        receive_does_not_wait_behind_its_own_end,
        item_of_a_dropped_stream_goes_to_others,
        item_given_to_a_closed_stream_is_kept,
        stream_knows_that_it_has_ended,
        sink_sends_and_closes,
        place_of_a_dropped_sink_send_is_used_next,
        send_does_not_wait_behind_its_own_end,
        place_of_a_dropped_sink_is_given_back,
        place_of_a_closed_sink_is_given_back,
        sink_fails_as_a_send_does,
        cancelled_sink_send_has_sent_nothing,
        nothing_moves_in_a_cancelled_scope,
        end_is_not_told_in_a_cancelled_scope,
        stapled_ends_are_stream_and_sink,
    ]
}

/// Polls a sink for its readiness.
fn ready<T>(send: &mut SendStream<T>) -> impl Future<Output = bool> + Unpin {
    std::future::poll_fn(|cx| send.poll_ready_unpin(cx)).map(|ready| ready.is_ok())
}

/// A stream that combinators read ends with the last sender, and loses nothing.
async fn combinators_read_to_the_end<B: Runtime>() {
    for capacity in [0, 3] {
        let (send, receive) = memory_object_stream(capacity);
        let result: Result<u32, Cancelled> = B::task_group(async |tg| {
            tg.spawn(async move { send.send_iter(1..=100).await.expect("somebody receives") });
            Ok(receive.map(|item| item * 2).fold(0, async |sum, item| sum + item).await)
        })
        .await;
        assert_eq!(result, Ok(10_100));
    }
}

/// A stream is forwarded into another one, which closes with it.
async fn combinators_carry_items_between_streams<B: Runtime>() {
    for capacity in [0, 1, 3] {
        let (send, middle) = memory_object_stream(capacity);
        let (out, receive) = memory_object_stream(capacity);
        let result: Result<Vec<u32>, Cancelled> = B::task_group(async |tg| {
            tg.spawn(async move { send.send_iter(0..100).await.expect("somebody receives") });
            tg.spawn(async move { middle.map(Ok).forward(out).await.expect("somebody receives") });
            Ok(receive.collect().await)
        })
        .await;
        assert_eq!(result, Ok((0..100).collect::<Vec<_>>()));
    }
}

/// In a loop around `select!`, no item is lost in the branch that loses.
async fn branch_that_loses_keeps_its_item<B: Runtime>() {
    let (one, mut ones) = memory_object_stream(0);
    let (two, mut twos) = memory_object_stream(0);
    let result: Result<(), Cancelled> = B::task_group(async |tg| {
        tg.spawn(async move { one.send_iter(0..200).await.expect("somebody receives") });
        tg.spawn(async move { two.send_iter(0..200).await.expect("somebody receives") });
        let (mut from_one, mut from_two) = (Vec::new(), Vec::new());
        loop {
            select! {
                item = ones.select_next_some() => from_one.push(item),
                item = twos.select_next_some() => from_two.push(item),
                complete => break,
            }
        }
        assert!(from_one.into_iter().eq(0..200));
        assert!(from_two.into_iter().eq(0..200));
    })
    .await;
    assert_eq!(result, Ok(()));
}

/// An item that a `next` was given which is dropped before it has seen it is the next one on this end,
/// however it is received.
async fn item_of_a_dropped_next_is_received_next<B: Runtime>() {
    let (send, mut receive) = memory_object_stream(5);
    for how in 0..4 {
        assert!(poll_once(&mut receive.next()).is_pending());
        send.send_iter([1, 2]).await.expect("there is room");
        let mut items = Vec::new();
        match how {
            0 => items.extend(receive.next().await),
            1 => items.extend(receive.receive().await),
            2 => items.extend(receive.try_receive()),
            _ => assert_eq!(receive.receive_many(&mut items, 1).await, Ok(1)),
        }
        items.extend(receive.next().await);
        assert_eq!(items, [1, 2], "{how}");
        assert!(receive.try_receive().is_err_and(|error| error.is_would_block()));
    }
}

/// A `next` that was dropped while it waited does not stand in the way of a receive on the same end; and
/// who polled it is told to look again.
async fn receive_does_not_wait_behind_its_own_end<B: Runtime>() {
    let (send, mut receive) = memory_object_stream(5);
    let wakes = Wakes::default();
    assert!(wakes.poll(&mut receive.next()).is_pending());
    let mut receiving = Box::pin(receive.receive());
    assert!(poll_once(&mut receiving).is_pending());
    assert_eq!(wakes.count(), 1);
    send.send_iter([1, 2]).await.expect("there is room");
    assert_eq!(receiving.await, Ok(1));
    assert_eq!(receive.next().await, Some(2));
    assert!(wakes.poll(&mut receive.next()).is_pending());
    send.try_send(3).expect("there is room");
    assert_eq!(wakes.count(), 2);
}

/// An item that was given to a stream which is dropped before it has seen it goes to others.
async fn item_of_a_dropped_stream_goes_to_others<B: Runtime>() {
    let (send, mut receive) = memory_object_stream(5);
    let other = receive.clone();
    assert!(poll_once(&mut receive.next()).is_pending());
    send.send_iter([1, 2]).await.expect("there is room");
    drop(receive);
    assert_eq!((other.receive().await, other.receive().await), (Ok(1), Ok(2)));
}

/// An item that was given to a stream before its end was closed is kept; then it has ended.
async fn item_given_to_a_closed_stream_is_kept<B: Runtime>() {
    let (send, mut receive) = memory_object_stream(5);
    assert!(poll_once(&mut receive.next()).is_pending());
    send.try_send(1).expect("there is room");
    receive.close();
    assert_eq!(receive.next().await, Some(1));
    assert_eq!(receive.next().await, None);

    let (_send, mut receive) = memory_object_stream::<u8>(5);
    let wakes = Wakes::default();
    assert!(wakes.poll(&mut receive.next()).is_pending());
    receive.close();
    assert_eq!(wakes.count(), 1);
    assert_eq!(receive.next().await, None);
}

/// A stream is terminated when it has said that nothing can come any more, and not before: who looks and
/// then polls, as `select!` does, does not find that it has ended in between.
async fn stream_knows_that_it_has_ended<B: Runtime>() {
    let (send, mut receive) = memory_object_stream(1);
    assert!(!receive.is_terminated());
    send.try_send(1).expect("there is room");
    drop(send);
    assert!(!receive.is_terminated());
    assert_eq!(receive.next().await, Some(1));
    assert!(!receive.is_terminated());
    assert_eq!(receive.next().await, None);
    assert!(receive.is_terminated());

    let (_send, receive) = memory_object_stream::<u8>(1);
    receive.close();
    assert!(receive.is_terminated());
}

/// A sink takes items as they fit in; closing it closes the end.
async fn sink_sends_and_closes<B: Runtime>() {
    for capacity in [0, 1, 3] {
        let (mut send, receive) = memory_object_stream(capacity);
        let sending = async {
            for item in 0..10 {
                SinkExt::send(&mut send, item).await.expect("somebody receives");
            }
            SinkExt::close(&mut send).await.expect("nothing can fail");
            assert!(send.is_closed());
        };
        let ((), items) = join!(sending, receive.collect::<Vec<_>>());
        assert_eq!(items, (0..10).collect::<Vec<_>>());
    }
}

/// A place that a sink was given and has not used is used by whatever is sent on the end next, and by
/// nobody else.
async fn place_of_a_dropped_sink_send_is_used_next<B: Runtime>() {
    for how in 0..4 {
        let (mut send, receive) = memory_object_stream(1);
        let other = send.clone();
        assert!(ready(&mut send).await);
        assert!(other.try_send(0).is_err_and(|error| error.is_would_block()));
        match how {
            0 => send.try_send(7).expect("it has a place"),
            1 => send.send(7).await.expect("it has a place"),
            2 => send
                .reserve()
                .await
                .map(|place| place.send(7).expect("it is there"))
                .expect("it has a place"),
            _ => SinkExt::send(&mut send, 7).await.expect("it has a place"),
        }
        assert_eq!(receive.try_receive(), Ok(7), "{how}");
        assert_eq!(send.statistics().reserved, 0, "{how}");

        // It was given the place while it waited.
        other.try_send(0).expect("there is room");
        assert!(poll_once(&mut ready(&mut send)).is_pending());
        assert_eq!(receive.try_receive(), Ok(0));
        send.try_send(8).expect("it has a place");
        assert!(poll_once(&mut ready(&mut send)).is_pending());
        assert_eq!(receive.try_receive(), Ok(8));
    }
}

/// A sink that waits does not stand in the way of a send on the same end; who polled it looks again.
async fn send_does_not_wait_behind_its_own_end<B: Runtime>() {
    let (mut send, receive) = memory_object_stream(1);
    send.try_send(0).expect("there is room");
    let wakes = Wakes::default();
    assert!(wakes.poll(&mut ready(&mut send)).is_pending());
    let mut sending = Box::pin(send.send(1));
    assert!(poll_once(&mut sending).is_pending());
    assert_eq!(wakes.count(), 1);
    assert_eq!(receive.try_receive(), Ok(0));
    assert!(sending.await.is_ok());
    assert!(wakes.poll(&mut ready(&mut send)).is_pending());
    assert_eq!(receive.try_receive(), Ok(1));
    assert_eq!(wakes.count(), 2);
    assert!(ready(&mut send).await);
}

/// The place of a sink that is dropped goes to others, whether it has seen it or not.
async fn place_of_a_dropped_sink_is_given_back<B: Runtime>() {
    let (mut send, receive) = memory_object_stream(1);
    let other = send.clone();
    assert!(ready(&mut send).await);
    drop(send);
    other.try_send(0).expect("the place is back");

    let mut send = other.clone();
    assert!(poll_once(&mut ready(&mut send)).is_pending());
    assert_eq!(receive.try_receive(), Ok(0));
    drop(send);
    other.try_send(1).expect("the place is back");

    let mut send = other.clone();
    assert!(poll_once(&mut ready(&mut send)).is_pending());
    drop(send);
    assert_eq!(other.statistics().waiting_senders, 0);
}

/// The place of a sink whose end is closed goes to others.
async fn place_of_a_closed_sink_is_given_back<B: Runtime>() {
    for waits in [false, true] {
        let (mut send, receive) = memory_object_stream(1);
        let other = send.clone();
        if waits {
            other.try_send(0).expect("there is room");
            assert!(poll_once(&mut ready(&mut send)).is_pending());
            assert_eq!(receive.try_receive(), Ok(0));
        } else {
            assert!(ready(&mut send).await);
        }
        send.close();
        other.try_send(1).expect("the place is back");
        assert!(!ready(&mut send).await);
        assert!(send.start_send_unpin(2).is_err_and(|error| error.is_closed()));
        assert_eq!(receive.try_receive(), Ok(1));
    }
}

/// A sink tells what was closed and what is gone, also to who waits.
async fn sink_fails_as_a_send_does<B: Runtime>() {
    let (mut send, receive) = memory_object_stream(1);
    send.try_send(0).expect("there is room");
    let wakes = Wakes::default();
    assert!(wakes.poll(&mut ready(&mut send)).is_pending());
    drop(receive);
    assert_eq!(wakes.count(), 1);
    assert!(SinkExt::send(&mut send, 1).await.is_err_and(|error| error.is_broken()));
    send.close();
    assert!(SinkExt::send(&mut send, 1).await.is_err_and(|error| error.is_closed()));
}

/// A `send` of a combinator that is cancelled has sent nothing, and holds no place in the queue.
async fn cancelled_sink_send_has_sent_nothing<B: Runtime>() {
    let (mut send, receive) = memory_object_stream(1);
    send.try_send(0).expect("there is room");
    let scope = B::CancelScope::new();
    let mut sending = Box::pin(scope.run(SinkExt::send(&mut send, 7)));
    assert!(poll_once(&mut sending).is_pending());
    scope.cancel();
    assert!(sending.await.is_err());
    assert_eq!(receive.try_receive(), Ok(0));
    assert!(receive.try_receive().is_err_and(|error| error.is_would_block()));
    send.try_send(8).expect("the place that it was given is used");
    assert_eq!(receive.try_receive(), Ok(8));
}

/// C8: in a cancelled scope a combinator sends and receives nothing either.
async fn nothing_moves_in_a_cancelled_scope<B: Runtime>() {
    let (mut send, mut receive) = memory_object_stream(2);
    send.try_send(0).expect("there is room");
    let scope = B::CancelScope::new();
    scope.cancel();
    assert!(scope.run(receive.next()).await.is_err());
    assert!(scope.run(SinkExt::send(&mut send, 1)).await.is_err());
    assert_eq!([send.statistics().used, send.statistics().reserved], [1, 0]);
    assert_eq!(receive.next().await, Some(0));
}

/// In a cancelled scope a stream does not end: its senders may have gone with the same cancellation.
async fn end_is_not_told_in_a_cancelled_scope<B: Runtime>() {
    let (send, mut receive) = memory_object_stream::<u8>(0);
    let (mut other, gone) = memory_object_stream(0);
    let scope = B::CancelScope::new();
    let work = async {
        let ends = async {
            scope.cancel();
            drop((send, gone));
        };
        join!(receive.next(), SinkExt::send(&mut other, 1_u8), ends)
    };
    assert!(scope.run(work).await.is_err());
    assert_eq!(receive.next().await, None);
    assert!(SinkExt::send(&mut other, 1).await.is_err_and(|error| error.is_broken()));
}

/// Two ends that are one stream are so for combinators, too.
async fn stapled_ends_are_stream_and_sink<B: Runtime>() {
    let (there, mut inbox) = memory_object_stream(1);
    let (outbox, back) = memory_object_stream(1);
    let mut stapled = StapledObjectStream::new(there, back);
    SinkExt::send(&mut stapled, 7).await.expect("somebody receives");
    assert_eq!(inbox.next().await, Some(7));
    outbox.send(8).await.expect("somebody receives");
    assert_eq!(stapled.next().await, Some(8));
    stapled.close_send();
    assert!(SinkExt::send(&mut stapled, 9).await.is_err_and(|error| error.is_closed()));
    assert_eq!(inbox.next().await, None);
}
