//! Whatever is dropped or cancelled between any two of its polls, nothing is lost: no permit, no
//! item, no child, no cleanup. Each case tries every place; see [`cut`](crate::cut).

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyio_core::{
    CancelScope as _, Cancelled, Lock as _, ObjectReceiveStream as _, ObjectSendStream as _,
    Runtime, Semaphore as _, TaskGroup as _, TaskHandle as _,
};
use anyio_engine::{
    Event, RuntimeExt as _, bracket, catch_cancelled, checkpoint, finally, memory_object_stream,
    shield,
};
use futures_util::{future::join_all, join};

use crate::{
    cut::{Cut, everywhere, pause},
    suite::Case,
    support::{Counter, Log, until},
};

pub(super) fn list<B: Runtime>() -> Vec<Case> {
    list![B, dropping:
        places_are_told_apart,
        no_lock_is_lost,
        no_permit_is_lost,
        no_event_is_missed,
        no_item_is_sent_and_denied,
        no_item_is_received_and_lost,
        no_item_between_two_streams_is_doubled,
        sleep_ends_or_is_gone,
        no_value_of_a_task_is_lost_by_waiting,
        task_goes_on_without_who_joined_it,
        no_child_is_left_behind,
        no_child_skips_its_cleanup,
        nested_groups_end_inside_out,
        shield_that_has_begun_ends,
        cleanup_runs_once_if_its_body_began,
        cleanups_run_inside_out,
        resource_is_released_once,
        catch_is_reached_if_its_body_began,
        cancellation_is_no_timeout,
        scope_within_is_left_clean,
    ]
}

/// The cuts themselves: a future of two waits has the places before, between and after its three
/// polls, by hand and by cancellation; a value is given if there was no cut.
async fn places_are_told_apart<B: Runtime>() {
    let reached = Arc::new(Mutex::new(Vec::new()));
    let cuts = everywhere(async |cut| {
        let polls = Counter::default();
        let done = cut.apply::<B, _>(crate::support::Polls::of(pause(), &polls)).await;
        assert_eq!(done.is_none(), cut.made(), "{cut:?}");
        reached.lock().expect("nobody panics").push(polls.get());
    })
    .await;
    let reached = reached.lock().expect("nobody panics");
    assert_eq!(reached[..6], [0, 1, 1, 2, 2, 3]);
    assert_eq!(cuts, 10);
}

/// A lock that was cut while waiting, or while held, is free afterwards, and the one behind gets
/// it.
async fn no_lock_is_lost<B: Runtime>() {
    let cuts = everywhere(async |cut| {
        let lock = <B::Lock<u32>>::new(0);
        let held = lock.try_lock().expect("it is free");
        let release = async {
            pause().await;
            drop(held);
        };
        let behind = async {
            checkpoint().await;
            *lock.lock().await += 10;
        };
        let work = async {
            let mut value = lock.lock().await;
            checkpoint().await;
            *value += 1;
        };
        let (done, (), ()) = join!(cut.apply::<B, _>(work), release, behind);
        let value = *lock.try_lock().expect("nobody has it");
        assert_eq!(value, if done.is_some() { 11 } else { 10 }, "{cut:?}");
    })
    .await;
    assert!(cuts >= 12, "{cuts}");
}

/// All permits are back after an acquire was cut, wherever it stood in the queue.
async fn no_permit_is_lost<B: Runtime>() {
    let cuts = everywhere(async |cut| {
        let semaphore = B::Semaphore::new(1);
        let held = semaphore.try_acquire().expect("one is free");
        let release = async {
            pause().await;
            drop(held);
            semaphore.release(1).unwrap();
        };
        let others = join_all((0..2).map(|_| async {
            let _permit = semaphore.acquire().await.unwrap();
            checkpoint().await;
        }));
        let work = async {
            let _permit = semaphore.acquire().await.unwrap();
            checkpoint().await;
        };
        join!(others, cut.apply::<B, _>(work), release);
        let all = [semaphore.try_acquire(), semaphore.try_acquire(), semaphore.try_acquire()];
        assert_eq!(all.map(|permit| permit.is_ok()), [true, true, false], "{cut:?}");
    })
    .await;
    assert!(cuts >= 10, "{cuts}");
}

/// A wait that was cut has left the event, and those beside it are woken.
async fn no_event_is_missed<B: Runtime>() {
    let cuts = everywhere(async |cut| {
        let event = Event::new();
        let set = async {
            pause().await;
            event.set();
        };
        join!(cut.apply::<B, _>(event.wait()), event.wait(), set);
        assert_eq!(event.waiting(), 0, "{cut:?}");
    })
    .await;
    assert!(cuts >= 6, "{cuts}");
}

/// A send that says it sent has sent, and one that was cancelled has not. (One that was dropped by
/// hand cannot say.)
async fn no_item_is_sent_and_denied<B: Runtime>() {
    for capacity in [0, 1] {
        let cuts = everywhere(async |cut| {
            let (mut send, mut receive) = B::memory_object_stream(capacity);
            for _ in 0..capacity {
                send.send(0).await.expect("there is room");
            }
            let mut other = send.clone();
            let sending = async {
                let sent = cut.apply::<B, _>(send.send(7)).await;
                drop(send);
                sent
            };
            let after = async {
                pause().await;
                other.send(8).await.expect("there is a receiver");
                drop(other);
            };
            let receiving = async {
                pause().await;
                let mut items = Vec::new();
                while let Ok(item) = receive.receive().await {
                    items.push(item);
                }
                items
            };
            let (sent, (), items) = join!(sending, after, receiving);
            let count = |item| items.iter().filter(|other| **other == item).count();
            assert_eq!((count(0), count(8)), (capacity, 1), "{cut:?}: {items:?}");
            match sent {
                Some(sent) => assert_eq!((sent, count(7)), (Ok(()), 1), "{cut:?}"),
                None if cut.by_hand() => assert!(count(7) <= 1, "{cut:?}"),
                None => assert_eq!(count(7), 0, "{cut:?}"),
            }
        })
        .await;
        assert!(cuts >= 6, "{cuts}");
    }
}

/// All that was sent is received once and in order, by the receive that was cut or by later ones.
async fn no_item_is_received_and_lost<B: Runtime>() {
    for capacity in [0, 1, 3] {
        let cuts = everywhere(async |cut| {
            let (mut send, mut receive) = B::memory_object_stream(capacity);
            let sending = async {
                pause().await;
                for item in 0..4 {
                    send.send(item).await.expect("there is a receiver");
                }
                drop(send);
            };
            let receiving = async {
                let first = cut.apply::<B, _>(receive.receive()).await;
                let mut items: Vec<_> = first.into_iter().flatten().collect();
                while let Ok(item) = receive.receive().await {
                    items.push(item);
                }
                items
            };
            let (items, ()) = join!(receiving, sending);
            assert_eq!(items, [0, 1, 2, 3], "{cut:?}");
        })
        .await;
        assert!(cuts >= 6, "{cuts}");
    }
}

/// A task that carries items from one stream to another and is cut loses at most what it had in
/// its hands; nothing is doubled, and both streams work on.
async fn no_item_between_two_streams_is_doubled<B: Runtime>() {
    let cuts = everywhere(async |cut| {
        let (source, from) = memory_object_stream(4);
        let (to, sink) = memory_object_stream(1);
        for item in 0..4 {
            source.try_send(item).expect("there is room");
        }
        drop(source);
        let carry = async {
            while let Ok(item) = from.receive().await {
                to.send(item).await.expect("there is a receiver");
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
        assert!(items.is_sorted_by(|one, next| one < next), "{cut:?}: {items:?}");
        assert!(items.len() >= 3, "{cut:?}: {items:?}");
    })
    .await;
    assert!(cuts >= 8, "{cuts}");
}

/// A sleep that was cut does not disturb the next one.
async fn sleep_ends_or_is_gone<B: Runtime>() {
    let time = Duration::from_millis(2);
    let cuts = everywhere(async |cut| {
        let start = B::now();
        if cut.apply::<B, _>(B::sleep(time)).await.is_some() {
            assert!(B::now() - start >= time, "{cut:?}");
        }
        let start = B::now();
        B::sleep(time).await;
        assert!(B::now() - start >= time, "{cut:?}");
    })
    .await;
    assert!(cuts >= 5, "{cuts}");
}

/// After a wait for a task was cut, its value is still there.
async fn no_value_of_a_task_is_lost_by_waiting<B: Runtime>() {
    let cuts = everywhere(async |cut| {
        let value: Result<u8, Cancelled> = B::task_group(async |tg| {
            let go = Arc::new(Event::new());
            let told = Arc::clone(&go);
            let mut handle = tg.spawn(async move {
                told.wait().await;
                Ok(7)
            });
            let start = async {
                pause().await;
                go.set();
            };
            join!(cut.apply::<B, _>(handle.wait()), start);
            handle.join().await
        })
        .await;
        assert_eq!(value, Ok(7), "{cut:?}");
    })
    .await;
    assert!(cuts >= 4, "{cuts}");
}

/// A task goes on to its end though who joined it was cut.
async fn task_goes_on_without_who_joined_it<B: Runtime>() {
    let cuts = everywhere(async |cut| {
        let (value, log) = (Arc::new(()), Log::default());
        let result: Result<(), Cancelled> = B::task_group(async |tg| {
            let (theirs, done) = (Arc::clone(&value), log.clone());
            let go = Arc::new(Event::new());
            let told = Arc::clone(&go);
            let handle = tg.spawn(async move {
                told.wait().await;
                done.add("done");
                Ok(theirs)
            });
            let start = async {
                pause().await;
                go.set();
            };
            join!(cut.apply::<B, _>(handle.join()), start);
            Ok(())
        })
        .await;
        assert_eq!(result, Ok(()), "{cut:?}");
        assert_eq!(log.take(), ["done"], "{cut:?}");
        until::<B>(|| Arc::strong_count(&value) == 1).await;
    })
    .await;
    assert!(cuts >= 4, "{cuts}");
}

/// A group that is cancelled has no children when it is over; one that is dropped by hand has none
/// soon.
async fn no_child_is_left_behind<B: Runtime>() {
    let cuts = everywhere(async |cut| {
        let alive = Arc::new(());
        let group = B::task_group::<Cancelled, _, _>(async |tg| {
            let (first, second, third) =
                (Arc::clone(&alive), Arc::clone(&alive), Arc::clone(&alive));
            let tasks = tg.clone();
            let grandchild = cut.within(async move {
                let _third = third;
                pause().await;
            });
            tg.spawn(cut.within(async move {
                let _first = first;
                pause().await;
                tasks.spawn(grandchild);
            }));
            pause().await;
            tg.spawn(cut.within(async move {
                let _second = second;
                B::sleep(Duration::from_millis(1)).await;
            }));
            pause().await;
        });
        cut.apply::<B, _>(group).await;
        if cut.by_hand() {
            until::<B>(|| Arc::strong_count(&alive) == 1).await;
        }
        assert_eq!(Arc::strong_count(&alive), 1, "{cut:?}");
    })
    .await;
    assert!(cuts >= 8, "{cuts}");
}

/// Children run their cleanup to its end, whatever becomes of their group; a group that is
/// cancelled waits for it.
async fn no_child_skips_its_cleanup<B: Runtime>() {
    let cuts = everywhere(async |cut| {
        let (begun, cleaned) = (Counter::default(), Counter::default());
        let group = B::task_group::<Cancelled, _, _>(async |tg| {
            for _ in 0..2 {
                let (begun, cleaned) = (begun.clone(), cleaned.clone());
                tg.spawn(cut.within(async move {
                    let work = async {
                        begun.add();
                        pause().await;
                    };
                    let cleanup = async {
                        pause().await;
                        cleaned.add();
                    };
                    finally(work, cleanup).await;
                }));
                checkpoint().await;
            }
        });
        cut.apply::<B, _>(group).await;
        if cut.by_hand() {
            until::<B>(|| cleaned.get() == begun.get()).await;
        }
        assert_eq!(cleaned.get(), begun.get(), "{cut:?}");
        assert!(cut.made() || cleaned.get() == 2);
    })
    .await;
    assert!(cuts >= 8, "{cuts}");
}

/// Of groups within groups the inner one is over first, also when the outer one is cancelled.
async fn nested_groups_end_inside_out<B: Runtime>() {
    let cuts = everywhere(async |cut| {
        let log = Log::default();
        let outer = B::task_group::<Cancelled, _, _>(async |outer| {
            let _outer = log.on_drop("outer body");
            let theirs = log.clone();
            let held = log.on_drop("inner child");
            let innermost = cut.within(async move {
                let _held = held;
                shield(pause()).await;
            });
            outer.spawn(cut.within(async move {
                let _child = theirs.on_drop("outer child");
                let result: Result<(), Cancelled> = B::task_group(async |tg| {
                    tg.spawn(innermost);
                    pause().await;
                })
                .await;
                drop(result);
            }));
            pause().await;
        });
        cut.apply::<B, _>(outer).await;
        if cut.by_hand() {
            return;
        }
        let events = log.take();
        let place = |what| events.iter().position(|event| *event == what);
        if let Some(inner) = place("inner child") {
            assert!(place("outer child").is_some_and(|outer| outer > inner), "{cut:?}");
        }
    })
    .await;
    assert!(cuts >= 8, "{cuts}");
}

/// What a shield has begun it ends, and the cancelled scope is over only then.
async fn shield_that_has_begun_ends<B: Runtime>() {
    let cuts = everywhere(async |cut| {
        let (begun, ended) = (AtomicBool::new(false), AtomicBool::new(false));
        let work = async {
            checkpoint().await;
            shield(async {
                begun.store(true, Ordering::SeqCst);
                pause().await;
                B::sleep(Duration::from_millis(1)).await;
                ended.store(true, Ordering::SeqCst);
            })
            .await;
            checkpoint().await;
        };
        cut.apply::<B, _>(work).await;
        let (begun, ended) = (begun.into_inner(), ended.into_inner());
        assert!(cut.by_hand() || begun == ended, "{cut:?}");
        assert!(cut.made() || ended);
    })
    .await;
    assert!(cuts >= 12, "{cuts}");
}

/// If the body of `finally` has begun, a cancellation anywhere lets the cleanup run, once and to
/// its end.
async fn cleanup_runs_once_if_its_body_began<B: Runtime>() {
    let cuts = everywhere(async |cut| {
        let (begun, cleaned) = (Counter::default(), Counter::default());
        let work = async {
            begun.add();
            pause().await;
        };
        let cleanup = async {
            pause().await;
            cleaned.add();
        };
        cut.apply::<B, _>(finally(work, cleanup)).await;
        match cut.by_hand() {
            // Whoever drops it by hand drops the cleanup, too.
            true => assert!(cleaned.get() <= begun.get(), "{cut:?}"),
            false => assert_eq!(cleaned.get(), begun.get(), "{cut:?}"),
        }
        assert!(begun.get() <= 1 && (cut.made() || begun.get() == 1));
    })
    .await;
    assert!(cuts >= 10, "{cuts}");
}

/// Of cleanups within cleanups the inner one is over before the outer one begins.
async fn cleanups_run_inside_out<B: Runtime>() {
    let cuts = everywhere(async |cut| {
        let log = Log::default();
        let cleanup = |begin, end| {
            let log = &log;
            async move {
                log.add(begin);
                pause().await;
                log.add(end);
            }
        };
        let inner = finally(pause(), cleanup("inner begins", "inner ends"));
        let outer = finally(inner, cleanup("outer begins", "outer ends"));
        cut.apply::<B, _>(outer).await;
        let events = log.take();
        let order = ["inner begins", "inner ends", "outer begins", "outer ends"];
        assert_eq!(events, order[..events.len()], "{cut:?}");
        if !cut.by_hand() {
            // All of them, or, if not even the body had begun, none.
            assert!(matches!(events.len(), 0 | 4), "{cut:?}: {events:?}");
        }
    })
    .await;
    assert!(cuts >= 14, "{cuts}");
}

/// A resource that `bracket` has lent is released once, however far its use came.
async fn resource_is_released_once<B: Runtime>() {
    let cuts = everywhere(async |cut| {
        let mut log = Log::default();
        let work = async {
            bracket(
                &mut log,
                async |log: &mut Log| {
                    log.add("used");
                    pause().await;
                },
                async |log: &mut Log| {
                    pause().await;
                    log.add("released");
                },
            )
            .await;
        };
        cut.apply::<B, _>(work).await;
        let events = log.take();
        match (&events[..], cut.by_hand()) {
            ([] | ["used", "released"], _) | (["used"], true) => {}
            (events, _) => panic!("{cut:?}: {events:?}"),
        }
        assert!(cut.made() || events.len() == 2);
    })
    .await;
    assert!(cuts >= 10, "{cuts}");
}

/// If what `catch_cancelled` runs has begun, the code after it runs, and the operation after that
/// does not.
async fn catch_is_reached_if_its_body_began<B: Runtime>() {
    let cuts = everywhere(async |cut| {
        let (log, caught_any) = (Log::default(), AtomicBool::new(false));
        let work = async {
            let caught = catch_cancelled(async {
                log.add("begun");
                pause().await;
            })
            .await;
            log.add("after");
            caught_any.store(caught.is_err(), Ordering::SeqCst);
            checkpoint().await;
            log.add("end");
        };
        cut.apply::<B, _>(work).await;
        let events = log.take();
        match (&events[..], cut.by_hand()) {
            ([] | ["begun", "after"], _) | (["begun"], true) => {}
            // The end is reached if nothing was caught.
            (["begun", "after", "end"], _) => assert!(!caught_any.into_inner(), "{cut:?}"),
            (events, _) => panic!("{cut:?}: {events:?}"),
        }
    })
    .await;
    assert!(cuts >= 8, "{cuts}");
}

/// C11: what is cancelled from outside has not timed out, and leaves nothing held.
async fn cancellation_is_no_timeout<B: Runtime>() {
    let cuts = everywhere(async |cut| {
        let lock = <B::Lock<()>>::new(());
        let work = B::fail_after(Duration::from_secs(3600), async {
            let _guard = lock.lock().await;
            pause().await;
        });
        let result = cut.apply::<B, _>(work).await;
        assert!(matches!(result, None | Some(Ok(()))), "{cut:?}: {result:?}");
        assert!(lock.try_lock().is_ok(), "{cut:?}");
    })
    .await;
    assert!(cuts >= 8, "{cuts}");
}

/// A scope within the one that is cut does not take the cancellation for its own, and can be used
/// again.
async fn scope_within_is_left_clean<B: Runtime>() {
    let cuts = everywhere(async |cut: &Cut| {
        let (inner, log) = (B::CancelScope::new(), Log::default());
        let work = async {
            let result = inner.run(pause()).await;
            assert!(result.is_ok(), "{cut:?}: not its own cancellation");
            log.add("after");
        };
        let done = cut.apply::<B, _>(work).await;
        assert_eq!(done.is_some(), log.has("after"), "{cut:?}");
        assert!(!inner.cancel_called(), "{cut:?}");
        assert!(inner.run(pause()).await.is_ok(), "{cut:?}");
    })
    .await;
    assert!(cuts >= 8, "{cuts}");
}
