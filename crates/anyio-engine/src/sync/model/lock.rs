use std::task::Waker;

use loom::{future::block_on, thread};

use super::{super::Lock, add_one, waiting};
use crate::{
    model::{Alarm, Job, explore, poll},
    sys::{Arc, AtomicUsize, Ordering},
};

/// A lock, made before there are threads.
fn lock() -> Arc<Lock<AtomicUsize>> {
    let lock = Arc::new(Lock::new(AtomicUsize::from(0)));
    assert!(!lock.is_locked());
    assert_eq!(lock.waiting(), 0);
    lock
}

/// Takes the lock and lets it go.
fn visit(lock: &Arc<Lock<AtomicUsize>>) -> impl Future<Output = ()> + Send + 'static {
    let lock = Arc::clone(lock);
    async move { add_one(&*lock.lock().await) }
}

/// One holder at a time, who sees what the one before has done; and none waits for ever.
#[test]
fn a_lock_excludes() {
    explore(2, || {
        let lock = lock();
        let others = [visit(&lock), visit(&lock)].map(|job| thread::spawn(|| block_on(job)));
        for other in others {
            other.join().unwrap();
        }
        assert!(!lock.is_locked());
        assert_eq!(lock.try_lock().unwrap().load(Ordering::Relaxed), 2);
    });
}

/// An unlock as somebody begins to wait lets it in, or wakes it.
#[test]
fn an_unlock_meets_who_begins_to_wait() {
    explore(3, || {
        let lock = lock();
        let holder = {
            let lock = Arc::clone(&lock);
            thread::spawn(move || drop(lock.try_lock()))
        };
        let (alarm, waker) = Alarm::new();
        let mut job: Job<()> = Box::pin(visit(&lock));
        let ready = poll(&mut job, &waker).is_ready();
        holder.join().unwrap();
        assert!(ready || alarm.has_rung(), "the lock is free and it sleeps");
        assert!(ready || poll(&mut job, &waker).is_ready());
        assert!(!lock.is_locked());
    });
}

/// A lock that was handed to one who is dropped at this moment goes to the next, who is woken.
#[test]
fn a_waiter_that_is_dropped_passes_the_lock_on() {
    explore(3, || {
        let lock = lock();
        // Held by nobody in particular, so that a thread can let it go.
        let (holder, _) = {
            let lock = Arc::clone(&lock);
            waiting(async move {
                let _guard = lock.lock().await;
                std::future::pending::<()>().await;
            })
        };
        let (dropped, _) = waiting(visit(&lock));
        let (mut job, alarm) = waiting(visit(&lock));
        let holder = thread::spawn(move || drop(holder));
        drop(dropped);
        holder.join().unwrap();
        assert!(alarm.has_rung(), "the lock is nobody's and the next one sleeps");
        assert!(poll(&mut job, Waker::noop()).is_ready());
        assert!(!lock.is_locked());
        assert_eq!(lock.waiting(), 0);
    });
}
