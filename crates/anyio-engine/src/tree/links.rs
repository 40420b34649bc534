//! What a node is linked to, and who waits in it.

use std::{collections::BTreeMap, mem, task::Waker, time::Instant};

use anyio_core::Cause;
use slab::Slab;

use super::{
    children::Children,
    listed::Listing,
    node::Node,
    role::{Label, Members},
};
use crate::sys::{Arc, Weak};

/// Wakers by the two addresses that tell them apart.
pub(super) type Refused = BTreeMap<(usize, usize), Waker>;

/// What a node's mutex guards.
pub(crate) struct Links {
    /// Also of a node that is gone, to tell who comes too late where to go, unless nobody can.
    pub(super) parent: Option<Arc<Node>>,
    /// It has ended, and stays for the sake of its children.
    pub(super) ghost: bool,
    /// It is no longer among its parent's children, and never will have children itself.
    pub(super) gone: bool,
    pub(super) children: Children,
    /// The wakers of operations that were refused because this node was effective, each once.
    pub(super) refused: Option<Box<Refused>>,
    /// Who waits for the node to be asked to end.
    pub(super) listeners: Option<Box<Slab<Waker>>>,
    /// How often the listeners were woken: a key is worth nothing afterwards.
    pub(super) calls: usize,
    pub(crate) cause: Option<Cause>,
    pub(crate) deadline: Option<Instant>,
    /// The tasks, if it is a group's node.
    pub(super) members: Option<Weak<dyn Members>>,
    /// What people call it.
    pub(crate) label: Label,
    /// That it is among the nodes that the tree of tasks is found from.
    pub(super) listing: Listing,
}

impl Links {
    /// That of a node that is nowhere.
    pub(super) const fn new() -> Self {
        Self {
            parent: None,
            ghost: false,
            gone: false,
            children: Children::new(),
            refused: None,
            listeners: None,
            calls: 0,
            cause: None,
            deadline: None,
            members: None,
            label: Label { name: None, site: None },
            listing: Listing::NONE,
        }
    }

    /// Whether there is no more than in most in a node that nobody has but its owner, and that is not cancelled. (Those
    /// have no cause, nor refuse anybody, nor are they listed.)
    #[inline]
    pub(super) fn is_plain(&mut self) -> bool {
        debug_assert!(!self.ghost && self.cause.is_none() && self.refused.is_none(), "it is not");
        debug_assert!(!self.listing.is_listed(), "the list has it");
        self.children.are_gone() && self.listeners.is_none()
    }

    /// Takes out what there is of a plain node. What each node begins with stays, and so do the tasks of a group.
    #[inline(always)]
    pub(super) fn strip(&mut self) {
        self.parent = None;
        self.deadline = None;
        if self.label.name.is_some() {
            self.unname();
        }
    }

    #[cold]
    fn unname(&mut self) {
        self.label.name = None;
    }

    /// What has to go when the node does; most nodes have nothing.
    #[inline]
    pub(super) fn clear(&mut self) -> Option<Box<Rest>> {
        let nothing =
            self.children.is_empty() && self.refused.is_none() && self.listeners.is_none();
        if nothing { None } else { Some(self.take_rest()) }
    }

    #[cold]
    fn take_rest(&mut self) -> Box<Rest> {
        self.calls = self.calls.wrapping_add(1);
        Box::new(Rest {
            _children: mem::take(&mut self.children),
            refused: self.refused.take(),
            listeners: self.listeners.take(),
        })
    }

    /// If the node is a ghost that has lost its last child, it is gone from now on. To be called when a
    /// child has left; `node` is the one that these belong to.
    #[inline]
    pub(super) fn vanish(&mut self, node: &Node) -> Option<Box<Vanished>> {
        if self.ghost { self.vanish_ghost(node) } else { None }
    }

    #[cold]
    fn vanish_ghost(&mut self, node: &Node) -> Option<Box<Vanished>> {
        if self.gone || !self.children.is_empty() {
            return None;
        }
        self.gone = true;
        let outer = self.parent.clone().map(|parent| (parent, node.place()));
        Some(Box::new(Vanished { rest: self.clear(), listing: self.listing.end(), outer }))
    }
}

/// What a ghost leaves behind, and where it has to be taken out.
pub(super) struct Vanished {
    pub(super) rest: Option<Box<Rest>>,
    pub(super) listing: Listing,
    pub(super) outer: Option<(Arc<Node>, usize)>,
}

/// What leaves the tree with a node.
pub(super) struct Rest {
    _children: Children,
    refused: Option<Box<Refused>>,
    listeners: Option<Box<Slab<Waker>>>,
}

impl Rest {
    /// Wakes those who have waited in the node. Somebody may go on with them elsewhere, and polls only
    /// what was woken. `own` is who is being polled, and will look without that.
    #[cold]
    pub(super) fn wake(self, own: Option<&Waker>) {
        let refused = self.refused.into_iter().flat_map(|refused| refused.into_values());
        let listeners = self.listeners.into_iter().flat_map(|listeners| listeners.into_iter());
        for waker in refused.chain(listeners.map(|(_, waker)| waker)) {
            if !own.is_some_and(|own| own.will_wake(&waker)) {
                waker.wake();
            }
        }
    }
}
