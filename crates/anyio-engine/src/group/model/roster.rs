//! Tasks that come and go, and the group that waits for them.

use std::panic::Location;

use anyio_core::Cause;
use loom::thread;

use super::super::roster::{Progress, Roster};
use crate::{
    model::{Alarm, explore},
    sys::{Arc, AtomicWaker},
    tree::{Flags, Label, Node},
};

/// Roster, 2: of two tasks that end while the group is about to wait, the last one wakes it.
#[test]
fn the_last_task_wakes_the_group() {
    last_of([false, false]);
}

/// The same where one of them is a service: it is counted out before it is counted as ended.
#[test]
fn a_service_that_ends_meanwhile_wakes_the_group() {
    last_of([false, true]);
}

fn last_of(services: [bool; 2]) {
    explore(3, move || {
        let group = Arc::new((Roster::new(), AtomicWaker::new()));
        let tasks: Vec<_> = services
            .into_iter()
            .map(|service| {
                let index =
                    group.0.add(None, Location::caller(), service).expect("the group is open");
                let group = Arc::clone(&group);
                thread::spawn(move || {
                    if group.0.remove(Some((index, group.0.slot(index))), service) {
                        group.1.wake();
                    }
                })
            })
            .collect();
        let (alarm, waker) = Alarm::new();
        group.1.register(&waker);
        let closed = group.0.close() == Progress::Closed;
        tasks.into_iter().for_each(|task| task.join().expect("no panic"));
        assert!(closed || alarm.has_rung(), "the group sleeps, and nobody is left to wake it");
        assert!(group.0.close() == Progress::Closed);
        assert_eq!(group.0.len(), 0);
    });
}

/// Roster, 1 and 2: a task that adds another before it ends keeps the group open.
#[test]
fn a_group_does_not_close_around_a_task() {
    explore(3, || {
        let roster = Arc::new(Roster::new());
        let first = roster.add(None, Location::caller(), false).unwrap();
        let task = {
            let roster = Arc::clone(&roster);
            thread::spawn(move || {
                let second = roster.add(None, Location::caller(), false);
                assert!(second.is_some(), "the group closed while a task ran");
                roster.remove(Some((first, roster.slot(first))), false);
            })
        };
        assert!(roster.close() == Progress::Busy, "a task runs");
        task.join().unwrap();
        assert_eq!(roster.len(), 1);
    });
}

/// Roster, 1: a group whose future is gone closes with its last task, once and for all.
#[test]
fn an_orphaned_group_takes_no_task_after_its_last() {
    explore(3, || {
        let roster = Arc::new(Roster::new());
        let first = roster.add(None, Location::caller(), false).unwrap();
        let task = {
            let roster = Arc::clone(&roster);
            thread::spawn(move || roster.remove(Some((first, roster.slot(first))), false))
        };
        roster.orphan();
        let next = roster.add(None, Location::caller(), false);
        task.join().unwrap();
        let later = roster.add(None, Location::caller(), false);
        assert_eq!(later.is_some(), next.is_some(), "closed, or open as long as a task runs");
    });
}

/// Roster, 3: slots that two threads give back while a third takes some are handed out again, once
/// each.
#[test]
fn no_slot_is_lost_or_handed_out_twice() {
    explore(3, || {
        let roster = Arc::new(Roster::new());
        let add = |roster: &Roster| roster.add(None, Location::caller(), false).unwrap();
        let leaving: Vec<_> = (0..2)
            .map(|_| {
                let index = add(&roster);
                let roster = Arc::clone(&roster);
                thread::spawn(move || roster.remove(Some((index, roster.slot(index))), false))
            })
            .collect();
        let mut taken = vec![add(&roster), add(&roster)];
        leaving.into_iter().for_each(|task| _ = task.join().unwrap());
        taken.extend([add(&roster), add(&roster)]);
        taken.sort_unstable();
        assert_eq!(taken, [0, 1, 2, 3], "two have the same, or one was lost");
        assert_eq!(roster.len(), 4);
    });
}

/// Slot, `waker`: a task registers and then looks whether its group is cancelled; who cancels the
/// group raises the flag and then wakes all tasks.
#[test]
fn a_cancelled_group_leaves_no_task_asleep() {
    explore(3, || {
        let roster = Arc::new(Roster::new());
        let index = roster.add(None, Location::caller(), false).unwrap();
        let node = Node::new(Flags::HOLD, Label::default(), None, None);
        let members = Arc::downgrade(&roster);
        node.set_members(members);
        let canceller = {
            let node = Arc::clone(&node);
            thread::spawn(move || node.cancel(Cause::explicit()))
        };
        let (alarm, waker) = Alarm::new();
        roster.slot(index).register(&waker);
        let cancelled = node.is_effective();
        canceller.join().unwrap();
        assert!(cancelled || alarm.has_rung(), "the task sleeps in a group that is cancelled");
    });
}
