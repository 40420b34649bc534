//! The nodes that were let go last, for the next ones.
//!
//! Scopes and groups come and go, and most leave a node in which there is nothing. To begin anew in that one is
//! less than half of the work of giving its memory back, asking for it again and writing all of it.

use std::{cell::Cell, mem};

use super::{flags::Flags, node::Node};
use crate::sys::Arc;

// Not the model checker's: it may not see what one execution has left for another.
std::thread_local! {
    /// The first of a list, in which each is beneath the next.
    static SPARE: Cell<Option<Arc<Node>>> = const { Cell::new(None) };
}

/// How many a thread keeps, some twenty kilobytes: scopes stand in one another, and leave together.
const MANY: usize = 64;

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
    /// Takes a node out of the tree that nobody has but its parent and its owner, in so many places. It is as good
    /// as new then. False, and nothing is done, if others have it or there is more in it than in most; then it
    /// has to be [taken out](Self::detach).
    #[inline]
    pub(crate) fn leave_alone(self: &Arc<Self>, places: usize) -> bool {
        // What is cancelled, or is in what is, tells others why for as long as they have it; and what is around it
        // may have left, and let go of it. (A board is for one clock, and stays.)
        if self.flags().any(Flags::EFFECTIVE.with(Flags::OUTER)) || self.known_board().is_some() {
            return false;
        }
        // Who comes to it after this can only be a walk, which looks at it and goes on. To have it for longer, and
        // to go by what it is beneath, takes a frame in it, a handle or a weak reference; where there is none, and
        // the owner is here, there comes none.
        let places = places + usize::from(self.parent_address() != 0);
        if cfg!(loom) || Arc::strong_count(self) != places || Arc::weak_count(self) != 0 {
            return false;
        }
        let (parent, place, _members, _name) = {
            let mut links = self.links.lock();
            if !links.is_plain() {
                return false;
            }
            links.gone = true;
            links.deadline = None;
            links.label.site = None;
            links.listing.since = None;
            let place = mem::take(&mut links.place);
            (links.parent.take(), place, links.members.take(), links.label.name.take())
        };
        let _waker = self.waker.take();
        if let Some(parent) = parent {
            self.leave(parent, place);
        }
        true
    }

    /// Takes a node out of the tree whose frame has ended. If nobody else has it, and there is no more in it than in
    /// most, the next one that this thread makes is made of it.
    #[inline]
    pub(crate) fn retire(mut node: Arc<Self>) {
        if !node.leave_alone(1) {
            return node.detach();
        }
        // Unless a walk still looks at it.
        if let Some(own) = Arc::get_mut(&mut node) {
            let rest = take();
            // How many there are with this one, where only its owner looks.
            let many = rest.as_ref().map_or(0, |first| first.parent_address()) + 1;
            if many > MANY {
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

    /// A node with its parent, and with what `fill` writes in it.
    fn pair(flags: Flags) -> (Arc<Node>, Arc<Node>) {
        let parent = Node::new(Flags::PLAIN, |_| {});
        let node = Node::beneath(&parent, flags, |links| {
            links.label.name = Some("old".into());
            links.deadline = Some(Instant::now());
        });
        SPARE.take();
        (parent, node)
    }

    #[test]
    fn nothing_of_the_old_node_is_in_the_new_one() {
        let (parent, old) = pair(Flags::SHIELD.with(Flags::SHUTDOWN));
        let address = old.address();
        Node::retire(old);
        assert!(!parent.has_children());
        let new = Node::new(Flags::PLAIN, |_| {});
        assert_eq!(new.address(), address, "it was not kept");
        assert!(!new.flags().any(Flags::SHIELD.with(Flags::SHUTDOWN).with(Flags::ASKED)));
        assert_eq!(new.parent_address(), 0);
        let look = new.look();
        assert!(!look.ended && look.deadline.is_none() && look.label.name.is_none());
        assert!(look.label.site.is_none() && look.since.is_none() && new.parent().is_none());
    }

    /// It stays as it was for who has it, and gone.
    #[test]
    fn what_somebody_else_has_is_not_kept() {
        let (parent, node) = pair(Flags::PLAIN);
        let theirs = Arc::clone(&node);
        Node::retire(node);
        assert!(SPARE.take().is_none() && !parent.has_children());
        let look = theirs.look();
        assert!(look.ended);
        assert_eq!(look.label.name.as_deref(), Some("old"));
        // Whoever comes to be in it belongs to what is around it.
        let late = Node::beneath(&theirs, Flags::PLAIN, |_| {});
        assert_eq!(late.parent_address(), parent.address());
    }

    #[test]
    fn what_was_cancelled_is_not_kept() {
        let (parent, node) = pair(Flags::PLAIN);
        node.cancel(Cause::of(CauseKind::Dropped));
        Node::retire(node);
        assert!(SPARE.take().is_none() && !parent.has_children());
    }

    /// The scope around it has been cancelled and has gone, and with it its own share: who has the node, as a job
    /// that is left alone, still hears why.
    #[test]
    fn what_is_in_a_cancelled_scope_tells_why() {
        let (parent, node) = pair(Flags::PLAIN);
        let cause = Cause::explicit();
        parent.cancel(cause.clone());
        parent.detach();
        let theirs = Arc::clone(&node);
        drop(parent);
        Node::retire(node);
        assert_eq!(theirs.origin(), cause);
    }

    /// It has left without its owner, who has a waker in it.
    #[test]
    fn a_ghost_is_not_kept() {
        let (parent, ghost) = pair(Flags::PLAIN);
        let child = Node::beneath(&ghost, Flags::PLAIN, |_| {});
        ghost.waker().register(Waker::noop());
        Node::retire(ghost);
        assert!(parent.has_children());
        Node::retire(child);
        let ours = SPARE.take();
        assert!(!parent.has_children());
        assert!(ours.is_none_or(|child| child.parent().is_none()), "the ghost was kept");
    }

    #[test]
    fn so_many_are_kept_and_no_more() {
        let parent = Node::new(Flags::PLAIN, |_| {});
        let many = 0..MANY + 5;
        let nodes: Vec<_> = many.map(|_| Node::beneath(&parent, Flags::PLAIN, |_| {})).collect();
        SPARE.take();
        let mut addresses: Vec<_> = nodes.iter().map(Node::address).collect();
        nodes.into_iter().for_each(Node::retire);
        addresses.truncate(MANY);
        // The last one first.
        let made: Vec<_> = (0..MANY).map(|_| Node::new(Flags::PLAIN, |_| {})).collect();
        assert_eq!(made.iter().map(Node::address).rev().collect::<Vec<_>>(), addresses);
        assert!(SPARE.take().is_none());
    }
}
