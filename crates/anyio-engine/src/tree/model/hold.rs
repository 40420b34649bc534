//! Who holds, who waits for that, and who is told.

use loom::thread;

use super::{beneath, cause, registered, root};
use crate::{
    model::{Alarm, explore},
    sys::Arc,
    tree::{self, Flags, Node},
};

/// What the owner of `node` does after its body was pending: register, look, and drop the body if
/// it may. If it may not, it sleeps, and the alarm is what wakes it.
fn turn(node: &Arc<Node>) -> (bool, Arc<Alarm>) {
    let alarm = registered(node);
    (node.is_effective() && !tree::is_held(node), alarm)
}

/// 5: the owner of a cancelled node, which something beneath holds, is woken when that has gone:
/// whatever order the cancellation, the end of the hold and the owner's own look come in.
#[test]
fn the_last_hold_wakes_who_waits_for_it() {
    explore(2, || {
        let top = root(Flags::TASK_ROOT);
        let hold = beneath(&top, Flags::HOLD);
        let canceller = {
            let top = Arc::clone(&top);
            thread::spawn(move || top.cancel(cause()))
        };
        let holder = thread::spawn(move || hold.detach());
        let (due, alarm) = turn(&top);
        canceller.join().unwrap();
        holder.join().unwrap();
        assert!(due || alarm.has_rung(), "nothing holds the node, and its owner sleeps");
        assert!(turn(&top).0);
    });
}

/// 5, two levels up: the hold is beneath a plain scope.
#[test]
fn a_hold_further_down_wakes_too() {
    explore(3, || {
        let top = root(Flags::TASK_ROOT);
        let middle = beneath(&top, Flags::PLAIN);
        let hold = beneath(&middle, Flags::HOLD);
        top.cancel(cause());
        let holder = thread::spawn(move || hold.detach());
        let (due, alarm) = turn(&top);
        holder.join().unwrap();
        assert!(due || alarm.has_rung(), "nothing holds the node, and its owner sleeps");
        drop(middle);
    });
}

/// 5: a shield that is lowered is a hold that goes.
#[test]
fn a_lowered_shield_wakes_who_waits_for_it() {
    explore(3, || {
        let top = root(Flags::TASK_ROOT);
        let shield = beneath(&top, Flags::SHIELD);
        top.cancel(cause());
        let other = {
            let shield = Arc::clone(&shield);
            thread::spawn(move || shield.set_shielded(|| false))
        };
        let (due, alarm) = turn(&top);
        other.join().unwrap();
        assert!(due || alarm.has_rung(), "nothing holds the node, and its owner sleeps");
        assert!(shield.is_effective());
    });
}

/// 5: a hold that moves to another task no longer holds here.
#[test]
fn a_hold_that_moves_away_wakes() {
    explore(3, || {
        let (top, other) = (root(Flags::TASK_ROOT), root(Flags::TASK_ROOT));
        let hold = beneath(&top, Flags::HOLD);
        top.cancel(cause());
        let mover = {
            let hold = Arc::clone(&hold);
            thread::spawn(move || hold.move_to(Some(other)))
        };
        let (due, alarm) = turn(&top);
        mover.join().unwrap();
        assert!(due || alarm.has_rung(), "nothing holds the node, and its owner sleeps");
        assert!(!hold.is_effective());
    });
}

/// 5 and 3: a hold that ends with something beneath it stays as a ghost, and holds no longer.
#[test]
fn a_ghost_does_not_hold() {
    explore(2, || {
        let top = root(Flags::TASK_ROOT);
        let hold = beneath(&top, Flags::HOLD.with(Flags::SHIELD));
        let inner = beneath(&hold, Flags::PLAIN);
        let canceller = {
            let top = Arc::clone(&top);
            thread::spawn(move || top.cancel(cause()))
        };
        let inner_alarm = registered(&inner);
        let holder = thread::spawn(move || hold.detach());
        let (due, alarm) = turn(&top);
        canceller.join().unwrap();
        holder.join().unwrap();
        assert!(due || alarm.has_rung(), "nothing holds the node, and its owner sleeps");
        assert!(inner.is_effective());
        assert!(inner_alarm.has_rung());
    });
}

/// 6: a plain scope beside a hold is told to drop its own body by the outermost node's look, and its
/// owner sees that or is woken.
#[test]
fn a_plain_scope_beside_a_hold_is_told() {
    explore(2, || {
        let top = root(Flags::TASK_ROOT);
        let _hold = beneath(&top, Flags::HOLD);
        let plain = beneath(&top, Flags::PLAIN);
        let canceller = {
            let top = Arc::clone(&top);
            thread::spawn(move || top.cancel(cause()))
        };
        let outermost = {
            let top = Arc::clone(&top);
            thread::spawn(move || turn(&top))
        };
        let alarm = registered(&plain);
        let told = plain.flags().any(Flags::DELIVER);
        canceller.join().unwrap();
        let (due, outer_alarm) = outermost.join().unwrap();
        assert!(!due, "the hold is still there");
        // Not having seen the cancellation, the outermost node's owner is woken, and looks again.
        if outer_alarm.has_rung() {
            assert!(!turn(&top).0);
        }
        assert!(plain.flags().any(Flags::DELIVER));
        assert!(told || alarm.has_rung(), "the plain scope's owner sleeps");
    });
}
