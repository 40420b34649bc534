use loom::thread;

use super::{super::Event, waiting};
use crate::{
    model::{Alarm, Job, explore, poll},
    sys::Arc,
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
