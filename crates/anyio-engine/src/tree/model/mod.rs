//! Models of the cancel tree. The numbers are those of the invariants at the top of [`super`].

mod bell;
mod board;
mod cancel;
mod children;
mod hold;
mod motion;
mod refuse;

use std::task::Waker;

use anyio_core::{Cause, CauseKind};

use super::{Flags, Node};
use crate::{model::Alarm, sys::Arc};

/// A node beneath `parent`.
fn beneath(parent: &Arc<Node>, flags: Flags) -> Arc<Node> {
    Node::beneath(parent, flags, |_| {})
}

/// A node without a parent. What all moves and walks share is made with it, before there are threads.
fn root(flags: Flags) -> Arc<Node> {
    let root = Node::new(flags, |_| {});
    root.move_to(None);
    root
}

fn cause() -> Cause {
    Cause::of(CauseKind::Interrupt)
}

/// What the owner of `node` does after its body was pending (7): whether it saw a cancellation. If
/// not, it sleeps, and the alarm is what wakes it.
fn settle(node: &Node) -> (bool, Arc<Alarm>) {
    let (alarm, waker) = Alarm::new();
    node.waker().register(&waker);
    (node.is_effective(), alarm)
}

/// A waker as long as the node does not hold on to it.
fn registered(node: &Node) -> Arc<Alarm> {
    let (alarm, waker): (_, Waker) = Alarm::new();
    node.waker().register(&waker);
    alarm
}
