//! What a group, a task and the task's handle share of the task.

use std::{
    any::Any,
    mem::{self, ManuallyDrop},
    panic::Location,
    ptr,
    sync::Arc as StdArc,
    task::Waker,
};

use anyio_core::{Cancelled, Cause, CauseKind, TaskStatus};

use crate::{
    sys::{Arc, AtomicPtr, AtomicU32, Mutex, Ordering, Place, made, ticks},
    tree::{Label, Member, Node},
};

const CANCEL_CALLED: u32 = 1;
const FINISHED: u32 = 1 << 1;
const CANCELLED: u32 = 1 << 2;
const FAILED: u32 = 1 << 3;
/// The handle is gone.
const RELEASED: u32 = 1 << 4;
/// It is there for the others only.
const SERVICE: u32 = 1 << 5;
/// The handle has waited for the task's end.
const JOINED: u32 = 1 << 6;
const ENDED: u32 = FINISHED | CANCELLED | FAILED;
/// Where the flags end. Above them is the slot's generation: which of its tasks it has.
const GENERATION: u32 = 1 << 8;
const FLAGS: u32 = GENERATION - 1;
/// In `next`: the slot is no free one, and the rest says since when.
const TAKEN: u32 = 1 << 31;

/// The value of a task without its type, which its handle knows.
pub(super) type Value = Box<dyn Any + Send>;

/// Who a task is, for people: its name, or where it was spawned.
pub(super) fn label(name: Option<&StdArc<str>>, location: &Location<'_>) -> StdArc<str> {
    name.cloned().unwrap_or_else(|| StdArc::from(format!("task spawned at {location}")))
}

/// One task of a group. A slot is used again when its task has ended and its handle is gone.
///
/// # Invariants
///
/// 1. `state` gets one of the three `ENDED` bits once, under the lock, when what belongs to it
///    (value or cause) has been stored; who sees the bit sees that too.
/// 2. `CANCEL_CALLED` is raised under the lock, with its cause, and a node is adopted under it; so a
///    cancellation finds the node, or the node finds the cancellation.
/// 3. Of `ENDED` and `RELEASED`, who raises the second one clears the slot. A task that ends in its
///    first poll, after its handle has gone, does neither if there is nothing to clear: if it was not
///    cancelled by its handle nor waited for, has no name, and is none of those of 4. So a free slot is clean, and
///    [`begin`](Self::begin) needs no lock. Nobody but the group, which only ever wakes and looks, comes
///    to a slot after that.
/// 4. Who may come too late, when the slot has another task already, says which one it means: its
///    handle's start by the generation, its group by `SERVICE`. Such a task always ends under the lock,
///    and with an `ENDED` bit, so who has the lock and sees none has found the task that is meant. (It
///    would have to sleep through sixteen million tasks in one slot to err.)
/// 5. `next` is the roster's as long as the slot is free: an index, or the end, without the highest bit.
///    As long as it is taken, nobody needs it, and it says since when. Nothing is done by it: a look at
///    the slot between the end of a task and the return of its slot shows the task as it was.
/// 6. Under the lock no waker is cloned, woken or dropped, and no value is dropped.
pub(super) struct Slot {
    state: AtomicU32,
    /// The next one in the list of free slots, which belongs to the roster; or since when there is a
    /// task, by the coarse clock.
    pub(super) next: AtomicU32,
    location: Place,
    /// The group, for its task; written by who makes that.
    pub(super) group: AtomicPtr<()>,
    /// Not dropped with the slot, which is clean by then (3).
    inner: Mutex<ManuallyDrop<Inner>>,
}

/// What is in a slot.
enum Inner {
    Plain(Kept),
    /// In a box, since few have it: so it takes no room in the others.
    Full(Box<Full>),
}

struct Full {
    kept: Kept,
    extra: Extra,
}

/// What is kept of a task as long as it runs, or when it has ended.
enum Kept {
    Nothing,
    /// The task itself. It looks at the flags after it has registered, so that it may be woken
    /// once too often, but is never left asleep.
    Waker(Waker),
    Value(Value),
}

impl Kept {
    const fn take(&mut self) -> Self {
        mem::replace(self, Self::Nothing)
    }

    /// Takes the waker; a value stays.
    fn take_waker(&mut self) -> Option<Waker> {
        match self.take() {
            Self::Waker(waker) => Some(waker),
            kept => {
                *self = kept;
                None
            }
        }
    }
}

/// What few tasks have.
#[derive(Default)]
struct Extra {
    name: Option<StdArc<str>>,
    node: Option<Arc<Node>>,
    /// Why the handle cancelled it, then why it was cancelled.
    cause: Option<Cause>,
    /// Who waits for the task's end, through the one handle.
    joiner: Option<Waker>,
}

impl Inner {
    const EMPTY: Self = Self::Plain(Kept::Nothing);

    fn kept(&self) -> &Kept {
        match self {
            Self::Plain(kept) => kept,
            Self::Full(full) => &full.kept,
        }
    }

    fn kept_mut(&mut self) -> &mut Kept {
        match self {
            Self::Plain(kept) => kept,
            Self::Full(full) => &mut full.kept,
        }
    }

    /// What few tasks have, made now if this one has none.
    fn extra(&mut self) -> &mut Extra {
        if let Self::Plain(kept) = self {
            let kept = kept.take();
            *self = Self::Full(Box::new(Full { kept, extra: Extra::default() }));
        }
        match self {
            Self::Full(full) => &mut full.extra,
            Self::Plain(_) => unreachable!("it was made above"),
        }
    }

    fn known_extra(&self) -> Option<&Extra> {
        match self {
            Self::Full(full) => Some(&full.extra),
            Self::Plain(_) => None,
        }
    }

    fn cause(&self) -> Option<&Cause> {
        self.known_extra()?.cause.as_ref()
    }

    const fn is_empty(&self) -> bool {
        matches!(self, Self::Plain(Kept::Nothing))
    }

    /// All that has to be dropped, and not under the lock.
    const fn clear(&mut self) -> Remains {
        Remains { _inner: mem::replace(self, Self::EMPTY) }
    }
}

/// How a task ended, for its handle.
pub(super) enum End {
    Value(Value),
    Cut(Cause),
    Failed,
}

/// What is left in a slot that nobody needs any more, and only has to be dropped, which may run
/// destructors of others.
pub(super) struct Remains {
    _inner: Inner,
}

/// How a task stands with its handle and its group, at one moment.
#[derive(Clone, Copy)]
pub(super) struct Standing(u32);

impl Standing {
    /// Its handle is gone.
    pub(super) const fn is_released(self) -> bool {
        self.0 & RELEASED != 0
    }

    /// Its handle is gone and has left nothing, and it is no service.
    pub(super) const fn is_plain(self) -> bool {
        self.0 & (RELEASED | CANCEL_CALLED | JOINED | SERVICE) == RELEASED
    }

    pub(super) const fn is_service(self) -> bool {
        self.0 & SERVICE != 0
    }

    /// Its handle has left something in the slot: the cause of a cancellation, or its waker.
    pub(super) const fn has_remains(self) -> bool {
        self.0 & (CANCEL_CALLED | JOINED) != 0
    }
}

impl Slot {
    /// One that is clean. Made on the way, the room for what it has not would be copied, too.
    #[expect(clippy::declare_interior_mutable_const, reason = "each use is a slot of its own")]
    const CLEAN: Self = Self {
        state: AtomicU32::new(0),
        next: AtomicU32::new(0),
        location: Place::new(Location::caller()),
        group: AtomicPtr::new(ptr::null_mut()),
        inner: Mutex::new(ManuallyDrop::new(Inner::EMPTY)),
    };

    #[inline(always)]
    pub(super) fn new() -> Self {
        let slot = Self::CLEAN;
        made(&slot.state);
        made(&slot.next);
        made(&slot.inner);
        slot
    }

    /// Whether there is nothing in it.
    pub(super) fn is_clean(&self) -> bool {
        self.inner.lock().is_empty()
    }

    /// The slot, which is clean, gets a task. Relaxed: spawning the task orders this before all that the
    /// task and its handle do.
    #[inline(always)]
    pub(super) fn begin(
        &self,
        name: Option<StdArc<str>>,
        location: &'static Location<'static>,
        service: bool,
    ) {
        let generation = self.generation().wrapping_add(GENERATION);
        let state = if service { generation | SERVICE } else { generation };
        self.location.set(location);
        self.state.store(state, Ordering::Relaxed);
        self.next.store(TAKEN | ticks::coarse(), Ordering::Relaxed);
        if name.is_some() {
            self.inner.lock().extra().name = name;
        }
    }

    #[inline]
    fn has(&self, bits: u32) -> bool {
        self.state.load(Ordering::Acquire) & bits != 0
    }

    /// Whether the task has ended with a value.
    pub(super) fn has_value(&self) -> bool {
        self.has(FINISHED)
    }

    #[inline]
    pub(super) fn is_cancel_called(&self) -> bool {
        self.has(CANCEL_CALLED)
    }

    /// Tells the task from those that had the slot before, and will have it afterwards.
    #[inline]
    pub(super) fn generation(&self) -> u32 {
        self.state.load(Ordering::Relaxed) & !FLAGS
    }

    /// How the task stands. Acquire: if its handle is gone, what that has done is done.
    #[inline]
    pub(super) fn standing(&self) -> Standing {
        Standing(self.state.load(Ordering::Acquire))
    }

    pub(super) fn status(&self) -> TaskStatus {
        let state = self.state.load(Ordering::Acquire);
        if state & FINISHED != 0 {
            TaskStatus::Finished
        } else if state & CANCELLED != 0 {
            TaskStatus::Cancelled
        } else if state & FAILED != 0 {
            TaskStatus::Failed
        } else if state & CANCEL_CALLED != 0 {
            TaskStatus::Cancelling
        } else {
            TaskStatus::Running
        }
    }

    pub(super) fn name(&self) -> Option<StdArc<str>> {
        self.inner.lock().known_extra()?.name.clone()
    }

    pub(super) fn location(&self) -> &'static Location<'static> {
        self.location.get()
    }

    pub(super) fn label(&self) -> StdArc<str> {
        label(self.name().as_ref(), self.location())
    }

    /// What the task is called in the tree of tasks.
    pub(super) fn tree_label(&self) -> Label {
        Label::named(self.name(), self.location())
    }

    /// The task, if there is one that has not ended.
    pub(super) fn look(&self) -> Option<Member> {
        let inner = self.inner.lock();
        let next = self.next.load(Ordering::Relaxed);
        let state = self.state.load(Ordering::Acquire);
        if next & TAKEN == 0 || state & ENDED != 0 {
            return None;
        }
        let extra = inner.known_extra();
        Some(Member {
            label: Label::named(extra.and_then(|extra| extra.name.clone()), self.location()),
            since: next & !TAKEN,
            service: state & SERVICE != 0,
            waits: matches!(inner.kept(), Kept::Waker(_)),
            cancelled: state & CANCEL_CALLED != 0,
            cause: inner.cause().cloned(),
            node: extra.and_then(|extra| extra.node.clone()),
        })
    }

    /// Why the handle cancelled the task.
    pub(super) fn own_cause(&self) -> Option<Cause> {
        self.inner.lock().cause().cloned()
    }

    /// As [`register`](Self::register), for the first time: mostly there is nothing in the slot.
    #[inline(always)]
    pub(super) fn register_first(&self, waker: &Waker) {
        let waker = waker.clone();
        let mut inner = self.inner.lock();
        if inner.is_empty() {
            // To assign it would be to drop what is there.
            mem::forget(mem::replace(&mut **inner, Inner::Plain(Kept::Waker(waker))));
        } else {
            drop(inner);
            self.replace(waker);
        }
    }

    /// From now on, `waker` is who is woken by a cancellation.
    pub(super) fn register(&self, waker: &Waker) {
        if let Kept::Waker(known) = self.inner.lock().kept()
            && known.will_wake(waker)
        {
            return;
        }
        self.replace(waker.clone());
    }

    /// `waker` instead of what there is.
    fn replace(&self, waker: Waker) {
        let mut inner = self.inner.lock();
        let known = mem::replace(inner.kept_mut(), Kept::Waker(waker));
        drop(inner);
        drop(known);
    }

    /// Wakes the task.
    #[inline]
    pub(super) fn wake(&self) {
        let waker = self.inner.lock().kept_mut().take_waker();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    pub(super) fn cancel(&self, cause: Cause) {
        self.cancel_if(|_| true, cause);
    }

    /// Cancels the task if it is still the one that is meant.
    pub(super) fn cancel_of(&self, generation: u32, cause: Cause) {
        self.cancel_if(|state| state & !FLAGS == generation, cause);
    }

    /// Cancels the task if it is a service.
    pub(super) fn cancel_service(&self, cause: Cause) {
        self.cancel_if(|state| state & SERVICE != 0, cause);
    }

    fn cancel_if(&self, wanted: impl FnOnce(u32) -> bool, cause: Cause) {
        let (node, waker) = {
            let mut inner = self.inner.lock();
            let state = self.state.load(Ordering::Acquire);
            if state & (ENDED | CANCEL_CALLED) != 0 || !wanted(state) {
                return;
            }
            inner.extra().cause = Some(cause.clone());
            self.state.fetch_or(CANCEL_CALLED, Ordering::AcqRel);
            (inner.extra().node.clone(), inner.kept_mut().take_waker())
        };
        if let Some(node) = node {
            node.cancel(cause);
        }
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Keeps the node that the task has made for itself, and gives it what it has missed.
    pub(super) fn adopt(&self, node: &Arc<Node>) {
        let missed = {
            let mut inner = self.inner.lock();
            inner.extra().node = Some(Arc::clone(node));
            inner.cause().cloned()
        };
        if let Some(cause) = missed {
            node.cancel(cause);
        }
    }

    /// The task has ended, and its handle learns how. If the handle is gone, what it would have
    /// got comes back, and the slot is free.
    pub(super) fn end(&self, end: End) -> Option<Remains> {
        let (last, joiner, dropped) = {
            let mut inner = self.inner.lock();
            let waker = inner.kept_mut().take();
            let bit = match end {
                End::Value(value) => {
                    *inner.kept_mut() = Kept::Value(value);
                    FINISHED
                }
                End::Cut(cause) => {
                    inner.extra().cause = Some(cause);
                    CANCELLED
                }
                End::Failed => FAILED,
            };
            let last = self.state.fetch_or(bit, Ordering::AcqRel) & RELEASED != 0;
            if last {
                (Some(inner.clear()), None, Some((waker, None)))
            } else {
                let (joiner, node) = match &mut **inner {
                    Inner::Full(full) => (full.extra.joiner.take(), full.extra.node.take()),
                    Inner::Plain(_) => (None, None),
                };
                (None, joiner, Some((waker, node)))
            }
        };
        drop(dropped);
        if let Some(joiner) = joiner {
            joiner.wake();
        }
        last
    }

    /// The task has ended after its handle was gone: what is left in the slot, which is free, if anything is.
    #[inline]
    pub(super) fn end_alone(&self) -> Option<Remains> {
        let mut inner = self.inner.lock();
        // Whoever ends services must not take it for one that runs.
        self.state.store(self.generation() | FINISHED, Ordering::Release);
        if inner.is_empty() { None } else { Some(inner.clear()) }
    }

    /// The handle is gone. Whether the task has ended, so that the handle has to [clear](Self::clear) the
    /// slot.
    #[inline]
    pub(super) fn release(&self) -> bool {
        // It goes once, and the bit is not up: to add it is one step of the machine's.
        self.state.fetch_add(RELEASED, Ordering::AcqRel) & ENDED != 0
    }

    /// What the handle would have got comes back, and the slot is free.
    pub(super) fn clear(&self) -> Remains {
        self.inner.lock().clear()
    }

    /// Whether the task has ended; if not, `waker` is woken when it does.
    pub(super) fn poll_end(&self, waker: &Waker) -> bool {
        if self.has(ENDED) {
            return true;
        }
        let waker = waker.clone();
        let mut inner = self.inner.lock();
        if self.has(ENDED) {
            return true;
        }
        let known = inner.extra().joiner.replace(waker);
        if !self.has(JOINED) {
            self.state.fetch_or(JOINED, Ordering::AcqRel);
        }
        drop(inner);
        drop(known);
        false
    }

    /// The value of a task that has ended, or why there is none. To be called once.
    pub(super) fn take(&self) -> Result<Value, Cancelled> {
        if self.has(FAILED) {
            return Err(Cancelled::new(Cause::sibling_failed(self.label())));
        }
        let mut inner = self.inner.lock();
        match inner.kept_mut().take() {
            Kept::Value(value) => Ok(value),
            Kept::Nothing | Kept::Waker(_) => {
                let cause = inner.cause().cloned();
                Err(Cancelled::new(cause.unwrap_or(Cause::of(CauseKind::Dropped))))
            }
        }
    }
}
