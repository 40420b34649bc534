//! One node of the cancel tree. The rules and the lock order are at the top of [`super`].

use std::{
    any::TypeId,
    fmt, mem, ptr,
    sync::OnceLock,
    task::{Wake, Waker},
    time::Instant,
};

use anyio_core::{Cause, CauseKind};

use super::{
    bell::Bell,
    board::Board,
    flags::Flags,
    links::{Links, Vanished},
    role::Members,
};
use crate::sys::{Arc, AtomicU32, AtomicUsize, Mutex, Ordering, Weak, global};

pub(crate) struct Node {
    pub(super) flags: AtomicU32,
    /// Who the parent is, for a comparison that needs no lock. Written by the owner only. (In what a thread keeps, how
    /// many there are with this one.)
    pub(super) parent_address: AtomicUsize,
    /// Where it is among its parent's children. Written by the owner only; it is of no use to others before that
    /// one has gone.
    pub(super) place: AtomicUsize,
    /// Wakes whoever polls this node's body.
    pub(super) waker: Bell,
    /// Of a task's outermost node: the deadlines of its scopes.
    pub(super) board: OnceLock<Arc<Board>>,
    pub(super) links: Mutex<Links>,
}

impl Node {
    /// Acquire: whoever sees a flag also sees what was written before it was raised, such as the
    /// cause, and (after registering a waker) cannot miss the wake that goes with it.
    #[inline]
    pub(crate) fn flags(&self) -> Flags {
        Flags(self.flags.load(Ordering::Acquire))
    }

    #[inline]
    pub(crate) fn is_effective(&self) -> bool {
        self.flags().any(Flags::EFFECTIVE)
    }

    #[inline]
    pub(crate) fn waker(&self) -> &Bell {
        &self.waker
    }

    /// For the outermost node of a task. The board is that of the first who asks: nothing for another
    /// clock.
    #[inline]
    pub(crate) fn board(&self, clock: TypeId) -> Option<&Arc<Board>> {
        let board = self.board.get_or_init(|| Board::new(clock));
        board.is_for(clock).then_some(board)
    }

    /// The board, if the task has had a use for one.
    #[inline]
    pub(crate) fn known_board(&self) -> Option<&Arc<Board>> {
        self.board.get()
    }

    #[inline]
    pub(crate) fn address(self: &Arc<Self>) -> usize {
        Arc::as_ptr(self).addr()
    }

    #[inline]
    pub(crate) fn parent_address(&self) -> usize {
        self.parent_address.load(Ordering::Relaxed)
    }

    #[inline]
    pub(super) fn set_parent_address(&self, address: usize) {
        self.parent_address.store(address, Ordering::Relaxed);
    }

    #[inline]
    pub(super) fn place(&self) -> usize {
        self.place.load(Ordering::Relaxed)
    }

    #[inline]
    pub(super) fn set_place(&self, place: usize) {
        self.place.store(place, Ordering::Relaxed);
    }

    /// Its body has ended, and there is something to wait for. (A group is asked whether that is so, if it
    /// has [members](Members::is_closing).)
    pub(crate) fn set_closing(&self) {
        if !self.flags().any(Flags::CLOSING) {
            self.raise(Flags::CLOSING);
        }
    }

    /// What it was before comes back.
    pub(super) fn raise(&self, flag: Flags) -> Flags {
        Flags(self.flags.fetch_or(flag.0, Ordering::AcqRel))
    }

    pub(super) fn lower(&self, flag: Flags) {
        self.flags.fetch_and(!flag.0, Ordering::AcqRel);
    }

    /// As [`is_effective`](Self::is_effective), also where a walk is on its way down to this node.
    pub(crate) fn is_surely_effective(self: &Arc<Self>) -> bool {
        // In this order: a walk that ended before the first line has changed what the last reads.
        let walking = WALKS.load(Ordering::Acquire) != 0;
        let above = |node: &Self, _: &Links| {
            let flags = node.flags();
            if flags.any(Flags::EFFECTIVE) {
                return Some(true);
            }
            flags.any(Flags::SHIELD).then_some(false)
        };
        self.is_effective() || (walking && self.ancestry(above) == Some(true))
    }

    /// A waker for the node's timer. Who polls the body is woken, and finds out by
    /// [`take_due`](Self::take_due) that it was the timer: nobody has to poll it in between.
    pub(crate) fn alarm(self: &Arc<Self>) -> Waker {
        Waker::from(Arc::clone(self))
    }

    /// Whether the timer has called since this was asked last. To be asked when the body's waker has
    /// been registered.
    #[inline]
    pub(crate) fn take_due(&self) -> bool {
        let due = self.flags().any(Flags::DUE);
        if due {
            self.lower(Flags::DUE);
        }
        due
    }

    /// Whether a cancellation from outside reaches this node.
    #[inline]
    pub(crate) fn sees_outer(&self) -> bool {
        // In this order: a walk that ended before the first line has changed what the next reads.
        let walking = WALKS.load(Ordering::Acquire) != 0;
        let flags = self.flags();
        if flags.any(Flags::SHIELD) {
            false
        } else if walking {
            self.is_beneath_effective()
        } else {
            flags.any(Flags::OUTER)
        }
    }

    #[cold]
    fn is_beneath_effective(&self) -> bool {
        self.links.lock().parent.as_ref().is_some_and(|parent| parent.is_effective())
    }

    /// Why this node is cancelled: its own cause, or that of the nearest visible ancestor that has
    /// one.
    pub(crate) fn origin(self: &Arc<Self>) -> Cause {
        self.ancestry(|node, links| {
            links
                .cause
                .clone()
                .map(Some)
                .or_else(|| node.flags().any(Flags::SHIELD).then_some(None))
        })
        .flatten()
        .unwrap_or(Cause::of(CauseKind::Dropped))
    }

    pub(crate) fn own_cause(&self) -> Option<Cause> {
        self.links.lock().cause.clone()
    }

    /// The earliest deadline up to the nearest shield.
    pub(crate) fn effective_deadline(self: &Arc<Self>) -> Option<Instant> {
        let mut earliest: Option<Instant> = None;
        self.ancestry(|node, links| {
            earliest = match (earliest, links.deadline) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            };
            node.flags().any(Flags::SHIELD).then_some(())
        });
        earliest
    }

    pub(crate) fn set_deadline(&self, wanted: impl FnOnce() -> Option<Instant>) {
        let mut links = self.links.lock();
        links.deadline = if links.ghost || links.gone { None } else { wanted() };
    }

    /// The node's deadline is no later than `end` from now on.
    pub(crate) fn bring_deadline_forward(&self, end: Instant) {
        let mut links = self.links.lock();
        let end = links.deadline.map_or(end, |known| known.min(end));
        links.deadline = (!links.ghost && !links.gone).then_some(end);
    }

    /// Walks from this node towards the root until `visit` gives something.
    fn ancestry<R>(
        self: &Arc<Self>,
        mut visit: impl FnMut(&Self, &Links) -> Option<R>,
    ) -> Option<R> {
        let mut node = Arc::clone(self);
        loop {
            let parent = {
                let links = node.links.lock();
                if let Some(found) = visit(&node, &links) {
                    return Some(found);
                }
                links.parent.clone()
            };
            node = parent?;
        }
    }

    /// Whether this node is `other` or beneath it.
    fn is_beneath(self: &Arc<Self>, other: &Arc<Self>) -> bool {
        self.ancestry(|node, _| ptr::eq(node, Arc::as_ptr(other)).then_some(())).is_some()
    }

    pub(crate) fn children(&self) -> Vec<Arc<Self>> {
        self.links.lock().children.to_vec()
    }

    pub(crate) fn has_children(&self) -> bool {
        !self.links.lock().children.is_empty()
    }

    /// Who is woken when the node is cancelled, and told of where somebody looks at the tree.
    pub(crate) fn set_members(&self, members: Weak<dyn Members>) {
        self.links.lock().members = Some(members);
    }

    /// The same, for who has made the node and will share it.
    pub(crate) fn keep_members(&mut self, members: Weak<dyn Members>) {
        self.links.get_mut().members = Some(members);
    }

    /// Puts a node that is new beneath `parent`, or whatever has taken that one's place. Whether it is found from there.
    pub(crate) fn attach(self: &Arc<Self>, parent: Option<Arc<Self>>) -> bool {
        let Some(parent) = parent else { return false };
        let linked = self.link(Some(parent));
        if linked.found {
            self.raise(Flags::FOUND);
        }
        // What is new has no children, and its own bits are right.
        if linked.outer.any(Flags::EFFECTIVE.with(Flags::ASKED)) {
            self.refresh();
        }
        linked.found
    }

    /// Moves the node, with all beneath it, to another parent, unless that would make a cycle.
    pub(crate) fn move_to(self: &Arc<Self>, parent: Option<Arc<Self>>) {
        let _walk = Walk::begin();
        let Linked { old, found, .. } = {
            let _one_at_a_time = MOVES.lock();
            if parent.as_ref().is_some_and(|parent| parent.is_beneath(self)) {
                return;
            }
            self.link(parent)
        };
        if found {
            self.raise(Flags::FOUND);
        } else {
            self.stay_found();
        }
        self.refresh();
        if let Some((old, place)) = old {
            self.leave(&old, place);
        }
    }

    /// Enters the list of `parent`, or of whatever has taken that one's place, and then makes it the
    /// parent; at no moment is there none.
    fn link(self: &Arc<Self>, parent: Option<Arc<Self>>) -> Linked {
        let mut next = parent;
        let mut found = false;
        let place = self.place();
        let parent = loop {
            let Some(parent) = next else { break None };
            let mut links = parent.links.lock();
            if links.gone && !parent.is_effective() {
                next = links.parent.clone();
                continue;
            }
            // What is gone and effective stays so: nothing will have to be passed on.
            if links.gone {
                self.set_place(usize::MAX);
            } else {
                links.children.put(Arc::clone(self));
                found = parent.flags().any(Flags::FOUND);
            }
            drop(links);
            break Some(parent);
        };
        let address = parent.as_ref().map_or(0, Self::address);
        self.set_parent_address(address);
        let mut links = self.links.lock();
        // Under the lock: a walk that looks at this node before finds no parent here, and has raised
        // its bit by now.
        let outer = parent.as_ref().map_or(Flags::PLAIN, |parent| parent.flags());
        let old = mem::replace(&mut links.parent, parent).map(|old| (old, place));
        Linked { old, outer, found }
    }

    /// Takes the node out of the tree for good. If it held its ancestors, they are told.
    ///
    /// What is left beneath it (a captured context, an inner future that was moved out) belongs to
    /// the next scope outwards from now on: the node stays as a ghost, which passes everything on,
    /// until they have gone. What was cancelled stays cancelled.
    pub(crate) fn detach(self: &Arc<Self>) {
        let (rest, members, listing, parent, place) = {
            let mut links = self.links.lock();
            links.deadline = None;
            if !links.children.is_empty() && !self.is_effective() {
                links.ghost = true;
                drop(links);
                return self.stay();
            }
            links.gone = true;
            let members = if links.listing.stays { None } else { links.members.take() };
            (links.clear(), members, links.listing.end(), links.parent.clone(), self.place())
        };
        drop(members);
        listing.leave();
        let own = self.waker.take();
        if let Some(rest) = rest {
            rest.wake(own.as_ref());
        }
        drop(own);
        if let Some(parent) = parent {
            self.leave(&parent, place);
        }
    }

    /// The same where its future is dropped before it has ended: when what comes back goes, also by a panic.
    #[cold]
    pub(crate) fn abandon(self: &Arc<Self>) -> Abandon<'_> {
        Abandon(self)
    }

    /// It has become a ghost, which holds nobody.
    #[cold]
    fn stay(self: &Arc<Self>) {
        let _walk = Walk::begin();
        self.lower(Flags::OBLIGATION);
        self.refresh();
        self.parent().iter().for_each(wake_chain);
    }

    /// Takes the node out of `parent`'s list, and ghosts that have lost their last child with it.
    #[inline(always)]
    pub(super) fn leave(self: &Arc<Self>, parent: &Arc<Self>, place: usize) {
        if let Some(vanished) = parent.lose(place, self) {
            Self::leave_further(Arc::clone(parent), *vanished);
        }
    }

    /// A ghost has lost its last child: it leaves, too, and so do those above for which it was the last.
    #[cold]
    fn leave_further(ghost: Arc<Self>, vanished: Vanished) {
        let (mut ghost, mut next) = (ghost, Some(vanished));
        while let Some(Vanished { outer: Some((parent, place)), .. }) = next.take() {
            next = parent.lose(place, &ghost).map(|vanished| *vanished);
            ghost = parent;
        }
    }

    /// Takes `child` out of the list, and tells those who may have waited for that. Gives what there is to
    /// do next if this is a ghost and was the last.
    #[inline(always)]
    fn lose(self: &Arc<Self>, place: usize, child: &Arc<Self>) -> Option<Box<Vanished>> {
        let (removed, mut vanished) = {
            let mut links = self.links.lock();
            (links.children.remove(place, child), links.vanish(self))
        };
        drop(removed);
        if let Some(vanished) = &mut vanished {
            vanished.listing.leave();
            if let Some(rest) = vanished.rest.take() {
                rest.wake(None);
            }
        }
        wake_chain(self);
        vanished
    }

    /// Cancels the node. The first cause stands; false if there was one already.
    pub(crate) fn cancel(self: &Arc<Self>, cause: Cause) -> bool {
        {
            let mut links = self.links.lock();
            if self.flags().any(Flags::CANCELLED) {
                return false;
            }
            links.cause = Some(cause);
            self.raise(Flags::CANCELLED);
        }
        self.refresh();
        // Also when it was effective before: from now on it drops its own body.
        self.waker.wake();
        true
    }

    /// Makes the node shielded or not, as `wanted` says at the moment when the node is locked: of two
    /// calls at once, the later one finds what the earlier one has wanted, too.
    pub(crate) fn set_shielded(self: &Arc<Self>, wanted: impl FnOnce() -> bool) {
        let _walk = Walk::begin();
        let (on, parent) = {
            let links = self.links.lock();
            // It has ended, and what is left beneath it is not its own any more.
            if links.ghost || links.gone {
                return;
            }
            let on = wanted();
            if on {
                self.raise(Flags::SHIELD);
            } else {
                self.lower(Flags::SHIELD);
            }
            (on, links.parent.clone())
        };
        self.refresh();
        if !on {
            parent.iter().for_each(wake_chain);
        }
    }

    /// Tells a plain node that its surroundings are held, so that it must drop its own body.
    pub(crate) fn deliver(&self) {
        if !self.flags().any(Flags::DELIVER) {
            self.raise(Flags::DELIVER);
            self.waker.wake();
        }
    }

    /// Leaves the waker of an operation that must not start while this node is effective; false
    /// if it may start after all.
    pub(crate) fn refuse(&self, waker: &Waker) -> bool {
        if !self.is_effective() {
            return false;
        }
        // Two wakers that are equal in both wake the same task.
        let identity = (waker.data().addr(), ptr::from_ref(waker.vtable()).addr());
        let waker = waker.clone();
        let mut links = self.links.lock();
        if !self.is_effective() {
            return false;
        }
        let known = links.refused.get_or_insert_default().insert(identity, waker);
        drop(links);
        drop(known);
        true
    }

    /// Asks the node, and all beneath it, to come to an end in peace.
    pub(crate) fn ask(self: &Arc<Self>) {
        let _walk = Walk::begin();
        self.raise(Flags::SHUTDOWN);
        self.refresh();
        // The owner has a new deadline to look at.
        self.waker.wake();
    }

    /// Leaves the waker of somebody who waits for the node to be asked to end; nothing if it has been.
    pub(crate) fn listen(&self, waker: &Waker) -> Option<ListenerKey> {
        if self.flags().any(Flags::ASKED) {
            return None;
        }
        let waker = waker.clone();
        let mut links = self.links.lock();
        if self.flags().any(Flags::ASKED) {
            return None;
        }
        let place = links.listeners.get_or_insert_default().insert(waker);
        Some(ListenerKey { place, call: links.calls })
    }

    /// Takes that waker back.
    pub(crate) fn unlisten(&self, key: ListenerKey) {
        let waker = {
            let mut links = self.links.lock();
            let current = links.calls == key.call;
            let listeners = links.listeners.as_mut().filter(|_| current);
            listeners.and_then(|listeners| listeners.try_remove(key.place))
        };
        drop(waker);
    }

    /// Brings the derived bits of this node, and of all beneath it that change with it, up to date,
    /// and wakes whom each change concerns once.
    pub(super) fn refresh(self: &Arc<Self>) {
        // Most nodes have no children, and then nothing is allocated.
        let mut todo = Vec::new();
        // From the first change on that has to be passed on, under the lock of the node that changes:
        // who becomes its child later sees the change itself.
        let mut walk = None;
        let mut next = Some(Arc::clone(self));
        while let Some(node) = next.take().or_else(|| todo.pop()) {
            let (mut refused, mut members, mut listeners) = (None, None, None);
            let woken = {
                let mut links = node.links.lock();
                let flags = node.flags();
                let outer = links.parent.as_ref().map_or(Flags::PLAIN, |parent| parent.flags());
                let effective = flags.any(Flags::CANCELLED)
                    || (outer.any(Flags::EFFECTIVE) && !flags.any(Flags::SHIELD));
                let asked = flags.any(Flags::SHUTDOWN) || outer.any(Flags::ASKED);
                if outer.any(Flags::EFFECTIVE) && !flags.any(Flags::OUTER) {
                    node.raise(Flags::OUTER);
                } else if !outer.any(Flags::EFFECTIVE) && flags.any(Flags::OUTER) {
                    node.lower(Flags::OUTER);
                }
                let changes = effective != flags.any(Flags::EFFECTIVE);
                if !changes && asked == flags.any(Flags::ASKED) {
                    continue;
                }
                if !links.children.is_empty() {
                    walk.get_or_insert_with(Walk::begin);
                }
                if !asked {
                    node.lower(Flags::ASKED);
                } else if !flags.any(Flags::ASKED) {
                    node.raise(Flags::ASKED);
                    links.calls = links.calls.wrapping_add(1);
                    listeners = links.listeners.take();
                }
                if changes && effective {
                    node.raise(Flags::EFFECTIVE);
                    members = links.members.clone();
                } else if changes {
                    node.lower(Flags::EFFECTIVE.with(Flags::DELIVER));
                    refused = links.refused.take();
                }
                todo.extend(links.children.iter().cloned());
                changes && effective
            };
            if woken {
                node.waker.wake();
            }
            if let Some(members) = members.and_then(|members| members.upgrade()) {
                members.wake_all();
            }
            if let Some(refused) = refused {
                refused.into_values().for_each(Waker::wake);
            }
            if let Some(listeners) = listeners {
                listeners.into_iter().for_each(|(_, waker)| waker.wake());
            }
        }
    }
}

/// Cancels a node, and takes it out of the tree, when it goes.
#[must_use = "that is done when this goes"]
pub(crate) struct Abandon<'a>(&'a Arc<Node>);

impl Drop for Abandon<'_> {
    fn drop(&mut self) {
        struct Detach<'a>(&'a Arc<Node>);

        impl Drop for Detach<'_> {
            fn drop(&mut self) {
                self.0.detach();
            }
        }

        // Also if a waker panics.
        let _detach = Detach(self.0);
        self.0.cancel(Cause::of(CauseKind::Dropped));
    }
}

/// What a node finds where it goes.
struct Linked {
    /// The parent before, with the place there.
    old: Option<(Arc<Node>, usize)>,
    /// The new parent's flags, read when it was the parent.
    outer: Flags,
    /// It is found from there.
    found: bool,
}

/// Where a listener's waker is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ListenerKey {
    place: usize,
    call: usize,
}

global! {
    /// How many walks over more than one node are under way.
    static WALKS: AtomicUsize = AtomicUsize::new(0);

    /// Moves are made one at a time, so that two cannot make a cycle together.
    static MOVES: Mutex<()> = Mutex::new(());
}

/// A walk, for as long as it lives.
struct Walk;

impl Walk {
    fn begin() -> Self {
        WALKS.fetch_add(1, Ordering::AcqRel);
        Self
    }
}

impl Drop for Walk {
    fn drop(&mut self) {
        WALKS.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Wake for Node {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.raise(Flags::DUE);
        self.waker.wake();
    }
}

/// Wakes the effective nodes from `node` up to the task's root, which may have waited for a hold
/// beneath them to go.
#[inline]
fn wake_chain(node: &Arc<Node>) {
    if node.is_effective() {
        wake_effective(node);
    }
}

fn wake_effective(node: &Arc<Node>) {
    let mut next = Some(Arc::clone(node));
    while let Some(node) = next {
        let flags = node.flags();
        let (gone, parent) = {
            let links = node.links.lock();
            (links.gone, links.parent.clone())
        };
        // Who is gone waits for nothing, and has told those above already.
        if gone || !flags.any(Flags::EFFECTIVE) {
            return;
        }
        node.waker.wake();
        if flags.any(Flags::TASK_ROOT) {
            return;
        }
        next = parent;
    }
}

impl Drop for Node {
    /// Long chains of parents are let go one by one, not by recursion.
    fn drop(&mut self) {
        let links = self.links.get_mut();
        links.listing.leave();
        let mut next = links.parent.take();
        while let Some(node) = next {
            next = Arc::into_inner(node).and_then(|mut node| node.links.get_mut().parent.take());
        }
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node").field("flags", &self.flags().0).finish_non_exhaustive()
    }
}
