//! The nodes from which the tree of tasks is found.
//!
//! Not all: what is beneath a listed node is found from there. Groups, runs and captured tasks are
//! listed, scopes are not; so what is in no group and no run is not found, and costs nothing.

use std::sync::{Mutex as StdMutex, PoisonError};

use slab::Slab;

use super::node::Node;
use crate::sys::{Arc, Weak, ticks};

/// One lock would be everybody's; this many are enough for those who open groups at the same time.
const SHARDS: usize = 16;

/// No invariants but those of a mutex: nothing else is ever locked, nor dropped, under one of these.
/// So they are not the model checker's.
static LISTED: [StdMutex<Slab<Weak<Node>>>; SHARDS] =
    [const { StdMutex::new(Slab::new()) }; SHARDS];

/// Where a node is listed, and since when.
#[derive(Debug)]
pub(crate) struct Listing {
    place: u32,
    pub(super) since: u32,
}

impl Listing {
    const NONE: u32 = u32::MAX;

    pub(super) const fn since(&self) -> Option<u32> {
        if self.place == Self::NONE { None } else { Some(self.since) }
    }

    /// To be called when the node is dropped.
    pub(super) fn leave(&self) {
        if self.place != Self::NONE {
            let (shard, index) = (self.place as usize % SHARDS, self.place as usize / SHARDS);
            let mut nodes = LISTED[shard].lock().unwrap_or_else(PoisonError::into_inner);
            let removed = nodes.try_remove(index);
            drop(nodes);
            drop(removed);
        }
    }
}

impl Default for Listing {
    fn default() -> Self {
        Self { place: Self::NONE, since: 0 }
    }
}

impl Node {
    /// From now on, the tree of tasks is found from here, too. To be called once. It looks at the clock.
    pub(crate) fn list(self: &Arc<Self>) {
        let since = ticks::refresh();
        // Where the allocator puts things; it differs between threads that are busy at the same time.
        let shard = (self.address() >> 8) % SHARDS;
        let weak = Arc::downgrade(self);
        let index = LISTED[shard].lock().unwrap_or_else(PoisonError::into_inner).insert(weak);
        // With so many, the last ones are not found.
        let place = u32::try_from(index * SHARDS + shard).unwrap_or(Listing::NONE);
        self.links.lock().listing = Listing { place, since };
    }
}

/// All nodes that are listed, the oldest first.
pub(crate) fn listed() -> Vec<Arc<Node>> {
    let mut found = Vec::new();
    for shard in &LISTED {
        let nodes = shard.lock().unwrap_or_else(PoisonError::into_inner);
        found.extend(nodes.iter().filter_map(|(_, node)| node.upgrade()));
    }
    found.sort_by_cached_key(|node| node.links.lock().listing.since);
    found
}
