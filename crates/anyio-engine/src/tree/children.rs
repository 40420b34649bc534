//! The children of a node.

use slab::Slab;

use super::node::Node;
use crate::sys::Arc;

/// Nodes at places that do not change. Most have one child at a time, and that takes no allocation.
#[derive(Default)]
pub(super) struct Children {
    first: Option<Arc<Node>>,
    /// At the places from 1 on.
    more: Option<Box<Slab<Arc<Node>>>>,
}

impl Children {
    pub(super) const fn new() -> Self {
        Self { first: None, more: None }
    }

    /// Puts `child` at a place, which it remembers.
    #[inline]
    pub(super) fn put(&mut self, child: Arc<Node>) {
        if self.first.is_none() {
            child.set_place(0);
            self.first = Some(child);
        } else {
            self.put_further(child);
        }
    }

    fn put_further(&mut self, child: Arc<Node>) {
        let more = self.more.get_or_insert_default();
        child.set_place(1 + more.vacant_key());
        more.insert(child);
    }

    /// Takes `child` out if it is at `place`.
    #[inline]
    pub(super) fn remove(&mut self, place: usize, child: &Arc<Node>) -> Option<Arc<Node>> {
        match place.checked_sub(1) {
            None => self.first.take_if(|first| Arc::ptr_eq(first, child)),
            Some(index) => self.remove_further(index, child),
        }
    }

    fn remove_further(&mut self, index: usize, child: &Arc<Node>) -> Option<Arc<Node>> {
        let more = self.more.as_mut()?;
        more.get(index).is_some_and(|found| Arc::ptr_eq(found, child)).then(|| more.remove(index))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.first.is_none() && self.more.as_ref().is_none_or(|more| more.is_empty())
    }

    /// Whether there are none any more. If so, it gives back the room that those had who were there.
    #[inline]
    pub(super) fn are_gone(&mut self) -> bool {
        self.first.is_none() && (self.more.is_none() || self.are_all_gone())
    }

    #[cold]
    fn are_all_gone(&mut self) -> bool {
        self.more.take_if(|more| more.is_empty()).is_some()
    }

    pub(super) fn to_vec(&self) -> Vec<Arc<Node>> {
        self.iter().cloned().collect()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<Node>> {
        let more = self.more.iter().flat_map(|more| more.iter().map(|(_, child)| child));
        self.first.iter().chain(more)
    }
}
