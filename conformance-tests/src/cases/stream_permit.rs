//! Memory object streams: permits, which are places without an item (C7, C8).

use anyio_core::{CancelScope as _, Cancelled, Runtime, TaskGroup as _};
use anyio_engine::{RuntimeExt as _, memory_object_stream};

use crate::{
    suite::Case,
    support::{Wakes, poll_once},
};

pub(super) fn list<B: Runtime>() -> Vec<Case> {
    list![B, stream_permit:
        permit_sends_without_waiting,
        permit_is_no_position,
        dropped_permit_gives_its_place_to_who_waits,
        places_go_to_sends_and_reserves_in_order,
        place_belongs_to_the_reserve_that_waits,
        reserve_that_is_dropped_passes_its_place_on,
        without_capacity_a_place_is_a_receive_that_waits,
        permit_outlives_the_receive_it_stood_for,
        receive_does_not_overtake_a_reserve,
        send_fills_the_hand_of_a_receive_beside_a_permit,
        closed_end_is_told_to_its_permits,
        permits_of_a_broken_stream_hand_their_items_back,
        reserve_fails_as_a_send_does,
        nothing_is_reserved_in_a_cancelled_scope,
        cancelled_reserve_leaves_the_queue,
        granted_reserve_beats_a_cancellation,
        owned_permit_goes_into_a_task,
        owned_permit_keeps_the_stream_open,
        permits_are_described,
    ]
}

/// A permit's item needs no waiting: its place is nobody else's.
async fn permit_sends_without_waiting<B: Runtime>() {
    let (send, receive) = memory_object_stream(1);
    let permit = send.reserve().await.expect("there is a receiver");
    assert!(send.try_send(1).is_err_and(|error| error.is_would_block()));
    assert!(send.try_reserve().is_err_and(|error| error.is_would_block()));
    let mut sending = Box::pin(send.send(2));
    assert!(poll_once(&mut sending).is_pending());
    permit.send(0).expect("its place is reserved");
    assert!(poll_once(&mut sending).is_pending());
    assert_eq!(receive.receive().await, Ok(0));
    assert!(sending.await.is_ok());
    assert_eq!(receive.receive().await, Ok(2));
}

/// An item stands where it is sent, not where its place was reserved.
async fn permit_is_no_position<B: Runtime>() {
    let (send, receive) = memory_object_stream(2);
    let permit = send.try_reserve().expect("there is room");
    send.try_send(1).expect("there is room beside the permit");
    permit.send(2).expect("its place is reserved");
    assert_eq!((receive.try_receive(), receive.try_receive()), (Ok(1), Ok(2)));
}

/// The place of a permit that is dropped goes to the first who waits, be it with an item or without.
async fn dropped_permit_gives_its_place_to_who_waits<B: Runtime>() {
    let (send, receive) = memory_object_stream(1);
    let permit = send.try_reserve().expect("there is room");
    let mut reserving = Box::pin(send.reserve());
    let mut sending = Box::pin(send.send(7));
    assert!(poll_once(&mut reserving).is_pending() && poll_once(&mut sending).is_pending());
    drop(permit);
    assert!(poll_once(&mut sending).is_pending());
    drop(reserving.await.expect("there is a receiver"));
    assert!(sending.await.is_ok());
    assert_eq!(receive.try_receive(), Ok(7));
}

/// Sends and reserves wait in one queue, and each place goes to the first of them.
async fn places_go_to_sends_and_reserves_in_order<B: Runtime>() {
    let (send, receive) = memory_object_stream(1);
    send.try_send(0).expect("there is room");
    let mut first = Box::pin(send.send(1));
    let mut second = Box::pin(send.reserve());
    let mut third = Box::pin(send.send(3));
    assert!(poll_once(&mut first).is_pending());
    assert!(poll_once(&mut second).is_pending());
    assert!(poll_once(&mut third).is_pending());

    assert_eq!(receive.receive().await, Ok(0));
    assert!(poll_once(&mut second).is_pending());
    assert!(first.await.is_ok());
    assert_eq!(receive.receive().await, Ok(1));
    let permit = second.await.expect("there is a receiver");
    assert!(poll_once(&mut third).is_pending());
    permit.send(2).expect("its place is reserved");
    assert!(poll_once(&mut third).is_pending());
    assert_eq!(receive.receive().await, Ok(2));
    assert!(third.await.is_ok());
    assert_eq!(receive.receive().await, Ok(3));
}

/// A place that becomes free while a reserve waits is its own, before it has had a turn.
async fn place_belongs_to_the_reserve_that_waits<B: Runtime>() {
    let (send, receive) = memory_object_stream(1);
    send.try_send(0).expect("there is room");
    let (wakes, mut reserving) = (Wakes::default(), Box::pin(send.reserve()));
    assert!(wakes.poll(&mut reserving).is_pending());
    assert_eq!(receive.try_receive(), Ok(0));
    assert_eq!(wakes.count(), 1);
    assert!(send.try_send(1).is_err_and(|error| error.is_would_block()));
    reserving.await.expect("there is a receiver").send(2).expect("its place is reserved");
    assert_eq!(receive.try_receive(), Ok(2));
}

/// A place that was given to a reserve which is dropped before having seen it goes to the next.
async fn reserve_that_is_dropped_passes_its_place_on<B: Runtime>() {
    let (send, receive) = memory_object_stream(1);
    send.try_send(0).expect("there is room");
    let mut dropped = Box::pin(send.reserve());
    let mut sending = Box::pin(send.send(1));
    assert!(poll_once(&mut dropped).is_pending() && poll_once(&mut sending).is_pending());
    assert_eq!(receive.try_receive(), Ok(0));
    drop(dropped);
    assert!(sending.await.is_ok());
    assert_eq!(receive.try_receive(), Ok(1));
    assert_eq!(send.statistics().reserved, 0);
}

/// With no capacity a reserve waits for a receive that waits; there are as many permits as those.
async fn without_capacity_a_place_is_a_receive_that_waits<B: Runtime>() {
    let (send, receive) = memory_object_stream(0);
    assert!(send.try_reserve().is_err_and(|error| error.is_would_block()));
    let mut reserving = Box::pin(send.reserve());
    assert!(poll_once(&mut reserving).is_pending());
    assert!(receive.try_receive().is_err_and(|error| error.is_would_block()));
    assert!(poll_once(&mut reserving).is_pending(), "nobody waits for an item");

    let mut receiving = Box::pin(receive.receive());
    assert!(poll_once(&mut receiving).is_pending());
    let permit = reserving.await.expect("there is a receiver");
    assert!(send.try_reserve().is_err_and(|error| error.is_would_block()));
    assert!(send.try_send(1).is_err_and(|error| error.is_would_block()));
    permit.send(0).expect("its place is reserved");
    assert_eq!(receiving.await, Ok(0));
}

/// A permit is good though the receive that it was given for has gone: its item waits for the next
/// one, and no other comes in before that.
async fn permit_outlives_the_receive_it_stood_for<B: Runtime>() {
    let (send, receive) = memory_object_stream(0);
    let mut receiving = Box::pin(receive.receive());
    assert!(poll_once(&mut receiving).is_pending());
    let permit = send.try_reserve().expect("somebody waits");
    drop(receiving);
    permit.send(7).expect("its place is reserved");
    assert_eq!(send.statistics().used, 1);

    assert!(send.try_send(8).is_err_and(|error| error.is_would_block()));
    let mut sending = Box::pin(send.send(8));
    assert!(poll_once(&mut sending).is_pending());
    assert_eq!(receive.receive().await, Ok(7));
    assert!(poll_once(&mut sending).is_pending());
    assert_eq!(receive.receive().await, Ok(8));
    assert!(sending.await.is_ok());
}

/// A receive that can wait leaves the turn to a reserve that came first; one that cannot takes what
/// it can get.
async fn receive_does_not_overtake_a_reserve<B: Runtime>() {
    let (send, receive) = memory_object_stream(0);
    let mut reserving = Box::pin(send.reserve());
    let mut sending = Box::pin(send.send(1));
    assert!(poll_once(&mut reserving).is_pending() && poll_once(&mut sending).is_pending());

    let mut receiving = Box::pin(receive.receive());
    assert!(poll_once(&mut receiving).is_pending());
    assert!(poll_once(&mut sending).is_pending());
    reserving.await.expect("there is a receiver").send(0).expect("its place is reserved");
    assert_eq!(receiving.await, Ok(0));

    let (wakes, mut reserving) = (Wakes::default(), Box::pin(send.reserve()));
    assert!(wakes.poll(&mut reserving).is_pending());
    assert_eq!(receive.try_receive(), Ok(1));
    assert!(sending.await.is_ok());
    assert_eq!(wakes.count(), 0, "there is no place for it");
}

/// Where all places in the buffer are reserved, an item still goes to a receive that waits: nobody has
/// reserved that one.
async fn send_fills_the_hand_of_a_receive_beside_a_permit<B: Runtime>() {
    let (send, receive) = memory_object_stream(1);
    let permit = send.try_reserve().expect("there is room");
    let mut receiving = Box::pin(receive.receive());
    assert!(poll_once(&mut receiving).is_pending());
    send.try_send(1).expect("somebody waits");
    assert!(send.try_send(2).is_err_and(|error| error.is_would_block()));
    permit.send(2).expect("its place is reserved");
    assert_eq!(receiving.await, Ok(1));
    assert_eq!(receive.try_receive(), Ok(2));

    let permit = send.try_reserve().expect("there is room");
    let mut sending = Box::pin(send.send(3));
    assert!(poll_once(&mut sending).is_pending());
    assert_eq!(receive.try_receive(), Ok(3));
    assert!(sending.await.is_ok());
    permit.send(4).expect("its place is reserved");
    assert_eq!(receive.receive().await, Ok(4));
}

/// Closing an end takes its permits' places back; the item of such a permit comes back as from any
/// end that was closed.
async fn closed_end_is_told_to_its_permits<B: Runtime>() {
    let (send, receive) = memory_object_stream(2);
    let other = send.clone();
    let (one, two) = (send.try_reserve(), send.try_reserve());
    let mut waiting = Box::pin(send.reserve());
    assert!(poll_once(&mut waiting).is_pending());
    send.close();
    assert!(waiting.await.is_err_and(|error| error.is_closed()));
    let error = one.expect("there was room").send(7).expect_err("the end was closed");
    assert_eq!((error.is_closed(), error.into_inner()), (true, 7));
    drop(two);
    assert!(other.try_send(1).is_ok() && other.try_send(2).is_ok());
    assert_eq!(receive.statistics().reserved, 0);
}

/// Where no receiver is left, a permit hands its item back, and whoever waits for one is woken.
async fn permits_of_a_broken_stream_hand_their_items_back<B: Runtime>() {
    let (send, receive) = memory_object_stream(1);
    let permit = send.try_reserve().expect("there is room");
    let (wakes, mut waiting) = (Wakes::default(), Box::pin(send.reserve()));
    assert!(wakes.poll(&mut waiting).is_pending());
    drop(receive);
    assert_eq!(wakes.count(), 1);
    assert!(waiting.await.is_err_and(|error| error.is_broken()));
    let error = permit.send(7).expect_err("nobody can receive it");
    assert_eq!((error.is_broken(), error.into_inner()), (true, 7));
    assert_eq!(send.statistics().reserved, 0);
}

/// A reserve tells what was closed and what is gone, as a send does; the owned form gives the end
/// back.
async fn reserve_fails_as_a_send_does<B: Runtime>() {
    let (send, receive) = memory_object_stream::<u8>(1);
    let other = send.clone();
    send.try_send(0).expect("there is room");
    let error = other.try_reserve_owned().expect_err("it is full");
    assert!(error.is_would_block());
    let other = error.into_inner();

    drop(receive);
    assert!(send.reserve().await.is_err_and(|error| error.is_broken()));
    assert!(send.try_reserve().is_err_and(|error| error.is_broken()));
    let error = other.reserve_owned().await.expect_err("nobody is left");
    assert!(error.is_broken());
    let other = error.into_inner();
    assert!(!other.is_closed());

    send.close();
    assert!(send.reserve().await.is_err_and(|error| error.is_closed()));
    assert!(send.try_reserve().is_err_and(|error| error.is_closed()));
    assert!(send.reserve_owned().await.is_err_and(|error| error.is_closed()));
}

/// C8: in a cancelled scope no place is taken, though there is one.
async fn nothing_is_reserved_in_a_cancelled_scope<B: Runtime>() {
    let (send, _receive) = memory_object_stream::<u8>(1);
    let scope = B::CancelScope::new();
    scope.cancel();
    assert!(scope.run(send.reserve()).await.is_err());
    assert_eq!(send.statistics().reserved, 0);
    assert!(send.reserve().await.is_ok());
}

/// A reserve that is cancelled is no longer there for a place.
async fn cancelled_reserve_leaves_the_queue<B: Runtime>() {
    let (send, receive) = memory_object_stream(1);
    send.try_send(0).expect("there is room");
    let scope = B::CancelScope::new();
    let mut reserving = Box::pin(scope.run(send.reserve()));
    assert!(poll_once(&mut reserving).is_pending());
    scope.cancel();
    assert!(reserving.await.is_err());
    assert_eq!(send.statistics().waiting_senders, 0);
    assert_eq!(receive.try_receive(), Ok(0));
    assert!(send.try_send(1).is_ok());
}

/// C7: a place that was given before the cancellation is kept.
async fn granted_reserve_beats_a_cancellation<B: Runtime>() {
    let (send, receive) = memory_object_stream(1);
    send.try_send(0).expect("there is room");
    let scope = B::CancelScope::new();
    let mut reserving = Box::pin(scope.run(send.reserve()));
    assert!(poll_once(&mut reserving).is_pending());
    assert_eq!(receive.try_receive(), Ok(0));
    scope.cancel();
    let permit = reserving.await.expect("the place was given before");
    permit.expect("there is a receiver").send(1).expect("its place is reserved");
    assert_eq!(receive.try_receive(), Ok(1));
}

/// A permit that owns its end goes wherever the item is made, and gives the end back there.
async fn owned_permit_goes_into_a_task<B: Runtime>() {
    let (send, receive) = memory_object_stream(1);
    let result: Result<(), Cancelled> = B::task_group(async |tg| {
        let permit = send.reserve_owned().await.expect("there is a receiver");
        tg.spawn(async move {
            let end = permit.send(1).expect("its place is reserved");
            end.send(2).await.expect("there is a receiver");
        });
        assert_eq!((receive.receive().await, receive.receive().await), (Ok(1), Ok(2)));
        assert!(receive.receive().await.is_err_and(|error| error.is_end_of_stream()));
    })
    .await;
    assert_eq!(result, Ok(()));
}

/// A permit that owns its end is a sender: the stream ends when it has gone, with its item or without.
async fn owned_permit_keeps_the_stream_open<B: Runtime>() {
    let (send, receive) = memory_object_stream(1);
    let permit = send.try_reserve_owned().expect("there is room");
    assert!(receive.try_receive().is_err_and(|error| error.is_would_block()));
    let send = permit.send(7).expect("its place is reserved");
    assert_eq!(receive.try_receive(), Ok(7));

    let send = send.try_reserve_owned().expect("there is room").release();
    assert_eq!([send.statistics().reserved, send.statistics().senders], [0, 1]);
    let mut receiving = Box::pin(receive.receive());
    assert!(poll_once(&mut receiving).is_pending());
    drop(send.reserve_owned().await.expect("there is a receiver"));
    assert!(receiving.await.is_err_and(|error| error.is_end_of_stream()));
}

/// The statistics tell how many places are reserved, and how full the stream was at most.
async fn permits_are_described<B: Runtime>() {
    let (send, receive) = memory_object_stream(3);
    let look = || {
        let now = send.statistics();
        [now.used, now.reserved, now.peak, now.waiting_senders]
    };
    let (one, two) = (send.try_reserve(), send.try_reserve());
    assert_eq!(look(), [0, 2, 0, 0]);
    one.expect("there is room").send(1).expect("its place is reserved");
    send.try_send(2).expect("there is room");
    assert_eq!(look(), [2, 1, 2, 0]);
    let mut waiting = Box::pin(send.reserve());
    assert!(poll_once(&mut waiting).is_pending());
    assert_eq!(look(), [2, 1, 2, 1]);
    drop(two);
    assert_eq!(look(), [2, 1, 2, 0]);
    drop(waiting);
    assert_eq!((receive.try_receive(), receive.try_receive()), (Ok(1), Ok(2)));
    assert_eq!(look(), [0, 0, 2, 0]);
}
