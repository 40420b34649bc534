//! Nodes that move.

use loom::thread;

use super::{beneath, cause, registered, root};
use crate::{model::explore, sys::Arc, tree::Flags};

/// 3: a node that moves has a parent at every moment: from one cancelled place to another it is
/// cancelled all the way, whoever looks or recomputes it meanwhile.
#[test]
fn a_moving_node_is_never_parentless() {
    explore(3, || {
        let (from, to) = (root(Flags::PLAIN), root(Flags::PLAIN));
        let node = beneath(&from, Flags::PLAIN);
        let inner = beneath(&node, Flags::PLAIN);
        from.cancel(cause());
        to.cancel(cause());
        let mover = {
            let node = Arc::clone(&node);
            thread::spawn(move || node.move_to(Some(to)))
        };
        assert!(node.sees_outer(), "for a moment it had no parent");
        assert_eq!(inner.origin(), cause());
        node.set_shielded(|| false);
        assert!(inner.is_effective(), "for a moment it was beneath nothing that is cancelled");
        mover.join().unwrap();
        assert!(node.is_effective());
        assert!(!from.has_children());
    });
}

/// 2: a node that moves misses no cancellation of the place it comes to.
#[test]
fn a_move_misses_no_cancellation() {
    explore(3, || {
        let (from, to) = (root(Flags::PLAIN), root(Flags::PLAIN));
        let node = beneath(&from, Flags::PLAIN);
        let inner = beneath(&node, Flags::PLAIN);
        let alarm = registered(&inner);
        let canceller = {
            let to = Arc::clone(&to);
            thread::spawn(move || to.cancel(cause()))
        };
        node.move_to(Some(to));
        canceller.join().unwrap();
        assert!(node.is_effective());
        assert!(inner.is_effective());
        assert!(alarm.has_rung());
    });
}

/// 1: a cancellation of the place that a node leaves does not stay with it.
#[test]
fn a_move_away_leaves_the_cancellation_behind() {
    explore(3, || {
        let (from, to) = (root(Flags::PLAIN), root(Flags::PLAIN));
        let node = beneath(&from, Flags::PLAIN);
        let inner = beneath(&node, Flags::PLAIN);
        let canceller = thread::spawn(move || from.cancel(cause()));
        node.move_to(Some(to));
        canceller.join().unwrap();
        assert!(!node.is_effective());
        assert!(!inner.is_effective());
    });
}

/// 4, the mutex around moves: of two moves, each of which would be allowed alone, one is not made,
/// since together they would close a cycle.
#[test]
fn two_moves_do_not_close_a_cycle() {
    explore(3, || {
        let top = root(Flags::PLAIN);
        let (one, other) = (beneath(&top, Flags::PLAIN), beneath(&top, Flags::PLAIN));
        let mover = {
            let (one, other) = (Arc::clone(&one), Arc::clone(&other));
            thread::spawn(move || one.move_to(Some(other)))
        };
        other.move_to(Some(Arc::clone(&one)));
        mover.join().unwrap();
        let beneath_other = one.parent_address() == other.address();
        let beneath_one = other.parent_address() == one.address();
        assert!(!(beneath_other && beneath_one), "each is beneath the other");
        assert!(beneath_other || beneath_one, "the first move was allowed");
    });
}

/// 3: the place that a node moves to goes at this moment, before or after it has come. From there it is
/// reached, or else from the next place outwards.
#[test]
fn a_move_to_a_place_that_goes() {
    explore(3, || {
        let (from, top) = (root(Flags::PLAIN), root(Flags::PLAIN));
        let to = beneath(&top, Flags::PLAIN);
        let node = beneath(&from, Flags::PLAIN);
        let inner = beneath(&node, Flags::PLAIN);
        let alarm = registered(&inner);
        let owner = {
            let to = Arc::clone(&to);
            thread::spawn(move || to.detach())
        };
        node.move_to(Some(to));
        owner.join().unwrap();
        assert!(!from.has_children());
        top.cancel(cause());
        assert!(node.is_effective());
        assert!(inner.is_effective());
        assert!(alarm.has_rung());
        inner.detach();
        node.detach();
        assert!(!top.has_children(), "a ghost has stayed");
    });
}

/// 2 and 3: as above, with a cancellation from further out at the same time.
#[test]
fn a_move_to_a_place_that_goes_and_is_cancelled() {
    explore(2, || {
        let (from, top) = (root(Flags::PLAIN), root(Flags::PLAIN));
        let to = beneath(&top, Flags::PLAIN);
        let node = beneath(&from, Flags::PLAIN);
        let inner = beneath(&node, Flags::PLAIN);
        let alarm = registered(&inner);
        let owner = {
            let to = Arc::clone(&to);
            thread::spawn(move || to.detach())
        };
        let canceller = {
            let top = Arc::clone(&top);
            thread::spawn(move || top.cancel(cause()))
        };
        node.move_to(Some(to));
        owner.join().unwrap();
        canceller.join().unwrap();
        assert!(node.is_effective());
        assert!(inner.is_effective());
        assert!(alarm.has_rung());
        assert_eq!(inner.origin(), cause());
    });
}

/// 3: the place that a node leaves ends at this moment: it is gone, and no ghost, whichever was first.
#[test]
fn a_move_from_a_place_that_goes() {
    explore(3, || {
        let (top, to) = (root(Flags::PLAIN), root(Flags::PLAIN));
        let from = beneath(&top, Flags::PLAIN);
        let node = beneath(&from, Flags::PLAIN);
        let inner = beneath(&node, Flags::PLAIN);
        let owner = thread::spawn(move || from.detach());
        node.move_to(Some(Arc::clone(&to)));
        owner.join().unwrap();
        assert!(!top.has_children(), "a ghost has stayed");
        top.cancel(cause());
        assert!(!node.is_effective());
        assert!(!inner.is_effective());
        to.cancel(cause());
        assert!(node.is_effective());
        assert!(inner.is_effective());
    });
}

/// 1: a shielded node that moves, and whose shield is taken away, is cancelled as the place is that it
/// comes to, and so is what is beneath.
#[test]
fn a_shield_is_lowered_on_the_way() {
    for (left, reached) in [(true, false), (false, true), (true, true)] {
        explore(3, move || {
            let (from, to) = (root(Flags::PLAIN), root(Flags::PLAIN));
            let node = beneath(&from, Flags::SHIELD);
            let inner = beneath(&node, Flags::PLAIN);
            let alarm = registered(&inner);
            for place in [(left, &from), (reached, &to)] {
                if place.0 {
                    place.1.cancel(cause());
                }
            }
            let mover = {
                let node = Arc::clone(&node);
                thread::spawn(move || node.move_to(Some(to)))
            };
            node.set_shielded(|| false);
            mover.join().unwrap();
            assert_eq!(node.is_effective(), reached);
            assert_eq!(inner.is_effective(), reached);
            assert!(alarm.has_rung() || !reached, "its owner sleeps");
        });
    }
}

/// 1: and one that gets a shield on its way is cancelled no more where it arrives, from wherever it
/// came.
#[test]
fn a_shield_is_raised_on_the_way() {
    for (left, reached) in [(true, false), (false, true), (true, true)] {
        explore(3, move || {
            let (from, to) = (root(Flags::PLAIN), root(Flags::PLAIN));
            let node = beneath(&from, Flags::PLAIN);
            let inner = beneath(&node, Flags::PLAIN);
            for place in [(left, &from), (reached, &to)] {
                if place.0 {
                    place.1.cancel(cause());
                }
            }
            let mover = {
                let node = Arc::clone(&node);
                thread::spawn(move || node.move_to(Some(to)))
            };
            node.set_shielded(|| true);
            mover.join().unwrap();
            assert!(!node.is_effective());
            assert!(!inner.is_effective());
        });
    }
}
