//! What tasks share and wait for, cut short at each poll: nothing stays taken, nobody waits in
//! vain, and what was told is told once. The plain forms of lock, semaphore and event are in
//! `dropping`, conditions in `condition`.

use std::sync::Arc;

use anyio_core::{Borrower, CapacityLimiter as _, Lock as _, Runtime, Semaphore as _};
use anyio_engine::{Barrier, OnceCell, RwLock, broadcast, checkpoint, oneshot, watch};
use futures_util::{future::BoxFuture, join};

use crate::{
    cut::{everywhere, pause},
    suite::Case,
    support::{Counter, poll_once},
};

pub(super) fn list<B: Runtime>() -> Vec<Case> {
    list![B, sync_cut:
        no_token_is_lost,
        no_token_is_lost_by_an_owned_acquire,
        no_token_is_lost_when_the_capacity_changes,
        no_borrower_is_left_with_nothing,
        no_permits_are_lost,
        no_permits_are_lost_by_an_owned_acquire,
        no_permits_are_lost_by_a_close,
        no_owned_lock_is_lost,
        nobody_is_counted_at_a_barrier_who_was_not_there,
        no_reader_and_no_writer_is_lost,
        value_of_a_cell_is_made_by_somebody,
        no_value_is_received_and_lost,
        no_end_of_a_receiver_is_missed,
        no_change_is_seen_and_denied,
        no_value_that_was_wanted_is_missed,
        no_item_is_missed_unheard,
    ]
}

/// A limiter has all its tokens after an acquire was cut, and the one behind it has had its turn.
async fn no_token_is_lost<B: Runtime>() {
    let cuts = everywhere(async |cut| {
        let limiter = B::CapacityLimiter::new(1);
        let held = limiter.try_acquire().expect("one is there");
        let release = async {
            pause().await;
            drop(held);
        };
        let behind = async {
            checkpoint().await;
            let _token = limiter.acquire().await;
            checkpoint().await;
        };
        let work = async {
            let _token = limiter.acquire().await;
            checkpoint().await;
        };
        join!(cut.apply::<B, _>(work), behind, release);
        assert_eq!((limiter.borrowed(), limiter.available()), (0, 1), "{cut:?}");
        assert!(limiter.try_acquire().is_ok(), "{cut:?}");
    })
    .await;
    assert!(cuts >= 10, "{cuts}");
}

/// The same for a token with a share in its limiter, which is let go with it.
async fn no_token_is_lost_by_an_owned_acquire<B: Runtime>() {
    let cuts = everywhere(async |cut| {
        let limiter = Arc::new(B::CapacityLimiter::new(1));
        let held = limiter.try_acquire().expect("one is there");
        let release = async {
            pause().await;
            drop(held);
        };
        let behind = async {
            checkpoint().await;
            let _token = Arc::clone(&limiter).acquire_owned().await;
            checkpoint().await;
        };
        let work = async {
            let _token = Arc::clone(&limiter).acquire_owned().await;
            checkpoint().await;
        };
        join!(cut.apply::<B, _>(work), behind, release);
        assert_eq!((limiter.borrowed(), Arc::strong_count(&limiter)), (0, 1), "{cut:?}");
    })
    .await;
    assert!(cuts >= 10, "{cuts}");
}

/// The same while the capacity goes up and down: never more are lent than fit.
async fn no_token_is_lost_when_the_capacity_changes<B: Runtime>() {
    let cuts = everywhere(async |cut| {
        let limiter = B::CapacityLimiter::new(0);
        let most = Counter::default();
        let borrow = async || {
            let token = limiter.acquire().await;
            if limiter.borrowed() > 2 {
                most.add();
            }
            checkpoint().await;
            drop(token);
        };
        let change = async {
            for capacity in [2, 0, 1] {
                checkpoint().await;
                limiter.set_capacity(capacity);
            }
        };
        let work = async { borrow().await };
        join!(borrow(), cut.apply::<B, _>(work), borrow(), change);
        assert_eq!((limiter.borrowed(), limiter.available()), (0, 1), "{cut:?}");
        assert_eq!(most.get(), 0, "{cut:?}");
    })
    .await;
    assert!(cuts >= 8, "{cuts}");
}

/// A borrower whose acquire was cut can borrow, and is told of no token that it does not have.
async fn no_borrower_is_left_with_nothing<B: Runtime>() {
    let cuts = everywhere(async |cut| {
        let (limiter, borrower) = (B::CapacityLimiter::new(1), Borrower::new());
        let held = limiter.try_acquire().expect("one is there");
        let release = async {
            pause().await;
            drop(held);
        };
        let behind = async {
            checkpoint().await;
            let _token = limiter.acquire().await;
            checkpoint().await;
        };
        let work = async {
            let _token = limiter.acquire_on_behalf_of(borrower).await.expect("it has none");
            checkpoint().await;
        };
        join!(cut.apply::<B, _>(work), behind, release);
        assert!(limiter.try_acquire_on_behalf_of(borrower).is_ok(), "{cut:?}");
        assert_eq!(limiter.borrowed(), 0, "{cut:?}");
    })
    .await;
    assert!(cuts >= 10, "{cuts}");
}

/// All permits are back after one who wanted several was cut, also those that were kept for it; who
/// waited behind it has had its turn.
async fn no_permits_are_lost<B: Runtime>() {
    let cuts = everywhere(async |cut| {
        let semaphore = B::Semaphore::new(3);
        let held = semaphore.try_acquire_many(2).unwrap();
        let release = async {
            pause().await;
            drop(held);
        };
        let behind = async {
            checkpoint().await;
            let _permits = semaphore.acquire_many(2).await.unwrap();
            checkpoint().await;
        };
        let last = async {
            checkpoint().await;
            let _permit = semaphore.acquire().await.unwrap();
            checkpoint().await;
        };
        let work = async {
            let _permits = semaphore.acquire_many(3).await.unwrap();
            checkpoint().await;
        };
        join!(cut.apply::<B, _>(work), behind, last, release);
        assert_eq!(semaphore.available(), 3, "{cut:?}");
        assert!(semaphore.try_acquire_many(3).is_ok(), "{cut:?}");
    })
    .await;
    assert!(cuts >= 10, "{cuts}");
}

/// The same for permits with a share in their semaphore, which is let go with them.
async fn no_permits_are_lost_by_an_owned_acquire<B: Runtime>() {
    let cuts = everywhere(async |cut| {
        let semaphore = Arc::new(B::Semaphore::new(1));
        let release = async {
            pause().await;
            semaphore.release(1).unwrap();
        };
        let behind = async {
            checkpoint().await;
            let _permit = Arc::clone(&semaphore).acquire_owned().await.unwrap();
            checkpoint().await;
        };
        let work = async {
            let _permits = Arc::clone(&semaphore).acquire_many_owned(2).await.unwrap();
            checkpoint().await;
        };
        join!(cut.apply::<B, _>(work), behind, release);
        assert_eq!((semaphore.available(), Arc::strong_count(&semaphore)), (2, 1), "{cut:?}");
    })
    .await;
    assert!(cuts >= 10, "{cuts}");
}

/// The same when the semaphore is closed meanwhile: everybody is told, and all permits are there.
async fn no_permits_are_lost_by_a_close<B: Runtime>() {
    let cuts = everywhere(async |cut| {
        let semaphore = B::Semaphore::new(1);
        let close = async {
            pause().await;
            semaphore.close();
        };
        let behind = async {
            checkpoint().await;
            loop {
                match semaphore.acquire().await {
                    Ok(_permit) => checkpoint().await,
                    Err(error) => break error,
                }
            }
        };
        let work = async { semaphore.acquire_many(2).await.map(|_| ()) };
        let (done, behind, ()) = join!(cut.apply::<B, _>(work), behind, close);
        assert!(behind.is_closed(), "{cut:?}");
        assert!(done.is_none_or(|done| done.is_err_and(|error| error.is_closed())), "{cut:?}");
        assert_eq!(semaphore.available(), 1, "{cut:?}");
    })
    .await;
    assert!(cuts >= 6, "{cuts}");
}

/// A lock whose owned form was cut is free afterwards, and nobody has a share left; the one behind it
/// has had its turn.
async fn no_owned_lock_is_lost<B: Runtime>() {
    let cuts = everywhere(async |cut| {
        let lock = Arc::new(<B::Lock<u32>>::new(0));
        let held = lock.try_lock().expect("it is free");
        let release = async {
            pause().await;
            drop(held);
        };
        let behind = async {
            checkpoint().await;
            *Arc::clone(&lock).lock_owned().await += 10;
        };
        let work = async {
            let mut value = Arc::clone(&lock).lock_owned().await;
            checkpoint().await;
            *value += 1;
        };
        let (done, (), ()) = join!(cut.apply::<B, _>(work), behind, release);
        let value = *lock.try_lock().expect("nobody has it");
        assert_eq!(value, if done.is_some() { 11 } else { 10 }, "{cut:?}");
        assert_eq!(Arc::strong_count(&lock), 1, "{cut:?}");
    })
    .await;
    assert!(cuts >= 10, "{cuts}");
}

/// Whoever was cut before all had met has not been there: another one has to come. Whoever was not,
/// has, and nobody is left behind.
async fn nobody_is_counted_at_a_barrier_who_was_not_there<B: Runtime>() {
    let cuts = everywhere(async |cut| {
        let (barrier, stood_in) = (Barrier::new(2), Counter::default());
        let other = async {
            pause().await;
            barrier.wait().await;
        };
        let stand_in = async {
            for _ in 0..10 {
                checkpoint().await;
            }
            while barrier.statistics().waiting == 1 {
                stood_in.add();
                barrier.wait().await;
            }
        };
        let work = async { barrier.wait().await.is_leader() };
        let (done, (), ()) = join!(cut.apply::<B, _>(work), other, stand_in);
        if done.is_some() {
            assert_eq!(stood_in.get(), 0, "{cut:?}");
        } else if !cut.by_hand() {
            assert_eq!(stood_in.get(), 1, "{cut:?}");
        }
        assert_eq!(barrier.statistics().waiting, 0, "{cut:?}");
        let mut next = barrier.wait();
        assert!(poll_once(&mut next).is_pending(), "{cut:?}");
    })
    .await;
    assert!(cuts >= 6, "{cuts}");
}

/// Each way to read or to write, cut: the lock is free afterwards, nobody has a share left, and those
/// behind it have had their turn.
async fn no_reader_and_no_writer_is_lost<B: Runtime>() {
    type Way = fn(Arc<RwLock<u32>>) -> BoxFuture<'static, ()>;
    let ways: [Way; 4] = [
        |lock| Box::pin(async move { drop((lock.read().await, checkpoint().await)) }),
        |lock| {
            Box::pin(async move {
                let mut value = lock.write().await;
                checkpoint().await;
                *value += 1;
            })
        },
        |lock| Box::pin(async move { drop((lock.read_owned().await, checkpoint().await)) }),
        |lock| {
            Box::pin(async move {
                let mut value = lock.write_owned().await;
                checkpoint().await;
                *value += 1;
            })
        },
    ];
    for (index, way) in ways.into_iter().enumerate() {
        let cuts = everywhere(async |cut| {
            let lock = Arc::new(RwLock::new(0));
            let held = lock.try_write().expect("it is free");
            let release = async {
                pause().await;
                drop(held);
            };
            let reader = async {
                checkpoint().await;
                assert!(*lock.read().await <= 1);
            };
            let writer = async {
                checkpoint().await;
                *lock.write().await += 10;
            };
            let work = way(Arc::clone(&lock));
            let (done, (), (), ()) = join!(cut.apply::<B, _>(work), reader, writer, release);
            let value = *lock.try_read().expect("nobody writes");
            let wrote = index % 2 == 1 && done.is_some();
            assert_eq!(value, if wrote { 11 } else { 10 }, "{cut:?}");
            assert!(lock.try_write().is_ok(), "{cut:?}");
            assert_eq!(Arc::strong_count(&lock), 1, "{cut:?}");
        })
        .await;
        assert!(cuts >= 8, "{cuts}");
    }
}

/// Wherever the one that makes a value is cut, or one that waits for it, there is a value in the end,
/// and it was made by one.
async fn value_of_a_cell_is_made_by_somebody<B: Runtime>() {
    for late in [false, true] {
        let cuts = everywhere(async |cut| {
            let (cell, made) = (OnceCell::new(), Counter::default());
            let make = async |value: u32| {
                pause().await;
                made.add();
                value
            };
            let work = async {
                if late {
                    checkpoint().await;
                }
                *cell.get_or_init(|| make(1)).await
            };
            let other = async {
                if !late {
                    checkpoint().await;
                }
                *cell.get_or_init(|| make(2)).await
            };
            let (done, other) = join!(cut.apply::<B, _>(work), other);
            assert!(done.is_none_or(|value| value == other), "{cut:?}");
            assert_eq!(cell.get(), Some(&other), "{cut:?}");
            assert_eq!(made.get(), 1, "{cut:?}");
        })
        .await;
        assert!(cuts >= 6, "{cuts}");
    }
}

/// A value is received by the receive that was cut, or by the next one.
async fn no_value_is_received_and_lost<B: Runtime>() {
    let cuts = everywhere(async |cut| {
        let (send, mut receive) = oneshot();
        let sending = async {
            pause().await;
            send.send(7).expect("the receiver is there");
        };
        let (done, ()) = join!(cut.apply::<B, _>(receive.receive()), sending);
        let received = match done {
            Some(received) => received,
            None => receive.receive().await,
        };
        assert_eq!(received, Ok(7), "{cut:?}");
    })
    .await;
    assert!(cuts >= 6, "{cuts}");
}

/// That a receiver is gone is heard by the wait that was cut, or by the next one, of a oneshot and of a
/// watch.
async fn no_end_of_a_receiver_is_missed<B: Runtime>() {
    let cuts = everywhere(async |cut| {
        let (mut send, receive) = oneshot::<u8>();
        let going = async {
            pause().await;
            drop(receive);
        };
        join!(cut.apply::<B, _>(send.closed()), going);
        send.closed().await;
        assert!(send.is_closed(), "{cut:?}");
    })
    .await;
    assert!(cuts >= 6, "{cuts}");
    let cuts = everywhere(async |cut| {
        let (send, receive) = watch(0);
        let going = async {
            pause().await;
            drop(receive);
        };
        join!(cut.apply::<B, _>(send.closed()), send.closed(), going);
        assert!(send.is_closed(), "{cut:?}");
    })
    .await;
    assert!(cuts >= 6, "{cuts}");
}

/// A change has been seen exactly if the wait for it said so.
async fn no_change_is_seen_and_denied<B: Runtime>() {
    let cuts = everywhere(async |cut| {
        let (send, mut receive) = watch(0);
        let sending = async {
            pause().await;
            send.send(1).expect("the receiver is there");
        };
        let (done, ()) = join!(cut.apply::<B, _>(receive.changed()), sending);
        assert_eq!(receive.has_changed(), Ok(done.is_none()), "{cut:?}");
        assert_eq!(*receive.borrow(), 1, "{cut:?}");
    })
    .await;
    assert!(cuts >= 6, "{cuts}");
}

/// What was wanted is found by the wait that was cut, or by the next one.
async fn no_value_that_was_wanted_is_missed<B: Runtime>() {
    let cuts = everywhere(async |cut| {
        let (send, mut receive) = watch(0);
        let sending = async {
            for value in 1..=3 {
                checkpoint().await;
                send.send(value).expect("the receiver is there");
            }
        };
        let work = async { receive.wait_for(|value| *value == 3).await.map(|found| *found) };
        let (done, ()) = join!(cut.apply::<B, _>(work), sending);
        let found = match done {
            Some(found) => found,
            None => receive.wait_for(|value| *value == 3).await.map(|found| *found),
        };
        assert_eq!(found, Ok(3), "{cut:?}");
    })
    .await;
    assert!(cuts >= 6, "{cuts}");
}

/// Each item is received in order, or said to have been missed, by the receives that were cut and the
/// later ones together.
async fn no_item_is_missed_unheard<B: Runtime>() {
    for (capacity, at_once) in [(4, 1), (1, 3)] {
        let cuts = everywhere(async |cut| {
            let (send, mut receive) = broadcast::<u64>(capacity);
            let next = Counter::default();
            let mut hear = async || match receive.receive().await {
                Ok(item) => {
                    assert_eq!(item, next.add() as u64);
                    true
                }
                Err(error) => match error.missed() {
                    Some(missed) => {
                        (0..missed).for_each(|_| _ = next.add());
                        true
                    }
                    None => false,
                },
            };
            let sending = async {
                let mut items = 0..6;
                while !items.is_empty() {
                    pause().await;
                    for item in items.by_ref().take(at_once) {
                        send.send(item).expect("the receiver is there");
                    }
                }
            };
            let work = async { while next.get() < 6 && hear().await {} };
            join!(cut.apply::<B, _>(work), sending);
            drop(send);
            while hear().await {}
            assert_eq!(next.get(), 6, "{cut:?}");
        })
        .await;
        assert!(cuts >= 8, "{cuts}");
    }
}
