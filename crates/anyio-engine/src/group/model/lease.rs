//! Who keeps a group's memory, and who uses it last.

use std::sync::atomic::{AtomicUsize, Ordering};

use loom::thread;

use super::{super::roster::Progress, group_of, spawn};
use crate::{
    model::{Counted, explore},
    sys::Arc,
    tree::{Flags, Node},
};

/// What a group shares, and how often that was dropped.
struct Kept {
    node: Arc<Node>,
    _counted: Counted,
}

/// A task ends, its handle goes, and so does the group's future, which has `waited` for the task or was
/// dropped; and perhaps a handle on the group does after that. What is shared goes with the last of them.
fn all_go(waited: bool) {
    explore(3, move || {
        let gone = Arc::new(AtomicUsize::new(0));
        let node = Node::new(Flags::HOLD, |_| {});
        let kept = Kept { node, _counted: Counted(Arc::clone(&gone)) };
        let group = group_of(kept);
        let (task, stub) = spawn(&group, false).expect("the group is open");
        let there = |gone: &AtomicUsize| assert_eq!(gone.load(Ordering::Relaxed), 0, "it is gone");
        let ends = {
            let gone = Arc::clone(&gone);
            thread::spawn(move || {
                there(&gone);
                task.finish(Counted(Arc::default()), |kept| &kept.node);
            })
        };
        let goes = {
            let gone = Arc::clone(&gone);
            thread::spawn(move || {
                there(&gone);
                drop(stub);
            })
        };
        if waited {
            let progress = group.owner.close();
            ends.join().expect("no panic");
            if progress != Progress::Closed {
                assert!(group.owner.close() == Progress::Closed, "no task runs");
            }
            drop(group);
        } else {
            group.owner.leave();
            there(&gone);
            drop(group);
            ends.join().expect("no panic");
        }
        goes.join().expect("no panic");
        assert_eq!(gone.load(Ordering::Relaxed), 1, "it is still there, or went twice");
    });
}

/// Lease, 1 and 2; roster, 4.
#[test]
fn a_group_that_has_ended_is_gone_with_its_last_handle() {
    all_go(true);
}

/// Lease, 1 and 2; roster, 4 and 5.
#[test]
fn an_orphaned_group_is_gone_with_its_last_task_or_handle() {
    all_go(false);
}

/// Roster, 5: two tasks of an orphaned group end at once; one of them closes it.
#[test]
fn one_of_two_closes_an_orphaned_group() {
    explore(3, || {
        let gone = Arc::new(AtomicUsize::new(0));
        let node = Node::new(Flags::HOLD, |_| {});
        let kept = Kept { node, _counted: Counted(Arc::clone(&gone)) };
        let group = group_of(kept);
        let tasks = [super::alone(&group, false), super::alone(&group, false)];
        let tasks = tasks.map(|task| thread::spawn(move || task.leave(|kept: &Kept| &kept.node)));
        drop(group);
        tasks.into_iter().for_each(|task| task.join().expect("no panic"));
        assert_eq!(gone.load(Ordering::Relaxed), 1, "it is still there, or went twice");
    });
}
