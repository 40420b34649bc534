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

    /// Where the next one will be.
    pub(super) fn next_place(&self) -> usize {
        match (&self.first, &self.more) {
            (None, _) => 0,
            (Some(_), None) => 1,
            (Some(_), Some(more)) => 1 + more.vacant_key(),
        }
    }

    #[inline]
    pub(super) fn insert(&mut self, child: Arc<Node>) -> usize {
        if self.first.is_none() {
            self.first = Some(child);
            return 0;
        }
        self.insert_further(child)
    }

    fn insert_further(&mut self, child: Arc<Node>) -> usize {
        1 + self.more.get_or_insert_default().insert(child)
    }

    /// Takes `child` out if it is at `place`.
    pub(super) fn remove(&mut self, place: usize, child: &Arc<Node>) -> Option<Arc<Node>> {
        let Some(index) = place.checked_sub(1) else {
            return self.first.take_if(|first| Arc::ptr_eq(first, child));
        };
        let more = self.more.as_mut()?;
        more.get(index).is_some_and(|found| Arc::ptr_eq(found, child)).then(|| more.remove(index))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.first.is_none() && self.more.as_ref().is_none_or(|more| more.is_empty())
    }

    /// Whether there never was more than one at a time.
    pub(super) const fn is_new(&self) -> bool {
        self.first.is_none() && self.more.is_none()
    }

    pub(super) fn to_vec(&self) -> Vec<Arc<Node>> {
        self.iter().cloned().collect()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<Node>> {
        let more = self.more.iter().flat_map(|more| more.iter().map(|(_, child)| child));
        self.first.iter().chain(more)
    }
}
