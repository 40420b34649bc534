//! Reader-writer locks: many who read or one who writes, first come, first served (C7, C8).
//!
//! Who comes first is decided by polling by hand: a future that was polled once is in the queue.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use anyio_core::{CancelScope as _, Cancelled, Runtime, TaskGroup as _};
use anyio_engine::{RuntimeExt as _, RwLock, checkpoint};

use crate::{
    suite::Case,
    support::{caught, poll_once},
};

pub(super) fn list<B: Runtime>() -> Vec<Case> {
    list![B, rw_lock:
        readers_share_and_a_writer_is_alone,
        held_lock_is_not_taken,
        first_come_first_served,
        reader_does_not_overtake_a_waiting_writer,
        readers_behind_a_writer_go_together,
        released_lock_belongs_to_who_waits,
        waiter_cancelled_before_its_turn_leaves_the_queue,
        waiter_dropped_after_its_turn_passes_it_on,
        granted_lock_beats_a_cancellation,
        lock_is_not_taken_in_a_cancelled_scope,
        panic_unlocks,
        nobody_writes_during_a_downgrade,
        owned_guard_keeps_the_lock,
        owned_guards_queue_with_the_others,
        statistics_tell_who_waits,
        made_outside_of_a_runtime,
        racing_cancellations_lose_no_lock,
    ]
}

/// W9: any number read at once, and who writes is alone, whatever it waits for meanwhile.
async fn readers_share_and_a_writer_is_alone<B: Runtime>() {
    const TASKS: usize = 6;
    let shared = Arc::new((RwLock::new(0), AtomicUsize::new(0), AtomicUsize::new(0)));
    let result: Result<(), Cancelled> = B::task_group(async |tg| {
        for me in 0..TASKS {
            let shared = Arc::clone(&shared);
            tg.spawn(async move {
                let (lock, readers, writers) = &*shared;
                for round in 0..40 {
                    if (me + round) % 3 == 0 {
                        let mut value = lock.write().await;
                        assert_eq!(writers.fetch_add(1, Ordering::SeqCst), 0);
                        assert_eq!(readers.load(Ordering::SeqCst), 0);
                        let before = *value;
                        checkpoint().await;
                        *value = before + 1;
                        writers.fetch_sub(1, Ordering::SeqCst);
                    } else {
                        let value = lock.read().await;
                        readers.fetch_add(1, Ordering::SeqCst);
                        assert_eq!(writers.load(Ordering::SeqCst), 0);
                        let before = *value;
                        checkpoint().await;
                        assert_eq!(*value, before);
                        readers.fetch_sub(1, Ordering::SeqCst);
                    }
                }
            });
        }
    })
    .await;
    assert_eq!(result, Ok(()));
    let writes: usize =
        (0..TASKS).map(|me| (0..40).filter(|round| (me + round) % 3 == 0).count()).sum();
    assert_eq!(*shared.0.read().await, writes);
    let all: Vec<_> = (0..3).map(|_| shared.0.try_read().expect("nobody writes")).collect();
    assert_eq!(all.len(), 3);
}

/// Who reads keeps out who would write, and who writes keeps out everybody.
async fn held_lock_is_not_taken<B: Runtime>() {
    let lock = RwLock::new(7);
    let reading = lock.read().await;
    assert_eq!(*lock.try_read().expect("readers share"), 7);
    assert!(lock.try_write().is_err());
    drop(reading);
    let mut writing = lock.try_write().expect("it is free");
    *writing += 1;
    assert!(lock.try_read().is_err());
    assert!(lock.try_write().is_err());
    let mut waits = Box::pin(lock.read());
    assert!(poll_once(&mut waits).is_pending());
    drop(writing);
    assert_eq!(*waits.await, 8);
}

/// W1: writers have the lock in the order in which they came.
async fn first_come_first_served<B: Runtime>() {
    let lock = RwLock::new(());
    let mut held = Some(lock.write().await);
    let mut waiting: Vec<_> = (0..4).map(|_| Box::pin(lock.write())).collect();
    assert!(waiting.iter_mut().all(|waiter| poll_once(waiter).is_pending()));
    while !waiting.is_empty() {
        drop(held.take());
        assert!(waiting[1..].iter_mut().all(|waiter| poll_once(waiter).is_pending()));
        held = Some(waiting.remove(0).await);
    }
    drop(held);
    assert!(lock.try_write().is_ok());
}

/// A reader that comes after a writer which waits, waits behind it, so readers cannot starve writers.
async fn reader_does_not_overtake_a_waiting_writer<B: Runtime>() {
    let lock = RwLock::new(1);
    let reading = lock.read().await;
    let mut writer = Box::pin(lock.write());
    assert!(poll_once(&mut writer).is_pending());
    assert!(lock.try_read().is_err(), "somebody waits to write");
    let mut reader = Box::pin(lock.read());
    assert!(poll_once(&mut reader).is_pending());
    drop(reading);
    assert!(poll_once(&mut reader).is_pending());
    *writer.await += 1;
    assert_eq!(*reader.await, 2);
}

/// Readers that have waited for the same writer go on together, up to the next writer.
async fn readers_behind_a_writer_go_together<B: Runtime>() {
    let lock = RwLock::new(());
    let writing = lock.write().await;
    let mut readers: Vec<_> = (0..3).map(|_| Box::pin(lock.read())).collect();
    assert!(readers.iter_mut().all(|reader| poll_once(reader).is_pending()));
    let mut writer = Box::pin(lock.write());
    let mut last = Box::pin(lock.read());
    assert!(poll_once(&mut writer).is_pending());
    assert!(poll_once(&mut last).is_pending());
    drop(writing);
    let mut held = Vec::new();
    for reader in readers {
        held.push(reader.await);
    }
    assert!(poll_once(&mut writer).is_pending());
    assert!(poll_once(&mut last).is_pending());
    drop(held);
    drop(writer.await);
    drop(last.await);
}

/// W2: a lock that is let go while somebody waits is theirs at once; nobody gets in between.
async fn released_lock_belongs_to_who_waits<B: Runtime>() {
    let lock = RwLock::new(());
    let writing = lock.write().await;
    let mut writer = Box::pin(lock.write());
    assert!(poll_once(&mut writer).is_pending());
    drop(writing);
    assert!(lock.try_write().is_err());
    assert!(lock.try_read().is_err());
    let writing = writer.await;
    let mut reader = Box::pin(lock.read());
    assert!(poll_once(&mut reader).is_pending());
    drop(writing);
    assert!(lock.try_write().is_err());
    assert!(lock.try_read().is_ok(), "it is a reader's, so others may read");
    drop(reader.await);
    assert!(lock.try_write().is_ok());
}

/// W3: one who waits and is cancelled leaves the queue; who waited only because of it goes on.
async fn waiter_cancelled_before_its_turn_leaves_the_queue<B: Runtime>() {
    let (lock, scope) = (RwLock::new(()), B::CancelScope::new());
    let reading = lock.read().await;
    let mut writer = Box::pin(scope.run(async { drop(lock.write().await) }));
    assert!(poll_once(&mut writer).is_pending());
    let mut reader = Box::pin(lock.read());
    assert!(poll_once(&mut reader).is_pending());
    scope.cancel();
    assert!(writer.await.is_err());
    drop(reader.await);
    drop(reading);
    assert!(lock.try_write().is_ok());
}

/// W3: one who was granted the lock and is dropped before it has seen it passes it on.
async fn waiter_dropped_after_its_turn_passes_it_on<B: Runtime>() {
    let lock = RwLock::new(());
    for reads in [false, true] {
        let writing = lock.write().await;
        let mut reader = Box::pin(lock.read());
        let mut writer = Box::pin(lock.write());
        if reads {
            assert!(poll_once(&mut reader).is_pending());
        } else {
            assert!(poll_once(&mut writer).is_pending());
        }
        let mut next = Box::pin(lock.write());
        assert!(poll_once(&mut next).is_pending());
        drop(writing);
        assert!(poll_once(&mut next).is_pending());
        drop((reader, writer));
        drop(next.await);
    }
    assert!(lock.try_write().is_ok());
}

/// C7: a lock that was granted before the cancellation is kept, and let go at the next wait.
async fn granted_lock_beats_a_cancellation<B: Runtime>() {
    let (lock, scope) = (RwLock::new(0), B::CancelScope::new());
    let writing = lock.write().await;
    let mut waits = Box::pin(scope.run(async {
        *lock.write().await += 1;
        *lock.write().await += 10;
    }));
    assert!(poll_once(&mut waits).is_pending());
    drop(writing);
    scope.cancel();
    assert!(waits.await.is_err());
    assert_eq!(*lock.try_read().expect("it was let go"), 1);
}

/// C8: in a cancelled scope the lock is not taken, neither to read nor to write, though it is free.
async fn lock_is_not_taken_in_a_cancelled_scope<B: Runtime>() {
    let (lock, scope) = (Arc::new(RwLock::new(())), B::CancelScope::new());
    scope.cancel();
    assert!(scope.run(async { std::mem::forget(lock.read().await) }).await.is_err());
    assert!(scope.run(async { std::mem::forget(lock.write().await) }).await.is_err());
    let owned = Arc::clone(&lock);
    assert!(scope.run(async { std::mem::forget(owned.read_owned().await) }).await.is_err());
    let owned = Arc::clone(&lock);
    assert!(scope.run(async { std::mem::forget(owned.write_owned().await) }).await.is_err());
    assert!(lock.try_write().is_ok());
}

/// W4: a panic while the lock is held lets it go, and the value can still be reached.
async fn panic_unlocks<B: Runtime>() {
    let lock = RwLock::new(0);
    let work = async {
        let mut value = lock.write().await;
        *value = 1;
        checkpoint().await;
        panic!("in the middle");
    };
    assert_eq!(caught(work).await, Err::<(), _>("in the middle".to_owned()));
    let work = async {
        let _value = lock.read().await;
        checkpoint().await;
        panic!("once more");
    };
    assert_eq!(caught(work).await, Err::<(), _>("once more".to_owned()));
    assert_eq!(*lock.try_write().expect("it was let go"), 1);
}

/// Who wrote and goes on reading has what it wrote: a writer that waited goes behind it, and readers go
/// along up to there.
async fn nobody_writes_during_a_downgrade<B: Runtime>() {
    let lock = RwLock::new(0);
    let mut writing = lock.write().await;
    let mut writer = Box::pin(lock.write());
    assert!(poll_once(&mut writer).is_pending());
    *writing = 1;
    let reading = writing.downgrade();
    assert!(poll_once(&mut writer).is_pending());
    assert_eq!(*reading, 1);
    drop(reading);
    *writer.await += 1;

    let shared = Arc::new(lock);
    let reading = Arc::clone(&shared).write_owned().await.downgrade();
    assert_eq!(*reading, 2);
    assert!(shared.try_read().is_ok());
    assert!(shared.try_write().is_err());
}

/// An owned guard outlives everybody else's share in its lock, and may be dropped on any thread.
async fn owned_guard_keeps_the_lock<B: Runtime>() {
    let lock = Arc::new(RwLock::new(vec![1]));
    let mut writing = Arc::clone(&lock).write_owned().await;
    assert!(Arc::clone(&lock).try_read_owned().is_err());
    assert!(Arc::clone(&lock).try_write_owned().is_err());
    let other = thread::spawn(move || writing.push(2));
    let one = Arc::clone(&lock).read_owned().await;
    other.join().unwrap();
    let two = Arc::clone(&lock).try_read_owned().expect("readers share");
    assert_eq!((one.len(), two.len()), (2, 2));
    let weak = Arc::downgrade(&lock);
    drop((lock, two));
    assert!(weak.upgrade().expect("the guard has a share").try_write().is_err());
    assert_eq!(*one, [1, 2]);
    drop(one);
    assert!(weak.upgrade().is_none());
}

/// However the guard is to be, there is one queue.
async fn owned_guards_queue_with_the_others<B: Runtime>() {
    let lock = Arc::new(RwLock::new(()));
    let held = Arc::clone(&lock).write_owned().await;
    let mut first = Box::pin(Arc::clone(&lock).write_owned());
    let mut second = Box::pin(lock.write());
    let mut third = Box::pin(Arc::clone(&lock).read_owned());
    assert!(poll_once(&mut first).is_pending());
    assert!(poll_once(&mut second).is_pending());
    assert!(poll_once(&mut third).is_pending());
    drop(held);
    assert!(poll_once(&mut second).is_pending());
    drop(first.await);
    assert!(poll_once(&mut third).is_pending());
    drop(second.await);
    drop(third.await);
}

/// A lock is an ordinary value, in a `static` too.
async fn made_outside_of_a_runtime<B: Runtime>() {
    static LOCK: RwLock<usize> = RwLock::new(0);
    let mut made = thread::spawn(|| RwLock::new(1)).join().unwrap();
    *made.get_mut() += 1;
    assert_eq!(*made.read().await, 2);
    assert_eq!(made.into_inner(), 2);
    let before = *LOCK.read().await;
    let other =
        thread::spawn(|| futures_lite::future::block_on(async { *LOCK.write().await += 1 }));
    other.join().unwrap();
    assert!(*LOCK.read().await > before);
}

/// However cancellations race with releases, no lock is lost, and no two write at once.
async fn racing_cancellations_lose_no_lock<B: Runtime>() {
    let lock = Arc::new(RwLock::new(0_usize));
    let result: Result<(), Cancelled> = B::task_group(async |tg| {
        for me in 0..8_usize {
            let (lock, tasks) = (Arc::clone(&lock), tg.clone());
            tg.spawn(async move {
                for round in 0..30 {
                    let scope = B::CancelScope::new();
                    let canceller = scope.clone();
                    tasks.spawn(async move {
                        for _ in 0..(me + round) % 4 {
                            checkpoint().await;
                        }
                        canceller.cancel();
                    });
                    let work = async {
                        if (me + round) % 2 == 0 {
                            let mut value = lock.write().await;
                            let before = *value;
                            checkpoint().await;
                            *value = before + 1;
                        } else {
                            let value = lock.read().await;
                            let before = *value;
                            checkpoint().await;
                            assert_eq!(*value, before);
                        }
                    };
                    _ = scope.run(work).await;
                }
            });
        }
    })
    .await;
    assert_eq!(result, Ok(()));
    assert!(lock.try_write().is_ok());
}

/// The statistics say who has the lock, and how many wait for it.
async fn statistics_tell_who_waits<B: Runtime>() {
    let lock = Arc::new(RwLock::new(0));
    let counted = || {
        let statistics = lock.statistics();
        (statistics.readers, statistics.writing, statistics.waiting)
    };
    assert_eq!(counted(), (0, false, 0));
    let (one, two) = (lock.read().await, Arc::clone(&lock).read_owned().await);
    assert_eq!(counted(), (2, false, 0));
    let (mut writes, mut reads) = (Box::pin(lock.write()), Box::pin(lock.read()));
    assert!(poll_once(&mut writes).is_pending());
    assert!(poll_once(&mut reads).is_pending());
    assert_eq!(counted(), (2, false, 2));
    drop(one);
    assert_eq!(counted(), (1, false, 2));
    drop(two);
    assert_eq!(counted(), (0, true, 1), "it is the writer's already");
    let written = writes.await;
    assert_eq!(counted(), (0, true, 1));
    let read = written.downgrade();
    assert_eq!(counted(), (2, false, 0));
    drop(reads);
    assert_eq!(counted(), (1, false, 0));
    drop(read);
    assert_eq!(counted(), (0, false, 0));
}
