//! How nodes are made.

use std::sync::OnceLock;

use super::{bell::Bell, flags::Flags, links::Links, node::Node, spare};
use crate::sys::{Alone, Arc, AtomicU32, AtomicUsize, Mutex, Ordering, init};

impl Alone<Node> {
    /// A new node that is no group's.
    #[inline]
    fn begin_plain(
        mut self,
        parent: Option<&Arc<Node>>,
        flags: Flags,
        fill: impl FnOnce(&mut Links),
    ) -> Arc<Node> {
        self.begin(parent, flags, |links| {
            links.begin();
            fill(links);
        });
        self.share()
    }
}

impl Node {
    /// What a node can be made of, in which there is nothing but what each begins with. To begin anew in one that was let
    /// go is less work than to make one.
    #[inline]
    pub(crate) fn blank() -> Alone<Self> {
        spare::take().unwrap_or_else(Self::make)
    }

    #[cold]
    fn make() -> Alone<Self> {
        Alone::new(Self {
            flags: AtomicU32::default(),
            parent_address: AtomicUsize::default(),
            place: AtomicUsize::default(),
            waker: Bell::new(),
            board: OnceLock::new(),
            links: Mutex::from(Links::new()),
        })
    }

    /// A new node, which nobody else has seen when `fill` writes what it begins with.
    #[inline]
    pub(crate) fn new(flags: Flags, fill: impl FnOnce(&mut Links)) -> Arc<Self> {
        Self::blank().begin_plain(None, flags, fill)
    }

    /// The same beneath `parent`, or whatever has taken that one's place.
    #[inline]
    pub(crate) fn beneath(
        parent: &Arc<Self>,
        flags: Flags,
        fill: impl FnOnce(&mut Links),
    ) -> Arc<Self> {
        let node = Self::blank().begin_plain(Some(parent), flags, fill);
        Arc::clone(&node).enter(parent, false);
        node
    }

    /// What is [blank](Self::blank) is a new node from now on, in which `fill` writes what all nodes
    /// [begin](Links::begin) or [open](Links::open) with. If it shall be beneath `parent`, it has to enter there before
    /// anything else is done with it; until then, nobody sees it from there.
    ///
    /// It is written where it will be: to put a node together elsewhere and copy it takes longer than all the rest.
    #[inline(always)]
    pub(crate) fn begin(
        &mut self,
        parent: Option<&Arc<Self>>,
        flags: Flags,
        fill: impl FnOnce(&mut Links),
    ) {
        let effective = if flags.any(Flags::CANCELLED) { Flags::EFFECTIVE } else { Flags::PLAIN };
        let asked = if flags.any(Flags::SHUTDOWN) { Flags::ASKED } else { Flags::PLAIN };
        self.flags.store(flags.with(effective).with(asked).0, Ordering::Relaxed);
        self.set_parent_address(parent.map_or(0, Self::address));
        let links = self.links.get_mut();
        links.gone = false;
        init(&mut links.parent, parent.cloned());
        fill(links);
    }

    /// Puts a node that has [begun](Self::begin) as one that is found where it is beneath, or lists it if it is not found
    /// from there.
    #[inline(always)]
    pub(crate) fn enter_found(self: Arc<Self>, parent: Option<&Arc<Self>>) {
        debug_assert!(self.flags().any(Flags::FOUND), "it began as another one");
        match parent {
            Some(parent) => self.enter(parent, true),
            None => self.enlist(),
        }
    }

    /// Puts a node that has [begun](Self::begin) beneath `parent` there, or beneath whatever has taken that one's place.
    #[inline(always)]
    fn enter(self: Arc<Self>, parent: &Arc<Self>, to_be_found: bool) {
        let passed_on = Flags::EFFECTIVE.with(Flags::ASKED);
        let rare = {
            let mut links = parent.links.lock();
            if links.gone {
                drop(links);
                return self.enter_elsewhere(parent, to_be_found);
            }
            // They change under this lock: from now on, a walk brings what changes.
            let outer = parent.flags();
            let rare = if to_be_found {
                outer.only(passed_on.with(Flags::FOUND)) != Flags::FOUND
            } else {
                let own = self.flags.load(Ordering::Relaxed) | outer.only(Flags::FOUND).0;
                self.flags.store(own, Ordering::Relaxed);
                outer.any(passed_on)
            };
            let rare = if rare { Some((Arc::clone(&self), outer)) } else { None };
            // It has its parent before anybody sees it, so a walk that finds it needs nothing more.
            links.children.put(self);
            rare
        };
        if let Some((node, outer)) = rare {
            node.refresh();
            if to_be_found && !outer.any(Flags::FOUND) {
                node.enlist();
            }
        }
    }

    #[cold]
    fn enter_elsewhere(self: &Arc<Self>, parent: &Arc<Self>, to_be_found: bool) {
        let found = self.attach(Some(Arc::clone(parent)));
        if to_be_found && !found {
            self.enlist();
        }
    }
}
