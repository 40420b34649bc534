//! The future that a runtime runs for a task of a group.

use std::{
    mem::needs_drop,
    pin::Pin,
    task::{Context, Poll},
};

use anyio_core::{Cause, CauseKind, Executor, Outcome};
use pin_project_lite::pin_project;

use super::{
    cell::{End, TaskCell},
    core::Core,
};
use crate::{
    context::{Body, Frame, Kind, Owner, Verdict, ambient, poll_again},
    scope::catch,
    sys::Arc,
    tree::{self, Flags, Node},
};

pin_project! {
    /// Runs a task to its end, catches its panic, and tells the group. Dropped before that, it says
    /// that the task is lost.
    pub(super) struct ChildTask<B: Executor, E, F: Future>
    where
        F::Output: Outcome<E>,
    {
        frame: Frame,
        #[pin]
        body: Body<F>,
        root: Root<B, E, <F::Output as Outcome<E>>::Value>,
    }

    impl<B: Executor, E, F: Future> PinnedDrop for ChildTask<B, E, F>
    where
        F::Output: Outcome<E>,
    {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if this.root.cell.is_some() {
                let dropped = catch(|| this.body.as_mut().clear());
                this.frame.leave();
                this.root.core.lose();
                this.root.end(match dropped {
                    Ok(()) => Fate::Cut(Cause::of(CauseKind::Shutdown)),
                    Err(payload) => Fate::Panicked(payload),
                });
            }
        }
    }
}

/// A task's side of its group.
struct Root<B: Executor, E, T> {
    core: Arc<Core<B, E>>,
    /// Until the task has ended.
    cell: Option<Arc<TaskCell<T>>>,
}

enum Fate<T, E> {
    Ended(Result<T, E>),
    Panicked(Box<dyn std::any::Any + Send>),
    Cut(Cause),
}

impl<B: Executor, E, F: Future> ChildTask<B, E, F>
where
    F::Output: Outcome<E>,
{
    pub(super) fn new(
        core: Arc<Core<B, E>>,
        cell: Arc<TaskCell<<F::Output as Outcome<E>>::Value>>,
        future: F,
    ) -> Self {
        Self { frame: Frame::new(), body: Body::new(future), root: Root { core, cell: Some(cell) } }
    }
}

impl<B: Executor, E, T> Root<B, E, T> {
    fn cell(&self) -> &Arc<TaskCell<T>> {
        let Some(cell) = &self.cell else { unreachable!("a task is not polled after its end") };
        cell
    }

    /// Whether the task is cancelled, by its handle or with its group.
    fn is_cancelled(&self) -> bool {
        self.cell().is_cancel_called() || self.core.node.is_effective()
    }

    /// Why, if it is.
    fn cause(&self) -> Cause {
        self.cell().own_cause().unwrap_or_else(|| self.core.node.origin())
    }

    /// The task has ended. The group hears of an error before anybody who waits for the task, and
    /// of the end last of all.
    fn end(&mut self, fate: Fate<T, E>) {
        let Some(cell) = self.cell.take() else { return };
        let place = cell.place();
        let label = cell.label();
        let end = match fate {
            Fate::Ended(Ok(value)) => End::Value(value),
            Fate::Ended(Err(error)) => {
                self.core.fail(error, label);
                End::Failed
            }
            Fate::Panicked(payload) => {
                self.core.panic(payload, label);
                End::Failed
            }
            Fate::Cut(cause) => {
                if !cell.is_cancel_called() {
                    self.core.cut();
                }
                End::Cut(cause)
            }
        };
        cell.end(end);
        // The task and its group have one each; a third is a handle, which may be waiting.
        if Arc::strong_count(&cell) > 2 {
            cell.wake_joiner();
        }
        if needs_drop::<T>() {
            // A value that nobody can ask for any more is gone before the group ends.
            let label = label.clone();
            let groups = self.core.let_go(place);
            if let Err(payload) = catch(|| drop((cell, groups))) {
                self.core.panic(payload, &label);
            }
        }
        self.core.remove(place);
    }
}

impl<B: Executor, E, T> Owner for Root<B, E, T> {
    fn verdict(&self) -> Verdict {
        if self.is_cancelled() { Verdict::Cancelled } else { Verdict::Clear }
    }

    fn make(&self, _: &dyn Fn() -> Option<Arc<Node>>) -> Arc<Node> {
        let node = Node::new(Flags::TASK_ROOT, None, None);
        node.attach(Some(Arc::clone(&self.core.node)));
        self.cell().adopt(&node);
        node
    }
}

impl<B: Executor, E, F: Future> Future for ChildTask<B, E, F>
where
    F::Output: Outcome<E>,
{
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        let root = &*this.root;
        let kind = Kind::Owned(root);
        let polled = catch(|| {
            let body = this.body.as_mut();
            this.frame
                .enter_root(kind, root.core.backend, || (ambient::is_effective(), body.poll(cx)))
        });
        let fate = match polled {
            Ok((_, Poll::Ready(value))) => match catch(|| value.into_result()) {
                Ok(result) => Fate::Ended(result),
                Err(payload) => Fate::Panicked(payload),
            },
            Err(payload) => {
                _ = catch(|| this.body.as_mut().clear());
                Fate::Panicked(payload)
            }
            Ok((cancelled, Poll::Pending)) => {
                root.cell().waker().register(cx.waker());
                let held = match this.frame.node() {
                    Some(node) => {
                        node.waker().register(cx.waker());
                        !node.is_effective() || tree::is_held(node)
                    }
                    None => !root.is_cancelled(),
                };
                if held {
                    return Poll::Pending;
                }
                if !cancelled {
                    return poll_again(cx);
                }
                // Read first: it may be another cancellation by the time the body is gone.
                let cause = root.cause();
                match catch(|| this.body.as_mut().clear()) {
                    Ok(()) => Fate::Cut(cause),
                    Err(payload) => Fate::Panicked(payload),
                }
            }
        };
        this.frame.leave();
        this.root.end(fate);
        Poll::Ready(())
    }
}
