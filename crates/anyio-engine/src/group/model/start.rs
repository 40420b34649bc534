//! Models of what a caller and the task that it starts agree on. The numbers are those of [`Link`]'s
//! invariants.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    task::{Context, Waker},
};

use anyio_core::{Cause, CauseKind};
use loom::thread;

use super::{Link, Ready, Stage};
use crate::{
    group::{
        lease::{AnyShared, Stub},
        model::{Group, Task, group, own, spawn},
        slot::End,
    },
    model::{Alarm, Counted, explore},
    sys::{Arc, Mutex},
    tree::{Flags, Node},
};

/// A caller in a tree of its own, and a task that it is about to start.
struct Start {
    group: Group,
    task: Task<Arc<Node>>,
    stub: Stub,
    index: u32,
    link: Arc<Link<Counted>>,
    dropped: Arc<AtomicUsize>,
}

impl Start {
    fn new() -> Self {
        let group = group();
        let (task, stub) = spawn(&group, false).expect("the group is open");
        let index = task.index;
        let node = Node::new(Flags::HOLD, |_| {});
        // What all walks share is made before there are threads.
        node.move_to(None);
        let stage = Mutex::from(Stage::Waiting(None));
        let link = Arc::new(Link { node, task: std::sync::OnceLock::new(), stage });
        Self { group, task, stub, index, link, dropped: Arc::default() }
    }

    /// As above, with the task there.
    fn attached() -> Self {
        let start = Self::new();
        start.link.attach(start.group.shared(), start.index);
        start
    }

    fn value(&self) -> Counted {
        Counted(Arc::clone(&self.dropped))
    }

    fn ready(&self) -> Ready<Counted> {
        Ready { link: Some(Arc::clone(&self.link)) }
    }

    fn is_cancelled(&self) -> bool {
        self.group.roster.slot(self.index).is_cancel_called()
    }

    /// One poll of the caller, as in `Starting`: the value, or whether the task has ended without.
    fn poll(&self, waker: &Waker) -> Option<Result<Counted, ()>> {
        if self.link.node.is_effective() {
            self.link.give_up(self.link.node.origin());
        }
        let cx = Context::from_waker(waker);
        if let Some(value) = self.link.take(&cx) {
            return Some(Ok(value));
        }
        if !self.group.roster.slot(self.index).poll_end(waker) {
            return None;
        }
        Some(self.link.take(&cx).ok_or(()))
    }
}

/// The task at `index` ends, as in `Starter` and `child.rs`; whether it was the group's.
fn finish(link: &Link<Counted>, group: &dyn AnyShared, index: u32) -> bool {
    let started = link.is_started();
    _ = group.roster().slot(index).end(End::Cut(Cause::of(CauseKind::NeverStarted)));
    started
}

/// 2: a `Ready` that is dropped unused while the task is only being made cancels it: whoever of the two
/// comes later does so.
#[test]
fn a_task_that_is_given_up_early_is_cancelled() {
    explore(3, || {
        let start = Start::new();
        let ready = start.ready();
        let other = thread::spawn(move || drop(ready));
        start.link.attach(start.group.shared(), start.index);
        let (alarm, waker) = Alarm::new();
        start.group.roster.slot(start.index).register(&waker);
        let seen = start.is_cancelled();
        other.join().unwrap();
        assert!(start.is_cancelled(), "each has left it to the other");
        assert!(seen || alarm.has_rung(), "the task sleeps");
        let cause = start.group.roster.slot(start.index).own_cause();
        assert_eq!(cause, Some(Cause::of(CauseKind::NeverStarted)));
    });
}

/// 1: of being ready and being cancelled with the caller, one comes first. Either the caller has the
/// value and the task is not cancelled, or the task is, and the value has gone.
#[test]
fn a_task_is_started_or_cancelled() {
    explore(3, || {
        let start = Start::attached();
        let (ready, value) = (start.ready(), start.value());
        let task = thread::spawn(move || ready.started(value));
        start.link.node.cancel(Cause::of(CauseKind::Interrupt));
        let (_alarm, waker) = Alarm::new();
        let polled = start.poll(&waker);
        task.join().unwrap();
        let taken = polled.or_else(|| start.poll(&waker)).and_then(Result::ok);
        assert_ne!(taken.is_some(), start.is_cancelled(), "the task is both, or neither");
        let gone = usize::from(taken.is_none());
        assert_eq!(start.dropped.load(Ordering::Relaxed), gone, "the value is lost");
        if taken.is_none() {
            let cause = start.group.roster.slot(start.index).own_cause();
            assert_eq!(cause, Some(Cause::of(CauseKind::Interrupt)));
        }
    });
}

/// A caller that waits is woken when the task is ready.
#[test]
fn a_caller_is_not_left_asleep() {
    waited_for(false);
}

/// Also if the task ends at once: the caller has the value then, and not the end.
#[test]
fn a_value_is_not_overtaken_by_the_end() {
    waited_for(true);
}

fn waited_for(ends: bool) {
    explore(3, move || {
        let start = Start::attached();
        let (ready, value) = (start.ready(), start.value());
        let (link, group) = (Arc::clone(&start.link), start.group.shared());
        let index = start.index;
        let task = thread::spawn(move || {
            ready.started(value);
            assert!(!ends || finish(&link, &*group, index), "it was ready");
        });
        let (alarm, waker) = Alarm::new();
        let polled = start.poll(&waker);
        task.join().expect("nothing here panics");
        assert!(polled.is_some() || alarm.has_rung(), "the caller sleeps");
        let polled = polled.or_else(|| start.poll(&waker));
        assert!(matches!(polled, Some(Ok(_))), "the end was seen before the value");
        assert_eq!(start.dropped.load(Ordering::Relaxed), 0);
    });
}

/// 1: a task ends while somebody else, to whom it gave its `Ready`, says that it is ready. The task and
/// the caller are of one mind about whose it was, and the caller is woken.
#[test]
fn a_task_ends_while_it_becomes_ready() {
    explore(2, || {
        let start = Start::attached();
        let (ready, value) = (start.ready(), start.value());
        let other = thread::spawn(move || ready.started(value));
        let (link, group, index) = (Arc::clone(&start.link), start.group.shared(), start.index);
        let task = thread::spawn(move || finish(&link, &*group, index));
        let (alarm, waker) = Alarm::new();
        let polled = start.poll(&waker);
        other.join().unwrap();
        let started = task.join().unwrap();
        assert!(polled.is_some() || alarm.has_rung(), "the caller sleeps");
        let polled = polled.or_else(|| start.poll(&waker)).expect("the task has ended");
        assert_eq!(polled.is_ok(), started, "the error or the value is lost");
    });
}

/// 1: a start that is dropped while the task becomes ready cancels the task or leaves it to the group; the
/// value that nobody takes is dropped, once.
#[test]
fn a_start_is_dropped_while_its_task_becomes_ready() {
    explore(3, || {
        let start = Start::attached();
        let (ready, value) = (start.ready(), start.value());
        let task = thread::spawn(move || ready.started(value));
        // As in the destructor of `Starting`.
        start.link.give_up(Cause::of(CauseKind::Dropped));
        drop(start.link.unclaimed());
        task.join().unwrap();
        assert_ne!(start.link.is_started(), start.is_cancelled(), "the task is both, or neither");
        assert_eq!(start.dropped.load(Ordering::Relaxed), 1);
    });
}

/// 2: who gives up a task that has ended meanwhile does not reach the one that has its slot now.
#[test]
fn giving_up_comes_too_late_for_the_slot() {
    explore(3, || {
        let start = Start::attached();
        let link = Arc::clone(&start.link);
        let other = thread::spawn(move || link.give_up(Cause::of(CauseKind::Interrupt)));
        // The task ends, and its handle goes.
        start.task.seat.leave_handle(start.index);
        finish(&start.link, &*start.group.shared(), start.index);
        start.task.seat.leave(None, false, own);
        drop(start.stub);
        let (group, index) = (start.group, start.index);
        // There are three to begin with.
        let next = [(); 3].map(|()| spawn(&group, false).expect("the group is open"));
        assert!(next.iter().any(|next| next.0.index == index), "the slot is used again");
        other.join().unwrap();
        assert!(!group.roster.slot(index).is_cancel_called(), "another task has been cancelled");
    });
}
