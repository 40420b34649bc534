//! A producer that makes each item when somebody asks for it: a task of a group that reserves before
//! it works. It is what Trio's `as_safe_channel` turns a generator into.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use anyio_core::{
    CancelScope as _, Cancelled, Runtime, SendError, TaskGroup as _, TaskHandle as _,
};
use anyio_engine::{
    ReceiveStream, RuntimeExt as _, SendStream, checkpoint, finally, memory_object_stream,
};

use crate::{
    suite::Case,
    support::{Counter, Log, until},
};

pub(super) fn list<B: Runtime>() -> Vec<Case> {
    list![B, stream_producer:
        producer_runs_dry_and_the_loop_ends,
        consumer_that_stops_ends_the_producer,
        consumer_that_is_cancelled_lets_nothing_be_made,
        error_after_the_last_item_reaches_the_consumers_group,
        nothing_is_made_before_it_is_asked_for,
        producers_nest,
        scope_in_a_producer_is_its_own,
        several_consumers_share_a_producer,
        consumer_that_closes_between_items_sees_no_failure,
        consumer_that_closes_at_once_lets_nothing_be_made,
    ]
}

/// Makes numbers, each when it is asked for; `made` counts them.
async fn count_up(to: SendStream<usize>, limit: usize, made: Counter) -> Result<(), SendError<()>> {
    for _ in 0..limit {
        let place = to.reserve().await?;
        let item = made.add();
        // Between having an item and having sent it, nothing can come in between.
        if place.send(item).is_err() {
            break;
        }
    }
    Ok(())
}

/// A producer that has nothing more to make ends the loop of its consumer.
/// Covers: trio/test_as_safe_channel_exhaust
async fn producer_runs_dry_and_the_loop_ends<B: Runtime>() {
    let made = Counter::default();
    let items: Result<_, Cancelled> = B::task_group(async |tg| {
        let (send, receive) = memory_object_stream(0);
        let count = made.clone();
        tg.spawn(async move { count_up(send, 10, count).await.expect("somebody receives") });
        let mut items = Vec::new();
        while let Ok(item) = receive.receive().await {
            items.push(item);
        }
        Ok(items)
    })
    .await;
    assert_eq!(items, Ok((0..10).collect::<Vec<_>>()));
    assert_eq!(made.get(), 10);
}

/// A consumer that drops its end ends the producer where it waits, and its cleanup is waited for.
/// Covers: trio/test_as_safe_channel_broken_resource
async fn consumer_that_stops_ends_the_producer<B: Runtime>() {
    let (made, log) = (Counter::default(), Log::default());
    let result: Result<_, Cancelled> = B::task_group(async |tg| {
        let (send, receive) = memory_object_stream(0);
        let (count, cleaned) = (made.clone(), log.clone());
        let producer = tg.spawn(async move {
            let ended = finally(count_up(send, 10, count), async {
                checkpoint().await;
                cleaned.add("cleaned up");
            });
            Ok(ended.await.is_err_and(|error| error.is_broken()))
        });
        assert_eq!(receive.receive().await, Ok(0));
        drop(receive);
        producer.join().await
    })
    .await;
    assert_eq!(result, Ok(true));
    assert_eq!(made.get(), 1);
    assert_eq!(log.take(), ["cleaned up"]);
}

/// Cancelled before anything was asked for, a producer makes nothing.
/// Covers: trio/test_as_safe_channel_cancelled
async fn consumer_that_is_cancelled_lets_nothing_be_made<B: Runtime>() {
    let (made, scope) = (Counter::default(), B::CancelScope::new());
    scope.cancel();
    let count = made.clone();
    let result = scope
        .run(B::task_group(async |tg| -> Result<(), Cancelled> {
            let (send, receive) = memory_object_stream(0);
            tg.spawn(async move { _ = count_up(send, 10, count).await });
            while receive.receive().await.is_ok() {}
            Ok(())
        }))
        .await;
    assert!(result.is_err());
    assert_eq!(made.get(), 0);
}

/// A producer that fails after its last item: the consumer has that item, and its group the error, as
/// it was.
/// Covers: trio/test_as_safe_channel_no_race
/// Covers: trio/test_as_safe_channel_dont_unwrap_user_exceptiongroup
async fn error_after_the_last_item_reaches_the_consumers_group<B: Runtime>() {
    #[derive(Debug, PartialEq)]
    enum Error {
        Cancelled,
        Several(Vec<&'static str>),
    }
    impl From<Cancelled> for Error {
        fn from(_: Cancelled) -> Self {
            Self::Cancelled
        }
    }

    let received = Counter::default();
    let result = B::task_group(async |tg| -> Result<(), Error> {
        let (send, receive) = memory_object_stream(0);
        tg.spawn(async move {
            send.send(7).await.expect("somebody receives");
            Err::<(), _>(Error::Several(vec!["one", "another"]))
        });
        while let Ok(7) = receive.receive().await {
            received.add();
        }
        Ok(())
    })
    .await;
    assert_eq!(result, Err(Error::Several(vec!["one", "another"])));
    assert_eq!(received.get(), 1);
}

/// A producer is at work only while somebody waits for an item, however many turns it has.
/// Covers: trio/test_as_safe_channel_buffer_size_too_small
/// Covers: trio/test_as_safe_channel_no_interleave
async fn nothing_is_made_before_it_is_asked_for<B: Runtime>() {
    let made = Counter::default();
    let result: Result<(), Cancelled> = B::task_group(async |tg| {
        let (send, receive) = memory_object_stream(0);
        let count = made.clone();
        tg.spawn(async move { count_up(send, 10, count).await.expect("somebody receives") });
        for item in 0..10 {
            crate::support::turns::<B>().await;
            assert_eq!(made.get(), item);
            assert_eq!(receive.receive().await, Ok(item));
        }
    })
    .await;
    assert_eq!(result, Ok(()));
}

/// A producer may consume from another one, each in its own turn.
/// Covers: trio/test_as_safe_channel_nested_loop
async fn producers_nest<B: Runtime>() {
    let result: Result<Vec<_>, Cancelled> = B::task_group(async |tg| {
        let start = |limit| -> ReceiveStream<usize> {
            let (send, receive) = memory_object_stream(0);
            tg.spawn(async move { _ = count_up(send, limit, Counter::default()).await });
            receive
        };
        let (outer, mut pairs) = (start(3), Vec::new());
        while let Ok(first) = outer.receive().await {
            let inner = start(2);
            while let Ok(second) = inner.receive().await {
                pairs.push((first, second));
            }
        }
        Ok(pairs)
    })
    .await;
    assert_eq!(result, Ok(vec![(0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1)]));
}

/// A scope that a producer opens around an item ends in the producer, whatever the consumer does with
/// the item.
/// Covers: trio/test_as_safe_channel_doesnt_leak_cancellation
async fn scope_in_a_producer_is_its_own<B: Runtime>() {
    let log = Log::default();
    let result: Result<(), Cancelled> = B::task_group(async |tg| {
        let (send, receive) = memory_object_stream(0);
        let says = log.clone();
        tg.spawn(async move {
            let scope = B::CancelScope::new();
            let produced = scope.run(async {
                send.send(1).await.expect("somebody receives");
                scope.cancel();
                checkpoint().await;
                says.add("never");
            });
            assert!(produced.await.is_err());
            send.send(2).await.expect("somebody receives");
        });
        assert_eq!(receive.receive().await, Ok(1));
        checkpoint().await;
        log.add("the consumer goes on");
        assert_eq!(receive.receive().await, Ok(2));
    })
    .await;
    assert_eq!(result, Ok(()));
    assert_eq!(log.take(), ["the consumer goes on"]);
}

/// Several tasks may ask one producer; each item goes to one of them.
/// Covers: trio/test_as_safe_channel_multiple_receiver
async fn several_consumers_share_a_producer<B: Runtime>() {
    let sum = Arc::new(AtomicUsize::new(0));
    let result: Result<(), Cancelled> = B::task_group(async |tg| {
        let (send, receive) = memory_object_stream(0);
        tg.spawn(async move {
            count_up(send, 100, Counter::default()).await.expect("somebody receives");
        });
        for _ in 0..2 {
            let (receive, sum) = (receive.clone(), Arc::clone(&sum));
            tg.spawn(async move {
                while let Ok(item) = receive.receive().await {
                    sum.fetch_add(item, Ordering::SeqCst);
                }
            });
        }
    })
    .await;
    assert_eq!(result, Ok(()));
    assert_eq!(sum.load(Ordering::SeqCst), 4_950);
}

/// A consumer whose end is closed by somebody else between two items is told just that, and the
/// producer ends in peace.
/// Covers: trio/test_as_safe_channel_close_between_iteration
async fn consumer_that_closes_between_items_sees_no_failure<B: Runtime>() {
    let ended = Log::default();
    let result: Result<(), Cancelled> = B::task_group(async |tg| {
        let (send, receive) = memory_object_stream(0);
        let receive = Arc::new(receive);
        let says = ended.clone();
        tg.spawn(async move {
            let failed = count_up(send, 10, Counter::default()).await;
            assert!(failed.is_err_and(|error| error.is_broken()));
            says.add("the producer ended");
        });
        assert_eq!(receive.receive().await, Ok(0));
        let theirs = Arc::clone(&receive);
        tg.spawn(async move { theirs.close() });
        until::<B>(|| receive.is_closed()).await;
        assert!(receive.receive().await.is_err_and(|error| error.is_closed()));
    })
    .await;
    assert_eq!(result, Ok(()));
    assert_eq!(ended.take(), ["the producer ended"]);
}

/// Where a consumer closes its end before it has asked for anything, nothing is made.
/// Covers: trio/test_as_safe_channel_close_before_iteration
async fn consumer_that_closes_at_once_lets_nothing_be_made<B: Runtime>() {
    let made = Counter::default();
    let result: Result<(), Cancelled> = B::task_group(async |tg| {
        let (send, receive) = memory_object_stream(0);
        receive.close();
        let count = made.clone();
        tg.spawn(async move {
            let failed = count_up(send, 10, count).await;
            assert!(failed.is_err_and(|error| error.is_broken()));
        });
        assert!(receive.receive().await.is_err_and(|error| error.is_closed()));
    })
    .await;
    assert_eq!(result, Ok(()));
    assert_eq!(made.get(), 0);
}
