//! The tasks of a group: who they are, how many run, and whether more may come.

use std::{panic::Location, sync::Arc as StdArc};

use anyio_core::{Cause, CauseKind};

use super::{lease::AnyShared, slot::Slot, slots::Slots};
use crate::{
    context::Locals,
    sys::{Arc, AtomicU32, AtomicU64, Mutex, MutexGuard, Ordering, init},
    tree::{Member, Node},
};

/// No slot: the end of a list.
const NONE: u32 = Slots::LIMIT;

/// With how many slots a thread keeps a group for the next one, some sixty kilobytes. To make them takes a tenth of the
/// time of a spawn.
const KEPT: u32 = 1_085;

/// # Invariants
///
/// 1. `spawned` and `ended` count all tasks that ever were, around 2³² if need be; they are equal
///    when none runs. `spawned` grows under the lock, before the task can run. So who has seen that a
///    task has ended sees that it was spawned, too, and what is spawned later only makes the group look
///    at itself once more than it has to.
/// 2. That a group waits is in the same word as how many have ended, so there is one order of the two:
///    either the group sees that a task has ended, or that task sees that the group waits, and if it is
///    the last one, wakes it. The last one that is no service does so, too: a service is counted as such
///    before it is counted as spawned, and for no longer than it runs.
/// 3. A free slot is in one of two lists: the one under the lock, which tasks are added from, or the
///    one that slots are given back to. That one is only ever pushed to, and taken as a whole, so
///    that no slot comes back between two looks at its head.
/// 4. `own` is there if the group's future has gone before its tasks, from then until the group is closed and
///    `late` is zero; or from then on that it was closed, if `late` was not. A task adds its
///    handle to `late` before it ends, so there will be no more when none runs. Who closes the group then,
///    once and under the lock, finds none and takes `own`; or it writes into `late` that the group is
///    closed, and the last of those that are there takes it. One word, so one of them does.
/// 5. Who has ended, or given its slot back, uses nothing of this afterwards; but the last task has
///    provided for itself before.
// In this order, what those write to who add tasks and what those write to who end are on different
// cache lines. (An alignment would take the allocator's slow path.)
#[repr(C)]
pub(super) struct Roster {
    entrance: Mutex<Entrance>,
    spawned: AtomicU32,
    slots: Slots,
    /// See [`Exit`].
    exit: AtomicU64,
    /// How many of those that run are services.
    services: AtomicU32,
    /// How many handles there are whose task has ended, and [`CLOSED`].
    late: AtomicU32,
}

/// In `late`: there is no task any more, and will be none.
const CLOSED: u32 = 1 << 31;

/// How many tasks have ended, in the upper half. In the lower one, the first slot that was given back,
/// and two flags above that.
#[derive(Clone, Copy)]
struct Exit(u64);

impl Exit {
    /// The group's body has ended, so the last task to end wakes the group.
    const AWAITED: u64 = 1 << 31;
    /// The group's future is gone, so the last task to end closes the group.
    const ORPHANED: u64 = 1 << 30;

    const fn ended(self) -> u32 {
        (self.0 >> 32) as u32
    }

    #[expect(clippy::cast_possible_truncation, reason = "that is how it is taken apart")]
    const fn head(self) -> u32 {
        self.0 as u32 & NONE
    }

    const fn has(self, flag: u64) -> bool {
        self.0 & flag != 0
    }

    /// One more task has ended.
    const fn one_less(self) -> Self {
        Self(self.0.wrapping_add(1 << 32))
    }

    const fn with_head(self, head: u32) -> Self {
        Self(self.0 & !(NONE as u64) | head as u64)
    }
}

/// How far a group has come whose body has ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// There are tasks to wait for.
    Busy,
    /// All that run are services.
    Services,
    /// None run, and none will.
    Closed,
}

/// Whether tasks may be added.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Door {
    Open,
    /// The group's future is gone; when no task runs any more, nobody is added.
    Orphaned,
    /// Nobody will ever be added again.
    Closed,
}

/// What whoever adds a task needs.
struct Entrance {
    free: u32,
    /// The first slot that this group has not used.
    fresh: u32,
    /// How many slots there are for it.
    room: u32,
    door: Door,
    /// What this is a part of, if nobody else may keep it.
    own: Option<Arc<dyn AnyShared>>,
    /// What was set where the group was opened, as long as there may be tasks that ask for it: somebody may
    /// keep a handle for long after that, and with it what the tasks have shared.
    locals: Option<Arc<Locals>>,
}

impl Roster {
    pub(super) fn new() -> Self {
        Self {
            entrance: Mutex::from(Entrance {
                free: NONE,
                fresh: 0,
                room: Slots::ROOM,
                door: Door::Open,
                own: None,
                locals: None,
            }),
            spawned: AtomicU32::default(),
            slots: Slots::new(),
            exit: AtomicU64::from(u64::from(NONE)),
            services: AtomicU32::default(),
            late: AtomicU32::default(),
        }
    }

    /// It is new, or was [stripped](Self::strip): it is a new group's.
    #[inline]
    pub(super) fn begin(&mut self, locals: Option<Arc<Locals>>) {
        init(&mut self.entrance.get_mut().locals, locals);
    }

    /// Makes one that nobody else has, and nobody is in, as good as new; the slots stay. False if there are too many.
    #[inline]
    pub(super) fn strip(&mut self) -> bool {
        let entrance = self.entrance.get_mut();
        if entrance.room > KEPT {
            return false;
        }
        debug_assert!(entrance.own.is_none(), "nobody is in it");
        entrance.locals = None;
        debug_assert!(
            self.slots.first(entrance.fresh).all(Slot::is_clean),
            "a task has left something behind"
        );
        debug_assert_eq!(self.services.load(Ordering::Relaxed), 0, "none runs");
        entrance.free = NONE;
        entrance.fresh = 0;
        // Further ones are found again where they were, when it comes to that: until then, a few are used in turn.
        entrance.room = Slots::ROOM;
        entrance.door = Door::Open;
        self.spawned.store(0, Ordering::Relaxed);
        self.exit.store(u64::from(NONE), Ordering::Relaxed);
        self.late.store(0, Ordering::Relaxed);
        true
    }

    #[inline]
    fn exit(&self) -> Exit {
        Exit(self.exit.load(Ordering::Acquire))
    }

    /// How many tasks run, when those had ended that are in `exit`: never less than none.
    #[inline]
    fn running(&self, exit: Exit) -> u32 {
        self.spawned.load(Ordering::Acquire).wrapping_sub(exit.ended())
    }

    /// What the tasks inherit; nothing when there are none any more.
    pub(super) fn locals(&self) -> Option<Arc<Locals>> {
        self.entrance.lock().locals.clone()
    }

    /// Lets go of these, when none will ask for them any more.
    #[cold]
    pub(super) fn drop_locals(&self) {
        let locals = self.entrance.lock().locals.take();
        drop(locals);
    }

    /// How many tasks run.
    pub(super) fn len(&self) -> usize {
        self.running(self.exit()) as usize
    }

    /// Makes room for a task, unless the group has closed.
    ///
    /// # Panics
    ///
    /// At a thousand million tasks.
    #[inline(always)]
    pub(super) fn add(
        &self,
        name: Option<StdArc<str>>,
        location: &'static Location<'static>,
        service: bool,
    ) -> Option<(u32, &Slot)> {
        let (index, slot) = {
            let mut entrance = self.entrance.lock();
            let spawned = self.spawned.load(Ordering::Relaxed);
            if entrance.door != Door::Open
                && (entrance.door == Door::Closed || spawned == self.exit().ended())
            {
                return None;
            }
            // Before a block is made, but not for each slot: to those who end, a look is a disturbance.
            if entrance.free == NONE && entrance.fresh == entrance.room {
                entrance.free = self.take_back();
            }
            let (index, slot) = if entrance.free == NONE {
                let fresh = entrance.fresh;
                if fresh == entrance.room {
                    entrance.room += self.slots.extend(fresh);
                }
                entrance.fresh += 1;
                (fresh, self.slots.get(fresh))
            } else {
                let free = entrance.free;
                let slot = self.slots.get(free);
                entrance.free = slot.next.load(Ordering::Relaxed);
                (free, slot)
            };
            if service {
                self.services.fetch_add(1, Ordering::AcqRel);
            }
            self.spawned.store(spawned.wrapping_add(1), Ordering::Release);
            (index, slot)
        };
        slot.begin(name, location, service);
        Some((index, slot))
    }

    /// The slot of a task that there is, or was.
    pub(super) fn slot(&self, index: u32) -> &Slot {
        self.slots.get(index)
    }

    /// The list of slots that were given back, which is empty now.
    fn take_back(&self) -> u32 {
        if Exit(self.exit.load(Ordering::Relaxed)).head() == NONE {
            return NONE;
        }
        // Acquire: who gave a slot back had written its `next`, and done with it.
        Exit(self.exit.fetch_or(u64::from(NONE), Ordering::AcqRel)).head()
    }

    /// Whether the group's body has ended.
    #[inline]
    pub(super) fn is_awaited(&self) -> bool {
        self.exit().has(Exit::AWAITED)
    }

    /// A task has ended, and its slot is free if it is given. If it was the last that the group waits for,
    /// it wakes the one that `alarm` finds.
    #[inline(always)]
    pub(super) fn remove(
        &self,
        free: Option<(u32, &Slot)>,
        service: bool,
        alarm: impl Fn() -> Arc<Node>,
    ) {
        if service {
            self.services.fetch_sub(1, Ordering::AcqRel);
        }
        let mut exit = self.exit();
        let last = loop {
            if exit.has(Exit::ORPHANED) {
                return self.remove_of_orphan(exit, free);
            }
            // Before the exchange, after which there may be nothing left to look at (5).
            let after = exit.one_less();
            let last =
                if exit.has(Exit::AWAITED) && self.is_last(after) { Some(alarm()) } else { None };
            match self.swap(exit, after, free) {
                Ok(()) => break last,
                Err(now) => exit = now,
            }
        };
        if let Some(node) = last {
            node.waker().wake();
        }
    }

    /// Whether `after` the end of a task there is none that the group waits for.
    #[inline]
    fn is_last(&self, after: Exit) -> bool {
        // In this order: a service that is among the former is among the latter, or has ended since, which
        // makes the exchange fail.
        let running = self.running(after);
        running <= self.services.load(Ordering::Acquire)
    }

    /// A task has ended of a group whose future is gone. The last one closes it, since nobody else will.
    #[cold]
    fn remove_of_orphan(&self, exit: Exit, free: Option<(u32, &Slot)>) {
        let mut exit = exit;
        let last = loop {
            let after = exit.one_less();
            // Before the exchange, as above.
            let last =
                if self.running(after) == 0 { self.entrance.lock().own.clone() } else { None };
            match self.swap(exit, after, free) {
                Ok(()) => break last,
                Err(now) => exit = now,
            }
        };
        if let Some(group) = last {
            group.roster().close_orphan();
        }
    }

    /// Writes `after` where there is `exit`, with a slot that is free if it is given.
    #[inline]
    fn swap(&self, exit: Exit, after: Exit, free: Option<(u32, &Slot)>) -> Result<(), Exit> {
        let after = free.map_or(after, |(free, slot)| {
            slot.next.store(exit.head(), Ordering::Relaxed);
            after.with_head(free)
        });
        let swapped =
            self.exit.compare_exchange_weak(exit.0, after.0, Ordering::AcqRel, Ordering::Acquire);
        swapped.map(drop).map_err(Exit)
    }

    /// A handle will be there when its task has ended. To be called before it can know.
    pub(super) fn handle_stays(&self) {
        self.late.fetch_add(1, Ordering::AcqRel);
    }

    /// It will not: it has gone while the task, which is the caller, has not ended.
    pub(super) fn handle_gone(&self) {
        self.late.fetch_sub(1, Ordering::AcqRel);
    }

    /// The handle goes of a task that had ended before, and the slot is free. What comes back is what has
    /// kept all this, if nobody needs it any more.
    pub(super) fn take_leave(&self, index: u32, slot: &Slot) -> Option<Arc<dyn AnyShared>> {
        let mut exit = self.exit();
        while let Err(now) = self.swap(exit, exit, Some((index, slot))) {
            exit = now;
        }
        let last = self.late.fetch_sub(1, Ordering::AcqRel) == CLOSED | 1;
        if last { self.entrance.lock().own.take() } else { None }
    }

    /// Whether no task runs, and no handle is there whose task has ended.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.running(self.exit()) == 0 && self.late.load(Ordering::Acquire) & !CLOSED == 0
    }

    /// The body has ended: closes the group if it has no tasks. `own` gives what this is a part of.
    #[inline(always)]
    pub(super) fn close(&self, own: impl FnOnce() -> Arc<dyn AnyShared>) -> Progress {
        // Only the group's own future says so, and says it once.
        let mut exit = self.exit();
        if !exit.has(Exit::AWAITED) {
            exit = Exit(self.exit.fetch_add(Exit::AWAITED, Ordering::AcqRel));
        }
        // One that runs will see that the group waits, and wake it (2).
        if self.running(exit) > self.services.load(Ordering::Acquire) {
            Progress::Busy
        } else {
            self.close_idle(own)
        }
    }

    fn close_idle(&self, own: impl FnOnce() -> Arc<dyn AnyShared>) -> Progress {
        let mut entrance = self.entrance.lock();
        let running = self.running(self.exit());
        if running == 0 {
            if self.late.load(Ordering::Acquire) != 0 {
                entrance.own.get_or_insert_with(own);
            }
            let rest = self.shut(&mut entrance);
            drop(entrance);
            drop(rest);
            Progress::Closed
        } else if running <= self.services.load(Ordering::Acquire) {
            Progress::Services
        } else {
            Progress::Busy
        }
    }

    /// No task runs, and none will; `own` is there if there may be handles. What comes back is that, if nobody needs
    /// it any more, and the locals. It must not be dropped under the lock.
    #[inline]
    fn shut(&self, entrance: &mut Entrance) -> (Option<Arc<dyn AnyShared>>, Option<Arc<Locals>>) {
        if entrance.door == Door::Closed {
            return (None, None);
        }
        entrance.door = Door::Closed;
        // Mostly there are no handles, and there will be no more: tasks add to them.
        let nobody = self.late.load(Ordering::Acquire) == 0
            || self.late.fetch_or(CLOSED, Ordering::AcqRel) == 0;
        (if nobody { entrance.own.take() } else { None }, entrance.locals.take())
    }

    /// The group's future goes: the group is closed as soon as no task runs. `own` gives what this is a part of.
    pub(super) fn orphan(&self, own: impl FnOnce() -> Arc<dyn AnyShared>) {
        let mut entrance = self.entrance.lock();
        if entrance.door != Door::Open {
            return;
        }
        entrance.door = Door::Orphaned;
        entrance.own.get_or_insert_with(own);
        let exit = Exit(self.exit.fetch_or(Exit::ORPHANED, Ordering::AcqRel));
        // Those that run will see it.
        self.shut_if(self.running(exit) == 0, entrance);
    }

    /// The last task has ended, or so it seemed, of a group whose future is gone.
    fn close_orphan(&self) {
        let entrance = self.entrance.lock();
        self.shut_if(self.running(self.exit()) == 0, entrance);
    }

    fn shut_if(&self, ended: bool, mut entrance: MutexGuard<'_, Entrance>) {
        if ended {
            let rest = self.shut(&mut entrance);
            drop(entrance);
            drop(rest);
        }
    }

    /// Cancels the services.
    pub(super) fn end_services(&self) {
        self.each(|slot| slot.cancel_service(Cause::of(CauseKind::Finished)));
    }

    /// All slots that this group has used; nothing can be told from one about whether it is in use.
    fn each(&self, f: impl Fn(&Slot)) {
        let fresh = self.entrance.lock().fresh;
        self.slots.first(fresh).for_each(f);
    }

    /// Wakes all tasks.
    pub(super) fn wake_all(&self) {
        self.each(Slot::wake);
    }

    /// The tasks that run.
    pub(super) fn list(&self) -> Vec<Member> {
        let fresh = self.entrance.lock().fresh;
        self.slots.first(fresh).filter_map(Slot::look).collect()
    }
}

impl Drop for Roster {
    fn drop(&mut self) {
        // All tasks have ended and all handles are gone, or there was no end to this: nothing is left in any
        // slot, and so slots drop nothing.
        debug_assert!(
            {
                let fresh = self.entrance.get_mut().fresh;
                self.slots.first(fresh).all(Slot::is_clean)
            },
            "a task has left something behind"
        );
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::task::{Wake, Waker};

    use super::{
        super::{
            lease::{self, Owner, Shared},
            slot::End,
        },
        *,
    };

    struct Woken;

    impl Wake for Woken {
        fn wake(self: StdArc<Self>) {}
    }

    fn nobody((): &()) -> &Arc<Node> {
        unreachable!("the group does not wait")
    }

    /// A handle that has waited, and is gone before the task has ended, leaves its waker behind.
    #[test]
    fn a_waker_of_a_handle_that_is_gone_is_let_go() {
        let group = Owner::of(Arc::new(Shared::new(())));
        let woken = StdArc::new(Woken);
        let (seat, stub, index) =
            lease::enter(&group.handle(), None, Location::caller(), false).expect("it is open");
        assert!(!stub.slot().poll_end(&Waker::from(StdArc::clone(&woken))));
        drop(stub);
        assert!(!seat.slot().standing().is_plain() && seat.slot().standing().has_remains());
        drop(seat.slot().end_alone());
        assert_eq!(StdArc::strong_count(&woken), 1);
        seat.leave(Some(index), false, nobody);
        assert!(group.is_alone());
        assert!(group.close() == Progress::Closed);
    }

    /// Who means a task that has ended does not cancel the one that has its slot now.
    #[test]
    fn late_cancellations_reach_nobody() {
        let group = Owner::of(Arc::new(Shared::new(())));
        let handle = group.handle();
        let enter = || lease::enter(&handle, None, Location::caller(), true).expect("it is open");
        let (first, stub, index) = enter();
        let generation = stub.slot().generation();
        drop(stub);
        drop(first.slot().end_alone());
        first.leave(Some(index), true, nobody);
        let others = [enter(), enter(), enter()];
        let again = others.iter().find(|other| other.2 == index).expect("the slot is used again");
        again.1.slot().cancel_of(generation, Cause::explicit());
        assert!(!again.1.slot().is_cancel_called());
        again.1.slot().cancel_of(again.1.slot().generation(), Cause::explicit());
        assert!(again.1.slot().is_cancel_called());
        for (seat, stub, index) in others {
            drop(stub);
            drop(seat.slot().end_alone());
            seat.leave(Some(index), true, nobody);
        }
        assert!(!group.is_alone(), "there is a handle");
        drop(handle);
        assert!(group.close() == Progress::Closed);
        assert!(group.is_alone(), "the group keeps itself");
    }

    /// Whoever is there, or could come, keeps the memory from being another group's.
    #[test]
    fn who_is_in_a_group_is_not_alone() {
        let group = Owner::of(Arc::new(Shared::new(())));
        let handle = group.handle();
        assert!(!group.is_alone(), "a task could come");
        let enter = || lease::enter(&handle, None, Location::caller(), false).expect("it is open");
        let ((seat, stub, index), (late, kept, _)) = (enter(), enter());
        drop(stub);
        drop(handle);
        assert!(!group.is_alone(), "two tasks run");
        seat.leave(Some(index), false, nobody);
        assert!(!group.is_alone(), "a task runs");
        late.leave_handle(1);
        assert!(late.slot().end(End::Failed).is_none(), "the handle is there");
        late.leave(None, false, nobody);
        assert!(!group.is_alone(), "a handle is left whose task has ended");
        drop(kept);
        assert!(group.is_alone());
    }
}
