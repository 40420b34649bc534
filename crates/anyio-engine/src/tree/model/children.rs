//! Nodes that come and go while something else happens to their parents.

use std::time::{Duration, Instant};

use loom::thread;

use super::{beneath, cause, registered, root, settle};
use crate::{
    model::explore,
    sys::Arc,
    tree::{Flags, Node},
};

/// 1 and 2: a node that comes beneath one whose shield is taken away hears of the cancellation outside,
/// and its owner sees that or is woken.
#[test]
fn a_new_node_beneath_a_shield_that_goes() {
    explore(3, || {
        let top = root(Flags::PLAIN);
        let middle = beneath(&top, Flags::SHIELD);
        top.cancel(cause());
        let other = {
            let middle = Arc::clone(&middle);
            thread::spawn(move || middle.set_shielded(|| false))
        };
        let new = beneath(&middle, Flags::PLAIN);
        let (seen, alarm) = settle(&new);
        other.join().unwrap();
        assert!(new.is_effective(), "it came too late for the walk and too early for the bit");
        assert!(seen || alarm.has_rung(), "its owner sleeps");
    });
}

/// 1 and 2: one that comes beneath a shield that is raised at this moment is behind it.
#[test]
fn a_new_node_beneath_a_shield_that_comes() {
    explore(3, || {
        let top = root(Flags::PLAIN);
        let middle = beneath(&top, Flags::PLAIN);
        top.cancel(cause());
        let other = {
            let middle = Arc::clone(&middle);
            thread::spawn(move || middle.set_shielded(|| true))
        };
        let new = beneath(&middle, Flags::PLAIN);
        other.join().unwrap();
        assert!(!middle.is_effective());
        assert!(!new.is_effective(), "it has kept what the shield keeps out");
    });
}

/// 1 and 2: one that comes beneath a node on its way into what is cancelled is taken along.
#[test]
fn a_new_node_beneath_one_that_moves_in() {
    explore(3, || {
        let (from, to) = (root(Flags::PLAIN), root(Flags::PLAIN));
        let middle = beneath(&from, Flags::PLAIN);
        to.cancel(cause());
        let mover = {
            let middle = Arc::clone(&middle);
            thread::spawn(move || middle.move_to(Some(to)))
        };
        let new = beneath(&middle, Flags::PLAIN);
        let (seen, alarm) = settle(&new);
        mover.join().unwrap();
        assert!(new.is_effective(), "it came too late for the walk and too early for the bit");
        assert!(seen || alarm.has_rung(), "its owner sleeps");
    });
}

/// 1 and 2: and out of it, when the node moves out.
#[test]
fn a_new_node_beneath_one_that_moves_out() {
    explore(3, || {
        let (from, to) = (root(Flags::PLAIN), root(Flags::PLAIN));
        let middle = beneath(&from, Flags::PLAIN);
        from.cancel(cause());
        let mover = {
            let middle = Arc::clone(&middle);
            thread::spawn(move || middle.move_to(Some(to)))
        };
        let new = beneath(&middle, Flags::PLAIN);
        mover.join().unwrap();
        assert!(!middle.is_effective());
        assert!(!new.is_effective(), "it has kept what its parent has left behind");
    });
}

/// 1 and 3: a shield that ends while its handle takes it away lets a cancellation through, once and
/// for all, to what is left beneath it.
#[test]
fn a_shield_ends_while_it_is_lowered() {
    explore(3, || {
        let top = root(Flags::PLAIN);
        let middle = beneath(&top, Flags::SHIELD);
        let inner = beneath(&middle, Flags::PLAIN);
        let alarm = registered(&inner);
        top.cancel(cause());
        let owner = {
            let middle = Arc::clone(&middle);
            thread::spawn(move || middle.detach())
        };
        middle.set_shielded(|| false);
        owner.join().unwrap();
        assert!(inner.is_effective());
        assert!(alarm.has_rung());
    });
}

/// 3: a scope that ends while its handle puts a shield up keeps nothing out: what is left beneath it
/// belongs to the next scope outwards.
#[test]
fn a_scope_ends_while_a_shield_is_raised() {
    explore(3, || {
        let top = root(Flags::PLAIN);
        let middle = beneath(&top, Flags::PLAIN);
        let inner = beneath(&middle, Flags::PLAIN);
        let alarm = registered(&inner);
        let owner = {
            let middle = Arc::clone(&middle);
            thread::spawn(move || middle.detach())
        };
        middle.set_shielded(|| true);
        owner.join().unwrap();
        top.cancel(cause());
        assert!(inner.is_effective(), "a scope that has ended shields it");
        assert!(alarm.has_rung());
    });
}

/// 3: nor is its deadline there any more, when its handle moves that as it ends.
#[test]
fn a_scope_ends_while_its_deadline_is_moved() {
    let now = Instant::now();
    explore(3, move || {
        let top = root(Flags::PLAIN);
        let middle = beneath(&top, Flags::PLAIN);
        let inner = beneath(&middle, Flags::PLAIN);
        let owner = {
            let middle = Arc::clone(&middle);
            thread::spawn(move || middle.detach())
        };
        middle.set_deadline(|| Some(now));
        middle.bring_deadline_forward(now + Duration::from_secs(1));
        owner.join().unwrap();
        assert_eq!(inner.effective_deadline(), None, "that of a scope that has ended");
    });
}

/// That a cancellation of `top` reaches `node`, and that nothing is left beneath `top` when that has
/// ended.
fn is_all_there_is(node: &Arc<Node>, top: &Arc<Node>) {
    let alarm = registered(node);
    top.cancel(cause());
    assert!(node.is_effective(), "the cancellation does not reach it");
    assert!(alarm.has_rung());
    node.detach();
    assert!(!top.has_children(), "something has stayed");
}

/// 3: who comes beneath a node that goes, whose parent goes as well, is beneath the next one that
/// stays.
#[test]
fn a_child_of_two_that_go() {
    explore(3, || {
        let top = root(Flags::PLAIN);
        let outer = beneath(&top, Flags::PLAIN);
        let inner = beneath(&outer, Flags::PLAIN);
        let owner = {
            let inner = Arc::clone(&inner);
            thread::spawn(move || {
                inner.detach();
                outer.detach();
            })
        };
        let new = beneath(&inner, Flags::PLAIN);
        owner.join().unwrap();
        is_all_there_is(&new, &top);
    });
}

/// 3: a ghost whose last child moves away vanishes, or gets another child first; who comes beneath it
/// at this moment is reached from outside all the same.
#[test]
fn a_child_of_a_ghost_whose_last_child_moves_away() {
    explore(3, || {
        let (top, elsewhere) = (root(Flags::PLAIN), root(Flags::PLAIN));
        let ghost = beneath(&top, Flags::PLAIN);
        let node = beneath(&ghost, Flags::PLAIN);
        ghost.detach();
        let mover = {
            let (node, elsewhere) = (Arc::clone(&node), Arc::clone(&elsewhere));
            thread::spawn(move || node.move_to(Some(elsewhere)))
        };
        let new = beneath(&ghost, Flags::PLAIN);
        mover.join().unwrap();
        is_all_there_is(&new, &top);
        assert!(!node.is_effective());
        is_all_there_is(&node, &elsewhere);
    });
}

/// 3: a ghost that vanishes so while it is cancelled from above leaves nothing behind, neither of
/// itself nor of the cancellation.
#[test]
fn a_ghost_vanishes_in_the_middle_of_a_walk() {
    explore(3, || {
        let (top, elsewhere) = (root(Flags::PLAIN), root(Flags::PLAIN));
        let ghost = beneath(&top, Flags::PLAIN);
        let node = beneath(&ghost, Flags::PLAIN);
        let inner = beneath(&node, Flags::PLAIN);
        ghost.detach();
        let canceller = {
            let top = Arc::clone(&top);
            thread::spawn(move || top.cancel(cause()))
        };
        node.move_to(Some(elsewhere));
        canceller.join().unwrap();
        assert!(!node.is_effective());
        assert!(!inner.is_effective());
        assert!(!top.has_children(), "a ghost has stayed");
    });
}
