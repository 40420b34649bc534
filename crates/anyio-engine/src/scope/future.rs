//! The one future behind every scope: `run`, `move_on_after`, `fail_after`.

use std::{
    fmt,
    marker::PhantomData,
    panic::Location,
    pin::Pin,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use anyio_core::{Cancelled, Cause, CauseKind, Clock, TimedOut};
use pin_project_lite::pin_project;

use super::control::Control;
use crate::{
    context::{Body, Frame, Kind, Owner, Verdict, budget, lost, poll_again, poll_unwound},
    sys::Arc,
    tree::{self, Flags, Label, Node},
};

/// When a scope's time is over.
#[derive(Clone, Copy, Debug)]
pub(super) enum Limit {
    /// This long after the end of the first poll.
    After(Duration),
    /// At this moment.
    At(Instant),
    /// When the handle says.
    Handle,
}

/// What a scope gives, by the way its work ended.
pub trait Ending {
    /// The type it gives for work that ends in `T`.
    type Output<T>;

    /// The work ended by itself.
    fn done<T>(value: T) -> Self::Output<T>;

    /// The scope was cancelled, and no scope around it.
    fn cut<T>(cancelled: Cancelled) -> Self::Output<T>;

    /// The work was unwound by an outer scope that no longer reaches it.
    fn unwound<T>(cancelled: Cancelled) -> Self::Output<T>;
}

/// `run`: says that it was cancelled, and why.
#[derive(Debug)]
#[non_exhaustive]
pub enum Report {}

impl Ending for Report {
    type Output<T> = Result<T, Cancelled>;

    fn done<T>(value: T) -> Result<T, Cancelled> {
        Ok(value)
    }

    fn cut<T>(cancelled: Cancelled) -> Result<T, Cancelled> {
        Err(cancelled)
    }

    fn unwound<T>(cancelled: Cancelled) -> Result<T, Cancelled> {
        Err(cancelled)
    }
}

/// `move_on_after`: gives nothing.
#[derive(Debug)]
#[non_exhaustive]
pub enum MoveOn {}

impl Ending for MoveOn {
    type Output<T> = Option<T>;

    fn done<T>(value: T) -> Option<T> {
        Some(value)
    }

    fn cut<T>(_: Cancelled) -> Option<T> {
        None
    }

    fn unwound<T>(_: Cancelled) -> Option<T> {
        None
    }
}

/// `fail_after`: gives an error, which a deadline alone can bring about.
#[derive(Debug)]
#[non_exhaustive]
pub enum Fail {}

impl Ending for Fail {
    type Output<T> = Result<T, TimedOut>;

    fn done<T>(value: T) -> Result<T, TimedOut> {
        Ok(value)
    }

    fn cut<T>(_: Cancelled) -> Result<T, TimedOut> {
        Err(TimedOut::new())
    }

    fn unwound<T>(_: Cancelled) -> Result<T, TimedOut> {
        lost("`fail_after` or `fail_at`")
    }
}

pin_project! {
    /// Work in a scope. Given by `CancelScope::run`, `move_on_after`, `fail_after` and their like.
    #[must_use = "futures do nothing unless you `.await` them"]
    pub struct Scoped<C: Clock, F: Future, K> {
        place: Place,
        // The handle's deadline, as of this version, is what `timer` waits for.
        seen: Option<u32>,
        deadline: Option<(Instant, CauseKind)>,
        #[pin]
        timer: Option<C::Timer>,
        #[pin]
        body: Body<F>,
        unwound: Option<Cancelled>,
        ending: PhantomData<fn() -> K>,
    }
}

/// The scope's frame, and the handle it may have.
struct Place {
    frame: Frame,
    control: Option<Arc<Control>>,
    limit: Limit,
    site: &'static Location<'static>,
}

impl Place {
    #[inline]
    fn kind(&self) -> Kind<'_> {
        match (&self.control, self.limit) {
            (Some(_), _) => Kind::Owned(self),
            (None, Limit::At(deadline)) => Kind::Until(deadline, Some(self.site)),
            (None, Limit::After(_) | Limit::Handle) => Kind::Scope(Flags::PLAIN, Some(self.site)),
        }
    }

    fn cancel(&self, node: &Arc<Node>, cause: Cause) {
        match &self.control {
            Some(control) => control.cancel(cause),
            None => _ = node.cancel(cause),
        }
    }

    #[inline]
    fn forget(&self) {
        if let (Some(control), Some(node)) = (&self.control, self.frame.node()) {
            control.forget(node);
        }
    }

    #[inline]
    fn leave(&mut self) {
        self.forget();
        self.frame.leave();
    }
}

/// For a scope that has a handle.
impl Owner for Place {
    fn verdict(&self) -> Verdict {
        self.control.as_ref().map_or(Verdict::AskOuter, |control| control.verdict())
    }

    fn make(&self, outer: &dyn Fn() -> Option<Arc<Node>>) -> Arc<Node> {
        let site = Some(self.site);
        let node = match &self.control {
            Some(control) => control.make_node(site),
            None => Node::new(Flags::PLAIN, Label::at(site), None, None),
        };
        node.attach(outer());
        node
    }
}

impl Drop for Place {
    #[inline]
    fn drop(&mut self) {
        self.forget();
    }
}

impl<C: Clock, F: Future, K: Ending> Scoped<C, F, K> {
    #[track_caller]
    pub(super) const fn new(control: Option<Arc<Control>>, limit: Limit, future: F) -> Self {
        Self {
            place: Place { frame: Frame::new(), control, limit, site: Location::caller() },
            seen: None,
            deadline: None,
            timer: None,
            body: Body::new(future),
            unwound: None,
            ending: PhantomData,
        }
    }
}

impl Place {
    /// Counts the changes of the deadline.
    #[inline]
    fn version(&self) -> u32 {
        self.control.as_ref().map_or(0, |control| control.version())
    }

    /// The kind, with this deadline if there is no handle.
    fn kind_until(&self, end: Option<(Instant, CauseKind)>) -> Kind<'_> {
        match (&self.control, end) {
            (None, Some((deadline, _))) => Kind::Until(deadline, Some(self.site)),
            _ => self.kind(),
        }
    }

    /// When the time is over, and as what it ends, from now on.
    fn deadline(&self, now: impl FnOnce() -> Instant) -> Option<(Instant, CauseKind)> {
        match (self.limit, &self.control) {
            (Limit::Handle, Some(control)) => control.start_clock(now),
            (Limit::Handle, None) => None,
            (Limit::After(timeout), _) => {
                now().checked_add(timeout).map(|deadline| (deadline, CauseKind::Deadline))
            }
            (Limit::At(deadline), _) => Some((deadline, CauseKind::Deadline)),
        }
    }
}

/// What a scope has to look at when its body is pending.
const NEWS: Flags = Flags::EFFECTIVE.with(Flags::CANCELLED).with(Flags::DELIVER).with(Flags::DUE);

/// What a scope waits for besides its body.
struct Wait<'a, C: Clock> {
    seen: &'a mut Option<u32>,
    deadline: &'a mut Option<(Instant, CauseKind)>,
    timer: Pin<&'a mut Option<C::Timer>>,
}

impl<C: Clock> Wait<'_, C> {
    /// To be called first. Without a handle the deadline is known now, before there is a node, and stays;
    /// then it gives the moment from which the time counts.
    #[inline]
    fn start(&mut self, place: &Place) -> Option<Instant> {
        if self.seen.is_some() || place.control.is_some() {
            return None;
        }
        let now = C::now();
        *self.seen = Some(place.version());
        *self.deadline = place.deadline(|| now);
        Some(now)
    }

    /// Finds out what to wait for, and if the wait is over, as what it ends. The waker has been
    /// registered: who changes the deadline from now on wakes the scope.
    #[inline(never)]
    fn poll(&mut self, place: &Place, node: &Arc<Node>) -> Option<CauseKind> {
        let version = place.version();
        if *self.seen != Some(version) {
            *self.seen = Some(version);
            return self.begin(place, node);
        }
        let (deadline, kind) = (*self.deadline)?;
        // Code that yields without waiting may keep the runtime from looking at its timers.
        let over = (budget::clock_wanted() && deadline <= C::now())
            || (node.take_due() && self.poll_timer(node));
        over.then_some(kind)
    }

    /// The handle's deadline is another one.
    fn begin(&mut self, place: &Place, node: &Arc<Node>) -> Option<CauseKind> {
        let mut read = None;
        let mut now = || *read.get_or_insert_with(C::now);
        *self.deadline = place.deadline(&mut now);
        self.timer.set(None);
        node.set_deadline(|| self.deadline.map(|(end, _)| end));
        self.deadline.and_then(|_| self.arm(node, now()))
    }

    /// Makes the timer, unless the time is over already.
    #[inline]
    fn arm(&mut self, node: &Arc<Node>, now: Instant) -> Option<CauseKind> {
        let (deadline, kind) = (*self.deadline)?;
        if deadline <= now {
            return Some(kind);
        }
        self.timer.set(Some(C::timer_from(now, deadline)));
        self.poll_timer(node).then_some(kind)
    }

    /// Asked once, the timer calls the node when the time is over.
    #[inline]
    fn poll_timer(&mut self, node: &Arc<Node>) -> bool {
        let Some(timer) = self.timer.as_mut().as_pin_mut() else { return false };
        timer.poll(&mut Context::from_waker(&node.alarm())).is_ready()
    }
}

impl<C: Clock, F: Future, K: Ending> Future for Scoped<C, F, K> {
    type Output = K::Output<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.as_mut().project();
        if this.unwound.is_some() {
            return self.poll_unwound(cx);
        }

        let (place, body) = (&*this.place, this.body.as_mut());
        let frame = &place.frame;
        let (cancelled, poll) =
            frame.enter_as(|| place.kind(), || (frame.is_effective_inside(), body.poll(cx)));
        if let Poll::Ready(value) = poll {
            this.timer.set(None);
            this.place.leave();
            return Poll::Ready(K::done(value));
        }
        // As it is nearly always: nothing has changed, and nothing is over.
        if let Some(node) = frame.node() {
            node.waker().register(cx.waker());
            if *this.seen == Some(place.version())
                && !node.flags().any(NEWS)
                && !budget::clock_wanted()
            {
                return Poll::Pending;
            }
        }
        self.look(cancelled, cx)
    }
}

impl<C: Clock, F: Future, K: Ending> Scoped<C, F, K> {
    /// Finds out what the scope has to do, its body being pending. It was `cancelled` when the poll of
    /// that began.
    #[inline(never)]
    fn look(
        mut self: Pin<&mut Self>,
        cancelled: bool,
        cx: &mut Context<'_>,
    ) -> Poll<K::Output<F::Output>> {
        let mut this = self.as_mut().project();
        let place = &*this.place;
        let mut wait =
            Wait::<C> { seen: this.seen, deadline: this.deadline, timer: this.timer.as_mut() };
        let start = wait.start(place);
        if let (Some(_), Some(node)) = (start, place.frame.node()) {
            node.set_deadline(|| wait.deadline.map(|(end, _)| end));
        }
        let node = place.frame.settle_as(|| place.kind_until(*wait.deadline), cx);
        if !node.flags().any(Flags::CANCELLED) {
            let over = match start {
                Some(now) => wait.arm(node, now),
                None => wait.poll(place, node),
            };
            if let Some(kind) = over {
                place.cancel(node, Cause::of(kind));
            }
        }

        let flags = node.flags();
        let mine = flags.any(Flags::CANCELLED.with(Flags::DELIVER));
        if !flags.any(Flags::EFFECTIVE) || !mine || tree::is_held(node) {
            return Poll::Pending;
        }
        if !cancelled {
            return poll_again(cx);
        }
        let node = Arc::clone(node);
        this.timer.set(None);
        this.body.clear();
        // Read before the node leaves the tree.
        let own = node.own_cause().filter(|_| !node.sees_outer());
        let cancelled = Cancelled::new(own.clone().unwrap_or_else(|| node.origin()));
        this.place.leave();
        if own.is_some() {
            if let Some(control) = &this.place.control {
                control.catch();
            }
            return Poll::Ready(K::cut(cancelled));
        }
        *this.unwound = Some(cancelled);
        self.poll_unwound(cx)
    }

    /// Waits for the outer scope that has unwound the body.
    #[cold]
    fn poll_unwound(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<K::Output<F::Output>> {
        ready!(poll_unwound(cx));
        Poll::Ready(self.project().unwound.take().map_or_else(|| unreachable!(), K::unwound))
    }
}

impl<C: Clock, F: Future, K> fmt::Debug for Scoped<C, F, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scoped").field("deadline", &self.deadline).finish_non_exhaustive()
    }
}
