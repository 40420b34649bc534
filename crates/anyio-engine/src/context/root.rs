//! The outermost frame of a run, and the thread's default backend.

use std::{
    cell::Cell,
    fmt,
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll},
};

use pin_project_lite::pin_project;

use super::{
    frame::Frame,
    locals::OfRun,
    owner::{Owner, Verdict},
    slot::{self, Kind, Source, View},
};
use crate::{
    erased::Erased,
    sys::{Arc, thread_local},
    tree::{Flags, Label, Node, Role},
};

thread_local! {
    static ENTERED: Cell<Option<&'static Erased>> = const { Cell::new(None) };
}

/// The backend of the running code: the one its task runs on, else the one this thread has
/// [`enter`]ed.
#[must_use]
#[inline]
pub fn current_backend() -> Option<&'static Erased> {
    running_backend().or_else(|| ENTERED.get())
}

/// The backend whose task, or whose `run`, the running code is in. What the thread has [`enter`]ed
/// does not count: that starts nothing.
#[must_use]
#[inline]
pub fn running_backend() -> Option<&'static Erased> {
    slot::current(|view| view.and_then(View::backend))
}

/// Makes `backend` the current one on this thread, for code that no task of ours encloses, until
/// the guard is dropped.
pub fn enter(backend: &'static Erased) -> EnterGuard {
    EnterGuard { before: ENTERED.replace(Some(backend)), thread: PhantomData }
}

/// Given by [`enter`].
#[must_use = "the backend is current only as long as the guard lives"]
pub struct EnterGuard {
    before: Option<&'static Erased>,
    /// It belongs to its thread.
    thread: PhantomData<*const ()>,
}

impl Drop for EnterGuard {
    fn drop(&mut self) {
        ENTERED.set(self.before);
    }
}

impl fmt::Debug for EnterGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EnterGuard")
    }
}

/// Wraps the future that a backend's `run` drives, so that everything in it knows the backend.
pub fn root<F: Future>(backend: &'static Erased, future: F) -> Root<F> {
    Root { frame: Frame::new(), backend, future, locals: OfRun::new() }
}

pin_project! {
    /// Given by [`root`].
    #[must_use = "futures do nothing unless you `.await` them"]
    #[derive(Debug)]
    pub struct Root<F> {
        frame: Frame,
        backend: &'static Erased,
        #[pin]
        future: F,
        // After the future, which may use them to the last.
        locals: OfRun,
    }
}

impl<F: Future> Future for Root<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let (backend, locals) = (Some(*this.backend), Source::Own(Some(this.locals.locals())));
        if this.frame.node().is_none() {
            // At once: a run is in the tree of tasks, whatever is in it.
            this.frame.need_node(Kind::Owned(&Outermost { backend: this.backend }));
        }
        let (kind, waker) = (&Kind::KNOWN, Some(cx.waker()));
        let poll = this.frame.enter_root(kind, backend, locals, waker, || this.future.poll(cx));
        if poll.is_ready() {
            this.frame.leave();
        }
        poll
    }
}

/// A run, which nothing cancels.
struct Outermost {
    backend: &'static Erased,
}

impl Owner for Outermost {
    fn verdict(&self) -> Verdict {
        Verdict::Clear
    }

    fn make(&self, _: &dyn Fn() -> Option<Arc<Node>>) -> Arc<Node> {
        let flags = Flags::TASK_ROOT.with(Role::Run.flags());
        let label = Label { name: Some(self.backend.name().into()), site: None };
        let node = Node::new(flags, |links| links.label = label);
        node.list();
        node
    }
}
