//! Cancellations that meet: with each other, with shields, and with nodes that come and go.

use anyio_core::{Cause, CauseKind};
use loom::thread;

use super::{beneath, cause, registered, root, settle};
use crate::{
    model::explore,
    sys::Arc,
    tree::{Flags, Node},
};

/// 2 and 7: a node that comes beneath one that is being cancelled is cancelled too, and its owner
/// sees that or is woken.
#[test]
fn a_new_node_misses_no_cancellation() {
    explore(3, || {
        let top = root(Flags::PLAIN);
        let middle = beneath(&top, Flags::PLAIN);
        let canceller = thread::spawn(move || top.cancel(cause()));
        let new = beneath(&middle, Flags::PLAIN);
        let (seen, alarm) = settle(&new);
        canceller.join().unwrap();
        assert!(new.is_effective(), "it came too late for the walk and too early for the bit");
        assert!(seen || alarm.has_rung(), "its owner sleeps");
    });
}

/// 3: a node that leaves as the one beneath it is cancelled from above is passed through or passed
/// by; what was beneath it hears of the cancellation.
#[test]
fn a_ghost_passes_a_cancellation_on() {
    explore(3, || {
        let top = root(Flags::PLAIN);
        let middle = beneath(&top, Flags::PLAIN);
        let inner = beneath(&middle, Flags::PLAIN);
        let alarm = registered(&inner);
        let canceller = thread::spawn(move || top.cancel(cause()));
        middle.detach();
        canceller.join().unwrap();
        assert!(inner.is_effective());
        assert!(alarm.has_rung());
        assert_eq!(inner.origin(), cause());
    });
}

/// 3: who comes beneath a node that goes at this moment is beneath its parent instead.
#[test]
fn a_child_of_one_that_goes_is_its_parents() {
    explore(2, || {
        let top = root(Flags::PLAIN);
        let middle = beneath(&top, Flags::PLAIN);
        let owner = {
            let middle = Arc::clone(&middle);
            thread::spawn(move || middle.detach())
        };
        let canceller = {
            let top = Arc::clone(&top);
            thread::spawn(move || top.cancel(cause()))
        };
        let new = beneath(&middle, Flags::PLAIN);
        let (seen, alarm) = settle(&new);
        owner.join().unwrap();
        canceller.join().unwrap();
        assert!(new.is_effective());
        assert!(seen || alarm.has_rung(), "its owner sleeps");
        new.detach();
        assert!(!top.has_children(), "a ghost has stayed");
    });
}

/// 8: of two cancellations the first one counts, and whoever sees a node cancelled sees why.
#[test]
fn the_first_cause_stands() {
    explore(3, || {
        let node = root(Flags::PLAIN);
        let cancel = |kind| {
            let node = Arc::clone(&node);
            thread::spawn(move || node.cancel(Cause::of(kind)))
        };
        let (one, other) = (cancel(CauseKind::Deadline), cancel(CauseKind::Shutdown));
        let early = node.flags().any(Flags::CANCELLED).then(|| node.own_cause());
        let (one, other) = (one.join().unwrap(), other.join().unwrap());
        assert_ne!(one, other, "one was first");
        let first = if one { CauseKind::Deadline } else { CauseKind::Shutdown };
        assert_eq!(node.own_cause(), Some(Cause::of(first)));
        if let Some(early) = early {
            assert_eq!(early, Some(Cause::of(first)), "cancelled for no reason, or for another");
        }
    });
}

/// 1: a cancellation from above and a shield that is raised in the middle leave the same behind in
/// whatever order they meet.
#[test]
fn a_shield_meets_a_cancellation() {
    explore(3, || {
        let top = root(Flags::PLAIN);
        let middle = beneath(&top, Flags::PLAIN);
        let inner = beneath(&middle, Flags::PLAIN);
        let canceller = thread::spawn(move || top.cancel(cause()));
        middle.set_shielded(|| true);
        canceller.join().unwrap();
        assert!(!middle.is_effective());
        assert!(!inner.is_effective());
    });
}

/// 1 and 7: a shield that is taken away lets a cancellation in, also one that comes at this moment,
/// and the owner beneath is woken.
#[test]
fn a_shield_that_goes_lets_a_cancellation_in() {
    explore(3, || {
        let top = root(Flags::PLAIN);
        let middle = beneath(&top, Flags::SHIELD);
        let inner = beneath(&middle, Flags::PLAIN);
        let alarm = registered(&inner);
        let canceller = thread::spawn(move || top.cancel(cause()));
        middle.set_shielded(|| false);
        canceller.join().unwrap();
        assert!(middle.is_effective());
        assert!(inner.is_effective());
        assert!(alarm.has_rung());
    });
}

/// 1: two walks over one node, one that raises the bit and one that lowers it: it stays as the
/// present flags have it.
#[test]
fn two_walks_meet_on_their_way() {
    explore(2, || {
        let top = root(Flags::PLAIN);
        let middle = beneath(&top, Flags::PLAIN);
        let inner = beneath(&middle, Flags::PLAIN);
        let innermost = beneath(&inner, Flags::PLAIN);
        let canceller = {
            let middle = Arc::clone(&middle);
            thread::spawn(move || middle.cancel(cause()))
        };
        let other = {
            let inner = Arc::clone(&inner);
            thread::spawn(move || {
                inner.set_shielded(|| true);
                inner.set_shielded(|| false);
            })
        };
        canceller.join().unwrap();
        other.join().unwrap();
        let bits = [&top, &middle, &inner, &innermost].map(|node| node.is_effective());
        assert_eq!(bits, [false, true, true, true]);
    });
}

/// 7: a task that has seen no flag is woken by who raises it.
#[test]
fn a_flag_wakes_who_has_not_seen_it() {
    explore(3, || {
        let node = root(Flags::PLAIN);
        let canceller = {
            let node: Arc<Node> = Arc::clone(&node);
            thread::spawn(move || node.cancel(cause()))
        };
        let (seen, alarm) = settle(&node);
        let told = seen && node.flags().any(Flags::CANCELLED);
        canceller.join().unwrap();
        assert!(told || alarm.has_rung(), "it does not know that it drops its own body");
    });
}
