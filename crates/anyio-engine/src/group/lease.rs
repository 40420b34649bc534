//! How a task and its handle reach their group without counting as one who has it.
//!
//! The group's memory is an `Arc`'s. A task and its handle do not have one of their own: to count them
//! in and out, one by one, would be the most expensive part of a spawn. The [`Roster`] knows anyway who
//! is there, and the group's future, which waits for them, keeps the memory for all of them together.
//!
//! # Invariants
//!
//! 1. Where a task may [`enter`], there was an [`Owner`], which has an `Arc` of the memory as long as it lives.
//!    It goes when no task runs, none will, and no handle is left whose task has ended before it; or it leaves an
//!    `Arc` in the roster, which lets go of that one when this is so. So one of the two has one until then.
//! 2. A task runs, for the roster, from `enter` until the exchange in [`Seat::leave`] that says so. So
//!    does the task of a handle from `enter` until the handle raises `RELEASED`, or else the handle is
//!    counted by its task before that one ends, until the last step of the handle's drop.
//! 3. Who has left uses nothing of the memory afterwards.
//! 4. The memory is in somebody's `&mut` only when nobody is there as in 2, and none can come: as a [`Spare`], before a
//!    group begins, and between two groups that have it one after the other.
//! 5. From the node of a group one comes to its memory, by a weak reference that stays there. So the node is nobody
//!    else's when the memory is to be somebody's `&mut`, and is not seen before that is over.
#![expect(
    unsafe_code,
    reason = "pointers into memory that others keep; the argument is at `Lease`"
)]

use std::{
    marker::PhantomData,
    mem::ManuallyDrop,
    ops::Deref,
    panic::Location,
    ptr::{self, NonNull},
    sync::{Arc as StdArc, atomic::fence},
};

use super::{
    opening::Head,
    roster::{Progress, Roster},
    slot::Slot,
};
#[cfg(test)]
use crate::sys::Weak;
use crate::{
    context::FixedFrame,
    sys::{Alone, Arc, Ordering},
    tree::{Member, Members, Node},
};

/// A roster, and what else is shared by a group. In this order: a pointer to it is one to the roster.
#[repr(C)]
pub(super) struct Shared<C> {
    pub(super) roster: Roster,
    core: C,
    /// One more of it, without the type. (Kept, since not every `C` that an [`Owner`] is named with could do that.)
    any: fn(&Arc<Self>) -> Arc<dyn AnyShared>,
}

impl<C: Send + Sync + 'static> Shared<C> {
    /// It has no owner yet, so nobody can enter.
    pub(super) fn new(core: C) -> Self {
        Self { roster: Roster::new(), core, any: |shared| Arc::clone(shared) as _ }
    }
}

/// A group in the hands of its future. (The tasks are those of the group; its body, and whoever else may add
/// some, has a [`Handle`].)
pub(super) struct Owner<C>(Arc<Shared<C>>);

impl<C> Owner<C> {
    /// The future of a new group, which is in this memory.
    #[inline]
    pub(super) const fn of(group: Arc<Shared<C>>) -> Self {
        Self(group)
    }

    fn any(&self) -> Arc<dyn AnyShared> {
        (self.0.any)(&self.0)
    }
}

impl<C> Owner<C> {
    #[inline]
    pub(super) fn handle(&self) -> Handle<C> {
        Handle(Arc::clone(&self.0))
    }

    /// The body has ended: closes the group if it has no tasks.
    #[inline(always)]
    pub(super) fn close(&self) -> Progress {
        self.0.roster.close(|| self.any())
    }

    /// The future goes: the group is closed when no task runs, if it is not.
    pub(super) fn leave(&self) {
        self.0.roster.orphan(|| self.any());
    }

    /// Takes it out of there if nobody is in the group, and nobody can come: it needs no closing.
    #[inline(always)]
    pub(super) fn take_alone(held: &mut Option<Self>) -> Option<Lone<C>> {
        held.take_if(|group| group.is_alone()).map(Lone)
    }

    /// Whether nobody is in the group, and nobody can come.
    #[inline]
    pub(super) fn is_alone(&self) -> bool {
        // The model checker knows nothing of what an `Arc`'s count orders.
        if cfg!(loom) || Arc::strong_count(&self.0) != 1 {
            return false;
        }
        // There is no handle, nor anything to make one of: a weak reference gives none. What was done with those
        // that there were came before they went, which is what the count says.
        fence(Ordering::Acquire);
        self.0.roster.is_empty()
    }

    /// The memory, for who knows that nobody is in there, nor could come.
    ///
    /// # Safety
    ///
    /// It [is alone](Self::is_alone).
    #[inline]
    unsafe fn into_memory(self) -> Arc<Shared<C>> {
        let this = ManuallyDrop::new(self);
        // SAFETY: `read` needs a pointer to a valid value, which a reference is. It makes a second owner of what
        // is in there; the first is not used any more, and never dropped. Without it nobody has to keep the
        // memory: as in 1, no task runs and no handle is left, and for lack of a `Handle` there will be none.
        unsafe { ptr::read(&raw const this.0) }
    }
}

/// A group that nobody is in, and nobody can come to: it [was alone](Owner::is_alone), and stays so in the hands of its
/// future.
pub(super) struct Lone<C>(Owner<C>);

impl<C> Lone<C> {
    pub(super) fn into_owner(self) -> Owner<C> {
        self.0
    }
}

impl<C> Deref for Lone<C> {
    type Target = Shared<C>;

    #[inline]
    fn deref(&self) -> &Shared<C> {
        &self.0
    }
}

impl<C: Placed> Lone<C> {
    /// What the group was made of, for another one. It leaves its place in the tree, which is mostly beneath `around`; and
    /// comes back if a walk still looks at it.
    #[inline(always)]
    pub(super) fn into_spare(self, around: Option<&Arc<Node>>) -> Result<Spare<C>, Owner<C>> {
        let group = self.0;
        let node = group.place().node();
        // Now, and not before: who has the group could come to have the node.
        if !node.is_left() {
            node.detach();
            return Err(group);
        }
        node.part(around);
        if !group.is_unseen() {
            node.detach_parted();
            return Err(group);
        }
        // SAFETY: it is alone, and so there is no handle, nor will there be.
        let memory = unsafe { group.into_memory() };
        // SAFETY: nobody else may have it, nor upgrade a weak reference as long as this lives. When it was alone there
        // was no other strong reference than this. Who makes one of a weak reference has that from a node, and
        // `Spare::of` alone makes some: that of this memory is in its node. That one was left, so that nobody could come
        // to have it but a walk by its list, which it is not in any more; and then it was unseen: no walk has the node,
        // nor its weak reference, nor what it made of that. So nobody comes to it before the node is seen again, before
        // which this is over, as in 5.
        Ok(Spare { memory: unsafe { Alone::assume(memory) } })
    }
}

impl<C: Placed> Owner<C> {
    /// Whether no walk looks at a group that is alone, and whose node has parted.
    #[inline(always)]
    fn is_unseen(&self) -> bool {
        // In this order, each with what came before: who has the node may come to have a weak reference, of which there
        // is one in there, and who has that, a strong one. What they have done came before they let go, which is what
        // the counts say.
        if Arc::strong_count(self.place().node()) != 1 {
            return false;
        }
        fence(Ordering::Acquire);
        if Arc::weak_count(&self.0) != 1 {
            return false;
        }
        fence(Ordering::Acquire);
        let alone = Arc::strong_count(&self.0) == 1;
        fence(Ordering::Acquire);
        alone
    }

    /// The same for a group that has left its place in the tree for good: it gets another node. `end` takes out what
    /// there is of it.
    #[cold]
    pub(super) fn into_spare_without(
        self,
        end: impl FnOnce(&mut Roster, &mut C) -> bool,
    ) -> Option<Spare<C>> {
        if !self.is_alone() {
            return None;
        }
        // SAFETY: it is.
        let memory = unsafe { self.into_memory() };
        let mut memory = match Alone::of(memory) {
            Ok(memory) => memory,
            // A walk looks at it, whose thread shall not run destructors of others.
            Err(memory) => {
                memory.roster.drop_locals();
                return None;
            }
        };
        let Shared { roster, core, .. } = &mut *memory;
        let ended = end(roster, core);
        core.place_mut().take();
        ended.then(|| Spare::of(memory))
    }
}

/// What is shared by a group that has a place in the tree.
pub(super) trait Placed: Send + Sync + 'static {
    fn place(&self) -> &FixedFrame;

    fn place_mut(&mut self) -> &mut FixedFrame;
}

/// What a group is made of: the memory, which is no group's. In its place is a blank node, which has that as its
/// tasks, and which nobody else has.
pub(super) struct Spare<C> {
    memory: Alone<Shared<C>>,
}

impl<C: Placed> Spare<C> {
    /// Of memory in whose place is no node.
    pub(super) fn of(mut memory: Alone<Shared<C>>) -> Self {
        let mut node = Node::blank();
        // SAFETY: nobody may upgrade the weak reference as long as the memory is alone. It is in the node, which
        // nobody else has, and which is seen only when that is over, as in 5.
        let members = Arc::downgrade(unsafe { memory.shared() });
        node.keep_members(members);
        memory.core.place_mut().begin(node.share());
        Self { memory }
    }

    /// That of the thread.
    ///
    /// # Safety
    ///
    /// It is from [`into_memory`](Self::into_memory), and nobody has cloned or downgraded it since.
    #[inline]
    pub(super) unsafe fn from_memory(memory: Arc<Shared<C>>) -> Self {
        // SAFETY: it was alone before, and as nobody has cloned or downgraded it, it is alone again.
        Self { memory: unsafe { Alone::assume(memory) } }
    }

    /// As it is kept. Nobody may clone it.
    #[inline]
    pub(super) fn into_memory(self) -> Arc<Shared<C>> {
        self.memory.share()
    }

    /// Takes out what there is of a group, as `end` does with the core, which says whether there is no more in it than
    /// in most; else nothing comes back.
    #[inline(always)]
    pub(super) fn clear(mut self, end: impl FnOnce(&mut Roster, &mut C) -> bool) -> Option<Self> {
        let Shared { roster, core, .. } = &mut *self.memory;
        let ended = end(roster, core);
        if self.node().strip() {
            ended.then_some(self)
        } else {
            self.give_back();
            None
        }
    }

    /// The node has to leave as others do.
    #[cold]
    fn give_back(mut self) {
        let node = self.memory.core.place_mut().take();
        // From a node that is seen again, one would come to the memory.
        drop(self);
        node.iter().for_each(Node::detach_parted);
    }

    #[inline(always)]
    fn node(&mut self) -> &mut Node {
        let Some(node) = self.memory.core.place_mut().node_mut() else {
            unreachable!("a spare group has a node")
        };
        // SAFETY: nobody else may have it, nor upgrade a weak reference: that is so of a `Spare`, and there is no weak
        // reference to a node that was alone, or has been `left` by all others.
        unsafe { Alone::borrow(node) }
    }

    /// Begins a group beneath `parent`, of which `head` is.
    #[inline(always)]
    pub(super) fn begin(mut self, head: &Head, parent: Option<&Arc<Node>>) -> Fresh<C> {
        head.begin(parent, self.node());
        let node = Arc::clone(self.memory.core.place().node());
        Fresh { memory: self.memory, node }
    }
}

/// A group that has begun, but nobody sees yet.
pub(super) struct Fresh<C> {
    memory: Alone<Shared<C>>,
    node: Arc<Node>,
}

impl<C: Placed> Fresh<C> {
    /// What it is made of, to be written. The node is not to be given to anybody else.
    #[inline]
    pub(super) fn parts(&mut self) -> (&mut Roster, &mut C) {
        let Shared { roster, core, .. } = &mut *self.memory;
        (roster, core)
    }

    /// From now on, it is in the tree beneath `parent`, and is found; and who comes to it there sees what was written.
    #[inline]
    pub(super) fn enter(self, parent: Option<&Arc<Node>>) -> Owner<C> {
        // In this order: see 5.
        let group = Owner::of(self.memory.share());
        self.node.enter_found(parent);
        group
    }
}

impl<C> Deref for Owner<C> {
    type Target = Shared<C>;

    #[inline]
    fn deref(&self) -> &Shared<C> {
        &self.0
    }
}

impl<C> Drop for Owner<C> {
    fn drop(&mut self) {
        self.leave();
    }
}

/// What a task needs to [`enter`] a group.
pub(super) struct Handle<C>(Arc<Shared<C>>);

impl<C: Send + Sync + 'static> Handle<C> {
    pub(super) fn shared(&self) -> Arc<dyn AnyShared> {
        Arc::clone(&self.0) as _
    }

    /// The tasks, for the group's node.
    #[cfg(all(test, loom))]
    pub(super) fn members(&self) -> Weak<dyn Members> {
        Arc::downgrade(&self.0) as _
    }
}

impl<C> Clone for Handle<C> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<C> Deref for Handle<C> {
    type Target = Shared<C>;

    #[inline]
    fn deref(&self) -> &Shared<C> {
        &self.0
    }
}

impl<C> Deref for Shared<C> {
    type Target = C;

    #[inline]
    fn deref(&self) -> &C {
        &self.core
    }
}

/// It, whatever is in it.
pub(super) trait AnyShared: Send + Sync {
    fn roster(&self) -> &Roster;
}

impl<C: Send + Sync> AnyShared for Shared<C> {
    fn roster(&self) -> &Roster {
        &self.roster
    }
}

impl<C: Send + Sync> Members for Shared<C> {
    fn wake_all(&self) {
        self.roster.wake_all();
    }

    fn list(&self) -> Vec<Member> {
        self.roster.list()
    }

    fn is_closing(&self) -> bool {
        self.roster.is_awaited()
    }
}

/// A reference for as long as the roster keeps the memory for who has it.
struct Lease<T>(NonNull<T>);

impl<T> Lease<T> {
    fn get(&self) -> &T {
        // SAFETY: `as_ref` needs a pointer to a valid `T` that nobody has in `&mut` for as long as the
        // reference is used. `enter` alone makes leases, each of a reference to the memory that is
        // kept as in 1, or to a part of it that stays where it is as long as that is there. Only a
        // `Seat` and a `Stub` have any, and hand out references that end before they do; while they are
        // there, the memory is, by 1 and 2, and nobody has it in `&mut`, by 4.
        unsafe { self.0.as_ref() }
    }
}

// SAFETY: a lease is a `&T`, which may be sent and shared if `T` may be shared.
unsafe impl<T: Sync> Send for Lease<T> {}

// SAFETY: as above.
unsafe impl<T: Sync> Sync for Lease<T> {}

/// A new task's place in its group, and its handle's, with the index of their slot; none if the group has
/// closed.
#[inline]
pub(super) fn enter<C: Send + Sync + 'static>(
    group: &Handle<C>,
    name: Option<StdArc<str>>,
    location: &'static Location<'static>,
    service: bool,
) -> Option<(Seat<C>, Stub, u32)> {
    let (index, slot) = group.roster.add(name, location, service)?;
    slot.group.store(Arc::as_ptr(&group.0).cast_mut().cast(), Ordering::Relaxed);
    let slot = NonNull::from(slot);
    Some((Seat { slot: Lease(slot), group: PhantomData }, Stub { slot: Lease(slot) }, index))
}

/// A task's place in its group. One that is not left is taken for ever, and the group with it.
///
/// It is no larger than it has to be: it is a part of the runtime's allocation.
pub(super) struct Seat<C> {
    slot: Lease<Slot>,
    group: PhantomData<Lease<Shared<C>>>,
}

impl<C> Seat<C> {
    #[inline]
    pub(super) fn group(&self) -> &Shared<C> {
        let group: *const Shared<C> = self.slot().group.load(Ordering::Relaxed).cast();
        // SAFETY: the dereference needs a pointer to a valid `Shared<C>` that is in nobody's `&mut` for as
        // long as `self` is borrowed. `enter` made this seat, with this `C`, and has written such a one
        // there: of the `Arc` in whose memory the slot is, and which is kept as at `Lease::get`. All tasks
        // of a slot are of that one group, or of others in the same memory, which have the same type and
        // address: nothing else is ever written there; and whoever runs the task has been given it after
        // that, and sees it.
        unsafe { &*group }
    }

    #[inline]
    pub(super) fn slot(&self) -> &Slot {
        self.slot.get()
    }

    /// The task ends, and its handle, which is there, will learn of it. To be called before that. `index`
    /// is that of the slot.
    pub(super) fn leave_handle(&self, index: u32) {
        self.slot().next.store(index, Ordering::Relaxed);
        self.group().roster.handle_stays();
    }

    /// The handle has gone all the same.
    pub(super) fn handle_gone(&self) {
        self.group().roster.handle_gone();
    }

    /// The task has ended, and its slot is free if it is the one of `free`. If it was the last that the
    /// group waits for, it wakes the one whose node `alarm` finds.
    #[inline(always)]
    pub(super) fn leave(self, free: Option<u32>, service: bool, alarm: impl Fn(&C) -> &Arc<Node>) {
        let roster = &self.group().roster;
        let free = free.map(|index| (index, self.slot()));
        // The exchange in there is the last access to the memory. (All of a `Roster` and of a `Slot` may
        // change while it is borrowed, so it may also go, as in the drop of an `Arc`. That is not so of the
        // rest, to which nothing in there has a reference when it is called: the closure asks the seat.)
        roster.remove(free, service, || Arc::clone(alarm(self.group())));
    }
}

/// A handle's place in the group of its task.
pub(super) struct Stub {
    slot: Lease<Slot>,
}

impl Stub {
    #[inline]
    pub(super) fn slot(&self) -> &Slot {
        self.slot.get()
    }

    /// Its task had ended before.
    #[cold]
    fn leave(&self) {
        let slot = self.slot();
        let remains = slot.clear();
        let roster: *const Roster = slot.group.load(Ordering::Relaxed).cast();
        // SAFETY: the dereference needs a pointer to a valid `Roster` that is in nobody's `&mut` for as
        // long as this runs. `enter` has written a pointer to a `Shared` there, whose first field, with
        // the `repr(C)`, is a roster, at its own address; it is kept as at `Lease::get`.
        let roster = unsafe { &*roster };
        // The task has written this before its end.
        let all = roster.take_leave(slot.next.load(Ordering::Relaxed), slot);
        drop(remains);
        drop(all);
    }
}

impl Drop for Stub {
    #[inline]
    fn drop(&mut self) {
        // If the task has not ended, this was the last access to the memory.
        if self.slot().release() {
            self.leave();
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    /// A group without anything but its place.
    struct Plain(FixedFrame);

    impl Placed for Plain {
        fn place(&self) -> &FixedFrame {
            &self.0
        }

        fn place_mut(&mut self) -> &mut FixedFrame {
            &mut self.0
        }
    }

    fn group() -> Owner<Plain> {
        let memory = Alone::new(Shared::new(Plain(FixedFrame::new())));
        Owner::of(Spare::of(memory).into_memory())
    }

    fn into_spare(group: Owner<Plain>) -> Result<Spare<Plain>, Owner<Plain>> {
        let mut held = Some(group);
        match Owner::take_alone(&mut held) {
            Some(lone) => lone.into_spare(None),
            None => Err(held.expect("it is left there")),
        }
    }

    #[test]
    fn what_somebody_looks_at_is_not_written() {
        let held = group();
        let (node, members) = (Arc::clone(held.0.place().node()), Arc::downgrade(&held.0));
        assert!(into_spare(held).is_err(), "a walk has the node");
        drop((node, members));

        let held = group();
        let members: Weak<dyn Members> = Arc::downgrade(&held.0) as _;
        let held = into_spare(held).err().expect("a walk has the way to the tasks");
        drop(members);
        assert!(held.into_spare_without(|_, _| true).is_some(), "nobody has it now");

        let held = group();
        let members = Arc::clone(&held.0);
        assert!(into_spare(held).is_err(), "a walk has the tasks");
        drop(members);

        assert!(into_spare(group()).is_ok());
    }

    /// Nothing of the tasks of a group is among those of the next one in its memory, but the slots.
    #[test]
    fn the_next_group_has_none_of_the_tasks() {
        let first = group();
        let run = |group: &Owner<Plain>, many: u32| {
            let handle = group.handle();
            let enter = || enter(&handle, None, Location::caller(), false).expect("it is open");
            let tasks: Vec<_> = (0..many).map(|_| enter()).collect();
            assert_eq!(group.0.roster.list().len(), many as usize);
            let last = tasks.last().map(|(seat, ..)| seat.slot().generation());
            for (seat, stub, index) in tasks {
                drop(stub);
                seat.leave(Some(index), false, |core| core.place().node());
            }
            last
        };
        let generation = run(&first, 40);
        let Ok(spare) = into_spare(first) else { unreachable!("nobody has it") };
        let spare = spare.clear(|roster, _| roster.strip()).expect("it is not large");
        let second = Owner::of(spare.into_memory());
        assert!(second.0.roster.list().is_empty());
        assert!(run(&second, 40) > generation, "the slots are others");
        drop(second);
    }
}
