//! Starting a task: the caller waits until it is ready.

// From here, since it looks inside.
#[cfg(all(test, loom))]
#[path = "model/start.rs"]
mod model;

use std::{
    any::Any,
    fmt,
    marker::PhantomData,
    mem,
    panic::{Location, resume_unwind},
    pin::Pin,
    sync::OnceLock,
    task::{Context, Poll, Waker, ready},
};

use anyio_core::{Cancelled, Cause, CauseKind, Executor, Outcome, TaskError};
use pin_project_lite::pin_project;

use super::{
    builder::Profile,
    child::{Fate, TaskEnd},
    handle::TaskGroup,
    join::TaskHandle,
    lease::AnyShared,
};
use crate::{
    context::{Body, Frame, poll_unwound},
    scope::{catch, hold_of, hush},
    sys::{Arc, Mutex},
    tree::{Node, Role},
};

/// How a started task says that it is ready. Given to it by [`Child::start`](crate::Child::start).
#[must_use = "dropped unused, it is the task's failure to start"]
pub struct Ready<V> {
    link: Option<Arc<Link<V>>>,
}

impl<V> Ready<V> {
    /// The task is ready; whoever started it goes on with `value`. Does nothing if that one has
    /// been cancelled: then the task is, too.
    pub fn started(mut self, value: V) {
        if let Some(link) = self.link.take() {
            link.started(value);
        }
    }

    /// For a function that is otherwise started, to spawn or to call it: nobody waits.
    #[doc(alias = "TASK_STATUS_IGNORED")]
    pub const fn ignored() -> Self {
        Self { link: None }
    }
}

impl<V: Send + 'static> anyio_core::Ready<V> for Ready<V> {
    fn started(self, value: V) {
        self.started(value);
    }
}

impl<V> Drop for Ready<V> {
    fn drop(&mut self) {
        if let Some(link) = self.link.take() {
            link.give_up(Cause::of(CauseKind::NeverStarted));
        }
    }
}

impl<V> fmt::Debug for Ready<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ready").field("ignored", &self.link.is_none()).finish()
    }
}

/// What the caller and the task agree on.
///
/// # Invariants
///
/// 1. The stage leaves `Waiting` once, under the lock: whoever is first (the value, the caller's
///    cancellation, an unused `Ready`, the task's end) decides whose the task is.
/// 2. Who gives up cancels the task if it is there, and otherwise leaves the cause for whoever
///    brings it. That happens outside of the lock, and so perhaps when the task has ended.
struct Link<V> {
    /// The caller's place in the tree.
    node: Arc<Node>,
    task: OnceLock<Task>,
    stage: Mutex<Stage<V>>,
}

/// The task, as one that may have ended meanwhile, and left its slot to another.
struct Task {
    group: Arc<dyn AnyShared>,
    index: u32,
    generation: u32,
}

impl Task {
    fn cancel(&self, cause: Cause) {
        self.group.roster().slot(self.index).cancel_of(self.generation, cause);
    }
}

enum Stage<V> {
    Waiting(Option<Waker>),
    /// The task is ready and the group's. The value is there until the caller takes it.
    Started(Option<V>),
    /// It is the caller's, and cancelled.
    Over(Cause),
}

impl<V> Link<V> {
    fn started(&self, value: V) {
        // Before the caller knows it, too: from here on nothing may be given to it.
        if self.node.is_surely_effective() {
            return self.give_up(self.node.origin());
        }
        let mut stage = self.stage.lock();
        if let Stage::Waiting(waker) = &mut *stage {
            let waker = waker.take();
            *stage = Stage::Started(Some(value));
            drop(stage);
            waker.into_iter().for_each(Waker::wake);
        }
    }

    fn give_up(&self, cause: Cause) {
        let waker = {
            let mut stage = self.stage.lock();
            let Stage::Waiting(waker) = &mut *stage else { return };
            let waker = waker.take();
            *stage = Stage::Over(cause.clone());
            waker
        };
        if let Some(task) = self.task.get() {
            task.cancel(cause);
        }
        waker.into_iter().for_each(Waker::wake);
    }

    /// The task is there.
    fn attach(&self, group: Arc<dyn AnyShared>, index: u32) {
        let generation = group.roster().slot(index).generation();
        let task = Task { group, index, generation };
        let task = self.task.get_or_init(|| task);
        let cause = match &*self.stage.lock() {
            Stage::Over(cause) => cause.clone(),
            _ => return,
        };
        task.cancel(cause);
    }

    /// Whether the task, which ends, is the group's. It is the caller's for good if it has not become
    /// so by now.
    fn is_started(&self) -> bool {
        self.give_up(Cause::of(CauseKind::NeverStarted));
        matches!(&*self.stage.lock(), Stage::Started(_))
    }

    fn unclaimed(&self) -> Option<V> {
        match &mut *self.stage.lock() {
            Stage::Started(value) => value.take(),
            Stage::Waiting(_) | Stage::Over(_) => None,
        }
    }

    fn take(&self, cx: &Context<'_>) -> Option<V> {
        let waker = cx.waker().clone();
        let mut stage = self.stage.lock();
        match &mut *stage {
            Stage::Started(value) => value.take(),
            Stage::Waiting(known) => {
                let known = known.replace(waker);
                drop(stage);
                drop(known);
                None
            }
            Stage::Over(_) => None,
        }
    }
}

/// What comes of a task that was never ready, for the caller.
enum Early<E> {
    Error(E),
    Panic(Box<dyn Any + Send>),
}

type Mailbox<E> = Arc<Mutex<Option<Early<E>>>>;

pin_project! {
    /// The task, as its group sees it: if it ends before it is ready, it leaves its error with the
    /// caller.
    struct Starter<V, E, F> {
        link: Arc<Link<V>>,
        mailbox: Mailbox<E>,
        #[pin]
        body: Body<F>,
    }

    impl<V, E, F> PinnedDrop for Starter<V, E, F> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            if !this.body.is_some() {
                return;
            }
            let dropped = catch(|| this.body.clear());
            let started = this.link.is_started();
            if let Err(payload) = dropped {
                if started {
                    resume_unwind(payload);
                }
                *this.mailbox.lock() = Some(Early::Panic(payload));
            }
        }
    }
}

/// What it ends in.
enum StarterEnd<T, E> {
    Group(Result<T, E>),
    Caller,
}

/// What started tasks end in.
enum Half {}

impl<T: Send + 'static, E> TaskEnd<E, Half> for StarterEnd<T, E> {
    type Value = T;

    const STARTED: bool = true;

    fn into_fate(self, early: impl FnOnce() -> Cause) -> Fate<T, E> {
        match self {
            Self::Group(result) => Fate::Ended(result),
            Self::Caller => Fate::Apart(Some(early())),
        }
    }
}

impl<V, E, F> Future for Starter<V, E, F>
where
    F: Future,
    F::Output: Outcome<E>,
{
    type Output = StarterEnd<<F::Output as Outcome<E>>::Value, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let early = match catch(|| this.body.as_mut().poll(cx).map(Outcome::into_result)) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(result)) => {
                if this.link.is_started() {
                    return Poll::Ready(StarterEnd::Group(result));
                }
                result.err().map(Early::Error)
            }
            Err(payload) => {
                hush(|| this.body.as_mut().clear());
                if this.link.is_started() {
                    resume_unwind(payload);
                }
                Some(Early::Panic(payload))
            }
        };
        *this.mailbox.lock() = early;
        Poll::Ready(StarterEnd::Caller)
    }
}

/// What a start gives.
pub trait Started {
    /// It, where the task is ready with a `V` and will end in a `T`.
    type Output<V, T>;

    /// Puts it together.
    fn of<V, T>(value: V, handle: TaskHandle<T>) -> Self::Output<V, T>;
}

/// What the task is ready with.
#[derive(Debug)]
#[non_exhaustive]
pub enum ValueOnly {}

impl Started for ValueOnly {
    type Output<V, T> = V;

    fn of<V, T>(value: V, _: TaskHandle<T>) -> V {
        value
    }
}

/// That, and the handle on the task.
#[derive(Debug)]
#[non_exhaustive]
pub enum WithHandle {}

impl Started for WithHandle {
    type Output<V, T> = (V, TaskHandle<T>);

    fn of<V, T>(value: V, handle: TaskHandle<T>) -> (V, TaskHandle<T>) {
        (value, handle)
    }
}

pin_project! {
    /// Given by [`Child::start`](crate::Child::start).
    #[must_use = "futures do nothing unless you `.await` them"]
    pub struct Starting<B: Executor, E, V, F, T, K> {
        hold: Frame,
        site: &'static Location<'static>,
        state: State<B, E, V, F, T>,
        given: PhantomData<fn() -> K>,
    }

    impl<B: Executor, E, V, F, T, K> PinnedDrop for Starting<B, E, V, F, T, K> {
        fn drop(this: Pin<&mut Self>) {
            if let State::Waiting(waiting) = this.project().state {
                waiting.link.give_up(Cause::of(CauseKind::Dropped));
                // A value that nobody will take goes with who would have.
                drop(waiting.link.unclaimed());
            }
        }
    }
}

enum State<B: Executor, E, V, F, T> {
    New(TaskGroup<B, E>, Profile, F),
    Waiting(Waiting<V, E, T>),
    Unwound(Cancelled),
    Ended,
}

struct Waiting<V, E, T> {
    link: Arc<Link<V>>,
    mailbox: Mailbox<E>,
    handle: TaskHandle<T>,
}

impl<B: Executor, E: TaskError, V, F, T, K> Starting<B, E, V, F, T, K> {
    pub(super) const fn new(group: TaskGroup<B, E>, profile: Profile, task: F) -> Self {
        let site = profile.location;
        let state = State::New(group, profile, task);
        Self { hold: Frame::new(), site, state, given: PhantomData }
    }
}

impl<B, E, V, F, Fut, T, K> Future for Starting<B, E, V, F, T, K>
where
    B: Executor,
    E: TaskError,
    V: Send + 'static,
    F: FnOnce(Ready<V>) -> Fut,
    Fut: Future + Send + 'static,
    Fut::Output: Outcome<E, Value = T>,
    T: Send + 'static,
    K: Started,
{
    type Output = Result<K::Output<V, T>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let (hold, state) = (this.hold, this.state);
        *state = match mem::replace(state, State::Ended) {
            State::New(group, profile, task) => State::Waiting(begin(hold, &group, profile, task)),
            known => {
                hold.follow();
                known
            }
        };
        if let State::Waiting(Waiting { link, mailbox, handle }) = state {
            let node = Arc::clone(hold.settle(hold_of(Role::Start, this.site), cx));
            if node.is_effective() {
                link.give_up(node.origin());
            }
            let mut value = link.take(cx);
            if value.is_none() {
                if !handle.slot().poll_end(cx.waker()) {
                    return Poll::Pending;
                }
                // It may have been ready and ended, all in between.
                value = link.take(cx);
            }
            let early = mailbox.lock().take();
            let cause = handle.slot().own_cause();
            hold.leave();
            let State::Waiting(waiting) = mem::replace(state, State::Ended) else { unreachable!() };
            if let Some(value) = value {
                return Poll::Ready(Ok(K::of(value, waiting.handle)));
            }
            match early {
                Some(Early::Panic(payload)) => resume_unwind(payload),
                Some(Early::Error(error)) => return Poll::Ready(Err(error)),
                None => {}
            }
            let cause = cause.unwrap_or(Cause::of(CauseKind::NeverStarted));
            *state = State::Unwound(Cancelled::new(cause));
        }
        let State::Unwound(cancelled) = state else {
            panic!("the start of a task was polled after it had ended")
        };
        ready!(poll_unwound(cx));
        let cancelled = cancelled.clone();
        *state = State::Ended;
        Poll::Ready(Err(cancelled.into()))
    }
}

/// Adds the task to its group.
fn begin<B, E, V, F, Fut>(
    hold: &Frame,
    group: &TaskGroup<B, E>,
    profile: Profile,
    task: F,
) -> Waiting<V, E, <Fut::Output as Outcome<E>>::Value>
where
    B: Executor,
    E: TaskError,
    V: Send + 'static,
    F: FnOnce(Ready<V>) -> Fut,
    Fut: Future + Send + 'static,
    Fut::Output: Outcome<E>,
    <Fut::Output as Outcome<E>>::Value: Send + 'static,
{
    let kind = hold_of(Role::Start, profile.location);
    let node = Arc::clone(hold.need_node(kind));
    let stage = Mutex::new(Stage::Waiting(None));
    let link = Arc::new(Link { node, task: OnceLock::new(), stage });
    let ready = Ready { link: Some(Arc::clone(&link)) };
    // It may say that it is ready before there is a task.
    let body = Body::new(hold.enter(&kind, || task(ready)));
    let mailbox = Mailbox::<E>::default();
    let starter = Starter { link: Arc::clone(&link), mailbox: Arc::clone(&mailbox), body };
    let (places, spawner) = match group.reserve(&profile) {
        Ok(places) => places,
        Err(refused) => {
            let location = profile.location;
            let error = refused.with(starter);
            panic!("{error}; it was to be started at {location}");
        }
    };
    // Before the task can run: whoever gives it up has to find it.
    link.attach(group.shared(), places.2);
    let handle = group.launch::<_, Half>(places, spawner, profile, starter);
    Waiting { link, mailbox, handle }
}

impl<B: Executor, E, V, F, T, K> fmt::Debug for Starting<B, E, V, F, T, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Starting").finish_non_exhaustive()
    }
}
