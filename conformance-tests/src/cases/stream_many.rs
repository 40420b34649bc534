//! Memory object streams: many items at a time, ends that keep nothing open, and two ends in one.

use anyio_core::{
    CancelScope as _, Cancelled, ObjectReceiveStream, ObjectSendStream, ObjectStream, Runtime,
    TaskGroup as _,
};
use anyio_engine::{RuntimeExt as _, StapledObjectStream, checkpoint, memory_object_stream};
use futures_util::join;

use crate::{
    suite::Case,
    support::{Wakes, poll_once},
};

pub(super) fn list<B: Runtime>() -> Vec<Case> {
    list![B, stream_many:
        all_items_of_an_iterator_are_sent_in_order,
        others_have_turns_between_the_items_of_an_iterator,
        iterator_is_asked_for_what_can_be_sent_only,
        first_item_that_was_not_sent_comes_back,
        nothing_is_taken_from_an_iterator_in_a_cancelled_scope,
        batch_takes_what_is_there,
        batch_waits_for_one_item_and_no_more,
        batch_makes_room_for_who_waits,
        without_capacity_a_batch_takes_from_all_who_wait,
        batch_fails_as_a_receive_does,
        nothing_is_taken_into_a_batch_in_a_cancelled_scope,
        weak_sender_keeps_nothing_open,
        weak_sender_wakes_nobody,
        ended_stream_is_not_opened_again,
        stream_without_bounds_never_makes_a_send_wait,
        stapled_ends_are_one_stream,
        stapled_send_end_can_be_closed_alone,
    ]
}

/// All items go in, in order, across threads and at each capacity.
async fn all_items_of_an_iterator_are_sent_in_order<B: Runtime>() {
    for capacity in [0, 1, 7] {
        let (send, receive) = memory_object_stream(capacity);
        let result: Result<(), Cancelled> = B::task_group(async |tg| {
            tg.spawn(async move {
                assert_eq!(send.send_iter(0..500).await, Ok(()));
                assert_eq!(send.send_iter([]).await, Ok(()));
            });
            let mut items = Vec::new();
            while receive.receive_many(&mut items, 5).await.is_ok_and(|count| count > 0) {}
            assert!(items.into_iter().eq(0..500));
        })
        .await;
        assert_eq!(result, Ok(()));
    }
}

/// A long iterator does not keep other senders out: a send that waits has the next place.
async fn others_have_turns_between_the_items_of_an_iterator<B: Runtime>() {
    let (send, receive) = memory_object_stream(1);
    let mut many = Box::pin(send.send_iter([0, 1, 2]));
    assert!(poll_once(&mut many).is_pending());
    let mut one = Box::pin(send.send(7));
    assert!(poll_once(&mut one).is_pending());
    assert_eq!(receive.try_receive(), Ok(0));
    // The second item has the place, and the third has to wait behind the other sender.
    assert!(poll_once(&mut many).is_pending());
    assert_eq!(receive.try_receive(), Ok(1));
    assert!(one.await.is_ok());
    assert_eq!(receive.try_receive(), Ok(7));
    assert_eq!(many.await, Ok(()));
    assert_eq!(receive.try_receive(), Ok(2));
}

/// An item is taken out of the iterator when it is its turn to be sent: the others are still there
/// when the sending is cut short.
async fn iterator_is_asked_for_what_can_be_sent_only<B: Runtime>() {
    let (send, receive) = memory_object_stream(2);
    let mut items = 0..10;
    let scope = B::CancelScope::new();
    let mut sending = Box::pin(scope.run(send.send_iter(items.by_ref())));
    assert!(poll_once(&mut sending).is_pending());
    scope.cancel();
    assert!(sending.await.is_err());
    assert_eq!(items.next(), Some(3), "the third one was waiting, and went with its send");
    assert_eq!((receive.try_receive(), receive.try_receive()), (Ok(0), Ok(1)));
    assert!(receive.try_receive().is_err_and(|error| error.is_would_block()));
}

/// If the sending fails, the item it failed with is handed back, and the others were not touched.
async fn first_item_that_was_not_sent_comes_back<B: Runtime>() {
    let (send, receive) = memory_object_stream(2);
    let mut items = 0..10;
    let mut sending = Box::pin(send.send_iter(items.by_ref()));
    assert!(poll_once(&mut sending).is_pending());
    drop(receive);
    let error = sending.await.expect_err("nobody is left");
    assert_eq!((error.is_broken(), error.into_inner()), (true, 2));
    send.close();
    let error = send.send_iter(items.by_ref()).await.expect_err("it is closed");
    assert_eq!((error.is_closed(), error.into_inner()), (true, 3));
    assert_eq!(items.next(), Some(4));
}

/// C8: in a cancelled scope no item leaves the iterator, since none could be put back.
async fn nothing_is_taken_from_an_iterator_in_a_cancelled_scope<B: Runtime>() {
    let (send, _receive) = memory_object_stream(5);
    let scope = B::CancelScope::new();
    scope.cancel();
    let mut items = 0..3;
    assert!(scope.run(send.send_iter(items.by_ref())).await.is_err());
    assert_eq!(items.next(), Some(0));
    assert!(scope.run(send.send_iter([])).await.is_err());
}

/// A batch is what is there, up to its limit, behind what the vector had; what is left stays.
async fn batch_takes_what_is_there<B: Runtime>() {
    let (send, receive) = memory_object_stream(10);
    send.send_iter(1..=5).await.expect("there is room");
    let mut items = vec![0];
    assert_eq!(receive.receive_many(&mut items, 0).await, Ok(0));
    assert_eq!(receive.receive_many(&mut items, 3).await, Ok(3));
    assert_eq!(items, [0, 1, 2, 3]);
    assert_eq!(receive.receive_many(&mut items, usize::MAX).await, Ok(2));
    assert_eq!(items, [0, 1, 2, 3, 4, 5]);
}

/// A batch waits for its first item, then it takes what has come meanwhile.
async fn batch_waits_for_one_item_and_no_more<B: Runtime>() {
    let (send, receive) = memory_object_stream(10);
    let (wakes, mut items) = (Wakes::default(), Vec::new());
    let mut batch = Box::pin(receive.receive_many(&mut items, 3));
    assert!(wakes.poll(&mut batch).is_pending());
    send.send_iter(0..5).await.expect("there is room");
    assert_eq!(wakes.count(), 1);
    assert_eq!(batch.await, Ok(3));
    assert_eq!(items, [0, 1, 2]);
}

/// A batch lets as many sends in as it has made room for, and takes their items too if it may.
async fn batch_makes_room_for_who_waits<B: Runtime>() {
    let (send, receive) = memory_object_stream(2);
    send.send_iter(0..2).await.expect("there is room");
    let mut waiting: Vec<_> = (2..6).map(|item| Box::pin(send.send(item))).collect();
    assert!(waiting.iter_mut().all(|send| poll_once(send).is_pending()));
    let mut items = Vec::new();
    assert_eq!(receive.receive_many(&mut items, 3).await, Ok(3));
    assert_eq!(items, [0, 1, 2]);
    let ready: Vec<_> = waiting.iter_mut().map(|send| poll_once(send).is_ready()).collect();
    assert_eq!(ready, [true, true, true, false]);
    assert_eq!(send.statistics().used, 2);
}

/// With no capacity a batch is made of the items of sends that wait.
async fn without_capacity_a_batch_takes_from_all_who_wait<B: Runtime>() {
    let (send, receive) = memory_object_stream(0);
    let mut items = Vec::new();
    let take = async {
        checkpoint().await;
        receive.receive_many(&mut items, 10).await
    };
    let (one, two, three, count) = join!(send.send(1), send.send(2), send.send(3), take);
    assert_eq!([one, two, three], [Ok(()); 3]);
    assert_eq!((count, items), (Ok(3), vec![1, 2, 3]));
}

/// A batch comes before the end of the stream, and fails after it as a receive does.
async fn batch_fails_as_a_receive_does<B: Runtime>() {
    let (send, receive) = memory_object_stream(5);
    send.send_iter(0..2).await.expect("there is room");
    drop(send);
    let mut items = Vec::new();
    assert_eq!(receive.receive_many(&mut items, 10).await, Ok(2));
    let error = receive.receive_many(&mut items, 10).await.expect_err("it has ended");
    assert!(error.is_end_of_stream());
    receive.close();
    let error = receive.receive_many(&mut items, 10).await.expect_err("it is closed");
    assert!(error.is_closed());
    assert_eq!(items, [0, 1]);
}

/// C8: in a cancelled scope nothing is taken, though something is there.
async fn nothing_is_taken_into_a_batch_in_a_cancelled_scope<B: Runtime>() {
    let (send, receive) = memory_object_stream(1);
    send.try_send(7).expect("there is room");
    let scope = B::CancelScope::new();
    scope.cancel();
    let mut items = Vec::new();
    assert!(scope.run(receive.receive_many(&mut items, 10)).await.is_err());
    assert!(items.is_empty());
    assert_eq!(receive.try_receive(), Ok(7));
}

/// A weak sender becomes a real one as long as there is one, and does not keep the stream open.
async fn weak_sender_keeps_nothing_open<B: Runtime>() {
    let (send, receive) = memory_object_stream(3);
    let weak = send.downgrade();
    assert_eq!(send.statistics().senders, 1);
    let strong = weak.clone().upgrade().expect("one is open");
    assert_eq!(send.statistics().senders, 2);
    strong.try_send(1).expect("there is room");
    drop(send);
    weak.upgrade().expect("one is open").try_send(2).expect("there is room");
    drop(strong);
    assert!(weak.upgrade().is_none());
    assert_eq!((receive.receive().await, receive.receive().await), (Ok(1), Ok(2)));
    assert!(receive.receive().await.is_err_and(|error| error.is_end_of_stream()));
    drop(receive);
    assert!(weak.upgrade().is_none());
}

/// A receive learns of the end although weak senders are left; one that became real keeps it waiting.
async fn weak_sender_wakes_nobody<B: Runtime>() {
    let (send, receive) = memory_object_stream::<u8>(1);
    let weak = send.downgrade();
    let (wakes, mut receiving) = (Wakes::default(), Box::pin(receive.receive()));
    assert!(wakes.poll(&mut receiving).is_pending());
    let strong = weak.upgrade().expect("one is open");
    drop(send);
    assert_eq!(wakes.count(), 0);
    drop(strong);
    assert_eq!(wakes.count(), 1);
    assert!(receiving.await.is_err_and(|error| error.is_end_of_stream()));
}

/// The end of a stream is final: no clone of a closed end and no weak sender opens it again.
async fn ended_stream_is_not_opened_again<B: Runtime>() {
    let (send, receive) = memory_object_stream::<u8>(1);
    let weak = send.downgrade();
    send.close();
    assert!(weak.upgrade().is_none());
    assert!(send.clone().is_closed() && send.downgrade().upgrade().is_none());
    assert!(receive.try_receive().is_err_and(|error| error.is_end_of_stream()));
}

/// With the largest capacity a send never waits.
async fn stream_without_bounds_never_makes_a_send_wait<B: Runtime>() {
    let (send, receive) = memory_object_stream(usize::MAX);
    let mut receiving = Box::pin(receive.receive());
    assert!(poll_once(&mut receiving).is_pending());
    for item in 0..10_000 {
        send.try_send(item).expect("there always is room");
    }
    let permit = send.try_reserve().expect("there always is room");
    permit.send(10_000).expect("its place is reserved");
    assert_eq!(receiving.await, Ok(0));
    for item in 1..=10_000 {
        assert_eq!(receive.try_receive(), Ok(item));
    }
    assert_eq!(send.statistics().peak, 10_000);
}

/// Asks over a stream in both directions, whatever it is made of.
async fn ask(mut stream: impl ObjectStream<u32>) -> Option<u32> {
    stream.send(7).await.ok()?;
    stream.receive().await.ok()
}

/// Two ends of different streams are one that is sent to and received from.
async fn stapled_ends_are_one_stream<B: Runtime>() {
    let (questions, mut inbox) = B::memory_object_stream(0);
    let (mut outbox, answers) = B::memory_object_stream(0);
    let answer = async {
        let question = inbox.receive().await.expect("somebody asks");
        outbox.send(question * 6).await.expect("somebody waits");
        inbox.receive().await.expect_err("both ends are gone").is_end_of_stream()
    };
    let stapled = StapledObjectStream::new(questions, answers);
    assert_eq!(join!(ask(stapled), answer), (Some(42), true));
}

/// The sending end of such a stream can be closed alone, which the other side sees; receiving goes on.
/// Covers: anyio/TestStapledObjectStream::test_send_eof
async fn stapled_send_end_can_be_closed_alone<B: Runtime>() {
    let (questions, mut inbox) = B::memory_object_stream(1);
    let (mut outbox, answers) = B::memory_object_stream(1);
    let mut stapled = StapledObjectStream::new(questions, answers);
    stapled.send("the only one").await.expect("somebody receives");
    stapled.close_send();
    assert!(stapled.send("one more").await.is_err_and(|error| error.is_closed()));
    assert_eq!(inbox.receive().await, Ok("the only one"));
    assert!(inbox.receive().await.is_err_and(|error| error.is_end_of_stream()));
    outbox.send("an answer").await.expect("somebody receives");
    assert_eq!(stapled.receive().await, Ok("an answer"));
    let (send, _receive) = stapled.into_inner();
    assert!(send.is_none());
}
