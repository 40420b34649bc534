//! How nodes are made.

use std::sync::OnceLock;

use super::{bell::Bell, flags::Flags, links::Links, node::Node, spare};
use crate::sys::{Arc, AtomicU32, AtomicUsize, Mutex, Ordering};

impl Node {
    /// A new node, which nobody else has seen when `fill` writes what it begins with. That is written where it
    /// will be: to put a node together elsewhere and copy it takes longer than all the rest.
    #[inline]
    pub(crate) fn new(flags: Flags, fill: impl FnOnce(&mut Links)) -> Arc<Self> {
        Self::new_of(spare::take(), flags, fill)
    }

    /// What the next node of this thread can be made of.
    #[inline]
    pub(crate) fn spare() -> Option<Arc<Self>> {
        spare::take()
    }

    /// The same, made of `spare`, if there is one: there is nothing in that, and nobody else has it.
    #[inline(always)]
    pub(crate) fn new_of(
        spare: Option<Arc<Self>>,
        flags: Flags,
        fill: impl FnOnce(&mut Links),
    ) -> Arc<Self> {
        let effective = if flags.any(Flags::CANCELLED) { Flags::EFFECTIVE } else { Flags::PLAIN };
        let asked = if flags.any(Flags::SHUTDOWN) { Flags::ASKED } else { Flags::PLAIN };
        let mut made = spare.unwrap_or_else(Self::blank);
        let Some(node) = Arc::get_mut(&mut made) else { unreachable!("nobody else has it") };
        node.flags.store(flags.with(effective).with(asked).0, Ordering::Relaxed);
        node.set_parent_address(0);
        let links = node.links.get_mut();
        links.gone = false;
        // If it was one of the thread's list.
        spare::keep(links.parent.take());
        fill(links);
        made
    }

    #[cold]
    fn blank() -> Arc<Self> {
        Arc::new(Self {
            flags: AtomicU32::default(),
            parent_address: AtomicUsize::default(),
            waker: Bell::new(),
            board: OnceLock::new(),
            links: Mutex::from(Links::new()),
        })
    }

    /// The same as [`new`](Self::new) beneath `parent`, or whatever has taken that one's place. That one is locked
    /// while `fill` runs, which must lock nothing.
    #[inline]
    pub(crate) fn beneath(
        parent: &Arc<Self>,
        flags: Flags,
        fill: impl FnOnce(&mut Links),
    ) -> Arc<Self> {
        Self::beneath_of(spare::take(), parent, flags, fill)
    }

    /// The same, made of `spare`, if there is one: there is nothing in that, and nobody else has it.
    #[inline(always)]
    pub(crate) fn beneath_of(
        spare: Option<Arc<Self>>,
        parent: &Arc<Self>,
        flags: Flags,
        fill: impl FnOnce(&mut Links),
    ) -> Arc<Self> {
        let mut links = parent.links.lock();
        if links.gone {
            drop(links);
            return Self::beneath_gone(spare, parent, flags, fill);
        }
        // It has its parent before anybody sees it, so a walk that finds it needs nothing more.
        let place = links.children.next_place();
        let found = parent.flags().only(Flags::FOUND);
        let node = Self::new_of(spare, flags.with(found), |own| {
            own.parent = Some(Arc::clone(parent));
            own.place = place;
            fill(own);
        });
        node.set_parent_address(parent.address());
        links.children.insert(Arc::clone(&node));
        drop(links);
        if parent.flags().any(Flags::EFFECTIVE.with(Flags::ASKED)) {
            node.refresh();
        }
        node
    }

    #[cold]
    fn beneath_gone(
        spare: Option<Arc<Self>>,
        parent: &Arc<Self>,
        flags: Flags,
        fill: impl FnOnce(&mut Links),
    ) -> Arc<Self> {
        let node = Self::new_of(spare, flags, fill);
        node.attach(Some(Arc::clone(parent)));
        node
    }
}
