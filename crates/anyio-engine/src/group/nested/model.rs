//! Models of a group's door: what comes from another thread leaves no task asleep.

use std::{
    pin::Pin,
    sync::{
        Mutex as StdMutex,
        atomic::{AtomicBool as StdBool, Ordering::Relaxed},
    },
    task::{Poll, Waker},
};

use loom::thread;

use super::{door::Door, inbox::Inbox, set::Set};
use crate::{
    model::{Alarm, explore},
    sys::{Arc, AtomicBool, Ordering},
    tree::{Flags, Label, Node},
};

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

struct Group {
    door: Arc<Door>,
    inbox: Arc<Inbox<Task>>,
    set: Set<Task>,
    node: Arc<Node>,
}

impl Group {
    fn new() -> Self {
        let node = Node::new(Flags::HOLD, Label::default(), None, None);
        let door = Arc::new(Door::new(Arc::clone(&node)));
        let inbox = Arc::new(Inbox::new(Arc::clone(&door)));
        Self { set: Set::new(Arc::clone(&door)), door, inbox, node }
    }

    /// What the group's future does. Whether it has to be polled once more, by itself or by the alarm.
    fn poll(&mut self) -> (bool, Arc<Alarm>) {
        self.door.set_polled(true);
        let again = self.set.poll(&self.inbox);
        let (alarm, waker) = Alarm::new();
        self.node.waker().register(&waker);
        self.door.set_polled(false);
        (again || !self.inbox.is_empty() || !self.door.is_quiet(), alarm)
    }
}

/// Door, 1, and block, 1: a task that is woken while the group is polled, or is about to sleep, is polled
/// once more.
#[test]
fn a_woken_task_is_polled() {
    explore(3, || {
        let (given, flag) = (Arc::new(StdMutex::new(None)), Arc::new(AtomicBool::default()));
        let mut group = Group::new();
        let task: Task = {
            let (given, flag) = (Arc::clone(&given), Arc::clone(&flag));
            Box::pin(std::future::poll_fn(move |cx| {
                if flag.load(Ordering::Acquire) {
                    return Poll::Ready(());
                }
                *given.lock().unwrap() = Some(cx.waker().clone());
                Poll::Pending
            }))
        };
        assert!(group.inbox.add(|| task));
        assert!(!group.poll().0, "it waits");
        let waker: Waker = given.lock().unwrap().take().unwrap();
        let other = thread::spawn(move || {
            flag.store(true, Ordering::Release);
            waker.wake();
        });
        let (again, alarm) = group.poll();
        other.join().unwrap();
        if !group.set.is_empty() {
            assert!(again || alarm.has_rung(), "a task that was woken sleeps");
            group.poll();
        }
        assert!(group.set.is_empty(), "it was polled before it was woken, and not again");
    });
}

/// Door, 1: what is spawned from another thread runs.
#[test]
fn a_task_that_is_added_begins() {
    explore(3, || {
        let ran = Arc::new(StdBool::new(false));
        let mut group = Group::new();
        let (inbox, theirs) = (Arc::clone(&group.inbox), Arc::clone(&ran));
        let other = thread::spawn(move || {
            inbox.add(|| -> Task { Box::pin(async move { theirs.store(true, Relaxed) }) })
        });
        let (again, alarm) = group.poll();
        assert!(other.join().unwrap());
        if !ran.load(Relaxed) {
            assert!(again || alarm.has_rung(), "a task that was added sleeps");
            group.poll();
        }
        assert!(ran.load(Relaxed));
    });
}
