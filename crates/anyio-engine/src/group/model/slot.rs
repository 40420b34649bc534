//! A task's end, its handle, and who waits.

use std::sync::atomic::{AtomicUsize, Ordering};

use anyio_core::{Cause, CauseKind, TaskStatus};
use loom::thread;

use super::{
    super::slot::{End, Slot},
    alone, group, own, spawn,
};
use crate::{
    model::{Alarm, Counted, explore},
    sys::Arc,
    tree::{Flags, Node},
};

/// Slot, 3: of a task that ends and a handle that is dropped, one clears the slot and gives it back,
/// and the value goes with that.
#[test]
fn a_slot_comes_back_once() {
    explore(3, || {
        let group = group();
        let (task, stub) = spawn(&group, false).expect("the group is open");
        let index = task.index;
        let dropped = Arc::new(AtomicUsize::new(0));
        let task = {
            let value = Counted(Arc::clone(&dropped));
            thread::spawn(move || task.finish(value, own))
        };
        drop(stub);
        task.join().unwrap();
        assert_eq!(dropped.load(Ordering::Relaxed), 1, "the value was dropped, once");
        let next: Vec<_> = (0..4).map(|_| alone(&group, false).index).collect();
        assert_eq!(next, [index + 1, index + 2, index, index + 3], "the slot is free, once");
        assert_eq!(group.roster.slot(index).status(), TaskStatus::Running);
    });
}

/// Slot, 3: a slot that has another task already keeps nothing of the one before, and what was left
/// of that one does not reach into it.
#[test]
fn a_slot_is_clean_when_it_is_used_again() {
    explore(3, || {
        let group = group();
        // There are three to begin with.
        let _others = [alone(&group, false), alone(&group, false)];
        let (task, stub) = spawn(&group, false).expect("the group is open");
        let task = thread::spawn(move || task.finish(Counted(Arc::default()), own));
        let handle = thread::spawn(move || {
            stub.slot().cancel(Cause::explicit());
            drop(stub);
        });
        let next = alone(&group, false);
        let slot = next.seat.slot();
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

/// Slot, 3: a handle that has waited, and goes while the task ends, leaves nothing in the slot.
#[test]
fn a_handle_that_has_waited_leaves_nothing() {
    explore(3, || {
        let slot = Arc::new(Slot::new());
        let handle = {
            let slot = Arc::clone(&slot);
            thread::spawn(move || {
                slot.poll_end(&Alarm::new().1);
                if slot.release() {
                    drop(slot.clear());
                }
            })
        };
        let standing = slot.standing();
        if !standing.is_plain() {
            if standing.is_released() {
                drop(slot.end_alone());
            } else {
                drop(slot.end(End::Failed));
            }
        }
        handle.join().unwrap();
        assert!(slot.is_clean(), "a waker was left behind");
    });
}

/// Slot, 2: a cancellation by the handle finds the node that the task makes for itself, or the node
/// finds the cancellation; and what polls the node hears of it.
#[test]
fn a_cancellation_finds_the_new_node() {
    explore(3, || {
        let slot = Arc::new(Slot::new());
        let group = Node::new(Flags::HOLD, |_| {});
        let handle = {
            let slot = Arc::clone(&slot);
            thread::spawn(move || slot.cancel(Cause::of(CauseKind::Interrupt)))
        };
        let node = Node::new(Flags::TASK_ROOT, |_| {});
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
