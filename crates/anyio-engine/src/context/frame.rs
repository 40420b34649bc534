//! The part that is the same in every future of ours: a frame, and a body polled inside it.

use std::{
    cell::OnceCell,
    fmt,
    mem::{ManuallyDrop, needs_drop},
    pin::Pin,
    ptr,
    task::{Context, Poll, Waker},
};

use pin_project_lite::pin_project;

use super::{
    ambient,
    slot::{self, Entry, Kind, Source, Turn},
};
use crate::{
    erased::Erased,
    sys::Arc,
    tree::{self, Board, Node},
};

/// A place in the cancel tree that a future owns. Dropped before the future has ended, it cancels
/// what is beneath it.
///
/// In a struct it stands *before* the body, so that it is dropped first.
#[derive(Default)]
pub(crate) struct Frame {
    /// Empty when the frame has been dropped, which takes what is in it: so nobody looks twice.
    cell: ManuallyDrop<OnceCell<Arc<Node>>>,
}

impl Frame {
    pub(crate) const fn new() -> Self {
        Self { cell: ManuallyDrop::new(OnceCell::new()) }
    }

    /// Goes to wherever it is polled now. To be called at each poll that does not
    /// [`enter`](Self::enter) the frame.
    #[inline]
    pub(crate) fn follow(&self) {
        if let Some(node) = self.cell.get() {
            ambient::follow(node);
        }
    }

    /// Runs `f` inside this frame, which first follows to wherever it is polled now.
    #[inline]
    pub(crate) fn enter<R>(&self, kind: &Kind<'_>, f: impl FnOnce() -> R) -> R {
        self.follow();
        slot::enter(Entry::new(&self.cell, kind), f)
    }

    /// Like [`enter`](Self::enter), for a frame that is polled often once it has a node: what kind it is
    /// is asked only before.
    #[inline]
    pub(crate) fn enter_as<'a, R>(
        &'a self,
        kind: impl FnOnce() -> Kind<'a>,
        f: impl FnOnce() -> R,
    ) -> R {
        let unknown;
        let (kind, passes_on) = match self.cell.get() {
            Some(node) => {
                ambient::follow(node);
                (&Kind::KNOWN, false)
            }
            None => {
                unknown = kind();
                (&unknown, unknown.passes_on())
            }
        };
        slot::enter(Entry::known(&self.cell, kind, passes_on), f)
    }

    /// Like [`enter`](Self::enter), for a frame whose place in the tree never changes. If it is polled,
    /// and not dropped, then with this waker.
    #[inline]
    pub(crate) fn enter_root<R>(
        &self,
        kind: &Kind<'_>,
        backend: Option<&'static Erased>,
        locals: Source<'_>,
        waker: Option<&Waker>,
        f: impl FnOnce() -> R,
    ) -> R {
        let turn = Turn::new(backend, waker);
        if let Some(waker) = waker
            && let Some(board) = self.board()
        {
            turn.look_at(board, board.leave(waker));
        }
        debug_assert!(self.cell.get().is_some() || !kind.passes_on(), "what would it pass on?");
        let entry = Entry::known(&self.cell, kind, false).with_locals(locals).with_turn(&turn);
        let result = slot::enter(entry, f);
        if let Some(board) = self.board() {
            board.rest();
        }
        result
    }

    #[inline]
    fn board(&self) -> Option<&Board> {
        self.cell.get()?.known_board().map(|board| &**board)
    }

    /// What the frame is called as long as it has no node.
    pub(crate) fn address(&self) -> usize {
        ptr::from_ref(&*self.cell).addr()
    }

    /// Whether what is inside this frame is cancelled. To be called in there.
    #[inline]
    pub(crate) fn is_effective_inside(&self) -> bool {
        self.cell.get().map_or_else(ambient::is_effective, |node| node.is_effective())
    }

    /// What the node is in.
    #[inline]
    pub(super) fn cell(&self) -> &OnceCell<Arc<Node>> {
        &self.cell
    }

    /// The node, if there is one.
    pub(crate) fn node(&self) -> Option<&Arc<Node>> {
        self.cell.get()
    }

    /// The node, made now if there is none.
    #[inline]
    pub(crate) fn need_node(&self, kind: Kind<'_>) -> &Arc<Node> {
        match self.cell.get() {
            Some(node) => node,
            None => self.make_node(&kind),
        }
    }

    #[inline(never)]
    fn make_node(&self, kind: &Kind<'_>) -> &Arc<Node> {
        self.cell.get_or_init(|| ambient::make_here(kind))
    }

    /// To be called when the body is pending: from now on, changes in the tree wake this future.
    #[inline]
    pub(crate) fn settle(&self, kind: Kind<'_>, cx: &Context<'_>) -> &Arc<Node> {
        let node = self.need_node(kind);
        node.waker().register(cx.waker());
        node
    }

    /// Like [`settle`](Self::settle): what kind the frame is, is asked only if it has no node.
    #[inline]
    pub(crate) fn settle_as<'k>(
        &self,
        kind: impl FnOnce() -> Kind<'k>,
        cx: &Context<'_>,
    ) -> &Arc<Node> {
        let node = match self.cell.get() {
            Some(node) => node,
            None => self.make_node(&kind()),
        };
        node.waker().register(cx.waker());
        node
    }

    /// As [`leave`](Self::leave), where the node around it is this one.
    #[inline]
    pub(crate) fn leave_beneath(&mut self, around: &Arc<Node>) {
        if let Some(node) = self.cell.take() {
            leave_beneath(around, node);
        }
    }

    /// The future has ended: the frame leaves the tree.
    #[inline]
    pub(crate) fn leave(&mut self) {
        if let Some(node) = self.cell.take() {
            leave(node);
        }
    }

    /// Whether a boundary's pending body has to be dropped now (invariants 5 and 6 of the tree).
    /// `around` is the node of the frame around it, where the waker has been registered.
    pub(crate) fn boundary_is_due(&self, around: &Arc<Node>, cx: &Context<'_>) -> bool {
        match self.cell.get() {
            Some(node) => {
                // A walk may be between that node and this one.
                node.waker().register(cx.waker());
                node.is_effective() && !tree::is_held(node)
            }
            // Nothing beneath it needed a node, so nothing beneath it holds.
            None => around.is_effective(),
        }
    }
}

impl Drop for Frame {
    #[inline]
    fn drop(&mut self) {
        if let Some(node) = self.cell.take() {
            abandon(node);
        }
    }
}

/// The node's future has ended. (Most tasks have no node, and all ask.)
#[inline(never)]
fn leave(node: Arc<Node>) {
    ambient::retire(node);
}

#[inline(never)]
fn leave_beneath(around: &Arc<Node>, node: Arc<Node>) {
    Node::retire(node, Some(around));
}

/// The node's future has been dropped before it had ended.
#[cold]
#[expect(clippy::needless_pass_by_value, reason = "it is gone then, in here and not in line")]
fn abandon(node: Arc<Node>) {
    drop(node.abandon());
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Frame").field(&self.cell.get()).finish()
    }
}

/// Runs `f` as part of no scope: nothing in it is refused or cancelled.
pub(crate) fn outside<R>(f: impl FnOnce() -> R) -> R {
    slot::enter(Entry::new(&OnceCell::new(), &Kind::Outside), f)
}

/// Whether the running code is polled inside of one of our futures, and is no job in a thread.
pub(crate) fn is_polled() -> bool {
    slot::current(|view| view.is_some_and(|view| !matches!(view.kind(), Kind::Job(_))))
}

pin_project! {
    /// A future that is dropped as soon as it has ended, and always outside of scopes, so that its
    /// destructors may do what they like.
    pub(crate) struct Body<F> {
        #[pin]
        future: Option<F>,
    }

    impl<F> PinnedDrop for Body<F> {
        fn drop(this: Pin<&mut Self>) {
            this.clear();
        }
    }
}

impl<F> Body<F> {
    pub(crate) const fn new(future: F) -> Self {
        Self { future: Some(future) }
    }

    pub(crate) const fn empty() -> Self {
        Self { future: None }
    }

    pub(crate) fn set(self: Pin<&mut Self>, future: F) {
        self.project().future.set(Some(future));
    }

    pub(crate) const fn is_some(&self) -> bool {
        self.future.is_some()
    }

    /// Drops the future.
    #[inline]
    pub(crate) fn clear(self: Pin<&mut Self>) {
        if !needs_drop::<F>() {
            self.project().future.set(None);
        } else if self.future.is_some() {
            outside(|| self.project().future.set(None));
        }
    }
}

impl<F: Future> Body<F> {
    /// Polls the future, and drops it if that was the last time.
    ///
    /// # Panics
    ///
    /// If it has been dropped: a future was polled after it had ended.
    #[inline]
    pub(crate) fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let Some(future) = self.as_mut().project().future.as_pin_mut() else {
            panic!("a future was polled after it had ended")
        };
        let poll = future.poll(cx);
        if poll.is_ready() {
            self.clear();
        }
        poll
    }
}

impl<F> fmt::Debug for Body<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_some() { "Body(..)" } else { "Body(ended)" })
    }
}

/// A scope that has been unwound while an outer scope is cancelled: it waits for that one to drop
/// it. Ready if, after all, none is cancelled any more.
pub(crate) fn poll_unwound(cx: &Context<'_>) -> Poll<()> {
    if ambient::refuse_surely(cx.waker()) { Poll::Pending } else { Poll::Ready(()) }
}

/// The body was pending and is cancelled, but was not when its poll began: it gets another one,
/// since it may have been given a value in between (invariant 9 of the tree).
pub(crate) fn poll_again<T>(cx: &Context<'_>) -> Poll<T> {
    cx.waker().wake_by_ref();
    Poll::Pending
}

/// For what has no value to give when [`poll_unwound`] is ready.
#[cold]
pub(crate) fn lost(what: &str) -> ! {
    panic!(
        "{what} was unwound by the cancellation of an outer scope, and then polled where that \
         scope no longer reaches; it has no value to give. Do not move a future out of a cancelled \
         scope, nor raise a shield around it, after it has been unwound"
    )
}
