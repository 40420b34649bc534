//! The tasks of a group: who they are, how many run, and whether more may come.

use std::{panic::Location, sync::Arc as StdArc};

use anyio_core::{Cause, CauseKind};

use super::{slot::Slot, slots::Slots};
use crate::{
    sys::{AtomicBool, AtomicU32, AtomicU64, Mutex, Ordering},
    tree::{Member, Members},
};

/// No slot: the end of a list.
const NONE: u32 = u32::MAX;

/// # Invariants
///
/// 1. `spawned` and `ended` count all tasks that ever were, around 2³² if need be; they are equal
///    when none runs. `spawned` grows under the lock, before the task can run.
/// 2. A group that waits says so first and then compares; a task that ends counts itself first and
///    then asks whether the group waits. Both in one order (`SeqCst`), so one of the two sees the
///    other, and the last task wakes the group. The last one that is no service does so, too: a
///    service is counted as such before it is counted as spawned, and for no longer than it runs.
/// 3. A free slot is in one of two lists: the one under the lock, which tasks are added from, or the
///    one that slots are given back to. That one is only ever pushed to, and taken as a whole, so
///    that no slot comes back between two looks at its head.
// In this order, what those write to who add tasks and what those write to who end are on different
// cache lines. (An alignment would take the allocator's slow path.)
#[repr(C)]
pub(super) struct Roster {
    entrance: Mutex<Entrance>,
    spawned: AtomicU32,
    slots: Slots,
    /// How many tasks have ended, and the first slot that was given back.
    exit: AtomicU64,
    /// How many of those that run are services.
    services: AtomicU32,
    /// The group's body has ended, so the last task to end wakes the group.
    awaited: AtomicBool,
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

/// What whoever adds a task needs.
struct Entrance {
    free: u32,
    /// The first slot that was never used.
    fresh: u32,
    /// Nobody will ever be added again.
    closed: bool,
    /// The group's future is gone; when no task runs any more, the group is closed.
    orphaned: bool,
}

const fn pack(ended: u32, head: u32) -> u64 {
    (ended as u64) << 32 | head as u64
}

#[expect(clippy::cast_possible_truncation, reason = "that is how the two are taken apart")]
const fn unpack(exit: u64) -> (u32, u32) {
    ((exit >> 32) as u32, exit as u32)
}

impl Roster {
    pub(super) fn new() -> Self {
        let entrance = Entrance { free: NONE, fresh: 0, closed: false, orphaned: false };
        Self {
            entrance: Mutex::from(entrance),
            spawned: AtomicU32::default(),
            slots: Slots::new(),
            exit: AtomicU64::from(pack(0, NONE)),
            services: AtomicU32::default(),
            awaited: AtomicBool::default(),
        }
    }

    pub(super) fn slot(&self, index: u32) -> &Slot {
        self.slots.get(index)
    }

    fn ended(&self) -> u32 {
        unpack(self.exit.load(Ordering::SeqCst)).0
    }

    /// How many tasks run.
    pub(super) fn len(&self) -> usize {
        // In this order: the difference is never below zero.
        let ended = self.ended();
        self.spawned.load(Ordering::SeqCst).wrapping_sub(ended) as usize
    }

    /// Makes room for a task, unless the group has closed.
    ///
    /// # Panics
    ///
    /// At a thousand million tasks.
    pub(super) fn add(
        &self,
        name: Option<StdArc<str>>,
        location: &'static Location<'static>,
        service: bool,
    ) -> Option<u32> {
        let (index, slot) = {
            let mut entrance = self.entrance.lock();
            let spawned = self.spawned.load(Ordering::Relaxed);
            entrance.closed |= entrance.orphaned && spawned == self.ended();
            if entrance.closed {
                return None;
            }
            if entrance.free == NONE {
                entrance.free = self.take_back();
            }
            let (index, slot) = if entrance.free == NONE {
                let fresh = entrance.fresh;
                assert!(
                    fresh < Slots::LIMIT,
                    "a task group has {fresh} tasks, and no room for more"
                );
                entrance.fresh += 1;
                (fresh, self.slots.make(fresh))
            } else {
                let free = entrance.free;
                let slot = self.slot(free);
                entrance.free = slot.next.load(Ordering::Relaxed);
                (free, slot)
            };
            if service {
                self.services.fetch_add(1, Ordering::SeqCst);
            }
            self.spawned.store(spawned.wrapping_add(1), Ordering::Release);
            (index, slot)
        };
        slot.begin(name, location, service);
        Some(index)
    }

    /// The list of slots that were given back, which is empty now.
    fn take_back(&self) -> u32 {
        if unpack(self.exit.load(Ordering::Relaxed)).1 == NONE {
            return NONE;
        }
        // Acquire, within `SeqCst`: who gave a slot back had written its `next`.
        let exit = self.exit.fetch_or(NONE.into(), Ordering::SeqCst);
        unpack(exit).1
    }

    /// A task has ended, or a slot is free, or both. Whether that was the last task of a group that
    /// waits for it.
    fn leave(&self, tasks: u32, free: Option<(u32, &Slot)>) -> bool {
        let mut exit = self.exit.load(Ordering::Relaxed);
        let ended = loop {
            let (ended, head) = unpack(exit);
            let ended = ended.wrapping_add(tasks);
            let head = free.map_or(head, |(free, slot)| {
                slot.next.store(head, Ordering::Relaxed);
                free
            });
            let after = pack(ended, head);
            match self.exit.compare_exchange_weak(exit, after, Ordering::SeqCst, Ordering::Relaxed)
            {
                Ok(_) => break ended,
                Err(now) => exit = now,
            }
        };
        self.is_awaited()
            && self.spawned.load(Ordering::SeqCst).wrapping_sub(ended)
                <= self.services.load(Ordering::SeqCst)
    }

    /// Whether the group's body has ended.
    pub(super) fn is_awaited(&self) -> bool {
        self.awaited.load(Ordering::SeqCst)
    }

    /// A task has ended, and its slot is free if it is given. Whether the group is to be woken.
    pub(super) fn remove(&self, free: Option<(u32, &Slot)>, service: bool) -> bool {
        if service {
            self.services.fetch_sub(1, Ordering::SeqCst);
        }
        self.leave(1, free)
    }

    /// The slot of a task that had ended before is free.
    pub(super) fn give_back(&self, index: u32, slot: &Slot) {
        self.leave(0, Some((index, slot)));
    }

    /// The body has ended: closes the group if it has no tasks.
    pub(super) fn close(&self) -> Progress {
        // Only the group's own future says so, and says it once.
        if !self.awaited.load(Ordering::Relaxed) {
            self.awaited.store(true, Ordering::SeqCst);
        }
        // One that runs will see that the group waits, and wake it (2).
        if self.len() > self.services.load(Ordering::SeqCst) as usize {
            return Progress::Busy;
        }
        let mut entrance = self.entrance.lock();
        let spawned = self.spawned.load(Ordering::SeqCst);
        let running = spawned.wrapping_sub(self.ended());
        entrance.closed |= running == 0;
        if entrance.closed {
            Progress::Closed
        } else if running <= self.services.load(Ordering::SeqCst) {
            Progress::Services
        } else {
            Progress::Busy
        }
    }

    /// Cancels the services.
    pub(super) fn end_services(&self) {
        self.each(|slot| slot.cancel_service(Cause::of(CauseKind::Finished)));
    }

    /// All slots that were ever used; nothing can be told from one about whether it is in use.
    fn each(&self, f: impl Fn(&Slot)) {
        let fresh = self.entrance.lock().fresh;
        (0..fresh).for_each(|index| f(self.slot(index)));
    }

    /// The group's future is gone: it is closed as soon as no task runs.
    pub(super) fn orphan(&self) {
        self.entrance.lock().orphaned = true;
    }
}

impl Members for Roster {
    fn wake_all(&self) {
        self.each(Slot::wake);
    }

    fn list(&self) -> Vec<Member> {
        let fresh = self.entrance.lock().fresh;
        (0..fresh).filter_map(|index| self.slot(index).look()).collect()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    /// Who means a task that has ended does not cancel the one that has its slot now.
    #[test]
    fn late_cancellations_reach_nobody() {
        let roster = Roster::new();
        let here = Location::caller();
        let first = roster.add(None, here, false).expect("it is open");
        let generation = roster.slot(first).generation();
        assert!(roster.slot(first).release().is_none());
        roster.remove(Some((first, roster.slot(first))), false);
        let second = roster.add(None, here, true).expect("it is open");
        assert_eq!(first, second, "the slot is used again");
        roster.slot(second).cancel_of(generation, Cause::explicit());
        assert!(!roster.slot(second).is_cancel_called());
        roster.slot(second).cancel_of(roster.slot(second).generation(), Cause::explicit());
        assert!(roster.slot(second).is_cancel_called());
    }
}
