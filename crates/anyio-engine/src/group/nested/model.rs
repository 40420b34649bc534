//! Models of a group's door: what comes from another thread leaves no task asleep. And of the two shares
//! in a task: what is in it is dropped, once.

use std::{
    panic::Location,
    pin::Pin,
    sync::{
        Mutex as StdMutex,
        atomic::{AtomicBool as StdBool, AtomicUsize as StdUsize, Ordering::Relaxed},
    },
    task::{Context, Poll, Waker},
};

use anyio_core::{Cancelled, TaskStatus};
use loom::thread;

use super::{
    super::tally::Tally,
    block::Block,
    child::Child,
    door::Door,
    inbox::Inbox,
    joint::{Joint, NestedHandle},
    pair::{SendTask, place},
    set::Set,
};
use crate::{
    context::FixedFrame,
    model::{Alarm, Counted, explore},
    sys::{Arc, AtomicBool, Ordering},
    tree::{Flags, Node},
};

struct Group {
    inbox: Arc<Inbox<SendTask<'static, Cancelled>>>,
    set: Set<SendTask<'static, Cancelled>>,
    tally: Tally<Cancelled>,
}

/// Adds a task.
fn add<T: Send + 'static>(
    inbox: &Inbox<SendTask<'static, Cancelled>>,
    future: impl Future<Output = Result<T, Cancelled>> + Send + 'static,
) -> NestedHandle<T> {
    let added = inbox.add(future, |future, room| {
        let joint = Joint::new(None, Location::caller());
        let (new, joint) = place(room, joint, Child::new(future));
        (new.send(), joint)
    });
    NestedHandle::new(added.ok().expect("it is open"))
}

impl Group {
    fn new() -> Self {
        let node = Node::new(Flags::HOLD, |_| {});
        let first = Block::first(Door::new(Arc::clone(&node)));
        let inbox = Arc::new(Inbox::new(Arc::clone(&first)));
        let tally = Tally::new(FixedFrame::of(node));
        Self { set: Set::new(first), inbox, tally }
    }

    /// What the group's future does. Whether it has to be polled once more, by itself or by the alarm.
    fn poll(&mut self) -> (bool, Arc<Alarm>) {
        self.set.door().open();
        let again = self.set.poll(&self.inbox, &self.tally);
        let (alarm, waker) = Alarm::new();
        self.tally.node().waker().register(&waker);
        (self.set.door().close() || again, alarm)
    }
}

/// Door, 1, and block, 1: a task that is woken while the group is polled, or is about to sleep, is polled
/// once more.
#[test]
fn a_woken_task_is_polled() {
    explore(3, || {
        let (given, flag) = (Arc::new(StdMutex::new(None)), Arc::new(AtomicBool::default()));
        let mut group = Group::new();
        let task = {
            let (given, flag) = (Arc::clone(&given), Arc::clone(&flag));
            std::future::poll_fn(move |cx| {
                if flag.load(Ordering::Acquire) {
                    return Poll::Ready(Ok(()));
                }
                *given.lock().unwrap() = Some(cx.waker().clone());
                Poll::Pending
            })
        };
        drop(add(&group.inbox, task));
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
            let task = async move {
                theirs.store(true, Relaxed);
                Ok(())
            };
            drop(add(&inbox, task));
        });
        let (again, alarm) = group.poll();
        other.join().unwrap();
        if !ran.load(Relaxed) {
            assert!(again || alarm.has_rung(), "a task that was added sleeps");
            group.poll();
        }
        assert!(ran.load(Relaxed));
    });
}

/// Pair, 1: the value of a task whose handle goes at the same time is dropped, once.
#[test]
fn a_value_that_nobody_wants_goes() {
    explore(3, || {
        let drops = Arc::new(StdUsize::new(0));
        let mut group = Group::new();
        let value = Counted(Arc::clone(&drops));
        let handle = add(&group.inbox, async move { Ok(value) });
        let other = thread::spawn(move || drop(handle));
        group.poll();
        other.join().unwrap();
        assert!(group.set.is_empty());
        assert_eq!(drops.load(Relaxed), 1);
    });
}

/// Joint, 1: who waits for a task on another thread is woken, and finds its value.
#[test]
fn a_value_is_found() {
    explore(3, || {
        let (alarm, waker) = Alarm::new();
        let mut group = Group::new();
        let mut join = add(&group.inbox, async { Ok(7) }).join();
        let other = thread::spawn(move || {
            let poll = Pin::new(&mut join).poll(&mut Context::from_waker(&waker));
            (join, poll, waker)
        });
        group.poll();
        let (mut join, mut poll, waker) = other.join().unwrap();
        drop(group);
        if poll.is_pending() {
            assert!(alarm.has_rung(), "who waits for a task that has ended sleeps");
            poll = Pin::new(&mut join).poll(&mut Context::from_waker(&waker));
        }
        assert!(matches!(poll, Poll::Ready(Ok(7))));
    });
}

/// Pair, 1 and 2: a task that goes with its group at the moment when its handle goes is dropped, once.
#[test]
fn a_task_that_is_dropped_goes() {
    explore(3, || {
        let drops = Arc::new(StdUsize::new(0));
        let mut group = Group::new();
        let held = Counted(Arc::clone(&drops));
        let handle = add::<()>(&group.inbox, async move {
            std::future::pending::<()>().await;
            drop(held);
            Ok(())
        });
        group.poll();
        let other = thread::spawn(move || {
            let status = handle.status();
            assert!(matches!(status, TaskStatus::Running | TaskStatus::Cancelled));
        });
        drop(group);
        assert_eq!(drops.load(Relaxed), 1, "it is gone with its group");
        other.join().unwrap();
    });
}
