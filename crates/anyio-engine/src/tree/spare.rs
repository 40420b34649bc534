//! The nodes that were let go last, for the next ones.
//!
//! Scopes and groups come and go, and most leave a node in which there is nothing. To begin anew in that one is
//! less than half of the work of giving its memory back, asking for it again and writing all of it.
#![expect(
    unsafe_code,
    reason = "a thread's list of what nobody else has; the argument is at `take`"
)]

use std::cell::Cell;

use super::{flags::Flags, node::Node};
use crate::sys::{Alone, Arc};

// Not the model checker's: it may not see what one execution has left for another.
std::thread_local! {
    /// The first of a list, in which each is beneath the next. In it are only such as were [`Alone`] when they came,
    /// and nobody has them but the list.
    static SPARE: Cell<Option<Arc<Node>>> = const { Cell::new(None) };
}

/// How many a thread keeps, some twenty kilobytes: scopes stand in one another, and leave together.
const MANY: usize = 64;

/// One of them, if there are any.
#[inline]
pub(super) fn take() -> Option<Alone<Node>> {
    if cfg!(loom) {
        return None;
    }
    let first = SPARE.try_with(|list| {
        // SAFETY: nobody else may have it, nor upgrade a weak reference. What is in the list was `Alone` when it came,
        // and so had no reference but the one that is here now: the list's, which nobody clones or downgrades.
        let mut first = unsafe { Alone::assume(list.take()?) };
        list.set(first.links.get_mut().parent.take());
        Some(first)
    });
    // Nothing at the end of the thread.
    first.ok().flatten()
}

/// Keeps one that is as good as new, if there are not too many.
#[inline]
fn keep(mut node: Alone<Node>) {
    // At the end of the thread it is dropped.
    _ = SPARE.try_with(|list| {
        let rest = list.take();
        // How many there are with this one, where only its owner looks.
        let many = rest.as_ref().map_or(0, |first| first.parent_address()) + 1;
        if many > MANY {
            return list.set(rest);
        }
        node.set_parent_address(many);
        node.links.get_mut().parent = rest;
        list.set(Some(node.share()));
    });
}

impl Node {
    /// Whether nobody has the node but its owner and the list that it is in, so that it may [part](Self::part) with
    /// that.
    ///
    /// Who comes to it after this can only be a walk, which looks at it and goes on. To have it for longer, and to go by
    /// what it is beneath, takes a frame in it, a handle or a weak reference; where there is none, and the owner is
    /// here, there comes none. (A group is asked first whether somebody has that.)
    #[inline(always)]
    pub(crate) fn is_left(self: &Arc<Self>) -> bool {
        let shares = 1 + usize::from(self.parent_address() != 0);
        !cfg!(loom)
            && Arc::strong_count(self) == shares
            && Arc::weak_count(self) == 0
            && !self.is_told()
            // A board is for one clock, and stays.
            && self.known_board().is_none()
    }

    /// What is cancelled, or is in what is, tells others why for as long as they have it; and what is around it may have
    /// left, and let go of it.
    #[inline(always)]
    fn is_told(&self) -> bool {
        self.flags().any(Flags::EFFECTIVE.with(Flags::OUTER))
    }

    /// Takes the node out of its list, and no more. It is mostly beneath `around`.
    #[inline(always)]
    pub(crate) fn part(self: &Arc<Self>, around: Option<&Arc<Self>>) {
        let own = self.parent_address();
        match around {
            Some(parent) if parent.address() == own => self.part_from(parent),
            _ if own == 0 => {}
            _ => self.part_from_afar(),
        }
    }

    #[cold]
    fn part_from_afar(self: &Arc<Self>) {
        self.parent().iter().for_each(|parent| self.part_from(parent));
    }

    #[inline(always)]
    fn part_from(self: &Arc<Self>, parent: &Arc<Self>) {
        self.leave(parent, self.place());
    }

    /// Takes out what there is of a node that has [parted](Self::part), but for the tasks of a group: it is as good as
    /// new. False if there is more in it than in most, or it was cancelled until then: it has to be
    /// [taken out](Self::detach_parted).
    #[inline(always)]
    pub(crate) fn strip(&mut self) -> bool {
        let plain = !self.is_told() && self.links.get_mut().is_plain();
        if plain {
            self.links.get_mut().strip();
            drop(self.waker.take());
        }
        plain
    }

    /// A node has parted, and somebody has it all the same, or it is not plain: it leaves as any other.
    #[cold]
    pub(crate) fn detach_parted(self: &Arc<Self>) {
        self.attach(self.parent());
        // It has others, and may have missed something.
        self.refresh();
        self.detach();
    }

    /// Takes a node out of the tree whose frame has ended, and which is mostly beneath `around`. If nobody else has it,
    /// and there is no more in it than in most, the next one that this thread makes is made of it.
    #[inline]
    pub(crate) fn retire(node: Arc<Self>, around: Option<&Arc<Self>>) {
        if !node.is_left() {
            return node.detach();
        }
        node.part(around);
        let mut node = match Alone::of(node) {
            Ok(node) => node,
            // A walk still looks at it.
            Err(node) => return node.detach_parted(),
        };
        if node.strip() {
            node.links.get_mut().members = None;
            keep(node);
        } else {
            node.share().detach_parted();
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::{panic::Location, task::Waker, time::Instant};

    use anyio_core::{Cause, CauseKind};

    use super::*;

    /// A node with its parent, and with what `fill` writes in it.
    fn pair(flags: Flags) -> (Arc<Node>, Arc<Node>) {
        let parent = Node::new(Flags::PLAIN, |_| {});
        let node = Node::beneath(&parent, flags, |links| {
            links.open(Some(&"old".into()), Location::caller());
            links.deadline = Some(Instant::now());
        });
        SPARE.take();
        (parent, node)
    }

    #[test]
    fn nothing_of_the_old_node_is_in_the_new_one() {
        let (parent, old) = pair(Flags::SHIELD.with(Flags::SHUTDOWN));
        let address = old.address();
        assert!(old.look().since.is_some() && old.look().label.site.is_some());
        Node::retire(old, Some(&parent));
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
        Node::retire(node, None);
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
        Node::retire(node, None);
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
        Node::retire(node, None);
        assert_eq!(theirs.origin(), cause);
    }

    /// It has left without its owner, who has a waker in it.
    #[test]
    fn a_ghost_is_not_kept() {
        let (parent, ghost) = pair(Flags::PLAIN);
        let child = Node::beneath(&ghost, Flags::PLAIN, |_| {});
        ghost.waker().register(Waker::noop());
        Node::retire(ghost, Some(&parent));
        assert!(parent.has_children());
        Node::retire(child, None);
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
        nodes.into_iter().for_each(|node| Node::retire(node, Some(&parent)));
        addresses.truncate(MANY);
        // The last one first.
        let made: Vec<_> = (0..MANY).map(|_| Node::new(Flags::PLAIN, |_| {})).collect();
        assert_eq!(made.iter().map(Node::address).rev().collect::<Vec<_>>(), addresses);
        assert!(SPARE.take().is_none());
    }
}
