//! The handle on a group.

use std::{
    fmt, future::poll_fn, panic::Location, pin::pin, sync::Arc as StdArc, task::Poll,
    time::Duration,
};

use anyio_core::{
    Body, Cause, CauseKind, Clock, Executor, NoRuntime, Outcome, Spawn, SpawnError, TaskError,
};

use super::{
    builder::{Child, GroupBuilder, Profile},
    child::{ChildTask, Place, Plain, TaskEnd},
    core::Core,
    join::TaskHandle,
    lease::{self, AnyShared, Seat, Stub},
    run::task_group,
    start::{Ready, Starting, ValueOnly},
    wrap::Wrap,
};
use crate::{
    sys::Arc,
    trace,
    tree::{Flags, Node},
};

/// A handle on an open group: spawns tasks in it, and cancels it.
///
/// The body gets it; it may be cloned, given to the tasks, and moved to any thread. See
/// [`task_group`].
///
/// Prefer a group over the runtime's own `JoinSet` wherever the tasks should not outlive the code
/// that started them.
#[doc(alias = "Nursery")]
pub struct TaskGroup<B: Executor, E> {
    core: lease::Handle<Core<B, E>>,
}

impl<B: Executor, E: TaskError> TaskGroup<B, E> {
    /// Settings for a group, and the way to name its error type:
    /// `TaskGroup::<AppError>::builder().run(async |tg| { … })`.
    pub fn builder() -> GroupBuilder<B, E> {
        GroupBuilder::new()
    }

    pub(super) const fn new(core: lease::Handle<Core<B, E>>) -> Self {
        Self { core }
    }

    /// Starts a task in the group. It may end in `()` or in a `Result` of the group's error.
    ///
    /// Its scope is the *group's*, whoever spawns it: a scope around this call has no hold on it.
    /// In a cancelled group it is polled once, so that what it was given is let go in an orderly
    /// way, and then unwound.
    ///
    /// Mind what it ends in: `tg.spawn(scope.run(work))` makes a cancellation of that scope the
    /// task's *error*, which fails a group whose error is `Cancelled`. Write
    /// `async move { _ = scope.run(work).await; }` if it is none.
    ///
    /// # Panics
    ///
    /// If the group has closed, or if it was opened outside of any runtime.
    #[track_caller]
    #[inline]
    #[doc(alias = "start_soon", alias = "create_task")]
    pub fn spawn<F>(&self, future: F) -> TaskHandle<<F::Output as Outcome<E>>::Value>
    where
        F: Future + Send, // runs on any thread; for `Rc` see `local_task_group`
        F: 'static,       // `async move` owns; to borrow see `scoped_task_group`
        F::Output: Outcome<E>,
        <F::Output as Outcome<E>>::Value: Send + 'static,
    {
        self.child().spawn(future)
    }

    /// Starts a task in the group, or hands the future back.
    ///
    /// # Errors
    ///
    /// [`SpawnError`] with the future, which was never polled, if the group has closed or was
    /// opened outside of any runtime.
    #[track_caller]
    pub fn try_spawn<F>(
        &self,
        future: F,
    ) -> Result<TaskHandle<<F::Output as Outcome<E>>::Value>, SpawnError<F>>
    where
        F: Future + Send + 'static,
        F::Output: Outcome<E>,
        <F::Output as Outcome<E>>::Value: Send + 'static,
    {
        self.child().try_spawn(future)
    }

    /// Settings for one task: `tg.child().name("database").spawn(f)`.
    pub const fn child(&self) -> Child<'_, B, E> {
        Child::new(self)
    }

    /// Starts a task and waits until it says that it is ready: see [`Child::start`].
    #[track_caller]
    pub fn start<V, F, Fut>(
        &self,
        task: F,
    ) -> Starting<B, E, V, F, <Fut::Output as Outcome<E>>::Value, ValueOnly>
    where
        V: Send + 'static,
        F: FnOnce(Ready<V>) -> Fut,
        Fut: Future + Send + 'static,
        Fut::Output: Outcome<E>,
        <Fut::Output as Outcome<E>>::Value: Send + 'static,
    {
        self.child().start(task)
    }

    /// Adds the task that `profile` describes, or hands it back.
    #[inline]
    pub(super) fn add<F>(
        &self,
        profile: Profile,
        future: F,
    ) -> Result<TaskHandle<<F::Output as Outcome<E>>::Value>, SpawnError<F>>
    where
        F: Future + Send + 'static,
        F::Output: Outcome<E>,
        <F::Output as Outcome<E>>::Value: Send + 'static,
    {
        match self.reserve(&profile) {
            Ok((places, spawner)) => Ok(self.launch::<F, Plain>(places, spawner, profile, future)),
            Err(refused) => Err(refused.with(future)),
        }
    }

    /// Makes room for a task, which has to be launched there: the group waits for it.
    #[inline(always)]
    pub(super) fn reserve(
        &self,
        profile: &Profile,
    ) -> Result<(Places<B, E>, &B::Spawner), Refused> {
        let core = &self.core;
        let spawner = core.spawner().map_err(Refused::NoRuntime)?;
        let entered = lease::enter(core, profile.name.clone(), profile.location, profile.service);
        let places = entered.ok_or(Refused::Closed)?;
        if profile.service && core.roster.is_awaited() {
            // The group may have to end it at once.
            core.tally.node().waker().wake();
        }
        Ok((places, spawner))
    }

    pub(super) fn shared(&self) -> Arc<dyn AnyShared> {
        self.core.shared()
    }

    #[inline]
    pub(super) fn launch<F, K: 'static>(
        &self,
        (seat, stub, index): Places<B, E>,
        spawner: &B::Spawner,
        profile: Profile,
        future: F,
    ) -> TaskHandle<<F::Output as TaskEnd<E, K>>::Value>
    where
        F: Future + Send + 'static,
        F::Output: TaskEnd<E, K>,
    {
        let Profile { name, location, service } = profile;
        let core = &self.core;
        let started = <F::Output as TaskEnd<E, K>>::STARTED;
        let place = Place::new(index, service || started || name.is_some());
        let limited = core.limit.is_some() && !service;
        // One place where it is launched as it is, or the compiler would not write that in line.
        let wrap = if trace::is_on() || limited {
            self.wrap(name.as_deref(), location, limited)
        } else {
            None
        };
        match wrap {
            None => spawner.spawn_task(ChildTask::new(seat, place, future)),
            Some(wrap) => spawner.spawn_task(ChildTask::new(seat, place, wrap.around(future))),
        }
        TaskHandle::new(stub, name)
    }

    /// What has to be around a task, if there is anything. Few have something, so it takes no room in the others.
    #[cold]
    fn wrap(
        &self,
        name: Option<&str>,
        location: &'static Location<'static>,
        limited: bool,
    ) -> Option<Wrap> {
        let limit = self.core.limit.as_ref().filter(|_| limited);
        Wrap::of(self.core.tally.span().task(name, location), limit.map(Arc::clone))
    }

    /// Cancels the body and all tasks. The group's result stays what the body made of it, if the
    /// body had ended or ends by itself.
    #[track_caller]
    pub fn cancel(&self) {
        self.core.tally.node().cancel(Cause::explicit());
    }

    /// Cancels the body and all tasks, and says why.
    #[track_caller]
    pub fn cancel_because(&self, reason: impl Into<StdArc<str>>) {
        self.core.tally.node().cancel(Cause::explicit_because(reason));
    }

    /// Cancels the body and all tasks for a cause made elsewhere, as that of a scope.
    pub fn cancel_with(&self, cause: Cause) {
        self.core.tally.node().cancel(cause);
    }

    /// Whether the group has been cancelled itself: by a call, or because a member failed.
    #[must_use]
    pub fn cancel_called(&self) -> bool {
        self.core.tally.node().own_cause().is_some()
    }

    /// Why the group has been cancelled itself, if it has.
    #[must_use]
    pub fn cause(&self) -> Option<Cause> {
        self.core.tally.node().own_cause()
    }
}

impl<B: Executor + Clock, E: TaskError> TaskGroup<B, E> {
    /// Asks the body and all tasks to come to an end in peace, and cancels them when `grace` is over, as
    /// [`CancelScope::shutdown`](crate::CancelScope::shutdown) does with a scope.
    ///
    /// ```text
    /// tg.shutdown(grace) ──▶ shutdown_requested() is ready in the body and in every task …
    ///      … all have ended ──▶ and so has the group, at once
    ///      … grace ──▶ cancelled, with the cause `Shutdown`: cleanup runs
    /// ```
    ///
    /// Of several calls the earliest end counts; `grace` is told by a service task of the group, from
    /// its first poll on. With a `grace` of zero the group is cancelled at once. One that has closed is
    /// not asked any more.
    ///
    /// # Panics
    ///
    /// If the group was opened outside of any runtime: there is nothing that could tell the time.
    ///
    /// # Examples
    ///
    /// ```
    /// # mod mini { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/mini/mod.rs")); }
    /// # use mini::{run, task_group};
    /// use anyio_engine::shutdown_requested;
    /// use std::time::Duration;
    ///
    /// # run(async {
    /// task_group(async |tg| {
    ///     tg.spawn(async {
    ///         shutdown_requested().await;
    ///         // say goodbye to whoever is connected …
    ///     });
    ///     tg.shutdown(Duration::from_secs(10));
    /// })
    /// .await // long before ten seconds are over
    /// # }).unwrap();
    /// ```
    #[track_caller]
    pub fn shutdown(&self, grace: Duration) {
        let node = Arc::clone(self.core.tally.node());
        if grace.is_zero() {
            node.ask();
            node.cancel(Cause::of(CauseKind::Shutdown));
            return;
        }
        let name = Some("grace period".into());
        let profile = Profile { name, location: Location::caller(), service: true };
        let clock = Arc::clone(&node);
        let told = self.add(profile, async move { grace_period::<B>(&clock, grace).await });
        match told {
            Ok(_) => node.ask(),
            Err(error) if error.is_closed() => {}
            Err(error) => panic!("{error}"),
        }
    }

    /// Whether [`shutdown`](Self::shutdown) has been called.
    #[must_use]
    pub fn shutdown_called(&self) -> bool {
        self.core.tally.node().flags().any(Flags::SHUTDOWN)
    }
}

/// Cancels the group of `node` when `grace` is over. It ends by itself if the group is cancelled before:
/// cut short, it would be one of the tasks that did not come to their end.
async fn grace_period<C: Clock>(node: &Arc<Node>, grace: Duration) {
    let Some(end) = C::now().checked_add(grace) else { return };
    node.bring_deadline_forward(end);
    let mut timer = pin!(C::timer(end));
    let over = poll_fn(|cx| {
        if node.is_effective() {
            return Poll::Ready(false);
        }
        timer.as_mut().poll(cx).map(|()| true)
    });
    if over.await {
        node.cancel(Cause::of(CauseKind::Shutdown));
    }
}

/// Where a task is, and its handle, with the index of their slot.
pub(super) type Places<B, E> = (Seat<Core<B, E>>, Stub, u32);

/// Why a task could not be added.
pub(super) enum Refused {
    Closed,
    NoRuntime(NoRuntime),
}

impl Refused {
    /// Hands `future` back, which was never polled.
    #[cold]
    pub(super) fn with<F>(self, future: F) -> SpawnError<F> {
        match self {
            Self::Closed => SpawnError::closed(future),
            Self::NoRuntime(error) => SpawnError::no_runtime(future, error),
        }
    }

    /// The same for who does not ask.
    #[cold]
    #[track_caller]
    pub(super) fn panic<F>(self, future: F) -> ! {
        panic!("{}", self.with(future))
    }
}

impl<B: Executor, E> Clone for TaskGroup<B, E> {
    fn clone(&self) -> Self {
        Self { core: self.core.clone() }
    }
}

impl<B: Executor, E> fmt::Debug for TaskGroup<B, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskGroup")
            .field("tasks", &self.core.roster.len())
            .field("cause", &self.core.tally.node().own_cause())
            .finish()
    }
}

impl<B: Executor + Clock, E: TaskError> anyio_core::TaskGroup<E> for TaskGroup<B, E> {
    type Handle<T: Send + 'static> = TaskHandle<T>;

    fn run<F, Fut>(
        body: F,
    ) -> impl Future<Output = Result<<Fut::Output as Body<E>>::Value, E>> + Send
    where
        F: FnOnce(Self) -> Fut + Send,
        Fut: Future + Send,
        Fut::Output: Body<E> + Send,
        <Fut::Output as Body<E>>::Value: Send,
    {
        task_group(body)
    }

    fn try_spawn<F>(
        &self,
        future: F,
    ) -> Result<TaskHandle<<F::Output as Outcome<E>>::Value>, SpawnError<F>>
    where
        F: Future + Send + 'static,
        F::Output: Outcome<E>,
        <F::Output as Outcome<E>>::Value: Send + 'static,
    {
        self.try_spawn(future)
    }

    type Ready<V: Send + 'static> = Ready<V>;

    fn start<V, F, Fut>(&self, task: F) -> impl Future<Output = Result<V, E>> + Send
    where
        V: Send + 'static,
        F: FnOnce(Ready<V>) -> Fut + Send,
        Fut: Future + Send + 'static,
        Fut::Output: Outcome<E>,
        <Fut::Output as Outcome<E>>::Value: Send + 'static,
    {
        self.start(task)
    }

    fn cancel(&self) {
        self.cancel();
    }

    fn shutdown(&self, grace: Duration) {
        self.shutdown(grace);
    }

    fn cancel_called(&self) -> bool {
        self.cancel_called()
    }
}
