//! Operations that were refused, and that may start after all.

use loom::thread;

use super::{beneath, cause, root};
use crate::{
    model::{Alarm, explore},
    sys::Arc,
    tree::{Flags, Node},
};

/// An operation is refused beneath a cancelled node, or may start, while `change` makes the node
/// cancelled no more: it must not be refused and then forgotten.
fn refused_while(change: fn(&Arc<Node>)) {
    explore(3, move || {
        let top = root(Flags::PLAIN);
        let node = beneath(&top, Flags::PLAIN);
        let inner = beneath(&node, Flags::PLAIN);
        top.cancel(cause());
        let other = thread::spawn(move || change(&node));
        let (alarm, waker) = Alarm::new();
        let refused = inner.refuse(&waker);
        other.join().expect("nothing here panics");
        assert!(!inner.is_effective());
        assert!(!refused || alarm.has_rung(), "the operation waits for nothing");
        assert!(!inner.refuse(&waker));
    });
}

/// The waker of a refused operation is kept under the lock that the bit is lowered under (1).
#[test]
fn a_shield_wakes_what_was_refused() {
    refused_while(|node| node.set_shielded(|| true));
}

/// As above, by a move out of what is cancelled.
#[test]
fn a_move_wakes_what_was_refused() {
    refused_while(|node| node.move_to(None));
}
