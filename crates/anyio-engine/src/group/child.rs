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
    core::{Core, Group},
    lease::Seat,
    slot::{End, Slot},
};
use crate::{
    context::{Body, Frame, Kind, Locals, Owner, Source, Verdict, poll_again},
    scope::{catch, hush},
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
        // Until the task ends.
        seat: Option<Seat<Core<B, E>>>,
        place: Place,
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
            if this.seat.is_some() {
                this.lose();
            }
        }
    }
}

/// Which slot of its group a task has, and whether there is anything in it.
#[derive(Clone, Copy)]
pub(super) struct Place(u32);

impl Place {
    /// There is something in the slot that has to go when the task ends, or somebody may look for it there.
    const USED: u32 = 1 << 31;

    pub(super) const fn new(index: u32, used: bool) -> Self {
        Self(if used { index | Self::USED } else { index })
    }

    const fn index(self) -> u32 {
        self.0 & !Self::USED
    }

    const fn is_used(self) -> bool {
        self.0 & Self::USED != 0
    }

    const fn mark_used(&mut self) {
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

/// What a poll has come to.
enum Step<T> {
    Ready(T),
    /// It was pending, and is gone.
    Cut,
    Pending,
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
    pub(super) const fn new(seat: Seat<Core<B, E>>, place: Place, future: F) -> Self {
        Self {
            frame: Frame::new(),
            seat: Some(seat),
            place,
            body: Body::new(future),
            kind: PhantomData,
        }
    }

    /// It is dropped before it has ended.
    #[cold]
    fn lose(self: Pin<&mut Self>) {
        let mut this = self.project();
        let Some(seat) = this.seat.take() else { return };
        let core = seat.group();
        let (backend, locals) = (core.backend, core.roster.locals());
        let clear = || this.body.as_mut().clear();
        let dropped = catch(|| {
            let source = Source::Own(locals.as_ref());
            this.frame.enter_root(&Kind::Outside, backend, source, None, clear);
            // Before the group can end.
            drop(locals);
        });
        this.frame.leave();
        core.tally.lose();
        let fate = match dropped {
            Ok(()) => Fate::Cut(Some(Cause::of(CauseKind::Shutdown))),
            Err(payload) => Fate::Panicked(payload),
        };
        leave::<B, E, <F::Output as TaskEnd<E, K>>::Value>(seat, *this.place, fate);
    }
}

/// A task's side of its group, during a poll.
struct Root<'a, B: Executor, E> {
    core: &'a Group<B, E>,
    slot: &'a Slot,
    /// The group's.
    node: &'a Arc<Node>,
}

impl<B: Executor, E> Root<'_, B, E> {
    /// Whether the task is cancelled, by its handle or with its group.
    fn is_cancelled(&self) -> bool {
        self.slot.is_cancel_called() || self.node.is_effective()
    }

    /// Why, if it is.
    fn cause(&self) -> Cause {
        self.slot.own_cause().unwrap_or_else(|| self.node.origin())
    }

    /// Why the task has ended before it was ready: it may have been cancelled and have made nothing of
    /// it. That its `Ready` has gone unused is what follows then, and no reason.
    fn early_cause(&self) -> Cause {
        let own = self.slot.own_cause().filter(|cause| cause.kind() != CauseKind::NeverStarted);
        let node = self.node;
        own.or_else(|| node.is_effective().then(|| node.origin()))
            .unwrap_or(Cause::of(CauseKind::NeverStarted))
    }
}

impl<B: Executor, E> Owner for Root<'_, B, E> {
    fn verdict(&self) -> Verdict {
        if self.is_cancelled() { Verdict::Cancelled } else { Verdict::Clear }
    }

    fn locals(&self) -> Option<Arc<Locals>> {
        self.core.roster.locals()
    }

    fn make(&self, _: &dyn Fn() -> Option<Arc<Node>>) -> Arc<Node> {
        let flags = Flags::TASK_ROOT.with(Role::Task.flags());
        let label = self.slot.tree_label();
        let node = Node::beneath(self.node, flags, |links| links.label = label);
        self.slot.adopt(&node);
        node
    }
}

/// The task has ended well. Most such tasks have left nothing behind.
#[inline(always)]
fn leave_well<B: Executor, E: Send + 'static, T: Send + 'static>(
    seat: Seat<Core<B, E>>,
    place: Place,
    value: T,
) {
    if place.is_used() || !seat.slot().standing().is_plain() {
        return leave(seat, place, Fate::Ended(Ok(value)));
    }
    discard(seat.group(), seat.slot(), value);
    seat.leave(Some(place.index()), false, |core| core.tally.node());
}

/// The task has been unwound, on its `own` or with its group, and its handle is gone.
#[inline(always)]
fn leave_cut<B: Executor, E: Send + 'static>(seat: Seat<Core<B, E>>, place: Place, own: bool) {
    if !own {
        seat.group().tally.cut();
    }
    let standing = seat.slot().standing();
    if place.is_used() || standing.has_remains() {
        drop(seat.slot().end_alone());
    }
    seat.leave(Some(place.index()), standing.is_service(), |core| core.tally.node());
}

/// The task has ended. The group hears of an error before anybody who waits for the task, and of
/// the end last of all.
fn leave<B: Executor, E: Send + 'static, T: Send + 'static>(
    seat: Seat<Core<B, E>>,
    place: Place,
    fate: Fate<T, E>,
) {
    let (core, slot) = (seat.group(), seat.slot());
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
        Some(end) if !released => {
            seat.leave_handle(place.index());
            match slot.end(end) {
                Some(remains) => {
                    seat.handle_gone();
                    discard(core, slot, remains);
                    true
                }
                None => false,
            }
        }
        _ => {
            if place.is_used() || standing.has_remains() {
                drop(slot.end_alone());
            }
            true
        }
    };
    let free = free.then_some(place.index());
    seat.leave(free, standing.is_service(), |core| core.tally.node());
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
        let Some(seat) = this.seat.as_ref() else {
            panic!("a future was polled after it had ended")
        };
        let slot = seat.slot();
        let core = seat.group();
        let root = Root { core, slot, node: core.tally.node() };
        let kind = Kind::Owned(&root);
        let (backend, locals) = (root.core.backend, Source::Owner);
        let waker = Some(cx.waker());
        let (mut cancelled, mut own) = (false, false);
        let polled = catch(|| {
            let mut body = this.body.as_mut();
            cancelled =
                this.frame.node().map_or_else(|| root.is_cancelled(), |node| node.is_effective());
            this.frame.enter_root(&kind, backend, locals, waker, || match body.as_mut().poll(cx) {
                Poll::Ready(value) => Step::Ready(value),
                // Without a node there is nothing in it that holds it, and nobody has to wake it any more;
                // without a handle nobody asks why.
                Poll::Pending
                    if cancelled
                        && this.frame.node().is_none()
                        && root.is_cancelled()
                        && slot.standing().is_released() =>
                {
                    own = slot.is_cancel_called();
                    // In the task's context still, for its destructors.
                    body.clear();
                    Step::Cut
                }
                Poll::Pending => Step::Pending,
            })
        });
        if this.frame.node().is_some() {
            this.place.mark_used();
        }
        let fate = match polled {
            Ok(Step::Ready(value)) => match catch(|| value.into_fate(|| root.early_cause())) {
                Ok(Fate::Ended(Ok(value))) => {
                    this.frame.leave();
                    let Some(seat) = this.seat.take() else { unreachable!("it was there") };
                    leave_well(seat, *this.place, value);
                    return Poll::Ready(());
                }
                Ok(fate) => fate,
                Err(payload) => Fate::Panicked(payload),
            },
            Ok(Step::Cut) => {
                debug_assert!(
                    this.frame.node().is_none(),
                    "there is no place in the tree to leave"
                );
                let Some(seat) = this.seat.take() else { unreachable!("it was there") };
                leave_cut(seat, *this.place, own);
                return Poll::Ready(());
            }
            Err(payload) => {
                hush(|| this.frame.enter_root(&kind, backend, locals, None, || this.body.clear()));
                Fate::Panicked(payload)
            }
            Ok(Step::Pending) => {
                let used = this.place.is_used();
                this.place.mark_used();
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
                // As above.
                match catch(|| {
                    this.frame.enter_root(&kind, backend, locals, None, || this.body.clear())
                }) {
                    Ok(()) if own => Fate::Apart(cause),
                    Ok(()) => Fate::Cut(cause),
                    Err(payload) => Fate::Panicked(payload),
                }
            }
        };
        this.frame.leave();
        let (Some(seat), place) = (this.seat.take(), *this.place) else {
            unreachable!("it was there")
        };
        leave(seat, place, fate);
        Poll::Ready(())
    }
}
