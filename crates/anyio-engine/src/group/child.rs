//! The future that a runtime runs for a task of a group.

use std::{
    any::Any,
    marker::PhantomData,
    mem::needs_drop,
    pin::Pin,
    task::{Context, Poll},
};

use anyio_core::{Cause, CauseKind, Executor, Outcome};
use pin_project_lite::pin_project;

use super::{
    core::Core,
    slot::{End, Slot},
};
use crate::{
    context::{Body, Frame, Kind, Owner, Source, Verdict, poll_again},
    scope::catch,
    sys::Arc,
    tree::{self, Flags, Node, Role},
};

pin_project! {
    /// Runs a task to its end, catches its panic, and tells the group. Dropped before that, it says
    /// that the task is lost.
    ///
    /// Beside the body it is kept small: its size is that of the runtime's allocation.
    pub(super) struct ChildTask<B: Executor, E, F: Future, K>
    where
        E: Send,
        E: 'static,
        F::Output: TaskEnd<E, K>,
    {
        frame: Frame,
        core: Arc<Core<B, E>>,
        seat: Seat,
        #[pin]
        body: Body<F>,
        kind: PhantomData<fn() -> K>,
    }

    impl<B: Executor, E, F: Future, K> PinnedDrop for ChildTask<B, E, F, K>
    where
        E: Send,
        E: 'static,
        F::Output: TaskEnd<E, K>,
    {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if !this.seat.is_left() {
                let (backend, locals) = (this.core.backend, Source::Group(&this.core.locals));
                let clear = || this.body.as_mut().clear();
                let dropped = catch(|| this.frame.enter_root(Kind::Outside, backend, locals, clear));
                this.frame.leave();
                this.core.tally.lose();
                let slot = this.core.roster.slot(this.seat.index());
                leave::<B, E, <F::Output as TaskEnd<E, K>>::Value>(this.core, slot, this.seat, match dropped {
                    Ok(()) => Fate::Cut(Some(Cause::of(CauseKind::Shutdown))),
                    Err(payload) => Fate::Panicked(payload),
                });
            }
        }
    }
}

/// A task's place among those of its group, and whether there is anything in it.
pub(super) struct Seat(u32);

impl Seat {
    const LEFT: u32 = u32::MAX;
    /// There is something in the slot that has to go when the task ends, or somebody may look for it there.
    const USED: u32 = 1 << 31;

    pub(super) const fn new(index: u32, used: bool) -> Self {
        Self(if used { index | Self::USED } else { index })
    }

    const fn is_left(&self) -> bool {
        self.0 == Self::LEFT
    }

    const fn index(&self) -> u32 {
        self.0 & !Self::USED
    }

    const fn is_used(&self) -> bool {
        self.0 & Self::USED != 0
    }

    fn mark_used(&mut self) {
        self.0 |= Self::USED;
    }
}

/// What has become of a task.
pub(super) enum Fate<T, E> {
    Ended(Result<T, E>),
    Panicked(Box<dyn Any + Send>),
    /// It was unwound, by a cancellation that is the group's, too. The cause is for the handle; there
    /// is none if that is gone.
    Cut(Option<Cause>),
    /// It was unwound, or has given its error to somebody else: nothing to the group.
    Apart(Option<Cause>),
}

/// What a task may end in: of two kinds, or rustc could not tell that no type is both.
pub(super) trait TaskEnd<E, K> {
    type Value: Send + 'static;

    /// Somebody beside the handle may cancel the task, even when it has ended.
    const STARTED: bool;

    /// `early` is why it has ended, if it was to be started and was never ready.
    fn into_fate(self, early: impl FnOnce() -> Cause) -> Fate<Self::Value, E>;
}

/// What users' tasks end in.
pub(super) enum Plain {}

impl<E, O: Outcome<E>> TaskEnd<E, Plain> for O
where
    O::Value: Send + 'static,
{
    type Value = O::Value;

    const STARTED: bool = false;

    fn into_fate(self, _: impl FnOnce() -> Cause) -> Fate<O::Value, E> {
        Fate::Ended(self.into_result())
    }
}

impl<B: Executor, E: Send + 'static, F: Future, K> ChildTask<B, E, F, K>
where
    F::Output: TaskEnd<E, K>,
{
    pub(super) const fn new(core: Arc<Core<B, E>>, seat: Seat, future: F) -> Self {
        Self { frame: Frame::new(), core, seat, body: Body::new(future), kind: PhantomData }
    }
}

/// A task's side of its group, during a poll.
struct Root<'a, B: Executor, E> {
    core: &'a Arc<Core<B, E>>,
    slot: &'a Slot,
}

impl<B: Executor, E> Root<'_, B, E> {
    /// Whether the task is cancelled, by its handle or with its group.
    fn is_cancelled(&self) -> bool {
        self.slot.is_cancel_called() || self.core.tally.node.is_effective()
    }

    /// Why, if it is.
    fn cause(&self) -> Cause {
        self.slot.own_cause().unwrap_or_else(|| self.core.tally.node.origin())
    }

    /// Why the task has ended before it was ready: it may have been cancelled and have made nothing of
    /// it. That its `Ready` has gone unused is what follows then, and no reason.
    fn early_cause(&self) -> Cause {
        let own = self.slot.own_cause().filter(|cause| cause.kind() != CauseKind::NeverStarted);
        let node = &self.core.tally.node;
        own.or_else(|| node.is_effective().then(|| node.origin()))
            .unwrap_or(Cause::of(CauseKind::NeverStarted))
    }
}

impl<B: Executor, E> Owner for Root<'_, B, E> {
    fn verdict(&self) -> Verdict {
        if self.is_cancelled() { Verdict::Cancelled } else { Verdict::Clear }
    }

    fn make(&self, _: &dyn Fn() -> Option<Arc<Node>>) -> Arc<Node> {
        let flags = Flags::TASK_ROOT.with(Role::Task.flags());
        let node = Node::beneath(&self.core.tally.node, flags, self.slot.tree_label(), None);
        self.slot.adopt(&node);
        node
    }
}

/// The task has ended. The group hears of an error before anybody who waits for the task, and of
/// the end last of all.
fn leave<B: Executor, E: Send + 'static, T: Send + 'static>(
    core: &Core<B, E>,
    slot: &Slot,
    seat: &mut Seat,
    fate: Fate<T, E>,
) {
    let (index, used) = (seat.index(), seat.is_used());
    *seat = Seat(Seat::LEFT);
    let who = || slot.label();
    let standing = slot.standing();
    let released = standing.is_released();
    let end = match fate {
        Fate::Ended(Ok(value)) if released => {
            // A value that nobody can ask for is gone before the group ends.
            discard(core, slot, value);
            None
        }
        Fate::Ended(Ok(value)) => Some(End::Value(Box::new(value))),
        Fate::Ended(Err(error)) => {
            core.tally.fail(error, who);
            Some(End::Failed)
        }
        Fate::Panicked(payload) => {
            core.tally.panic(payload, who);
            Some(End::Failed)
        }
        Fate::Cut(cause) => {
            core.tally.cut();
            cause.map(End::Cut)
        }
        Fate::Apart(cause) => cause.map(End::Cut),
    };
    let free = match end {
        Some(end) if !released => match slot.end(end) {
            Some(remains) => {
                discard(core, slot, remains);
                true
            }
            None => false,
        },
        _ => {
            if used || standing.is_cancel_called() {
                drop(slot.end_alone());
            }
            true
        }
    };
    core.remove(free.then_some((index, slot)), standing.is_service());
}

/// Drops what a task has left behind. If that panics, it is the task's panic.
fn discard<B: Executor, E, T>(core: &Core<B, E>, slot: &Slot, remains: T) {
    if !needs_drop::<T>() {
        return;
    }
    if let Err(payload) = catch(|| drop(remains)) {
        core.tally.panic(payload, || slot.label());
    }
}

impl<B: Executor, E: Send + 'static, F: Future, K> Future for ChildTask<B, E, F, K>
where
    F::Output: TaskEnd<E, K>,
{
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        let slot = this.core.roster.slot(this.seat.index());
        let root = Root { core: this.core, slot };
        let kind = Kind::Owned(&root);
        let (backend, locals) = (root.core.backend, Source::Group(&root.core.locals));
        let polled = catch(|| {
            let body = this.body.as_mut();
            let cancelled =
                this.frame.node().map_or_else(|| root.is_cancelled(), |node| node.is_effective());
            (cancelled, this.frame.enter_root(kind, backend, locals, || body.poll(cx)))
        });
        if this.frame.node().is_some() {
            this.seat.mark_used();
        }
        let fate = match polled {
            Ok((_, Poll::Ready(value))) => {
                catch(|| value.into_fate(|| root.early_cause())).unwrap_or_else(Fate::Panicked)
            }
            Err(payload) => {
                _ = catch(|| this.frame.enter_root(kind, backend, locals, || this.body.clear()));
                Fate::Panicked(payload)
            }
            Ok((cancelled, Poll::Pending)) => {
                let used = this.seat.is_used();
                this.seat.mark_used();
                let held = match this.frame.node() {
                    Some(node) => {
                        slot.register(cx.waker());
                        node.waker().register(cx.waker());
                        !node.is_effective() || tree::is_held(node)
                    }
                    // It ends now, and nobody has to wake it.
                    None if cancelled && root.is_cancelled() => false,
                    None => {
                        if used {
                            slot.register(cx.waker());
                        } else {
                            slot.register_first(cx.waker());
                        }
                        !root.is_cancelled()
                    }
                };
                if held {
                    return Poll::Pending;
                }
                if !cancelled {
                    return poll_again(cx);
                }
                // Read first: it may be another cancellation by the time the body is gone.
                let cause = (!slot.standing().is_released()).then(|| root.cause());
                let own = slot.is_cancel_called();
                // In the task's context still, for its destructors.
                match catch(|| this.frame.enter_root(kind, backend, locals, || this.body.clear())) {
                    Ok(()) if own => Fate::Apart(cause),
                    Ok(()) => Fate::Cut(cause),
                    Err(payload) => Fate::Panicked(payload),
                }
            }
        };
        this.frame.leave();
        leave(this.core, slot, this.seat, fate);
        Poll::Ready(())
    }
}
