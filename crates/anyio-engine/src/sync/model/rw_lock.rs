use loom::{future::block_on, thread};

use super::super::RwLock;
use crate::{
    model::{Alarm, Job, explore, poll},
    sys::{Arc, AtomicUsize, Ordering},
};

/// A lock, made before there are threads.
fn lock() -> Arc<RwLock<AtomicUsize>> {
    let lock = Arc::new(RwLock::new(AtomicUsize::from(0)));
    assert_eq!(lock.statistics().waiting, 0);
    lock
}

/// Two steps, between which nobody else may be.
fn write(value: &AtomicUsize) {
    let before = value.load(Ordering::Relaxed);
    value.store(before + 1, Ordering::Relaxed);
    value.store(before + 2, Ordering::Relaxed);
}

/// A reader beside a writer sees all of what was written, or nothing; then nobody has the lock.
#[test]
fn a_writer_is_alone() {
    explore(2, || {
        let lock = lock();
        let writer = {
            let lock = Arc::clone(&lock);
            thread::spawn(move || {
                let written = block_on(lock.write());
                write(&written);
            })
        };
        let seen = block_on(async { lock.read().await.load(Ordering::Relaxed) });
        assert!(seen == 0 || seen == 2, "{seen}");
        writer.join().unwrap();
        assert_eq!(lock.try_write().unwrap().load(Ordering::Relaxed), 2);
    });
}

/// A downgrade as somebody else begins to read: that one sees what was written, or is woken for it.
#[test]
fn a_downgrade_meets_who_begins_to_wait() {
    explore(3, || {
        let lock = lock();
        let held = Arc::clone(&lock).try_write_owned().unwrap();
        let writer = thread::spawn(move || {
            write(&held);
            assert_eq!(held.downgrade().load(Ordering::Relaxed), 2);
        });
        let (alarm, waker) = Alarm::new();
        let theirs = Arc::clone(&lock);
        let mut job: Job<usize> =
            Box::pin(async move { theirs.read().await.load(Ordering::Relaxed) });
        let polled = poll(&mut job, &waker);
        writer.join().unwrap();
        assert!(polled.is_ready() || alarm.has_rung(), "the lock is free and it sleeps");
        let seen = if polled.is_ready() { polled } else { poll(&mut job, &waker) };
        assert!(matches!(seen, std::task::Poll::Ready(2)));
        assert_eq!(lock.statistics().readers, 0);
    });
}

/// A writer that is dropped as it is given the lock leaves it to the reader behind it.
#[test]
fn a_writer_that_is_dropped_passes_the_lock_on() {
    explore(3, || {
        let lock = lock();
        let held = Arc::clone(&lock).try_read_owned().unwrap();
        let (writer, reader) = (Alarm::new(), Alarm::new());
        let [one, two] = [Arc::clone(&lock), Arc::clone(&lock)];
        let mut writes: Job<()> = Box::pin(async move { drop(one.write_owned().await) });
        let mut reads: Job<()> = Box::pin(async move { drop(two.read_owned().await) });
        assert!(poll(&mut writes, &writer.1).is_pending());
        assert!(poll(&mut reads, &reader.1).is_pending());
        let other = thread::spawn(move || drop(held));
        drop(writes);
        other.join().unwrap();
        assert!(reader.0.has_rung(), "the lock is free and it sleeps");
        assert!(poll(&mut reads, &reader.1).is_ready());
        assert!(lock.try_write().is_ok());
    });
}
