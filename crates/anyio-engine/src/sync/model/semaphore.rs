use std::task::{Poll, Waker};

use loom::{future::block_on, thread};

use super::{super::Semaphore, add_one, waiting};
use crate::{
    model::{Alarm, Job, explore, poll},
    sys::{Arc, AtomicUsize, Ordering},
};

/// A semaphore, made before there are threads.
fn semaphore(permits: usize) -> Arc<Semaphore> {
    let semaphore = Arc::new(Semaphore::new(permits));
    assert_eq!(semaphore.available(), permits);
    assert_eq!(semaphore.waiting(), 0);
    semaphore
}

/// Takes a permit for good.
fn acquire(semaphore: &Arc<Semaphore>) -> impl Future<Output = ()> + Send + 'static {
    let semaphore = Arc::clone(semaphore);
    async move { semaphore.acquire().await.expect("it is open").forget() }
}

/// One permit is held by one at a time, each sees what the one before has done, and none waits for
/// ever.
#[test]
fn one_permit_excludes() {
    explore(2, || {
        let (semaphore, number) = (semaphore(1), Arc::new(AtomicUsize::from(0)));
        let work = {
            let (semaphore, number) = (Arc::clone(&semaphore), Arc::clone(&number));
            move || {
                block_on(async {
                    let _permit = semaphore.acquire().await.expect("it is open");
                    add_one(&number);
                });
            }
        };
        let others = [thread::spawn(work.clone()), thread::spawn(work)];
        for other in others {
            other.join().unwrap();
        }
        assert_eq!(number.load(Ordering::Relaxed), 2);
        assert_eq!((semaphore.available(), semaphore.waiting()), (1, 0));
    });
}

/// A permit that comes as somebody begins to wait for it is taken, or wakes.
#[test]
fn a_release_meets_who_begins_to_wait() {
    explore(3, || {
        let semaphore = semaphore(0);
        let releaser = {
            let semaphore = Arc::clone(&semaphore);
            thread::spawn(move || semaphore.release(1).unwrap())
        };
        let (alarm, waker) = Alarm::new();
        let mut job: Job<()> = Box::pin(acquire(&semaphore));
        let ready = poll(&mut job, &waker).is_ready();
        releaser.join().unwrap();
        assert!(ready || alarm.has_rung(), "there is a permit and it sleeps");
        assert!(ready || poll(&mut job, &waker).is_ready());
        assert_eq!((semaphore.available(), semaphore.waiting()), (0, 0));
    });
}

/// A permit that was given to one who is dropped at this moment goes to the next, who is woken.
#[test]
fn a_waiter_that_is_dropped_passes_its_permit_on() {
    explore(3, || {
        let semaphore = semaphore(0);
        let (dropped, _) = waiting(acquire(&semaphore));
        let (mut job, alarm) = waiting(acquire(&semaphore));
        let releaser = {
            let semaphore = Arc::clone(&semaphore);
            thread::spawn(move || semaphore.release(1).unwrap())
        };
        drop(dropped);
        releaser.join().unwrap();
        assert!(alarm.has_rung(), "the permit is nobody's and the next one sleeps");
        assert!(poll(&mut job, Waker::noop()).is_ready());
        assert_eq!((semaphore.available(), semaphore.waiting()), (0, 0));
    });
}

/// The last one who waits is dropped as permits come from two sides: none is lost and nothing keeps
/// them from being taken.
#[test]
fn permits_that_nobody_waits_for_are_free() {
    explore(3, || {
        let semaphore = semaphore(0);
        let (dropped, _) = waiting(acquire(&semaphore));
        let release = |permits| {
            let semaphore = Arc::clone(&semaphore);
            thread::spawn(move || semaphore.release(permits).unwrap())
        };
        let releasers = [release(1), release(2)];
        drop(dropped);
        for releaser in releasers {
            releaser.join().unwrap();
        }
        assert_eq!((semaphore.available(), semaphore.waiting()), (3, 0));
        assert!(semaphore.try_acquire().is_ok());
    });
}

/// Takes several permits for good, or says that there will be none.
fn acquire_many(
    semaphore: &Arc<Semaphore>,
    permits: usize,
) -> impl Future<Output = bool> + Send + 'static {
    let semaphore = Arc::clone(semaphore);
    async move {
        let acquired = semaphore.acquire_many(permits).await;
        acquired.map(|permits| permits.forget()).is_ok()
    }
}

/// A close as somebody begins to wait is told, at once or by a wake-up.
#[test]
fn a_close_meets_who_begins_to_wait() {
    explore(3, || {
        let semaphore = semaphore(0);
        let closer = {
            let semaphore = Arc::clone(&semaphore);
            thread::spawn(move || semaphore.close())
        };
        let (alarm, waker) = Alarm::new();
        let mut job: Job<bool> = Box::pin(acquire_many(&semaphore, 1));
        let mut result = poll(&mut job, &waker);
        closer.join().unwrap();
        if result.is_pending() {
            assert!(alarm.has_rung(), "it is closed and it sleeps");
            result = poll(&mut job, &waker);
        }
        assert_eq!(result, Poll::Ready(false));
        assert_eq!((semaphore.available(), semaphore.waiting()), (0, 0));
    });
}

/// A close as one of two who wait is dropped: the other one is told.
#[test]
fn a_close_tells_everybody() {
    explore(3, || {
        let semaphore = semaphore(0);
        let (dropped, _) = waiting(acquire_many(&semaphore, 2));
        let (mut job, alarm) = waiting(acquire_many(&semaphore, 1));
        let closer = {
            let semaphore = Arc::clone(&semaphore);
            thread::spawn(move || semaphore.close())
        };
        drop(dropped);
        closer.join().unwrap();
        assert!(alarm.has_rung(), "it is closed and it sleeps");
        assert_eq!(poll(&mut job, Waker::noop()), Poll::Ready(false));
        assert_eq!((semaphore.available(), semaphore.waiting()), (0, 0));
    });
}

/// A close and a release at once: who waits gets the permit or is told, and the permit is not lost.
#[test]
fn a_close_and_a_release_lose_nothing() {
    explore(3, || {
        let semaphore = semaphore(0);
        let (mut job, alarm) = waiting(acquire_many(&semaphore, 1));
        let others = [Semaphore::close, |semaphore: &Semaphore| semaphore.release(1).unwrap()].map(
            |act: fn(&Semaphore)| {
                let semaphore = Arc::clone(&semaphore);
                thread::spawn(move || act(&semaphore))
            },
        );
        for other in others {
            other.join().unwrap();
        }
        assert!(alarm.has_rung(), "it was told nothing");
        let Poll::Ready(acquired) = poll(&mut job, Waker::noop()) else {
            panic!("it was woken for nothing")
        };
        assert_eq!(semaphore.available(), usize::from(!acquired));
        assert_eq!(semaphore.waiting(), 0);
        assert!(semaphore.try_acquire().is_err());
    });
}

/// Who is dropped as the semaphore is closed, granted or not, keeps no permit.
#[test]
fn a_close_meets_one_that_is_dropped() {
    explore(3, || {
        let semaphore = semaphore(0);
        let (dropped, _) = waiting(acquire_many(&semaphore, 1));
        let (mut job, alarm) = waiting(acquire_many(&semaphore, 1));
        let others = [Semaphore::close, |semaphore: &Semaphore| semaphore.release(1).unwrap()].map(
            |act: fn(&Semaphore)| {
                let semaphore = Arc::clone(&semaphore);
                thread::spawn(move || act(&semaphore))
            },
        );
        drop(dropped);
        for other in others {
            other.join().unwrap();
        }
        assert!(alarm.has_rung(), "it was told nothing");
        let Poll::Ready(acquired) = poll(&mut job, Waker::noop()) else {
            panic!("it was woken for nothing")
        };
        assert_eq!(semaphore.available(), usize::from(!acquired));
        assert_eq!(semaphore.waiting(), 0);
    });
}

/// One who waits for two and is dropped as permits come one by one: they go to the one behind it, and
/// the rest is free.
#[test]
fn what_is_kept_for_one_that_is_dropped_goes_on() {
    explore(3, || {
        let semaphore = semaphore(1);
        let (dropped, _) = waiting(acquire_many(&semaphore, 2));
        let (mut job, alarm) = waiting(acquire_many(&semaphore, 1));
        let releaser = {
            let semaphore = Arc::clone(&semaphore);
            thread::spawn(move || semaphore.release(1).unwrap())
        };
        drop(dropped);
        releaser.join().unwrap();
        assert!(alarm.has_rung(), "there are permits and it sleeps");
        assert_eq!(poll(&mut job, Waker::noop()), Poll::Ready(true));
        assert_eq!((semaphore.available(), semaphore.waiting()), (1, 0));
        assert!(semaphore.try_acquire().is_ok());
    });
}

/// Two who want two each, of two, on threads of their own: none gets a part and waits for the rest for
/// ever.
#[test]
fn several_are_taken_together() {
    explore(2, || {
        let semaphore = semaphore(2);
        let work = {
            let semaphore = Arc::clone(&semaphore);
            move || {
                block_on(async { drop(semaphore.acquire_many(2).await.expect("it is open")) });
            }
        };
        let others = [thread::spawn(work.clone()), thread::spawn(work)];
        for other in others {
            other.join().unwrap();
        }
        assert_eq!((semaphore.available(), semaphore.waiting()), (2, 0));
    });
}
