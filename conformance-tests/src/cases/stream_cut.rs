//! Each way to send and to receive, cut short at each of its polls: nothing is lost, nothing is there
//! twice, and no place stays taken. `send` and `receive` themselves are in `dropping`.

use anyio_core::Runtime;
use anyio_engine::{SendStream, checkpoint, memory_object_stream};
use futures_util::{SinkExt, StreamExt as _, join};

use crate::{
    cut::{everywhere, pause},
    suite::Case,
};

pub(super) fn list<B: Runtime>() -> Vec<Case> {
    list![B, stream_cut:
        no_place_is_lost_by_a_reserve,
        no_place_is_lost_by_an_owned_reserve,
        no_item_of_an_iterator_is_doubled,
        no_item_of_a_batch_is_lost,
        no_item_of_a_stream_is_lost,
        no_item_of_a_sink_is_sent_and_denied,
        no_item_is_lost_between_reserve_and_send,
    ]
}

/// All places of an idle stream are free: it takes as many items as it has capacity, and no more.
fn assert_free(send: &SendStream<u32>, what: &dyn std::fmt::Debug) {
    let now = send.statistics();
    assert_eq!((now.reserved, now.waiting_senders), (0, 0), "{what:?}");
    assert_eq!((now.used, now.waiting_receivers), (0, 0), "{what:?}");
    for _ in 0..now.capacity {
        send.try_send(0).expect("all places are free");
    }
    assert!(send.try_send(0).is_err_and(|error| error.is_would_block()), "{what:?}");
}

/// All places are free after a reserve was cut, or its permit dropped; a send behind it has had its
/// turn.
async fn no_place_is_lost_by_a_reserve<B: Runtime>() {
    for capacity in [0, 1, 2] {
        let cuts = everywhere(async |cut| {
            let (send, receive) = memory_object_stream(capacity);
            for _ in 0..capacity {
                send.try_send(0).expect("there is room");
            }
            let work = async {
                let _permit = send.reserve().await.expect("there is a receiver");
                checkpoint().await;
            };
            let behind = async {
                checkpoint().await;
                send.send(1).await.expect("there is a receiver");
            };
            let receiving = async {
                pause().await;
                while receive.receive().await != Ok(1) {
                    checkpoint().await;
                }
            };
            join!(cut.apply::<B, _>(work), behind, receiving);
            assert_free(&send, cut);
        })
        .await;
        assert!(cuts >= 6, "{cuts}");
    }
}

/// The same if the permit owns its end; that end has gone then, and the stream ends with the last.
async fn no_place_is_lost_by_an_owned_reserve<B: Runtime>() {
    for capacity in [0, 1] {
        let cuts = everywhere(async |cut| {
            let (send, receive) = memory_object_stream(capacity);
            for _ in 0..capacity {
                send.try_send(0).expect("there is room");
            }
            let end = send.clone();
            let work = async {
                let permit = end.reserve_owned().await.expect("there is a receiver");
                checkpoint().await;
                drop(permit.send(7));
            };
            let behind = async {
                checkpoint().await;
                send.send(1).await.expect("there is a receiver");
            };
            let receiving = async {
                pause().await;
                let mut items = Vec::new();
                while !items.contains(&1) {
                    items.extend(receive.receive().await);
                }
                items
            };
            let (_, (), mut items) = join!(cut.apply::<B, _>(work), behind, receiving);
            items.extend(receive.try_receive());
            let count = |item| items.iter().filter(|&&other| other == item).count();
            assert_eq!((count(0), count(1)), (capacity, 1), "{cut:?}: {items:?}");
            assert!(count(7) <= 1, "{cut:?}: {items:?}");
            assert_eq!(send.statistics().senders, 1, "{cut:?}");
            assert_free(&send, cut);
        })
        .await;
        assert!(cuts >= 6, "{cuts}");
    }
}

/// What of an iterator was sent is received once and in order; at most one item, which it waited with,
/// is gone; all after that are still in the iterator.
async fn no_item_of_an_iterator_is_doubled<B: Runtime>() {
    for capacity in [0, 1, 3] {
        let cuts = everywhere(async |cut| {
            let (send, receive) = memory_object_stream(capacity);
            let mut items = 0..6_u32;
            let sending = async {
                let sent = cut.apply::<B, _>(send.send_iter(items.by_ref())).await;
                send.close();
                sent
            };
            let receiving = async {
                pause().await;
                let mut received = Vec::new();
                while let Ok(item) = receive.receive().await {
                    received.push(item);
                }
                received
            };
            let (sent, received) = join!(sending, receiving);
            assert!(
                (0..).zip(&received).all(|(one, other)| one == *other),
                "{cut:?}: {received:?}"
            );
            let gone = 6 - received.len() - items.len();
            match sent {
                Some(result) => assert_eq!((result, gone, items.len()), (Ok(()), 0, 0), "{cut:?}"),
                None => assert!(gone <= 1, "{cut:?}: {received:?} and {items:?}"),
            }
        })
        .await;
        assert!(cuts >= 6, "{cuts}");
    }
}

/// All that was sent is received once and in order, by the batch that was cut or by later ones.
async fn no_item_of_a_batch_is_lost<B: Runtime>() {
    for capacity in [0, 1, 3] {
        let cuts = everywhere(async |cut| {
            let (send, receive) = memory_object_stream(capacity);
            let sending = async {
                pause().await;
                send.send_iter(0..6).await.expect("there is a receiver");
                send.close();
            };
            let receiving = async {
                let mut items = Vec::new();
                let first = cut.apply::<B, _>(receive.receive_many(&mut items, 2)).await;
                assert_eq!(first.map_or(0, |count| count.unwrap_or(0)), items.len(), "{cut:?}");
                while receive.receive_many(&mut items, 2).await.is_ok() {}
                items
            };
            let ((), items) = join!(sending, receiving);
            assert!(items.into_iter().eq(0..6), "{cut:?}");
        })
        .await;
        assert!(cuts >= 6, "{cuts}");
    }
}

/// All that was sent is received once and in order, through the combinator that was cut, or in any
/// other way on that end, or on another one after that end has gone.
async fn no_item_of_a_stream_is_lost<B: Runtime>() {
    for capacity in [0, 1, 3] {
        for then in 0..3 {
            let cuts = everywhere(async |cut| {
                let (send, mut receive) = memory_object_stream(capacity);
                let other = receive.clone();
                let sending = async {
                    pause().await;
                    send.send_iter(0..6).await.expect("there is a receiver");
                    send.close();
                };
                let receiving = async {
                    let first = cut.apply::<B, _>(receive.next()).await;
                    let mut items: Vec<_> = first.flatten().into_iter().collect();
                    match then {
                        0 => items.extend(receive.by_ref().collect::<Vec<_>>().await),
                        1 => while receive.receive_many(&mut items, 2).await.is_ok() {},
                        _ => {
                            drop(receive);
                            items.extend(other.collect::<Vec<_>>().await);
                        }
                    }
                    items
                };
                let ((), items) = join!(sending, receiving);
                assert!(items.iter().copied().eq(0..6), "{cut:?}: {items:?}");
            })
            .await;
            assert!(cuts >= 6, "{cuts}");
        }
    }
}

/// A combinator's send that says it sent has sent, and one that was cut has not: the place that it may
/// have been given is this end's, and goes with it.
async fn no_item_of_a_sink_is_sent_and_denied<B: Runtime>() {
    for capacity in [0, 1] {
        let cuts = everywhere(async |cut| {
            let (mut send, receive) = memory_object_stream(capacity);
            for _ in 0..capacity {
                send.try_send(0).expect("there is room");
            }
            let other = send.clone();
            let sending = async {
                let sent = cut.apply::<B, _>(SinkExt::send(&mut send, 7)).await;
                drop(send);
                sent
            };
            let behind = async {
                pause().await;
                other.send(1).await.expect("there is a receiver");
            };
            let receiving = async {
                pause().await;
                let mut items = Vec::new();
                while !items.contains(&1) {
                    items.extend(receive.receive().await);
                }
                items
            };
            let (sent, (), mut items) = join!(sending, behind, receiving);
            items.extend(receive.try_receive());
            let count = |item| items.iter().filter(|&&other| other == item).count();
            assert_eq!((count(0), count(1)), (capacity, 1), "{cut:?}: {items:?}");
            match sent {
                Some(sent) => assert_eq!((sent, count(7)), (Ok(()), 1), "{cut:?}: {items:?}"),
                None => assert_eq!(count(7), 0, "{cut:?}: {items:?}"),
            }
            assert_free(&other, cut);
        })
        .await;
        assert!(cuts >= 4, "{cuts}");
    }
}

/// A task that carries items from one stream to another, and has a place for each before it takes it,
/// loses none of them, wherever it is cut.
async fn no_item_is_lost_between_reserve_and_send<B: Runtime>() {
    for capacity in [1, 2] {
        let cuts = everywhere(async |cut| {
            let (source, from) = memory_object_stream(6);
            let (to, sink) = memory_object_stream(capacity);
            source.send_iter(0..6).await.expect("there is room");
            drop(source);
            let carry = async {
                while let Ok(place) = to.reserve().await {
                    let Ok(item) = from.receive().await else { return };
                    place.send(item).expect("there is a receiver");
                }
            };
            let carrying = async {
                cut.apply::<B, _>(carry).await;
                to.close();
            };
            let draining = async {
                let mut items = Vec::new();
                while let Ok(item) = sink.receive().await {
                    items.push(item);
                    checkpoint().await;
                }
                items
            };
            let ((), mut items) = join!(carrying, draining);
            while let Ok(item) = from.try_receive() {
                items.push(item);
            }
            assert!(items.iter().copied().eq(0..6), "{cut:?}: {items:?}");
        })
        .await;
        assert!(cuts >= 8, "{cuts}");
    }
}
