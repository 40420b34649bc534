//! Carrying a scope to where its thread-local does not reach.

use std::{
    panic::Location,
    pin::Pin,
    task::{Context, Poll},
};

use anyio_core::Cancelled;
use pin_project_lite::pin_project;

use super::{
    ambient,
    frame::{Body, Frame, poll_again},
    locals::Locals,
    owner::{Owner, Verdict},
    root,
    slot::{Kind, Source},
};
use crate::{
    erased::Erased,
    sys::Arc,
    tree::{self, Flags, Node, Role},
};

/// Takes the context of the running code along, to a task that somebody else spawns.
///
/// A scope ends where a foreign `tokio::spawn` begins; this is the bridge.
///
/// ```text
/// scope ─┬─ capture() ──── cancel() ─────┤ does not wait for it
///        └┄┄┄ in_scope(future) ──✂ ─┤ Err(Cancelled), in whatever task it is polled
/// ```
///
/// ```
/// # futures_lite::future::block_on(async {
/// let context = anyio_engine::capture();
/// let task = std::thread::spawn(move || {
///     futures_lite::future::block_on(context.in_scope(async { 7 }))
/// });
/// assert_eq!(task.join().unwrap(), Ok(7));
/// # });
/// ```
#[must_use]
pub fn capture() -> Captured {
    Captured { node: ambient::node(), backend: root::current_backend(), locals: Locals::current() }
}

/// Given by [`capture`]: the scope, the backend and the locals that were current. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Captured {
    node: Option<Arc<Node>>,
    backend: Option<&'static Erased>,
    locals: Option<Arc<Locals>>,
}

impl Captured {
    pub(crate) const fn made(
        node: Option<Arc<Node>>,
        backend: Option<&'static Erased>,
        locals: Option<Arc<Locals>>,
    ) -> Self {
        Self { node, backend, locals }
    }

    /// Runs `future` in the captured scope, wherever it is polled.
    ///
    /// The captured scope does not wait for it: it is a task of its own, and nobody's child.
    ///
    /// # Cancel safety
    ///
    /// Dropping it drops `future`.
    ///
    /// # Errors
    ///
    /// [`Cancelled`] if the captured scope, or one around it, was cancelled first.
    #[track_caller]
    pub fn in_scope<F: Future>(&self, future: F) -> InScope<F> {
        let place = Place { context: self.clone(), site: Location::caller() };
        InScope { frame: Frame::new(), place, body: Body::new(future) }
    }
}

/// A captured scope with a future in it.
#[derive(Debug)]
struct Place {
    context: Captured,
    site: &'static Location<'static>,
}

impl Owner for Place {
    fn verdict(&self) -> Verdict {
        match &self.context.node {
            Some(node) if node.is_effective() => Verdict::Cancelled,
            _ => Verdict::Clear,
        }
    }

    fn make(&self, _: &dyn Fn() -> Option<Arc<Node>>) -> Arc<Node> {
        let flags = Flags::TASK_ROOT.with(Role::Captured.flags());
        let node = Node::new(flags, |links| links.label.site = Some(self.site));
        node.attach(self.context.node.clone());
        node.list();
        node
    }
}

pin_project! {
    /// Given by [`Captured::in_scope`].
    #[must_use = "futures do nothing unless you `.await` them"]
    #[derive(Debug)]
    pub struct InScope<F> {
        frame: Frame,
        place: Place,
        #[pin]
        body: Body<F>,
    }
}

impl<F: Future> Future for InScope<F> {
    type Output = Result<F::Output, Cancelled>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let (kind, context) = (Kind::Owned(this.place), &this.place.context);
        let body = this.body.as_mut();
        let (backend, locals) = (context.backend, Source::Own(context.locals.as_ref()));
        let waker = Some(cx.waker());
        let poll = || (ambient::is_effective(), body.poll(cx));
        let (cancelled, poll) = this.frame.enter_root(&kind, backend, locals, waker, poll);
        if let Poll::Ready(value) = poll {
            this.frame.leave();
            return Poll::Ready(Ok(value));
        }
        let node = this.frame.settle(kind, cx);
        if node.is_effective() && !tree::is_held(node) {
            if !cancelled {
                return poll_again(cx);
            }
            let cancelled = Cancelled::new(node.origin());
            this.frame.enter_root(&kind, backend, locals, None, || this.body.clear());
            this.frame.leave();
            return Poll::Ready(Err(cancelled));
        }
        Poll::Pending
    }
}
