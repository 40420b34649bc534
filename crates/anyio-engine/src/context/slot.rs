//! The thread-local that says in which frame the running code is.
//!
//! Each poll of one of our futures puts an [`Entry`] on its own stack frame, links it to the one
//! around it, and takes it away again. Nobody keeps one beyond the call that made it.
#![expect(
    unsafe_code,
    reason = "a thread-local pointer to the stack; the argument is at `current`"
)]

use std::{
    cell::{Cell, OnceCell},
    ptr,
    time::Instant,
};

use super::{
    locals::{Inherited, Locals},
    owner::Owner,
};
use crate::{
    erased::Erased,
    sys::{Arc, thread_local},
    tree::{Flags, Node, Site},
};

/// What a frame is, as long as it has no node.
#[derive(Clone, Copy)]
pub(crate) enum Kind<'a> {
    /// It passes on what comes from outside, or shields from it; its node has these flags.
    Scope(Flags, Site),
    /// It passes on what comes from outside, and has a deadline.
    Until(Instant, Site),
    /// It has a cancellation of its own, which is kept elsewhere.
    Owned(&'a dyn Owner),
    /// Nothing here belongs to a scope: a destructor.
    Outside,
    /// A job that blocks a thread of its own: it is in no task and in no scope.
    Job,
    /// It is no place in the tree, and only sets locals.
    Transparent,
}

impl Kind<'_> {
    /// For a frame that has a node, which says everything.
    pub(super) const KNOWN: Self = Self::Scope(Flags::PLAIN, None);
}

/// One frame, for the length of one poll.
#[derive(Clone, Copy)]
pub(crate) struct Entry<'a> {
    cell: &'a OnceCell<Arc<Node>>,
    kind: &'a Kind<'a>,
    backend: Option<&'static Erased>,
    locals: Source<'a>,
}

/// Where a frame has its locals from.
#[derive(Clone, Copy)]
pub(crate) enum Source<'a> {
    /// From what is around it.
    Outer,
    /// It has its own, or none, whatever is set outside.
    Own(Option<&'a Arc<Locals>>),
    /// It is a task, and has those of its group.
    Group(&'a Inherited),
}

impl<'a> Entry<'a> {
    pub(crate) const fn new(cell: &'a OnceCell<Arc<Node>>, kind: &'a Kind<'a>) -> Self {
        Self { cell, kind, backend: None, locals: Source::Outer }
    }

    /// From here inwards, `backend` is the current one. `None` leaves it as it is.
    pub(crate) const fn with_backend(mut self, backend: Option<&'static Erased>) -> Self {
        self.backend = backend;
        self
    }

    /// Whether it is cancelled if, and only if, what is around it is. (With a node it may have been
    /// cancelled itself.)
    #[inline]
    fn passes_on(&self) -> bool {
        self.cell.get().is_none()
            && match self.kind {
                Kind::Scope(flags, _) => !flags.any(Flags::SHIELD.with(Flags::CANCELLED)),
                Kind::Until(..) | Kind::Transparent => true,
                Kind::Owned(_) | Kind::Outside | Kind::Job => false,
            }
    }

    /// From here inwards, the locals are those from `source`.
    pub(crate) const fn with_locals(mut self, source: Source<'a>) -> Self {
        self.locals = source;
        self
    }
}

struct Link<'a> {
    /// With the backend from outside, if it has none itself.
    entry: Entry<'a>,
    outer: *const Link<'static>,
    /// The first frame from here outwards that may be cancelled when what is around it is not, or the
    /// other way round; null if it is this one.
    decisive: *const Link<'static>,
}

thread_local! {
    static TOP: Cell<*const Link<'static>> = const { Cell::new(ptr::null()) };
}

/// Runs `f` with `entry` as the innermost frame.
#[inline]
pub(crate) fn enter<R>(entry: &Entry<'_>, f: impl FnOnce() -> R) -> R {
    struct Restore(*const Link<'static>);

    impl Drop for Restore {
        #[inline]
        fn drop(&mut self) {
            TOP.set(self.0);
        }
    }

    let outer = TOP.get();
    if outer.is_null() {
        super::budget::refill();
    }
    let backend = entry.backend.or_else(|| current(|view| view.and_then(View::backend)));
    let decisive = if entry.passes_on() {
        current(|view| view.map_or(ptr::null(), |view| ptr::from_ref(view.decisive().0).cast()))
    } else {
        ptr::null()
    };
    let link = Link { entry: Entry { backend, ..*entry }, outer, decisive };
    TOP.set((&raw const link).cast());
    let _restore = Restore(outer);
    f()
}

/// Gives `f` the innermost frame.
#[inline]
pub(crate) fn current<R>(f: impl for<'v> FnOnce(Option<View<'v>>) -> R) -> R {
    let top = TOP.get();
    // SAFETY: `as_ref` needs a pointer that is null or valid for the chosen lifetime. `TOP` is
    // null or was set by an `enter` that has not returned: `Restore` puts the outer pointer back
    // before `link` goes out of scope, also when `f` panics, and the slot is a thread's own. All
    // such `enter` calls are below this call on this thread's stack, so their `Link`s live until
    // it returns; `'v` is chosen by this function and cannot be longer than the call to `f`,
    // because `f` has to work for every `'v`. `Link`s are never changed once linked. The cast shortens
    // the lifetime of what they borrow back from the `'static` that `TOP` pretends to `'v`: it was
    // borrowed for the whole of the call to `enter`.
    let link = unsafe { top.cast::<Link<'_>>().as_ref() };
    f(link.map(View))
}

/// A frame as seen from code inside it.
#[derive(Clone, Copy)]
pub(crate) struct View<'v>(&'v Link<'v>);

impl<'v> View<'v> {
    #[inline]
    pub(crate) fn cell(self) -> &'v OnceCell<Arc<Node>> {
        self.0.entry.cell
    }

    #[inline]
    pub(super) const fn is_outside(self) -> bool {
        matches!(self.0.entry.kind, Kind::Outside)
    }

    pub(crate) fn kind(self) -> Kind<'v> {
        *self.0.entry.kind
    }

    #[inline]
    pub(crate) const fn backend(self) -> Option<&'static Erased> {
        self.0.entry.backend
    }

    /// What is set here.
    pub(crate) fn locals(self) -> Option<Arc<Locals>> {
        let mut next = Some(self);
        while let Some(view) = next {
            match view.0.entry.locals {
                Source::Outer => next = view.outer(),
                Source::Own(locals) => return locals.cloned(),
                Source::Group(inherited) => return inherited.get(),
            }
        }
        None
    }

    /// This frame, or the first one around it that is a place in the tree.
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
        // SAFETY: null, or a link that was there when this one was made, and so is further down the
        // stack; see `current` for why it lives at least as long as `'v`.
        unsafe { self.0.decisive.cast::<Link<'v>>().as_ref() }.map_or(self, View)
    }

    /// The frame around this one.
    pub(crate) fn outer(self) -> Option<Self> {
        // SAFETY: null, or set by an `enter` further down the stack than the one that made this
        // link; see `current` for why it lives at least as long as `'v`.
        unsafe { self.0.outer.cast::<Link<'v>>().as_ref() }.map(View)
    }
}
