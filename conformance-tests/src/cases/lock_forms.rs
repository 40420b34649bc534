//! The other ways to a lock: with a share in it, and from a thread that may block (C7, C8). They stand
//! in the same queue as `lock`, which is in `sync`.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use anyio_core::{CancelScope as _, Cancelled, Lock as _, Runtime, TaskGroup as _};
use anyio_engine::{Lock, RuntimeExt as _, checkpoint};

use crate::{
    suite::Case,
    support::{Log, caught, poll_once, until},
};

pub(super) fn list<B: Runtime>() -> Vec<Case> {
    list![B, lock_forms:
        owned_guard_keeps_the_lock,
        owned_guard_goes_to_another_thread,
        held_lock_is_not_taken,
        all_forms_stand_in_one_queue,
        released_lock_belongs_to_who_waits,
        owned_waiter_that_is_cancelled_leaves_the_queue,
        owned_waiter_dropped_after_its_turn_passes_it_on,
        owned_lock_that_was_granted_beats_a_cancellation,
        owned_lock_is_not_taken_in_a_cancelled_scope,
        panic_unlocks,
        blocking_thread_waits_for_a_task,
        blocking_thread_is_not_refused,
        threads_and_tasks_exclude_each_other,
    ]
}

/// An owned guard outlives everybody else's share in its lock.
async fn owned_guard_keeps_the_lock<B: Runtime>() {
    let lock = Arc::new(<B::Lock<u8>>::new(1));
    let weak = Arc::downgrade(&lock);
    let mut guard = Arc::clone(&lock).lock_owned().await;
    *guard += 1;
    drop(lock);
    let shared = weak.upgrade().expect("the guard has a share");
    assert!(shared.try_lock().is_err());
    assert_eq!(*guard, 2);
    drop(guard);
    drop(shared.try_lock_owned().expect("it was let go"));
    assert!(weak.upgrade().is_none());
}

/// An owned guard may be used, and dropped, on a thread that knows no runtime; who waits in a task
/// gets the lock.
async fn owned_guard_goes_to_another_thread<B: Runtime>() {
    let lock = Arc::new(<B::Lock<u8>>::new(1));
    let mut guard = Arc::clone(&lock).lock_owned().await;
    let other = thread::spawn(move || *guard += 1);
    assert_eq!(*lock.lock().await, 2);
    other.join().unwrap();
}

/// A lock that is held is not there for others, whichever way they ask.
async fn held_lock_is_not_taken<B: Runtime>() {
    let lock = Arc::new(<B::Lock<u8>>::new(1));
    let guard = Arc::clone(&lock).try_lock_owned().expect("it is free");
    assert!(lock.try_lock().is_err());
    assert!(Arc::clone(&lock).try_lock_owned().is_err());
    drop(guard);
    let guard = lock.blocking_lock();
    assert!(Arc::clone(&lock).try_lock_owned().is_err());
    drop(guard);
    assert!(lock.try_lock().is_ok());
}

/// W1: whichever way they wait, they have the lock in the order in which they came.
async fn all_forms_stand_in_one_queue<B: Runtime>() {
    let (lock, log) = (Arc::new(Lock::new(())), Log::default());
    let held = lock.lock().await;
    let mut first = Box::pin(Arc::clone(&lock).lock_owned());
    assert!(poll_once(&mut first).is_pending());
    let (other, order) = (Arc::clone(&lock), log.clone());
    let second = thread::spawn(move || {
        let _guard = other.blocking_lock();
        order.add("second");
    });
    until::<B>(|| lock.waiting() == 2).await;
    let mut third = Box::pin(lock.lock());
    assert!(poll_once(&mut third).is_pending());
    let mut fourth = Box::pin(Arc::clone(&lock).lock_owned());
    assert!(poll_once(&mut fourth).is_pending());
    drop(held);
    let guard = first.await;
    log.add("first");
    assert!(poll_once(&mut third).is_pending());
    drop(guard);
    let guard = third.await;
    log.add("third");
    assert!(poll_once(&mut fourth).is_pending());
    drop(guard);
    drop(fourth.await);
    log.add("fourth");
    second.join().unwrap();
    assert_eq!(log.take(), ["first", "second", "third", "fourth"]);
    assert_eq!(lock.waiting(), 0);
}

/// W2: a lock that is let go while somebody waits is theirs at once, whichever way they wait.
async fn released_lock_belongs_to_who_waits<B: Runtime>() {
    let lock = Arc::new(<B::Lock<u8>>::new(1));
    let held = Arc::clone(&lock).lock_owned().await;
    let mut first = Box::pin(Arc::clone(&lock).lock_owned());
    assert!(poll_once(&mut first).is_pending());
    drop(held);
    assert!(lock.try_lock().is_err());
    assert!(Arc::clone(&lock).try_lock_owned().is_err());
    let mut second = Box::pin(Arc::clone(&lock).lock_owned());
    assert!(poll_once(&mut second).is_pending());
    drop(first.await);
    assert!(lock.try_lock().is_err());
    drop(second.await);
    assert!(lock.try_lock().is_ok());
}

/// W3: one who waits and is cancelled leaves the queue, and lets its share in the lock go.
async fn owned_waiter_that_is_cancelled_leaves_the_queue<B: Runtime>() {
    let (lock, scope) = (Arc::new(<B::Lock<u8>>::new(1)), B::CancelScope::new());
    let held = lock.try_lock().expect("it is free");
    let mut leaves = Box::pin(scope.run(Arc::clone(&lock).lock_owned()));
    assert!(poll_once(&mut leaves).is_pending());
    let mut stays = Box::pin(Arc::clone(&lock).lock_owned());
    assert!(poll_once(&mut stays).is_pending());
    assert_eq!(Arc::strong_count(&lock), 3);
    scope.cancel();
    assert!(leaves.await.is_err());
    assert_eq!(Arc::strong_count(&lock), 2);
    drop(held);
    drop(stays.await);
    assert_eq!(Arc::strong_count(&lock), 1);
    assert!(lock.try_lock().is_ok());
}

/// W3: one who was granted the lock and is dropped before it has seen it passes it on; the last one
/// leaves it free.
async fn owned_waiter_dropped_after_its_turn_passes_it_on<B: Runtime>() {
    let lock = Arc::new(<B::Lock<u8>>::new(1));
    let held = Arc::clone(&lock).lock_owned().await;
    let mut waiting: Vec<_> = (0..3).map(|_| Box::pin(Arc::clone(&lock).lock_owned())).collect();
    assert!(waiting.iter_mut().all(|waiter| poll_once(waiter).is_pending()));
    drop(held);
    drop(waiting.remove(0));
    assert!(lock.try_lock().is_err());
    drop(waiting.remove(0).await);
    drop(waiting);
    assert!(lock.try_lock().is_ok());
}

/// C7: a lock that was granted before the cancellation is kept, and let go at the next wait.
async fn owned_lock_that_was_granted_beats_a_cancellation<B: Runtime>() {
    let (lock, scope) = (Arc::new(<B::Lock<u8>>::new(1)), B::CancelScope::new());
    let held = lock.try_lock().expect("it is free");
    let other = Arc::clone(&lock);
    let mut waits = Box::pin(scope.run(async {
        let mut guard = Arc::clone(&other).lock_owned().await;
        *guard += 1;
        checkpoint().await;
        *guard += 10;
    }));
    assert!(poll_once(&mut waits).is_pending());
    drop(held);
    scope.cancel();
    assert!(waits.await.is_err());
    assert_eq!(*lock.try_lock().expect("it was let go"), 2);
}

/// C8: in a cancelled scope an owned lock is not taken, though it is free.
async fn owned_lock_is_not_taken_in_a_cancelled_scope<B: Runtime>() {
    let (lock, scope) = (Arc::new(<B::Lock<u8>>::new(1)), B::CancelScope::new());
    scope.cancel();
    let other = Arc::clone(&lock);
    assert!(scope.run(async { std::mem::forget(other.lock_owned().await) }).await.is_err());
    assert!(lock.try_lock().is_ok());
}

/// W4: a panic lets the lock go, and strands nobody who waits, whichever way it was taken.
async fn panic_unlocks<B: Runtime>() {
    let lock = Arc::new(<B::Lock<u8>>::new(1));
    let other = Arc::clone(&lock);
    let mut panics = Box::pin(caught(async {
        let mut guard = other.lock_owned().await;
        *guard += 1;
        checkpoint().await;
        panic!("in the middle");
    }));
    assert!(poll_once(&mut panics).is_pending());
    let mut waits = Box::pin(Arc::clone(&lock).lock_owned());
    assert!(poll_once(&mut waits).is_pending());
    assert_eq!(panics.await, Err::<(), _>("in the middle".to_owned()));
    assert_eq!(*waits.await, 2);

    let other = Arc::clone(&lock);
    let panics = thread::spawn(move || {
        let result = catch_unwind(AssertUnwindSafe(|| {
            let _guard = other.blocking_lock();
            panic!("in a thread");
        }));
        assert!(result.is_err());
    });
    panics.join().unwrap();
    assert!(lock.try_lock().is_ok());
}

/// A thread that blocks for the lock gets it when a task lets it go, and a task when a thread does.
async fn blocking_thread_waits_for_a_task<B: Runtime>() {
    let lock = Arc::new(Lock::new(Vec::new()));
    let mut guard = lock.lock().await;
    let other = Arc::clone(&lock);
    let waits = thread::spawn(move || other.blocking_lock().push("thread"));
    until::<B>(|| lock.waiting() == 1).await;
    guard.push("task");
    drop(guard);
    lock.lock().await.push("task again");
    waits.join().unwrap();
    assert_eq!(*lock.lock().await, ["task", "thread", "task again"]);
}

/// A lock that is taken by blocking is no operation of a task: no cancellation keeps it from a
/// destructor.
async fn blocking_thread_is_not_refused<B: Runtime>() {
    let (lock, scope) = (<B::Lock<u8>>::new(1), B::CancelScope::new());
    scope.cancel();
    let work = async {
        *lock.blocking_lock() += 1;
        checkpoint().await;
        *lock.blocking_lock() += 10;
    };
    assert!(scope.run(work).await.is_err());
    assert_eq!(*lock.try_lock().expect("it was let go"), 2);
}

/// However threads that block and tasks of either kind interleave, one is in at a time, and all come to
/// their turn.
async fn threads_and_tasks_exclude_each_other<B: Runtime>() {
    const EACH: usize = 200;
    let shared = Arc::new((Arc::new(<B::Lock<usize>>::new(0)), AtomicUsize::new(0)));
    let threads = [(); 2].map(|()| {
        let shared = Arc::clone(&shared);
        thread::spawn(move || {
            let (lock, inside) = &*shared;
            for _ in 0..EACH {
                let mut value = lock.blocking_lock();
                assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                *value += 1;
                inside.fetch_sub(1, Ordering::SeqCst);
            }
        })
    });
    let result: Result<(), Cancelled> = B::task_group(async |tg| {
        for owned in [true, false, true, false] {
            let shared = Arc::clone(&shared);
            tg.spawn(async move {
                let (lock, inside) = &*shared;
                for _ in 0..EACH {
                    if owned {
                        let mut value = Arc::clone(lock).lock_owned().await;
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                        *value += 1;
                        inside.fetch_sub(1, Ordering::SeqCst);
                    } else {
                        let mut value = lock.lock().await;
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                        *value += 1;
                        inside.fetch_sub(1, Ordering::SeqCst);
                    }
                }
            });
        }
    })
    .await;
    assert_eq!(result, Ok(()));
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(*shared.0.lock().await, 6 * EACH);
}
