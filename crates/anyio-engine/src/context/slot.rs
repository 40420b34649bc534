//! The thread-local that says in which frame the running code is.
//!
//! Each poll of one of our futures puts a [`Link`] on its own stack frame, or two of them, links it to the
//! one around it, and takes it away again. Nobody keeps one beyond the call that made it.
#![expect(
    unsafe_code,
    reason = "a thread-local pointer to the stack; the argument is at `current`"
)]

use std::{
    cell::{Cell, OnceCell},
    ptr,
    task::Waker,
    time::Instant,
};

use anyio_core::CauseKind;

use super::{job::Host, locals::Locals, owner::Owner};
use crate::{
    erased::Erased,
    sys::{Arc, thread_local},
    tree::{Board, Flags, Node, Site},
};

/// What a frame is, as long as it has no node.
#[derive(Clone, Copy)]
pub(crate) enum Kind<'a> {
    /// It passes on what comes from outside, or shields from it; its node has these flags.
    Scope(Flags, Site),
    /// It passes on what comes from outside, and has a deadline as soon as that is known.
    Until(&'a Option<(Instant, CauseKind)>, Site),
    /// It has a cancellation of its own, which is kept elsewhere.
    Owned(&'a dyn Owner),
    /// Nothing here belongs to a scope: a destructor.
    Outside,
    /// A job that blocks a thread of its own: it is in no task and in no scope, but knows who waits for it.
    Job(&'a dyn Host),
    /// It is no place in the tree, and only sets locals.
    Transparent,
}

impl Kind<'_> {
    /// For a frame that has a node, which says everything.
    pub(super) const KNOWN: Self = Self::Scope(Flags::PLAIN, None);

    /// Whether it is cancelled if, and only if, what is around it is. (With a node it may have been
    /// cancelled itself.)
    #[inline]
    pub(super) const fn passes_on(&self) -> bool {
        match self {
            Kind::Scope(flags, _) => !flags.any(Flags::SHIELD.with(Flags::CANCELLED)),
            Kind::Until(..) | Kind::Transparent => true,
            Kind::Owned(_) | Kind::Outside | Kind::Job(_) => false,
        }
    }
}

/// One frame, for the length of one poll.
pub(crate) struct Entry<'a> {
    cell: &'a OnceCell<Arc<Node>>,
    kind: &'a Kind<'a>,
    /// None if they are those of what is around it.
    locals: Option<Source<'a>>,
    /// It is cancelled if, and only if, what is around it is.
    passes_on: bool,
    /// If it is the outermost frame of a task.
    turn: Option<&'a Turn<'a>>,
}

/// What is the same for all frames of a task, for the length of one poll.
pub(crate) struct Turn<'a> {
    backend: Option<&'static Erased>,
    /// What the task is polled with; nothing where a part of it is dropped.
    waker: Option<&'a Waker>,
    /// The outermost frame, once it is there.
    link: Cell<*const Link<'static>>,
    /// The task's board, where `waker` has been left, and how often it had been called by then.
    board: Cell<(*const Board, u32)>,
}

impl<'a> Turn<'a> {
    /// From here inwards, `backend` is the current one. `None` leaves it as it is.
    #[inline]
    pub(crate) fn new(backend: Option<&'static Erased>, waker: Option<&'a Waker>) -> Self {
        Self {
            backend: backend.or_else(|| current(|view| view.and_then(View::backend))),
            waker,
            link: Cell::new(ptr::null()),
            board: Cell::new((ptr::null(), 0)),
        }
    }

    #[inline]
    pub(crate) const fn waker(&self) -> Option<&'a Waker> {
        self.waker
    }

    /// Whether the waker has been left on this board.
    #[inline]
    pub(crate) fn has_seen(&self, board: &Board) -> bool {
        ptr::eq(self.board.get().0, board)
    }

    /// The waker has been left there, and these were the calls afterwards.
    #[inline]
    pub(crate) fn look_at(&self, board: &Board, calls: u32) {
        self.board.set((ptr::from_ref(board), calls));
    }

    /// Whether this is that board, and its task's waker is `waker`.
    #[inline]
    fn is_at(&self, board: *const Board, waker: &Waker) -> bool {
        // As a rule it is the same in the same place.
        let same = ptr::eq(self.waker.map_or(ptr::null(), ptr::from_ref), waker);
        ptr::eq(self.board.get().0, board)
            && (same || self.waker.is_some_and(|own| own.will_wake(waker)))
    }
}

/// Where a frame has its locals from.
#[derive(Clone, Copy)]
pub(crate) enum Source<'a> {
    /// It has its own, or none, whatever is set outside.
    Own(Option<&'a Arc<Locals>>),
    /// Its owner says.
    Owner,
}

impl<'a> Entry<'a> {
    #[inline]
    pub(crate) fn new(cell: &'a OnceCell<Arc<Node>>, kind: &'a Kind<'a>) -> Self {
        let passes_on = cell.get().is_none() && kind.passes_on();
        Self { cell, kind, locals: None, passes_on, turn: None }
    }

    /// A frame that has a node, or none and is of a kind of which this is known.
    #[inline]
    pub(super) const fn known(
        cell: &'a OnceCell<Arc<Node>>,
        kind: &'a Kind<'a>,
        passes_on: bool,
    ) -> Self {
        Self { cell, kind, locals: None, passes_on, turn: None }
    }

    /// It is the outermost frame of a task.
    pub(crate) const fn with_turn(mut self, turn: &'a Turn<'a>) -> Self {
        self.turn = Some(turn);
        self
    }

    /// From here inwards, the locals are those from `source`.
    pub(crate) const fn with_locals(mut self, source: Source<'a>) -> Self {
        self.locals = Some(source);
        self
    }
}

struct Link<'a> {
    cell: &'a OnceCell<Arc<Node>>,
    kind: &'a Kind<'a>,
    /// None if they are those of what is around it.
    locals: Option<&'a Source<'a>>,
    outer: *const Link<'static>,
    /// The first frame further out that may be cancelled when what is around it is not, or the other way
    /// round; null if this one may be.
    decisive: *const Link<'static>,
    /// The task's turn, if it is one of ours; null if not.
    turn: *const Turn<'static>,
}

thread_local! {
    static TOP: Cell<*const Link<'static>> = const { Cell::new(ptr::null()) };
}

/// Puts back what was the innermost frame.
struct Restore(*const Link<'static>);

impl Drop for Restore {
    #[inline]
    fn drop(&mut self) {
        TOP.with(|top| top.set(self.0));
    }
}

/// The frame around one that begins. Where there is none, a task begins its turn: it has its budget again.
#[inline(always)]
fn top() -> *const Link<'static> {
    let outer = TOP.get();
    if outer.is_null() {
        super::budget::refill();
    }
    outer
}

/// Runs `f` with `entry` as the innermost frame. (Always in line: what was just written is not read back, which
/// would have to wait until it is there.)
#[inline(always)]
pub(crate) fn enter<R>(entry: Entry<'_>, f: impl FnOnce() -> R) -> R {
    let outer = top();
    let decisive = if entry.passes_on {
        current(|view| view.map_or(ptr::null(), |view| ptr::from_ref(view.decisive().0).cast()))
    } else {
        ptr::null()
    };
    let turn = match entry.turn {
        Some(turn) => ptr::from_ref(turn).cast(),
        None => current(|view| view.map_or(ptr::null(), |view| view.0.turn)),
    };
    let Entry { cell, kind, locals, .. } = entry;
    let locals = locals.as_ref();
    let link = Link { cell, kind, locals, outer, decisive, turn };
    // What it borrows lives longer than this call, or was put on its stack before the link; `current` says why nobody
    // sees more of it than that.
    let here = (&raw const link).cast();
    if let Some(turn) = entry.turn {
        turn.link.set(here);
    }
    TOP.with(|top| top.set(here));
    let _restore = Restore(outer);
    f()
}

/// The same with two at once: `around` has a node, and `inner` is in it. They are those of one future, and of a part of
/// it.
#[inline(always)]
pub(super) fn enter_two<R>(
    around: &OnceCell<Arc<Node>>,
    inner: &OnceCell<Arc<Node>>,
    kind: &Kind<'_>,
    f: impl FnOnce() -> R,
) -> R {
    let outer = top();
    let turn = current(|view| view.map_or(ptr::null(), |view| view.0.turn));
    let nothing = ptr::null();
    let locals = None;
    let known = &Kind::KNOWN;
    let around = Link { cell: around, kind: known, locals, outer, decisive: nothing, turn };
    let outside = (&raw const around).cast();
    let passes_on = inner.get().is_none() && kind.passes_on();
    let decisive = if passes_on { outside } else { nothing };
    let link = Link { cell: inner, kind, locals, outer: outside, decisive, turn };
    // As in `enter`.
    TOP.with(|top| top.set((&raw const link).cast()));
    let _restore = Restore(outer);
    f()
}

/// Gives `f` the innermost frame.
#[inline(always)]
pub(crate) fn current<R>(f: impl for<'v> FnOnce(Option<View<'v>>) -> R) -> R {
    let top = TOP.get();
    // SAFETY: `as_ref` needs a pointer that is null or valid for the chosen lifetime. `TOP` is
    // null or was set by an `enter`, or an `enter_two`, that has not returned: `Restore` puts the outer
    // pointer back before its `Link`s go out of scope, also when `f` panics, and the slot is a thread's own.
    // All such calls are below this call on this thread's stack, so their `Link`s live until
    // it returns; `'v` is chosen by this function and cannot be longer than the call to `f`,
    // because `f` has to work for every `'v`. `Link`s are never changed once linked. Their own
    // lifetime, which `TOP` pretends is `'static`, is that of what the entry borrows, and longer than
    // that call; as a `View` has it, it is shortened to `'v`.
    let link = unsafe { top.as_ref() };
    f(link.map(View))
}

/// A frame as seen from code inside it.
#[derive(Clone, Copy)]
pub(crate) struct View<'v>(&'v Link<'v>);

impl<'v> View<'v> {
    #[inline]
    pub(crate) const fn cell(self) -> &'v OnceCell<Arc<Node>> {
        self.0.cell
    }

    #[inline]
    pub(super) const fn is_outside(self) -> bool {
        matches!(self.0.kind, Kind::Outside)
    }

    pub(crate) const fn kind(self) -> Kind<'v> {
        *self.0.kind
    }

    #[inline]
    pub(crate) fn backend(self) -> Option<&'static Erased> {
        self.turn()?.backend
    }

    /// The turn of the task.
    #[inline]
    pub(crate) fn turn(self) -> Option<&'v Turn<'v>> {
        // SAFETY: null, or that of an entry that was given to an `enter` which has not returned: this
        // link's, or one further down the stack, from where it came. That entry, and what it borrows,
        // lives longer than `'v` (see `current`), to which the cast shortens its lifetime back.
        unsafe { self.0.turn.cast::<Turn<'v>>().as_ref() }
    }

    /// What it is called: the address of its node, or its own if it has none.
    #[inline]
    pub(crate) fn address(self) -> usize {
        let cell = self.cell();
        cell.get().map_or_else(|| ptr::from_ref(cell).addr(), |node| node.address())
    }

    /// What is set here.
    #[inline]
    pub(crate) fn locals(self) -> Option<Arc<Locals>> {
        let mut next = Some(self);
        while let Some(view) = next {
            match view.0.locals {
                None => next = view.outer(),
                Some(Source::Own(locals)) => return locals.cloned(),
                Some(Source::Owner) => {
                    let Kind::Owned(owner) = view.kind() else { return None };
                    return owner.locals();
                }
            }
        }
        None
    }

    /// This frame, or the first one around it that is a place in the tree.
    #[inline]
    pub(crate) fn place(self) -> Option<Self> {
        let mut view = self;
        while matches!(view.kind(), Kind::Transparent) {
            view = view.outer()?;
        }
        Some(view)
    }

    /// The first frame from here outwards that says itself whether it is cancelled.
    #[inline]
    pub(crate) fn decisive(self) -> Self {
        // SAFETY: null, or a link that was there when this one was made: that of a call further down the
        // stack, or the other one of the same `enter_two`; see `current` for why it lives at least as long as
        // `'v`.
        unsafe { self.0.decisive.as_ref() }.map_or(self, View)
    }

    /// The node that says whether this frame is cancelled, if there is one.
    #[inline]
    pub(super) fn deciding(self) -> Option<&'v Arc<Node>> {
        self.cell().get().or_else(|| self.decisive().cell().get())
    }

    /// The outermost frame of the task.
    pub(crate) fn task(self) -> Option<Self> {
        let link = self.turn()?.link.get();
        // SAFETY: null, or the link of the `enter` that was given this turn, which has not returned, since
        // this link or one further down the stack is that one; see `current` for why it lives at least as
        // long as `'v`.
        unsafe { link.as_ref() }.map(View)
    }

    /// The frame around this one.
    pub(crate) fn outer(self) -> Option<Self> {
        // SAFETY: as at `decisive`.
        unsafe { self.0.outer.as_ref() }.map(View)
    }
}

/// Whether the running code is in the turn of the task that has this board, and is polled with that one's
/// waker.
#[inline]
pub(crate) fn is_at(board: *const Board, waker: &Waker) -> bool {
    current(|view| view.and_then(View::turn).is_some_and(|turn| turn.is_at(board, waker)))
}

/// The same, and whether the board had not been called more often than `seen` when the turn began.
#[inline]
pub(crate) fn is_calm_at(board: *const Board, seen: u32, waker: &Waker) -> bool {
    current(|view| {
        view.and_then(View::turn)
            .is_some_and(|turn| turn.board.get().1 == seen && turn.is_at(board, waker))
    })
}
