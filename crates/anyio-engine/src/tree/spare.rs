//! The nodes that were let go last, for the next ones.
//!
//! Scopes and groups come and go, and most leave a node in which there is nothing. To begin anew in that one is
//! less than half of the work of giving its memory back, asking for it again and writing all of it.

use std::cell::Cell;

use super::node::Node;
use crate::sys::Arc;

// Not the model checker's: it may not see what one execution has left for another.
std::thread_local! {
    /// The first of a list, in which each is beneath the next.
    static SPARE: Cell<Option<Arc<Node>>> = const { Cell::new(None) };
}

/// How many a thread keeps, some five kilobytes: scopes stand in one another, and leave together.
const MANY: usize = 16;

/// One of them, if there are any. Nobody else has it, and it is beneath the rest, which has to be
/// [given back](keep).
#[inline]
pub(super) fn take() -> Option<Arc<Node>> {
    // Nothing at the end of the thread.
    if cfg!(loom) { None } else { SPARE.try_with(Cell::take).ok().flatten() }
}

/// Keeps this list, instead of one that is empty.
#[inline]
pub(super) fn keep(list: Option<Arc<Node>>) {
    if list.is_some() {
        // At the end of the thread it is dropped.
        _ = SPARE.try_with(|spare| spare.set(list));
    }
}

impl Node {
    /// Lets go of a node that has left the tree. If nobody else has it, and there is no more in it than in most,
    /// the next one that this thread makes is made of it.
    #[inline]
    pub(crate) fn recycle(mut node: Arc<Self>) {
        // Its bell is empty: it was no ghost, so `detach` has taken what was in there, and nobody leaves a waker
        // afterwards.
        if let Some(own) = Arc::get_mut(&mut node)
            && own.known_board().is_none()
            && own.links.get_mut().strip()
        {
            let rest = take();
            // How many there are with this one, where only its owner looks.
            let many = rest.as_ref().map_or(0, |first| first.parent_address()) + 1;
            if cfg!(loom) || many > MANY {
                return keep(rest);
            }
            own.set_parent_address(many);
            own.links.get_mut().parent = rest;
            keep(Some(node));
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::{task::Waker, time::Instant};

    use anyio_core::{Cause, CauseKind};

    use super::*;
    use crate::tree::Flags;

    /// A node that has left the tree, with what `fill` has written in it.
    fn left(flags: Flags) -> Arc<Node> {
        let parent = Node::new(Flags::PLAIN, |_| {});
        let node = Node::beneath(&parent, flags, |links| {
            links.label.name = Some("old".into());
            links.deadline = Some(Instant::now());
        });
        node.detach();
        node
    }

    #[test]
    fn nothing_of_the_old_node_is_in_the_new_one() {
        let old = left(Flags::SHIELD.with(Flags::SHUTDOWN));
        let address = old.address();
        Node::recycle(old);
        let new = Node::new(Flags::PLAIN, |_| {});
        assert_eq!(new.address(), address, "it was not kept");
        assert!(!new.flags().any(Flags::SHIELD.with(Flags::SHUTDOWN).with(Flags::ASKED)));
        assert_eq!(new.parent_address(), 0);
        let look = new.look();
        assert!(!look.ended && look.deadline.is_none() && look.label.name.is_none());
        assert!(look.label.site.is_none() && look.since.is_none() && new.parent().is_none());
    }

    #[test]
    fn what_somebody_else_has_or_was_cancelled_is_not_kept() {
        let cancelled = left(Flags::PLAIN);
        cancelled.cancel(Cause::of(CauseKind::Dropped));
        let kept_by_others = left(Flags::PLAIN);
        let theirs = Arc::clone(&kept_by_others);
        for node in [cancelled, kept_by_others] {
            SPARE.take();
            Node::recycle(node);
            assert!(SPARE.take().is_none());
        }
        assert_eq!(theirs.label().name.as_deref(), Some("old"));
    }

    /// It left without its owner, who has a waker in it.
    #[test]
    fn a_ghost_is_not_kept() {
        let ghost = Node::new(Flags::PLAIN, |_| {});
        let child = Node::beneath(&ghost, Flags::PLAIN, |_| {});
        ghost.waker().register(Waker::noop());
        ghost.detach();
        child.detach();
        drop(child);
        SPARE.take();
        Node::recycle(ghost);
        assert!(SPARE.take().is_none());
    }

    #[test]
    fn so_many_are_kept_and_no_more() {
        SPARE.take();
        let left: Vec<_> = (0..MANY + 5).map(|_| left(Flags::PLAIN)).collect();
        let mut addresses: Vec<_> = left.iter().map(Node::address).collect();
        left.into_iter().for_each(Node::recycle);
        addresses.truncate(MANY);
        // The last one first.
        let made: Vec<_> = (0..MANY).map(|_| Node::new(Flags::PLAIN, |_| {})).collect();
        assert_eq!(made.iter().map(Node::address).rev().collect::<Vec<_>>(), addresses);
        assert!(SPARE.take().is_none());
    }
}
