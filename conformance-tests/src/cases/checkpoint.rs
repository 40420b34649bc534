//! Values and operations in the moment of a cancellation: C7 and C8.

use std::{future::pending, task::Poll, thread, time::Duration};

use anyio_core::{
    CancelScope as _, Cancelled, Event as _, Lock as _, ObjectReceiveStream as _,
    ObjectSendStream as _, Runtime, Semaphore as _, TaskGroup as _, TaskHandle as _,
};
use anyio_engine::{
    RuntimeExt as _, catch_cancelled, checkpoint, current_backend, finally, op, shield,
    sleep_forever,
};
use futures_lite::future::block_on;
use futures_util::join;

use crate::{
    suite::Case,
    support::{Counter, Log, Polls, Wakes, is_pending, poll_once, until},
};

pub(super) fn list<B: Runtime>() -> Vec<Case> {
    list![B, checkpoint:
        body_is_polled_once_before_its_drop,
        granted_lock_is_kept,
        received_item_is_kept,
        finished_child_is_kept,
        last_moment_of_the_work_is_kept,
        checkpoint_yields_once,
        admit_waits_for_nothing,
        lock_does_not_start,
        semaphore_does_not_start,
        event_does_not_start,
        streams_do_not_start,
        sleep_does_not_start,
        join_does_not_start,
        scopes_are_no_operations,
        uncontended_loop_is_cancelled,
        uncontended_loop_is_cancelled_from_outside,
        refused_operation_goes_on,
        destructor_may_block,
        catching_loop_ends,
        cancellation_outlives_its_catch,
    ]
}

/// C7: after the cancellation the body is polled once more, and not again before it is dropped.
async fn body_is_polled_once_before_its_drop<B: Runtime>() {
    let (scope, polls) = (B::CancelScope::new(), Counter::default());
    let mut work = Box::pin(scope.run(Polls::of(pending::<()>(), &polls)));
    assert!(is_pending(work.as_mut()).await);
    scope.cancel();
    assert!(work.await.is_err());
    assert_eq!(polls.get(), 2);
}

/// C7: a lock that was granted before the task noticed the cancellation is kept.
async fn granted_lock_is_kept<B: Runtime>() {
    for cancel_first in [false, true] {
        let (scope, lock) = (B::CancelScope::new(), <B::Lock<u32>>::new(7));
        let guard = lock.lock().await;
        let mut work = Box::pin(scope.run(async { *lock.lock().await }));
        assert!(is_pending(work.as_mut()).await);
        if cancel_first {
            scope.cancel();
        }
        drop(guard);
        scope.cancel();
        assert_eq!(work.await, Ok(7));
    }
}

/// C7: an item that was handed over before the task noticed the cancellation is kept.
async fn received_item_is_kept<B: Runtime>() {
    for cancel_first in [false, true] {
        let scope = B::CancelScope::new();
        let (mut sender, mut receiver) = B::memory_object_stream::<u32>(1);
        let mut work = Box::pin(scope.run(receiver.receive()));
        assert!(is_pending(work.as_mut()).await);
        if cancel_first {
            scope.cancel();
        }
        sender.send(7).await.unwrap();
        scope.cancel();
        assert!(matches!(work.await, Ok(Ok(7))));
    }
}

/// C7: the value of a child that had ended before the task noticed the cancellation is kept.
async fn finished_child_is_kept<B: Runtime>() {
    let (scope, wakes) = (B::CancelScope::new(), Wakes::default());
    let (send, mut receive) = B::memory_object_stream::<u32>(1);
    let mut work = Box::pin(scope.run(B::task_group(async |tg| -> Result<u32, Cancelled> {
        let child = tg.spawn(async move { Ok(receive.receive().await.unwrap_or(0)) });
        child.join().await
    })));
    assert!(wakes.poll(&mut work).is_pending());
    { send }.send(7).await.unwrap();
    // Nothing but the child's end wakes the work.
    until::<B>(|| wakes.count() > 0).await;
    scope.cancel();
    assert_eq!(work.await, Ok(Ok(7)));
}

/// C7: work that ends in the poll in which its scope was cancelled has ended by itself.
async fn last_moment_of_the_work_is_kept<B: Runtime>() {
    let scope = B::CancelScope::new();
    let result = scope
        .run(async {
            checkpoint().await;
            scope.cancel();
            7
        })
        .await;
    assert_eq!(result, Ok(7));
}

/// C8: a checkpoint yields once, to the task's waker, and is over then.
async fn checkpoint_yields_once<B: Runtime>() {
    let wakes = Wakes::default();
    let mut work = checkpoint();
    assert!(wakes.poll(&mut work).is_pending());
    assert_eq!(wakes.count(), 1);
    assert!(wakes.poll(&mut work).is_ready());
    let log = Log::default();
    let turns = async |what| {
        for _ in 0..2 {
            log.add(what);
            checkpoint().await;
        }
    };
    join!(turns("one"), turns("other"));
    assert_eq!(log.take(), ["one", "other", "one", "other"]);
}

/// C8: what starts an operation of one's own neither yields nor waits, unless it is cancelled.
/// Covers: anyio/test_checkpoint_if_cancelled
async fn admit_waits_for_nothing<B: Runtime>() {
    let (log, scope) = (Log::default(), B::CancelScope::new());
    let mut admit = std::future::poll_fn(op::admit);
    assert_eq!(poll_once(&mut admit), Poll::Ready(()));
    let result = scope
        .run(async {
            std::future::poll_fn(op::admit).await;
            log.add("admitted");
            scope.cancel();
            std::future::poll_fn(op::admit).await;
            log.add("never");
        })
        .await;
    assert!(result.is_err());
    assert_eq!(log.take(), ["admitted"]);
}

/// Runs `operation` in a cancelled scope, where it must not end.
async fn refused<B: Runtime, F: Future + Send>(operation: F)
where
    F::Output: Send,
{
    let scope = B::CancelScope::new();
    scope.cancel();
    assert!(scope.run(operation).await.is_err(), "the operation has started");
}

/// C8: in a cancelled scope a free lock is not taken.
/// Covers: trio/test_cancel_points
async fn lock_does_not_start<B: Runtime>() {
    let lock = <B::Lock<u32>>::new(1);
    refused::<B, _>(async {
        *lock.lock().await += 1;
    })
    .await;
    assert_eq!(*lock.try_lock().unwrap(), 1);
    refused::<B, _>(checkpoint()).await;
    // A shielded one does.
    let scope = B::CancelScope::new();
    scope.cancel();
    assert!(scope.run(shield(checkpoint())).await.is_ok());
}

/// C8: in a cancelled scope a permit that is there is not taken.
async fn semaphore_does_not_start<B: Runtime>() {
    let semaphore = B::Semaphore::new(1);
    refused::<B, _>(async {
        std::mem::forget(semaphore.acquire().await.unwrap());
    })
    .await;
    assert!(semaphore.try_acquire().is_ok());
}

/// C8: in a cancelled scope, waiting for what has happened does not return.
async fn event_does_not_start<B: Runtime>() {
    let event = B::Event::new();
    event.set();
    refused::<B, _>(event.wait()).await;
}

/// C8: in a cancelled scope nothing is put into a stream and nothing taken from it.
/// Covers: anyio/test_send_when_cancelled
async fn streams_do_not_start<B: Runtime>() {
    let (mut sender, mut receiver) = B::memory_object_stream::<u32>(2);
    sender.send(1).await.unwrap();
    refused::<B, _>(sender.send(2)).await;
    refused::<B, _>(receiver.receive()).await;
    drop(sender);
    assert_eq!(receiver.receive().await.ok(), Some(1));
    assert!(receiver.receive().await.is_err());
}

/// C8: in a cancelled scope a sleep does not return, however short it is.
async fn sleep_does_not_start<B: Runtime>() {
    refused::<B, _>(B::sleep(Duration::ZERO)).await;
    refused::<B, _>(B::sleep_until(B::now())).await;
    refused::<B, _>(sleep_forever()).await;
}

/// C8: in a cancelled scope, waiting for a task that has ended does not return.
async fn join_does_not_start<B: Runtime>() {
    let scope = B::CancelScope::new();
    let result = B::task_group(async |tg| -> Result<(), Cancelled> {
        let mut child = tg.spawn(async { Ok::<_, Cancelled>(7) });
        child.wait().await;
        let cut = scope.run(async {
            scope.cancel();
            child.wait().await;
        });
        assert!(cut.await.is_err());
        assert_eq!(child.join().await, Ok(7), "waiting has taken nothing away");
        Ok(())
    })
    .await;
    assert_eq!(result, Ok(()));
}

/// C8: scopes, shields, groups and cleanups are no operations: what is ready in them ends also in a
/// cancelled scope.
/// Covers: anyio/test_cancel_before_entering_task_group
async fn scopes_are_no_operations<B: Runtime>() {
    let (scope, inner, log) = (B::CancelScope::new(), B::CancelScope::new(), Log::default());
    let result = scope
        .run(async {
            scope.cancel();
            let scoped = inner.run(async { 1 }).await.unwrap_or(0);
            let shielded = shield(async {
                checkpoint().await;
                2
            });
            let cleaned = finally(async { 4 }, async {
                checkpoint().await;
                log.add("cleanup");
            });
            let sum = scoped + shielded.await + cleaned.await;
            let hour = Duration::from_secs(3600);
            let timed = B::move_on_after(hour, async { 8 }).await.unwrap_or(0);
            let failing = B::fail_after(hour, async { 16 }).await.unwrap_or(0);
            let group = B::task_group(async |_| Ok::<_, Cancelled>(32)).await.unwrap_or(0);
            sum + timed + failing + group
        })
        .await;
    assert_eq!(result, Ok(63));
    assert_eq!(log.take(), ["cleanup"]);
}

/// C8: a loop whose operations never have to wait can be cancelled from within.
async fn uncontended_loop_is_cancelled<B: Runtime>() {
    let (scope, lock, rounds) = (B::CancelScope::new(), <B::Lock<()>>::new(()), Counter::default());
    let result = scope
        .run(async {
            loop {
                let _guard = lock.lock().await;
                if rounds.add() == 999 {
                    scope.cancel();
                }
            }
        })
        .await;
    assert!(result.is_err());
    assert_eq!(rounds.get(), 1000);
}

/// C8: a loop whose operations never have to wait can be cancelled from another thread.
async fn uncontended_loop_is_cancelled_from_outside<B: Runtime>() {
    let (scope, lock, rounds) = (B::CancelScope::new(), <B::Lock<()>>::new(()), Counter::default());
    let thread = {
        let (scope, rounds) = (scope.clone(), rounds.clone());
        thread::spawn(move || {
            while rounds.get() < 1000 {
                thread::yield_now();
            }
            scope.cancel();
        })
    };
    let result = scope
        .run(async {
            loop {
                let _guard = lock.lock().await;
                rounds.add();
            }
        })
        .await;
    assert!(result.is_err());
    thread.join().unwrap();
}

/// C8: an operation that was refused goes on when a shield is raised around it, and is woken.
async fn refused_operation_goes_on<B: Runtime>() {
    let (gate, lock, log) = (B::Event::new(), <B::Lock<()>>::new(()), Log::default());
    let (outer, inner) = (B::CancelScope::new(), B::CancelScope::new());
    let result = outer
        .run(async {
            outer.cancel();
            let refused = inner.run(async {
                let _guard = lock.lock().await;
                log.add("locked");
                gate.set();
            });
            let raises = async {
                assert!(log.take().is_empty());
                inner.set_shielded(true);
            };
            // The first one keeps the outer scope waiting.
            join!(shield(gate.wait()), refused, raises)
        })
        .await;
    assert!(matches!(result, Ok(((), Ok(()), ()))));
    assert_eq!(log.take(), ["locked"]);
}

/// C8: nothing is refused while a cancelled body is being dropped, so a destructor may drive a
/// future to its end.
async fn destructor_may_block<B: Runtime>() {
    struct Flushes<'a, L: anyio_core::Lock<u32>>(&'a L);

    impl<L: anyio_core::Lock<u32>> Drop for Flushes<'_, L> {
        fn drop(&mut self) {
            // It knows where it is, but is in no scope.
            assert!(current_backend().is_some() && !op::is_cancelled());
            block_on(async {
                *self.0.lock().await += 1;
                checkpoint().await;
                shield(finally(checkpoint(), checkpoint())).await;
            });
        }
    }

    let (scope, lock) = (B::CancelScope::new(), <B::Lock<u32>>::new(0));
    let body = async {
        let _flushes = Flushes(&lock);
        scope.cancel();
        sleep_forever().await;
    };
    assert!(scope.run(body).await.is_err());
    // The same in boundaries.
    let body = async {
        let _flushes = Flushes(&lock);
        sleep_forever().await;
    };
    assert!(scope.run(finally(body, async {})).await.is_err());
    let (scope, body) = (B::CancelScope::new(), async {
        let _flushes = Flushes(&lock);
        sleep_forever().await;
    });
    let caught = scope.run(async { join!(catch_cancelled(body), async { scope.cancel() }) });
    assert!(matches!(caught.await, Ok((Err(_), ()))));
    assert_eq!(*lock.try_lock().unwrap(), 3);
}

/// C8: a loop that catches every cancellation ends all the same: in a cancelled scope a catch does
/// not begin.
async fn catching_loop_ends<B: Runtime>() {
    for cancelled_before in [true, false] {
        let (scope, rounds) = (B::CancelScope::new(), Counter::default());
        if cancelled_before {
            scope.cancel();
        }
        let result = scope
            .run(async {
                loop {
                    _ = catch_cancelled(async {
                        scope.cancel();
                        checkpoint().await;
                    })
                    .await;
                    rounds.add();
                }
            })
            .await;
        assert!(result.is_err());
        assert_eq!(rounds.get(), usize::from(!cancelled_before));
    }
}

/// C8: a cancellation is a level, not an event: each operation after a caught one is refused again.
/// Covers: trio/test_cancel_edge_cases
async fn cancellation_outlives_its_catch<B: Runtime>() {
    let (scope, log) = (B::CancelScope::new(), Log::default());
    let result = scope
        .run(async {
            let caught = catch_cancelled(async {
                scope.cancel();
                checkpoint().await;
            });
            assert!(caught.await.is_err() && op::is_cancelled());
            shield(checkpoint()).await;
            log.add("shielded");
            checkpoint().await;
            log.add("never");
        })
        .await;
    assert!(result.is_err());
    assert_eq!(log.take(), ["shielded"]);
}
