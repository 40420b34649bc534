//! Models of what wakes the owner of a node. The numbers are those of [`Bell`]'s invariants.

use std::task::{Wake, Waker};

use loom::thread;

use crate::{
    model::explore,
    sys::{Arc, AtomicU32, Ordering},
    tree::bell::Bell,
};

/// A task as a runtime has it: who polls it after it was woken sees what was done before.
#[derive(Default)]
struct Task(AtomicU32);

impl Task {
    /// How often it has been woken, to the present moment.
    fn woken(&self) -> u32 {
        self.0.fetch_add(0, Ordering::AcqRel)
    }
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.fetch_add(1, Ordering::AcqRel);
    }
}

/// 3: two threads change something and ring, while the owner polls over and over with one waker. What
/// its last poll has not seen, it is woken for after that poll began.
#[test]
fn a_poll_that_leaves_the_same_waker_misses_nothing() {
    explore(2, || {
        let shared = Arc::new((Bell::new(), AtomicU32::default()));
        let ringing = [1, 2].map(|change| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                shared.1.fetch_or(change, Ordering::AcqRel);
                shared.0.wake();
            })
        });
        let task = Arc::new(Task::default());
        let waker = Waker::from(Arc::clone(&task));
        let (mut seen, mut before) = (0, 0);
        for _poll in 0..3 {
            before = task.woken();
            shared.0.register(&waker);
            seen = shared.1.load(Ordering::Acquire);
        }
        ringing.into_iter().for_each(|thread| thread.join().expect("nothing here panics"));
        assert!(seen == 3 || task.woken() > before, "the owner sleeps on a change");
    });
}

/// 2: another thread rings for something else, and is stopped anywhere in that for as long as it takes
/// the owner to poll three times. Whoever rings after that wakes the owner.
#[test]
fn a_ring_that_lasts_hides_none() {
    explore(4, || {
        let bell = Arc::new(Bell::new());
        let theirs = Arc::clone(&bell);
        let ringing = thread::spawn(move || theirs.wake());
        let task = Arc::new(Task::default());
        let waker = Waker::from(Arc::clone(&task));
        let mut before = 0;
        for _poll in 0..3 {
            before = task.woken();
            bell.register(&waker);
        }
        bell.wake();
        ringing.join().expect("nothing here panics");
        assert!(task.woken() > before, "the owner sleeps on a change");
    });
}

/// 1: an owner that leaves takes its waker along, or somebody else has had it: none stays in the bell.
#[test]
fn an_owner_that_leaves_leaves_no_waker() {
    explore(4, || {
        let bell = Arc::new(Bell::new());
        let theirs = Arc::clone(&bell);
        let ringing = thread::spawn(move || {
            theirs.wake();
            theirs.wake();
        });
        let task = Arc::new(Task::default());
        let waker = Waker::from(Arc::clone(&task));
        for _poll in 0..2 {
            bell.register(&waker);
        }
        drop(bell.take());
        drop(waker);
        ringing.join().expect("nothing here panics");
        assert_eq!(Arc::strong_count(&task), 1, "a waker is left");
    });
}
