//! The nodes from which the tree of tasks is found.
//!
//! Not all: what is beneath a listed node is found from there. Runs and captured tasks are listed, and
//! groups that are beneath nothing that is; scopes are not, unless they are moved away with what is
//! in them. So what is in no group and no run is not found, and costs nothing; nor does a group in a run.
//!
//! `FOUND` is raised in what is listed, and in what is put beneath a node that has it. A group begins with it,
//! and is listed where nothing else finds it. It is never lowered: what leaves its place without its end is
//! listed, a group that is dropped before its tasks have ended at once, a future that is moved away when it
//! is polled where it comes to.

use std::{
    cmp::Reverse,
    mem,
    panic::Location,
    sync::{Arc as StdArc, Mutex as StdMutex, PoisonError},
    time::Duration,
};

use slab::Slab;

use super::{flags::Flags, links::Links, node::Node};
use crate::sys::{Arc, Weak, ticks};

/// One lock would be everybody's; this many are enough for those who open groups at the same time.
const SHARDS: usize = 16;

/// No invariants but those of a mutex: nothing else is ever locked, nor dropped, under one of these.
/// So they are not the model checker's.
static LISTED: [StdMutex<Slab<Weak<Node>>>; SHARDS] =
    [const { StdMutex::new(Slab::new()) }; SHARDS];

/// No place in a list.
const NOWHERE: u32 = u32::MAX;

/// Nobody has looked at the clock. (It is a time, too, for a tick each two years: a group that is opened then has no
/// age.)
const NEVER: u32 = u32::MAX;

/// Where a node is listed, and since when it is there.
#[derive(Debug)]
pub(crate) struct Listing {
    place: u32,
    since: u32,
    /// It stays listed when it has ended.
    pub(super) stays: bool,
}

impl Listing {
    /// That it is nowhere.
    pub(super) const NONE: Self = Self { place: NOWHERE, since: NEVER, stays: false };

    #[inline]
    pub(super) const fn since(&self) -> Option<u32> {
        if self.since == NEVER { None } else { Some(self.since) }
    }

    pub(super) const fn is_listed(&self) -> bool {
        self.place != NOWHERE
    }

    /// To be called under the node's lock when it has ended. What comes back has to leave without it.
    /// (As long as a walk finds the node it keeps it, and one walk after the other would keep it for ever.)
    #[inline]
    pub(super) const fn end(&mut self) -> Self {
        if self.stays { Self::NONE } else { mem::replace(self, Self::NONE) }
    }

    /// To be called when nothing is to be found from here any more.
    #[inline]
    pub(super) fn leave(&self) {
        if self.is_listed() {
            leave(self.place);
        }
    }
}

#[cold]
fn leave(place: u32) {
    let (shard, index) = (place as usize % SHARDS, place as usize / SHARDS);
    let mut nodes = LISTED[shard].lock().unwrap_or_else(PoisonError::into_inner);
    let removed = nodes.try_remove(index);
    drop(nodes);
    drop(removed);
}

impl Links {
    /// The node, which is new, is no group's.
    #[inline]
    pub(super) const fn begin(&mut self) {
        self.label.site = None;
        self.listing.since = NEVER;
    }

    /// The node, which is new, is that of a group with this name, opened there and now.
    #[inline]
    pub(crate) fn open(&mut self, name: Option<&StdArc<str>>, site: &'static Location<'static>) {
        if let Some(name) = name {
            self.name(name);
        }
        self.label.site = Some(site);
        self.listing.since = ticks::glance();
    }

    /// Most have no name.
    #[cold]
    fn name(&mut self, name: &StdArc<str>) {
        self.label.name = Some(StdArc::clone(name));
    }
}

impl Node {
    /// From now on, the tree of tasks is found from here, too. To be called once. It looks at the clock.
    pub(crate) fn list(self: &Arc<Self>) {
        self.links.lock().listing.since = ticks::refresh();
        self.enlist();
    }

    /// To be called when what is around the node is no longer a way to it, and by its owner.
    #[cold]
    pub(crate) fn stay_found(self: &Arc<Self>) {
        let flags = self.flags();
        // Tasks are found from their group, which knows them all.
        if flags.any(Flags::FOUND) && !flags.any(Flags::TASK_ROOT) {
            self.enlist();
        }
    }

    /// To be called by a group whose future goes before its tasks, which are found from here until the last
    /// has ended.
    #[cold]
    pub(crate) fn stay_for_members(self: &Arc<Self>) {
        self.links.lock().listing.stays = true;
        self.stay_found();
    }

    /// Lists the node if it is not. To be called when nothing else finds it, or soon will not.
    #[cold]
    pub(super) fn enlist(self: &Arc<Self>) {
        if self.links.lock().listing.is_listed() {
            return;
        }
        // Where the allocator puts things; it differs between threads that are busy at the same time.
        let shard = (self.address() >> 8) % SHARDS;
        let weak = Arc::downgrade(self);
        let index = LISTED[shard].lock().unwrap_or_else(PoisonError::into_inner).insert(weak);
        // With so many, the last ones are not found.
        let place = u32::try_from(index * SHARDS + shard).unwrap_or(NOWHERE);
        let twice = {
            let mut links = self.links.lock();
            let twice = links.listing.is_listed();
            if !twice {
                links.listing.place = place;
            }
            twice
        };
        if twice {
            leave(place);
        }
        self.raise(Flags::FOUND);
    }
}

/// All nodes that are listed, the oldest first.
pub(crate) fn listed() -> Vec<Arc<Node>> {
    let mut found = Vec::new();
    for shard in &LISTED {
        let nodes = shard.lock().unwrap_or_else(PoisonError::into_inner);
        found.extend(nodes.iter().filter_map(|(_, node)| node.upgrade()));
    }
    let now = ticks::refresh();
    let age = |since| ticks::age(since, now);
    found.sort_by_cached_key(|node| {
        Reverse(node.links.lock().listing.since().map_or(Duration::MAX, age))
    });
    found
}

#[cfg(all(test, not(loom)))]
mod tests {
    use anyio_core::Cause;

    use super::*;

    /// Whoever keeps a node, as a walk does, keeps it from no list.
    #[test]
    fn what_has_ended_is_not_listed() {
        let make = || Node::new(Flags::PLAIN, |_| {});
        let is_listed = |node: &Arc<Node>| listed().iter().any(|found| Arc::ptr_eq(found, node));
        let node = make();
        node.list();
        assert!(is_listed(&node));
        node.detach();
        assert!(!is_listed(&node));

        // A ghost is, as long as there is something beneath it.
        let (above, beneath) = (make(), make());
        above.list();
        beneath.attach(Some(Arc::clone(&above)));
        above.detach();
        assert!(is_listed(&above));
        beneath.detach();
        assert!(!is_listed(&above));

        // And a group that was dropped, until it is let go.
        let group = make();
        group.list();
        group.stay_for_members();
        group.detach();
        assert!(is_listed(&group));
    }

    /// A group is listed, once, where nothing else finds it.
    #[test]
    fn a_group_is_found_by_itself_or_by_what_is_around_it() {
        let opened = |parent: Option<&Arc<Node>>| {
            let mut node = Node::blank();
            let flags = Flags::HOLD.with(Flags::FOUND);
            node.begin(parent, flags, |links| links.open(None, Location::caller()));
            let node = node.share();
            Arc::clone(&node).enter_found(parent);
            node
        };
        let times =
            |node: &Arc<Node>| listed().iter().filter(|found| Arc::ptr_eq(found, node)).count();
        let plain = |parent: &Arc<Node>| Node::beneath(parent, Flags::PLAIN, |_| {});
        let alone = opened(None);
        assert_eq!(times(&alone), 1);
        assert_eq!(times(&opened(Some(&alone))), 0, "by the group around it");
        assert_eq!(times(&opened(Some(&plain(&alone)))), 0, "by the scope around it");

        let unfound = Node::new(Flags::PLAIN, |_| {});
        assert_eq!(times(&opened(Some(&unfound))), 1);
        assert_eq!(times(&opened(Some(&plain(&unfound)))), 1);

        // What was around it has gone, and it is beneath what was around that, or nothing.
        for (above, expected) in [(&alone, 0), (&unfound, 1)] {
            let gone = plain(above);
            gone.detach();
            assert_eq!(times(&opened(Some(&gone))), expected);
            let cancelled = plain(above);
            cancelled.cancel(Cause::explicit());
            cancelled.detach();
            let group = opened(Some(&cancelled));
            assert!(group.is_effective());
            assert_eq!(times(&group), 1, "from what has gone it is not found");
        }
    }
}
