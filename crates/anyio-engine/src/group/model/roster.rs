//! Tasks that come and go, and the group that waits for them.

use anyio_core::Cause;
use loom::thread;

use super::{super::roster::Progress, alone, group, own, spawn};
use crate::{
    model::{Alarm, explore},
    sys::Arc,
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
        let group = group();
        let tasks = services.map(|service| {
            let task = alone(&group, service);
            thread::spawn(move || task.leave(own))
        });
        let (alarm, waker) = Alarm::new();
        group.waker().register(&waker);
        let closed = group.owner.close() == Progress::Closed;
        tasks.into_iter().for_each(|task| task.join().expect("no panic"));
        assert!(closed || alarm.has_rung(), "the group sleeps, and nobody is left to wake it");
        assert!(group.owner.close() == Progress::Closed);
        assert_eq!(group.roster.len(), 0);
    });
}

/// Roster, 1 and 2: a task that adds another before it ends keeps the group open.
#[test]
fn a_group_does_not_close_around_a_task() {
    explore(3, || {
        let group = group();
        let first = alone(&group, false);
        let task = {
            let group = group.handle.clone();
            thread::spawn(move || {
                let second = spawn(&group, false);
                assert!(second.is_some(), "the group closed while a task ran");
                first.leave(own);
            })
        };
        assert!(group.owner.close() == Progress::Busy, "a task runs");
        task.join().unwrap();
        assert_eq!(group.roster.len(), 1);
    });
}

/// Roster, 1: a group whose future is gone closes with its last task, once and for all.
#[test]
fn an_orphaned_group_takes_no_task_after_its_last() {
    explore(3, || {
        let group = group();
        let first = alone(&group, false);
        let task = thread::spawn(move || first.leave(own));
        group.owner.leave();
        let next = spawn(&group, false);
        task.join().unwrap();
        let later = spawn(&group, false);
        assert_eq!(later.is_some(), next.is_some(), "closed, or open as long as a task runs");
    });
}

/// Roster, 3: slots that two threads give back while a third takes some are handed out again, once
/// each.
#[test]
fn no_slot_is_lost_or_handed_out_twice() {
    explore(3, || {
        let group = group();
        let leaving = [alone(&group, false), alone(&group, false)];
        // There are three to begin with.
        let mut taken = vec![alone(&group, false).index];
        let leaving = leaving.map(|task| thread::spawn(move || task.leave(own)));
        taken.extend((0..2).map(|_| alone(&group, false).index));
        leaving.into_iter().for_each(|task| task.join().unwrap());
        // Not before all that there are have been used.
        taken.extend((0..6).map(|_| alone(&group, false).index));
        taken.sort_unstable();
        assert!(taken.into_iter().eq(0..9), "two have the same, or one was lost");
        assert_eq!(group.roster.len(), 9);
    });
}

/// Slot, `waker`: a task registers and then looks whether its group is cancelled; who cancels the
/// group raises the flag and then wakes all tasks.
#[test]
fn a_cancelled_group_leaves_no_task_asleep() {
    cancelled(false);
}

/// As before, with the handle's waker in the slot already.
#[test]
fn a_cancelled_group_leaves_no_task_asleep_that_is_waited_for() {
    cancelled(true);
}

fn cancelled(waited_for: bool) {
    explore(3, move || {
        let group = group();
        let task = alone(&group, false);
        if waited_for {
            assert!(!task.seat.slot().poll_end(&Alarm::new().1));
        }
        let node = Arc::clone(own(&group));
        node.set_members(group.handle.members());
        let canceller = {
            let node = Arc::clone(&node);
            thread::spawn(move || node.cancel(Cause::explicit()))
        };
        let (alarm, waker) = Alarm::new();
        task.seat.slot().register_first(&waker);
        let cancelled = node.is_effective();
        canceller.join().expect("no panic");
        assert!(cancelled || alarm.has_rung(), "the task sleeps in a group that is cancelled");
    });
}
