//! A task's end, its handle, and who waits.

use std::{
    panic::Location,
    sync::atomic::{AtomicUsize, Ordering},
};

use anyio_core::{Cause, CauseKind, TaskStatus};
use loom::thread;

use super::super::{
    roster::Roster,
    slot::{End, Slot},
};
use crate::{
    model::{Alarm, Counted, explore},
    sys::Arc,
    tree::{Flags, Label, Node},
};

/// A roster with one task in it.
fn one_task() -> (Arc<Roster>, u32) {
    let roster = Arc::new(Roster::new());
    let index = roster.add(None, Location::caller(), false).expect("the group is open");
    (roster, index)
}

/// The task at `index` ends well, as in `child.rs`.
fn finish(roster: &Roster, index: u32, value: Counted) {
    let slot = roster.slot(index);
    let standing = slot.standing();
    let free = if standing.is_released() {
        drop(value);
        if standing.is_cancel_called() {
            drop(slot.end_alone());
        }
        true
    } else {
        slot.end(End::Value(Box::new(value))).map(drop).is_some()
    };
    roster.remove(free.then_some((index, slot)), false);
}

/// The handle on the task at `index` is dropped, as in `join.rs`.
fn release(roster: &Roster, index: u32) {
    let slot = roster.slot(index);
    if let Some(remains) = slot.release() {
        roster.give_back(index, slot);
        drop(remains);
    }
}

/// Slot, 3: of a task that ends and a handle that is dropped, one clears the slot and gives it back,
/// and the value goes with that.
#[test]
fn a_slot_comes_back_once() {
    explore(3, || {
        let (roster, index) = one_task();
        let dropped = Arc::new(AtomicUsize::new(0));
        let task = {
            let (roster, value) = (Arc::clone(&roster), Counted(Arc::clone(&dropped)));
            thread::spawn(move || finish(&roster, index, value))
        };
        release(&roster, index);
        task.join().unwrap();
        assert_eq!(dropped.load(Ordering::Relaxed), 1, "the value was dropped, once");
        let next: Vec<_> =
            (0..2).map(|_| roster.add(None, Location::caller(), false).unwrap()).collect();
        assert_eq!(next, [index, index + 1], "the slot is free, once");
        assert_eq!(roster.slot(index).status(), TaskStatus::Running);
    });
}

/// Slot, 3: a slot that has another task already keeps nothing of the one before, and what was left
/// of that one does not reach into it.
#[test]
fn a_slot_is_clean_when_it_is_used_again() {
    explore(3, || {
        let (roster, index) = one_task();
        let (task, handle) = (Arc::clone(&roster), Arc::clone(&roster));
        let task = thread::spawn(move || {
            finish(&task, index, Counted(Arc::default()));
        });
        let handle = thread::spawn(move || {
            handle.slot(index).cancel(Cause::explicit());
            release(&handle, index);
        });
        let next = roster.add(None, Location::caller(), false).unwrap();
        let slot = roster.slot(next);
        let (alarm, waker) = Alarm::new();
        slot.register(&waker);
        task.join().unwrap();
        handle.join().unwrap();
        assert_eq!(slot.status(), TaskStatus::Running);
        assert_eq!(slot.own_cause(), None);
        assert!(!alarm.has_rung());
    });
}

/// Slot, 1: who waits for a task's end sees it, or is woken by it, and finds the value.
#[test]
fn a_joiner_is_not_left_asleep() {
    explore(3, || {
        let slot = Arc::new(Slot::new());
        let task = {
            let slot = Arc::clone(&slot);
            thread::spawn(move || assert!(slot.end(End::Value(Box::new(7))).is_none()))
        };
        let (alarm, waker) = Alarm::new();
        let ended = slot.poll_end(&waker);
        if ended {
            assert!(slot.take().is_ok(), "the end was seen before the value");
        }
        task.join().unwrap();
        assert!(ended || alarm.has_rung(), "the task has ended and nobody was told");
        assert!(slot.poll_end(&waker));
    });
}

/// Slot, 2: a cancellation by the handle finds the node that the task makes for itself, or the node
/// finds the cancellation; and what polls the node hears of it.
#[test]
fn a_cancellation_finds_the_new_node() {
    explore(3, || {
        let slot = Arc::new(Slot::new());
        let group = Node::new(Flags::HOLD, Label::default(), None, None);
        let handle = {
            let slot = Arc::clone(&slot);
            thread::spawn(move || slot.cancel(Cause::of(CauseKind::Interrupt)))
        };
        let node = Node::new(Flags::TASK_ROOT, Label::default(), None, None);
        node.attach(Some(group));
        slot.adopt(&node);
        let (alarm, waker) = Alarm::new();
        node.waker().register(&waker);
        let effective = node.is_effective();
        handle.join().unwrap();
        assert!(effective || alarm.has_rung(), "the node's owner sleeps");
        assert!(node.flags().any(Flags::CANCELLED));
        assert_eq!(node.own_cause(), Some(Cause::of(CauseKind::Interrupt)));
        assert!(slot.is_cancel_called());
    });
}

/// Slot, 1 and 2: a task that ends while its handle cancels it ends as it says, and its handle sees
/// the end and not the cancellation.
#[test]
fn an_end_beats_a_cancellation() {
    explore(3, || {
        let slot = Arc::new(Slot::new());
        let handle = {
            let slot = Arc::clone(&slot);
            thread::spawn(move || slot.cancel(Cause::explicit()))
        };
        drop(slot.end(End::Cut(Cause::of(CauseKind::Shutdown))));
        assert_eq!(slot.status(), TaskStatus::Cancelled);
        handle.join().unwrap();
        assert_eq!(slot.status(), TaskStatus::Cancelled);
        assert_eq!(
            slot.take().err().unwrap().cause().kind(),
            CauseKind::Shutdown,
            "what was stored with the end is what the handle gets"
        );
    });
}
