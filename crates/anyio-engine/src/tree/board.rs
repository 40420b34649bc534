//! The deadlines of a task's scopes, with one timer of the runtime's for all of them.

use std::{
    any::TypeId,
    fmt,
    pin::Pin,
    task::{Context, Wake, Waker},
    time::Instant,
};

use slab::Slab;

use super::{bell::Bell, role::Site};
use crate::sys::{Arc, AtomicBool, AtomicU32, Mutex, Ordering};

/// What waits for a moment on behalf of a board.
pub(crate) type Timer = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Where the scopes of a task that have a deadline, and are polled with the task's own waker, say so. The
/// board has a timer for the earliest of them. One that is no longer needed stays until it has called, or
/// until the task comes to rest with nothing on the board: a loop in which each turn has a deadline of
/// its own has one timer, and not one for each turn.
///
/// # Invariants
///
/// 1. Notes are put up, looked at and renewed by whoever polls the task, one at a time; taken away by
///    anybody who drops a scope. Under the lock no timer is made, polled or dropped.
/// 2. There is a timer for the earliest deadline that has not passed, or for an earlier moment, or a call
///    came that nobody has answered so far: `calls` is not `answered`.
/// 3. A timer that calls counts first and rings afterwards. Who has a note leaves the task's waker first
///    and looks at the count afterwards ([`Bell`], invariant 3), so it finds the call or is polled again.
/// 4. Who finds that there were calls since it looked last looks at the clock. So nobody's time passes
///    unseen, whoever has answered the call.
pub(crate) struct Board {
    /// Which clock the deadlines are of.
    clock: TypeId,
    alarm: Arc<Alarm>,
    notes: Mutex<Notes>,
    /// There is a timer, and nothing on the board.
    idle: AtomicBool,
}

/// What the timer calls.
struct Alarm {
    calls: AtomicU32,
    bell: Bell,
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.calls.fetch_add(1, Ordering::AcqRel);
        self.bell.wake();
    }
}

#[derive(Default)]
struct Notes {
    notes: Slab<Note>,
    timer: Option<(Instant, Timer)>,
    answered: u32,
}

/// What a scope says on the board.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Note {
    pub(crate) deadline: Option<Instant>,
    pub(crate) site: Site,
    /// Who the scope is, as long as it has no node: the address of its frame.
    pub(crate) frame: usize,
    /// Who is around it: the address of a node, or of a frame that has none.
    pub(crate) around: usize,
    /// The address of the scope's node, if it has one; that is in the tree itself.
    pub(crate) node: Option<usize>,
}

/// What has to be done when the lock was let go.
struct Needs {
    timer_for: Option<Instant>,
    /// The timer that has called.
    _old: Option<(Instant, Timer)>,
}

impl Notes {
    /// What it takes to keep invariant 2, when there is a note for `own` and there were so many calls.
    #[inline]
    fn needs(&mut self, own: Option<Instant>, calls: u32, now: Instant) -> Needs {
        if self.answered != calls {
            self.answered = calls;
            return Needs { timer_for: self.earliest(now), _old: self.timer.take() };
        }
        let known = self.timer.as_ref().map(|(end, _)| *end);
        let timer_for = own.filter(|own| known.is_none_or(|known| *own < known));
        Needs { timer_for, _old: None }
    }

    /// The earliest deadline that has not passed.
    fn earliest(&self, now: Instant) -> Option<Instant> {
        self.notes.iter().filter_map(|(_, note)| note.deadline).filter(|end| *end > now).min()
    }
}

impl Board {
    pub(super) fn new(clock: TypeId) -> Arc<Self> {
        let alarm = Arc::new(Alarm { calls: AtomicU32::default(), bell: Bell::new() });
        Arc::new(Self {
            clock,
            alarm,
            notes: Mutex::from(Notes::default()),
            idle: AtomicBool::default(),
        })
    }

    pub(crate) fn is_for(&self, clock: TypeId) -> bool {
        self.clock == clock
    }

    /// Leaves the waker that the task is polled with from now on. Gives how many calls there had been
    /// afterwards.
    #[inline]
    pub(crate) fn leave(&self, waker: &Waker) -> u32 {
        self.alarm.bell.register(waker);
        self.alarm.calls.load(Ordering::Acquire)
    }

    /// Puts up a note, for who is polled with the task's waker, which has been left. Its deadline is later
    /// than `now`; `make` makes a timer.
    pub(crate) fn put(
        self: &Arc<Self>,
        note: Note,
        now: Instant,
        make: impl FnOnce(Instant) -> Timer,
    ) -> Posted {
        let (place, seen, needs) = {
            let mut notes = self.notes.lock();
            self.idle.store(false, Ordering::Relaxed);
            let place = notes.notes.insert(note);
            let calls = self.alarm.calls.load(Ordering::Acquire);
            (place, calls, notes.needs(note.deadline, calls, now))
        };
        // First of all: a timer that cannot be made takes the note away again.
        let posted = Posted { board: Arc::clone(self), place, seen, hidden: note.node.is_some() };
        self.meet(needs, make);
        posted
    }

    #[inline(always)]
    fn meet(&self, needs: Needs, make: impl FnOnce(Instant) -> Timer) {
        if let Some(end) = needs.timer_for {
            self.set(end, make(end));
        }
    }

    fn set(&self, end: Instant, mut timer: Timer) {
        let alarm = Waker::from(Arc::clone(&self.alarm));
        if timer.as_mut().poll(&mut Context::from_waker(&alarm)).is_ready() {
            // It is time by now.
            alarm.wake_by_ref();
            return;
        }
        let old = self.notes.lock().timer.replace((end, timer));
        drop(old);
    }

    /// What is on the board.
    pub(crate) fn notes(&self) -> Vec<Note> {
        self.notes.lock().notes.iter().map(|(_, note)| *note).collect()
    }

    /// The task comes to rest: a timer is let go that is nobody's.
    #[inline]
    pub(crate) fn rest(&self) {
        if self.idle.load(Ordering::Relaxed) {
            self.let_go();
        }
    }

    #[cold]
    fn let_go(&self) {
        let timer = {
            let mut notes = self.notes.lock();
            self.idle.store(false, Ordering::Relaxed);
            if notes.notes.is_empty() { notes.timer.take() } else { None }
        };
        drop(timer);
    }
}

/// A note on a board, which is taken away when this is dropped.
pub(crate) struct Posted {
    board: Arc<Board>,
    place: usize,
    seen: u32,
    /// The scope has a node.
    hidden: bool,
}

impl Posted {
    #[inline]
    pub(crate) fn board(&self) -> *const Board {
        Arc::as_ptr(&self.board)
    }

    /// How many calls there had been when its owner looked at the clock last.
    #[inline]
    pub(crate) const fn seen(&self) -> u32 {
        self.seen
    }

    /// Whether there have been more.
    pub(crate) fn was_called(&self) -> bool {
        self.board.alarm.calls.load(Ordering::Acquire) != self.seen
    }

    /// To be called before the look at the clock that a call is the reason for.
    pub(crate) fn answer(&mut self) {
        self.seen = self.board.alarm.calls.load(Ordering::Acquire);
    }

    #[inline]
    pub(crate) const fn is_hidden(&self) -> bool {
        self.hidden
    }

    /// The scope has got a node, at this address.
    pub(crate) fn hide(&mut self, node: usize) {
        self.hidden = true;
        if let Some(note) = self.board.notes.lock().notes.get_mut(self.place) {
            note.node = Some(node);
        }
    }

    /// Sees to it that the timer calls when it is time for this note, or before.
    pub(crate) fn see_to(&mut self, now: Instant, make: impl FnOnce(Instant) -> Timer) {
        let needs = {
            let mut notes = self.board.notes.lock();
            let own = notes.notes.get(self.place).and_then(|note| note.deadline);
            let calls = self.board.alarm.calls.load(Ordering::Acquire);
            notes.needs(own, calls, now)
        };
        self.board.meet(needs, make);
    }
}

impl Drop for Posted {
    #[inline]
    fn drop(&mut self) {
        let mut notes = self.board.notes.lock();
        _ = notes.notes.try_remove(self.place);
        if notes.notes.is_empty() && notes.timer.is_some() {
            self.board.idle.store(true, Ordering::Relaxed);
        }
    }
}

impl fmt::Debug for Board {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Board").finish_non_exhaustive()
    }
}

impl fmt::Debug for Posted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Posted").field("place", &self.place).finish_non_exhaustive()
    }
}
