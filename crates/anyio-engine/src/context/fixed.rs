//! A frame that its future shares with others.
#![expect(
    unsafe_code,
    reason = "a cell that is not written is shared; the argument is at `FixedFrame`"
)]

use std::{cell::OnceCell, task::Context};

use super::{
    ambient,
    frame::Frame,
    slot::{self, Entry, Kind},
};
use crate::{sys::Arc, tree::Node};

/// A place in the cancel tree that has a node from the start. One future enters it; others may look at the node. What
/// becomes of that is up to who owns this.
pub(crate) struct FixedFrame {
    cell: OnceCell<Arc<Node>>,
}

// SAFETY: `Sync` needs that no two threads race through a shared reference. With one, a `OnceCell` is written only where
// it is empty; and all that uses it so, here and in frames further in, which get it from `enter` and `enter_inner`, comes
// after `node`, which looks whether there is something in it, and it stays there as long as it is shared: `begin`,
// `node_mut` and `take` need a `&mut`. To read what is in there is to share an `Arc<Node>`, which is `Sync`.
unsafe impl Sync for FixedFrame {}

impl FixedFrame {
    pub(crate) const fn new() -> Self {
        Self { cell: OnceCell::new() }
    }

    /// With this node.
    #[inline]
    pub(crate) fn of(node: Arc<Node>) -> Self {
        Self { cell: OnceCell::from(node) }
    }

    /// Gives the frame, which has none, a node.
    #[inline]
    pub(crate) fn begin(&mut self, node: Arc<Node>) {
        debug_assert!(self.cell.get().is_none(), "it begins once");
        self.cell = OnceCell::from(node);
    }

    /// The node, if it has one.
    #[inline]
    pub(crate) fn node_mut(&mut self) -> Option<&mut Arc<Node>> {
        self.cell.get_mut()
    }

    #[inline]
    pub(crate) fn take(&mut self) -> Option<Arc<Node>> {
        self.cell.take()
    }

    #[inline]
    pub(crate) fn node(&self) -> &Arc<Node> {
        match self.cell.get() {
            Some(node) => node,
            None => unreachable!("it is there as long as others have the frame"),
        }
    }

    /// Goes to wherever the future is polled now. To be called at each poll, except where it begins.
    #[inline]
    pub(crate) fn follow(&self) {
        ambient::follow(self.node());
    }

    /// Runs `f` inside this frame.
    #[inline]
    pub(crate) fn enter<R>(&self, f: impl FnOnce() -> R) -> R {
        self.node();
        slot::enter(Entry::known(&self.cell, &Kind::KNOWN, false), f)
    }

    /// Runs `f` inside `inner`, which is in this frame, and never was in another one.
    #[inline(always)]
    pub(crate) fn enter_inner<R>(
        &self,
        inner: &Frame,
        kind: &Kind<'_>,
        f: impl FnOnce() -> R,
    ) -> R {
        let here = self.node().address();
        debug_assert!(
            inner.node().is_none_or(|inner| inner.parent_address() == here),
            "the inner frame is in this one"
        );
        slot::enter_two(&self.cell, inner.cell(), kind, f)
    }

    /// From now on, changes in the tree wake the future.
    #[inline]
    pub(crate) fn settle(&self, cx: &Context<'_>) -> &Arc<Node> {
        let node = self.node();
        node.waker().register(cx.waker());
        node
    }
}
