use loom::thread;

use super::{super::Event, waiting};
use crate::{
    model::{Alarm, Job, explore, poll},
    sys::{Arc, AtomicUsize, Ordering},
};

/// An event, made before there are threads.
fn event() -> Arc<Event> {
    let event = Arc::new(Event::new());
    assert!(!event.is_set());
    assert_eq!(event.waiting(), 0);
    event
}

fn wait(event: &Arc<Event>) -> impl Future<Output = ()> + Send + 'static {
    let event = Arc::clone(event);
    async move { event.wait().await }
}

/// Who waits as the flag is raised sees it or is woken.
#[test]
fn nobody_is_left_behind() {
    explore(3, || {
        let event = event();
        let setter = {
            let event = Arc::clone(&event);
            thread::spawn(move || event.set())
        };
        let (alarm, waker) = Alarm::new();
        let mut job: Job<()> = Box::pin(wait(&event));
        let ready = poll(&mut job, &waker).is_ready();
        setter.join().unwrap();
        assert!(ready || alarm.has_rung(), "the flag is up and it sleeps");
        assert!(ready || poll(&mut job, &waker).is_ready());
        assert_eq!(event.waiting(), 0);
    });
}

/// One of two who wait is dropped, and the other one moves to a new waker, as the flag is raised:
/// the one that is left is woken by the waker it had last.
#[test]
fn a_waiter_that_is_dropped_takes_nobody_along() {
    explore(3, || {
        let event = event();
        let (dropped, _) = waiting(wait(&event));
        let (mut job, _) = waiting(wait(&event));
        let setter = {
            let event = Arc::clone(&event);
            thread::spawn(move || event.set())
        };
        drop(dropped);
        let (alarm, waker) = Alarm::new();
        let ready = poll(&mut job, &waker).is_ready();
        setter.join().unwrap();
        assert!(ready || alarm.has_rung(), "the flag is up and it sleeps");
        assert!(ready || poll(&mut job, &waker).is_ready());
        assert_eq!(event.waiting(), 0);
    });
}

/// Two raise the flag at once while somebody waits: both find it raised, and who waits is woken.
#[test]
fn two_may_raise_it() {
    explore(3, || {
        let event = event();
        let (mut job, alarm) = waiting(wait(&event));
        let setters = [(); 2].map(|()| {
            let event = Arc::clone(&event);
            thread::spawn(move || {
                event.set();
                assert!(event.is_set());
            })
        });
        for setter in setters {
            setter.join().unwrap();
        }
        assert_eq!(alarm.rings(), 1);
        assert!(poll(&mut job, std::task::Waker::noop()).is_ready());
        assert_eq!(event.waiting(), 0);
    });
}

/// What was done before the flag was raised is seen by who finds it up, without a lock on either side.
#[test]
fn what_came_before_is_seen() {
    explore(3, || {
        let (event, value) = (event(), Arc::new(AtomicUsize::from(0)));
        let setter = {
            let (event, value) = (Arc::clone(&event), Arc::clone(&value));
            thread::spawn(move || {
                value.store(1, Ordering::Relaxed);
                event.set();
            })
        };
        if event.is_set() {
            assert_eq!(value.load(Ordering::Relaxed), 1);
        }
        let (_alarm, waker) = Alarm::new();
        let mut job: Job<()> = Box::pin(wait(&event));
        if poll(&mut job, &waker).is_ready() {
            assert_eq!(value.load(Ordering::Relaxed), 1);
        }
        setter.join().unwrap();
    });
}
