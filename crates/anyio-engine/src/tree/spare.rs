//! The node that was let go last, for the next one.
//!
//! Scopes and groups come and go one after the other, and most leave a node in which there is nothing. To
//! begin anew in that one is less than half of the work of giving its memory back, asking for it again and
//! writing all of it.

use std::cell::Cell;

use super::node::Node;
use crate::sys::Arc;

// Not the model checker's: it may not see what one execution has left for another.
std::thread_local! {
    static SPARE: Cell<Option<Arc<Node>>> = const { Cell::new(None) };
}

/// It, if there is one. Nobody else has it.
#[inline]
pub(super) fn take() -> Option<Arc<Node>> {
    // Nothing at the end of the thread.
    if cfg!(loom) { None } else { SPARE.try_with(Cell::take).ok().flatten() }
}

impl Node {
    /// Lets go of a node that has left the tree. If nobody else has it, and there is no more in it than in most,
    /// the next one that this thread makes is made of it.
    #[inline]
    pub(crate) fn let_go(mut node: Arc<Self>) {
        // Its bell is empty: `detach` has taken what was in there, and nobody leaves a waker afterwards.
        if let Some(own) = Arc::get_mut(&mut node)
            && own.known_board().is_none()
            && own.links.get_mut().strip()
            && !cfg!(loom)
        {
            // What comes back is dropped: the one that was there, or this one at the end of the thread.
            _ = SPARE.try_with(|spare| spare.replace(Some(node)));
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::time::Instant;

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
        Node::let_go(old);
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
            Node::let_go(node);
            assert!(SPARE.take().is_none());
        }
        assert_eq!(theirs.label().name.as_deref(), Some("old"));
    }
}
