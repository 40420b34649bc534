//! C9: a task that never has to wait yields all the same, and takes nothing when it does.

use std::{sync::Arc, task::Poll, time::Duration};

use anyio_core::{
    CancelScope as _, Cancelled, CapacityLimiter as _, Condition as _, Event as _, Lock as _,
    ObjectReceiveStream as _, ObjectSendStream as _, Runtime, Semaphore as _, TaskGroup as _,
    TaskHandle as _,
};
use anyio_engine::{
    Barrier, OnceCell, RuntimeExt as _, RwLock, broadcast, memory_object_stream, oneshot, watch,
};
use futures_lite::future::block_on;

use crate::{
    suite::Case,
    support::{Counter, poll_once, until},
};

pub(super) fn list<B: Runtime>() -> Vec<Case> {
    list![B, budget:
        every_operation_yields_now_and_then,
        every_form_of_waiting_yields_now_and_then,
        lock_loop_lets_its_neighbour_run,
        stream_loop_lets_its_neighbour_run,
        loop_notices_a_deadline,
        yielding_takes_no_lock,
        yielding_takes_no_permit,
        yielding_sends_and_receives_nothing,
        yielding_is_rare,
        destructor_may_block_for_thousands_of_operations,
        destructor_in_a_cancelled_scope_may_block,
    ]
}

/// More operations than any backend does between two yields.
const MANY: usize = 100_000;

/// Polls a loop that is always ready once, and sees it yield.
fn yields(what: &str, work: impl Future<Output = ()>) {
    let mut work = Box::pin(work);
    assert!(poll_once(&mut work).is_pending(), "{what}: {MANY} operations without a yield");
}

/// Each operation that is ready at once yields after a number of them.
async fn every_operation_yields_now_and_then<B: Runtime>() {
    let lock = <B::Lock<()>>::new(());
    yields("lock", async {
        for _ in 0..MANY {
            drop(lock.lock().await);
        }
    });
    let semaphore = B::Semaphore::new(1);
    yields("acquire", async {
        for _ in 0..MANY {
            drop(semaphore.acquire().await.unwrap());
        }
    });
    let event = B::Event::new();
    event.set();
    yields("wait", async {
        for _ in 0..MANY {
            event.wait().await;
        }
    });
    let (mut send, mut receive) = B::memory_object_stream(2 * MANY);
    yields("send", async {
        for item in 0..MANY {
            send.send(item).await.expect("there is room");
        }
    });
    drop(send);
    yields("receive", async {
        for _ in 0..MANY {
            _ = receive.receive().await;
        }
    });
    let result: Result<(), Cancelled> = B::task_group(async |tg| {
        let mut handle = tg.spawn(async {});
        handle.wait().await;
        yields("wait of a task", async {
            for _ in 0..MANY {
                handle.wait().await;
            }
        });
    })
    .await;
    assert_eq!(result, Ok(()));
}

/// So do the owned forms, and what is less common.
async fn every_form_of_waiting_yields_now_and_then<B: Runtime>() {
    let lock = Arc::new(<B::Lock<()>>::new(()));
    yields("owned lock", async {
        for _ in 0..MANY {
            drop(Arc::clone(&lock).lock_owned().await);
        }
    });
    let condition = B::Condition::new();
    yields("condition", async {
        for _ in 0..MANY {
            let guard = lock.try_lock().expect("it is free");
            drop(condition.wait_for(&*lock, guard, |()| true).await);
        }
    });
    let semaphore = Arc::new(B::Semaphore::new(2));
    yields("owned permits", async {
        for _ in 0..MANY {
            drop(Arc::clone(&semaphore).acquire_many_owned(2).await.unwrap());
        }
    });
    let limiter = Arc::new(B::CapacityLimiter::new(1));
    yields("limiter", async {
        for _ in 0..MANY {
            drop(limiter.acquire().await);
        }
    });
    yields("owned token", async {
        for _ in 0..MANY {
            drop(Arc::clone(&limiter).acquire_owned().await);
        }
    });
    let barrier = Barrier::new(1);
    yields("barrier", async {
        for _ in 0..MANY {
            barrier.wait().await;
        }
    });
    let lock = Arc::new(RwLock::new(()));
    yields("read", async {
        for _ in 0..MANY {
            drop(lock.read().await);
        }
    });
    yields("owned write", async {
        for _ in 0..MANY {
            drop(Arc::clone(&lock).write_owned().await);
        }
    });
    let cell = OnceCell::from(1);
    yields("cell", async {
        for _ in 0..MANY {
            cell.get_or_init(async || unreachable!()).await;
        }
    });
    yields("oneshot", async {
        for _ in 0..MANY {
            let (send, receive) = oneshot();
            send.send(()).unwrap();
            assert_eq!(receive.await, Ok(()));
        }
    });
    let (send, mut receive) = watch(0);
    yields("watch", async {
        for item in 0..MANY {
            send.send(item).unwrap();
            assert_eq!(receive.changed().await, Ok(()));
        }
    });
    let (send, mut receive) = broadcast(1);
    yields("broadcast", async {
        for item in 0..MANY {
            send.send(item).unwrap();
            assert_eq!(receive.receive().await, Ok(item));
        }
    });
}

/// A task that locks again and again lets another one on the same thread run.
async fn lock_loop_lets_its_neighbour_run<B: Runtime>() {
    let (rounds, stop) = (Counter::default(), Counter::default());
    let result: Result<(), Cancelled> = B::task_group(async |tg| {
        let (theirs, stopped) = (rounds.clone(), stop.clone());
        tg.spawn(async move {
            let lock = <B::Lock<()>>::new(());
            while stopped.get() == 0 {
                drop(lock.lock().await);
                theirs.add();
            }
        });
        until::<B>(|| rounds.get() > 1000).await;
        // Where there is one thread only, this runs only if the loop lets it.
        tg.spawn(async move { _ = stop.add() });
    })
    .await;
    assert_eq!(result, Ok(()));
}

/// A task that sends and receives without ever waiting lets another one on the same thread run.
async fn stream_loop_lets_its_neighbour_run<B: Runtime>() {
    let (rounds, stop) = (Counter::default(), Counter::default());
    let result: Result<(), Cancelled> = B::task_group(async |tg| {
        let (theirs, stopped) = (rounds.clone(), stop.clone());
        tg.spawn(async move {
            let (mut send, mut receive) = B::memory_object_stream(1);
            while stopped.get() == 0 {
                send.send(7).await.expect("there is room");
                assert_eq!(receive.receive().await, Ok(7));
                theirs.add();
            }
        });
        until::<B>(|| rounds.get() > 1000).await;
        tg.spawn(async move { _ = stop.add() });
    })
    .await;
    assert_eq!(result, Ok(()));
}

/// A deadline around a loop that never waits is noticed.
async fn loop_notices_a_deadline<B: Runtime>() {
    let lock = <B::Lock<()>>::new(());
    let work = async {
        loop {
            drop(lock.lock().await);
        }
    };
    let result: Option<()> = B::move_on_after(Duration::from_millis(10), work).await;
    assert!(result.is_none());
    assert!(lock.try_lock().is_ok());
}

/// When a lock yields, it has not been taken.
async fn yielding_takes_no_lock<B: Runtime>() {
    let lock = <B::Lock<()>>::new(());
    for _ in 0..MANY {
        let mut locking = Box::pin(lock.lock());
        if poll_once(&mut locking).is_pending() {
            drop(lock.try_lock().expect("the lock that yielded has not been taken"));
            drop(locking.await);
            return;
        }
    }
    panic!("{MANY} locks without a yield");
}

/// When an acquire yields, no permit has been taken.
async fn yielding_takes_no_permit<B: Runtime>() {
    let semaphore = B::Semaphore::new(1);
    for _ in 0..MANY {
        let mut acquiring = Box::pin(semaphore.acquire());
        if poll_once(&mut acquiring).is_pending() {
            drop(semaphore.try_acquire().expect("no permit has been taken"));
            drop(acquiring.await);
            return;
        }
    }
    panic!("{MANY} permits without a yield");
}

/// When a send or a receive yields, nothing has gone in or out.
#[expect(clippy::extra_unused_type_parameters, reason = "every case has the same shape")]
async fn yielding_sends_and_receives_nothing<B: Runtime>() {
    let (send, receive) = memory_object_stream(MANY);
    let sent = (0..MANY).position(|item| poll_once(&mut send.send(item)).is_pending());
    let sent = sent.expect("sending yields now and then");
    assert_eq!(receive.statistics().used, sent);

    let (send, receive) = memory_object_stream(MANY);
    for item in 0..MANY {
        send.try_send(item).expect("there is room");
    }
    let received = (0..MANY).position(|_| poll_once(&mut Box::pin(receive.receive())).is_pending());
    let received = received.expect("receiving yields now and then");
    assert_eq!(receive.statistics().used, MANY - received);
    assert_eq!(receive.try_receive(), Ok(received));
}

/// What is ready at once yields only now and then, not each time.
async fn yielding_is_rare<B: Runtime>() {
    let lock = <B::Lock<()>>::new(());
    let mut yielded = 0;
    for _ in 0..1_000 {
        let mut locking = Box::pin(lock.lock());
        yielded += usize::from(poll_once(&mut locking).is_pending());
    }
    assert!((1..=100).contains(&yielded), "{yielded} of 1000");
}

/// Blocks its thread, in its destructor, for many operations that are ready at once.
struct Thorough<B: Runtime> {
    lock: B::Lock<usize>,
    done: Counter,
}

impl<B: Runtime> Drop for Thorough<B> {
    fn drop(&mut self) {
        block_on(async {
            for _ in 0..5_000 {
                *self.lock.lock().await += 1;
            }
        });
        self.done.add();
    }
}

/// A destructor may block on thousands of operations: the budget slows it down and never stops it.
async fn destructor_may_block_for_thousands_of_operations<B: Runtime>() {
    let done = Counter::default();
    drop(Thorough::<B> { lock: <B::Lock<_>>::new(0), done: done.clone() });
    let result: Result<(), Cancelled> = B::task_group(async |tg| {
        let thorough = Thorough::<B> { lock: <B::Lock<_>>::new(0), done: done.clone() };
        tg.spawn(async move {
            let _thorough = thorough;
            anyio_engine::checkpoint().await;
        });
    })
    .await;
    assert_eq!(result, Ok(()));
    assert_eq!(done.get(), 2);
}

/// C8: also while a cancelled scope drops its body, a destructor may block on operations.
async fn destructor_in_a_cancelled_scope_may_block<B: Runtime>() {
    let (done, scope) = (Counter::default(), B::CancelScope::new());
    let thorough = Thorough::<B> { lock: <B::Lock<_>>::new(0), done: done.clone() };
    let result = scope
        .run(async {
            let _thorough = thorough;
            scope.cancel();
            std::future::poll_fn(|_| Poll::<()>::Pending).await;
        })
        .await;
    assert!(result.is_err());
    let result: Result<(), Cancelled> = B::task_group(async |tg| {
        let thorough = Thorough::<B> { lock: <B::Lock<_>>::new(0), done: done.clone() };
        tg.spawn(async move {
            let _thorough = thorough;
            std::future::pending::<()>().await;
        });
        tg.cancel();
    })
    .await;
    assert_eq!(result, Ok(()));
    assert_eq!(done.get(), 2);
}
