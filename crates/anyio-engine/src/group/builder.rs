//! Settings for groups and tasks.

use std::{fmt, marker::PhantomData, panic::Location, sync::Arc};

use anyio_core::{Body, Executor, Outcome, SpawnError, TaskError};

use super::{
    child::Plain,
    core::Settings,
    handle::TaskGroup,
    join::TaskHandle,
    run::{AllErrors, FirstError, GroupRun},
    start::{Ready, Starting, ValueOnly, WithHandle},
};

/// Settings for a group. Given by [`TaskGroup::builder`].
#[must_use = "`run` opens the group"]
pub struct GroupBuilder<B, E> {
    name: Option<Arc<str>>,
    settings: Settings,
    group: PhantomData<fn() -> (B, E)>,
}

impl<B: Executor, E: TaskError> GroupBuilder<B, E> {
    pub(super) fn new() -> Self {
        Self { name: None, settings: Settings::default(), group: PhantomData }
    }

    /// What the group's body is called, where its failure is reported to the tasks.
    pub fn name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// No more than `tasks` run at a time. The others wait for their turn, in the order in which
    /// they were spawned; one that is cancelled before its turn is dropped without having been
    /// polled. Neither the body nor services count.
    ///
    /// ```text
    /// limit(2) ─┬─ first ───┤─ third ──────┤      two at a time,
    ///           └─ second ──────┤─ fourth ───┤    the others wait for their turn
    /// ```
    ///
    /// The waiting tasks are there already, with all that was given to them. To make each only when
    /// its turn has come, use `map`, or hold a [`Semaphore`](crate::Semaphore)'s permit around
    /// `spawn`. A task that waits for another one of its group may wait for ever.
    ///
    /// # Panics
    ///
    /// If `tasks` is 0.
    #[track_caller]
    pub const fn limit(mut self, tasks: usize) -> Self {
        assert!(tasks > 0, "a task group with a limit of 0 would never run a task");
        self.settings.limit = Some(tasks);
        self
    }

    /// Opens the group; as [`task_group`](crate::task_group), but with the error known.
    #[track_caller]
    pub fn run<F, Fut>(self, body: F) -> GroupRun<B, E, F, Fut, <Fut::Output as Body<E>>::Value>
    where
        F: FnOnce(TaskGroup<B, E>) -> Fut,
        Fut: Future,
        Fut::Output: Body<E>,
    {
        self.open::<F, Fut, FirstError>(Location::caller(), body)
    }

    /// Opens a group that gives the errors of all its members and not the first alone, as a
    /// [`GroupError`](anyio_core::GroupError), in the order in which they ended.
    ///
    /// The first error cancels the others all the same; what comes after it are the errors of those
    /// that failed while they were cleaning up, or had failed already. A panic still beats them all.
    ///
    /// It can go through `?` where `E` is an [`Error`](std::error::Error). `anyhow::Error`,
    /// `eyre::Report` and `Box<dyn Error + Send + Sync>` are none; for a group that fails with one of
    /// them it is `group.await.map_err(GroupError::into_dyn)?`.
    ///
    /// # Errors
    ///
    /// The errors of all members; `E::from(Cancelled)` alone where a plain group gives that.
    ///
    /// # Examples
    ///
    /// ```
    /// # mod mini { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/mini/mod.rs")); }
    /// # use mini::{Mini, run};
    /// # type TaskGroup<E> = anyio_engine::TaskGroup<Mini, E>;
    /// # use std::{fmt, io};
    /// # run(async {
    /// let group = TaskGroup::<io::Error>::builder().run_collecting(async |tg| {
    ///     tg.spawn(async { io::Result::<()>::Err(io::ErrorKind::NotFound.into()) });
    ///     io::Result::<()>::Err(io::ErrorKind::InvalidData.into())
    /// });
    /// let error = group.await.unwrap_err();
    /// assert_eq!(error.iter().count(), 2);
    /// # });
    /// ```
    #[track_caller]
    #[doc(alias = "ExceptionGroup")]
    pub fn run_collecting<F, Fut>(
        mut self,
        body: F,
    ) -> GroupRun<B, E, F, Fut, <Fut::Output as Body<E>>::Value, AllErrors>
    where
        F: FnOnce(TaskGroup<B, E>) -> Fut,
        Fut: Future,
        Fut::Output: Body<E>,
    {
        self.settings.collects = true;
        self.open::<F, Fut, AllErrors>(Location::caller(), body)
    }

    fn open<F, Fut, K>(
        self,
        location: &'static Location<'static>,
        body: F,
    ) -> GroupRun<B, E, F, Fut, <Fut::Output as Body<E>>::Value, K>
    where
        F: FnOnce(TaskGroup<B, E>) -> Fut,
        Fut: Future,
        Fut::Output: Body<E>,
    {
        GroupRun::new(self.name, self.settings, location, body)
    }
}

impl<B, E> fmt::Debug for GroupBuilder<B, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GroupBuilder")
            .field("name", &self.name)
            .field("limit", &self.settings.limit)
            .finish()
    }
}

/// What is known of a task before it runs.
#[derive(Debug)]
pub(super) struct Profile {
    pub(super) name: Option<Arc<str>>,
    pub(super) location: &'static Location<'static>,
    pub(super) service: bool,
}

/// Settings for a task. Given by [`TaskGroup::child`].
#[must_use = "`spawn` or `start` starts the task"]
pub struct Child<'g, B: Executor, E> {
    group: &'g TaskGroup<B, E>,
    name: Option<Arc<str>>,
    service: bool,
}

impl<'g, B: Executor, E: TaskError> Child<'g, B, E> {
    pub(super) const fn new(group: &'g TaskGroup<B, E>) -> Self {
        Self { group, name: None, service: false }
    }

    /// What the task is called. Without a name, it goes by the place it was spawned at.
    pub fn name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The task is there for the others only: it is cancelled, with its cleanup, when the body and
    /// all tasks that are no services have ended. Its error is the group's as any other.
    ///
    /// ```text
    /// task_group ─┬─ body ────┤
    ///             ├─ request ─────┤ the last that is no service
    ///             └─ heartbeat ───✂ cleanup ─┤
    ///                                        └──▶ the group has ended
    /// ```
    ///
    /// ```
    /// # mod mini { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/mini/mod.rs")); }
    /// # use mini::{run, task_group};
    /// # use anyio_engine::{checkpoint, sleep_forever};
    /// # run(async {
    /// task_group(async |tg| {
    ///     tg.child().name("heartbeat").service().spawn(sleep_forever());
    ///     tg.spawn(checkpoint());
    /// })
    /// .await // does not wait for ever
    /// # }).unwrap();
    /// ```
    pub const fn service(mut self) -> Self {
        self.service = true;
        self
    }

    /// Starts the task.
    ///
    /// # Panics
    ///
    /// As [`TaskGroup::spawn`].
    #[inline]
    #[track_caller]
    pub fn spawn<F>(self, future: F) -> TaskHandle<<F::Output as Outcome<E>>::Value>
    where
        F: Future + Send, // runs on any thread; for `Rc` see `local_task_group`
        F: 'static,       // `async move` owns; to borrow see `scoped_task_group`
        F::Output: Outcome<E>,
        <F::Output as Outcome<E>>::Value: Send + 'static,
    {
        let (group, profile) = self.into_parts(Location::caller());
        match group.reserve(&profile) {
            Ok((places, spawner)) => group.launch::<F, Plain>(places, spawner, profile, future),
            Err(refused) => refused.panic(future),
        }
    }

    /// Starts the task, or hands the future back.
    ///
    /// # Errors
    ///
    /// As [`TaskGroup::try_spawn`].
    #[inline]
    #[track_caller]
    pub fn try_spawn<F>(
        self,
        future: F,
    ) -> Result<TaskHandle<<F::Output as Outcome<E>>::Value>, SpawnError<F>>
    where
        F: Future + Send + 'static,
        F::Output: Outcome<E>,
        <F::Output as Outcome<E>>::Value: Send + 'static,
    {
        let (group, profile) = self.into_parts(Location::caller());
        group.add(profile, future)
    }

    /// Starts a task and waits until it says that it is ready, as a server does that has to listen
    /// before anybody may connect.
    ///
    /// ```text
    /// tg.start(serve).await? ─┐              ┌─ goes on with the value
    ///                         └─ serve ─ ready.started(port) ──── serves, as any task of the group
    ///                            cancelled with the caller,  │    cancelled with the group
    ///                            errors to the caller        │    errors to the group
    /// ```
    ///
    /// Before it is ready, the task is the caller's as well as the group's: the cancellation of
    /// either reaches it, and its error or panic goes to the caller and to nobody else. From
    /// `ready.started(value)` on it belongs to the group. If `ready` is dropped unused, the task
    /// has failed to start: it is cancelled.
    ///
    /// # Cancel safety
    ///
    /// Cancelled before the task was ready, it cancels the task and holds the scope until the task
    /// has ended. A `started` that comes too late does nothing.
    ///
    /// # Errors
    ///
    /// The task's own, as it was, if it failed before it was ready; `E::from(Cancelled)` if it
    /// ended without being ready, or if the group was cancelled.
    ///
    /// # Panics
    ///
    /// If the group has closed; with the panic of the task, if it panicked before it was ready.
    ///
    /// # Examples
    ///
    /// ```
    /// # mod mini { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/mini/mod.rs")); }
    /// # use mini::{run, task_group};
    /// # use anyio_engine::{Ready, sleep_forever};
    /// # run(async {
    /// async fn serve(ready: Ready<u16>) -> std::io::Result<()> {
    ///     let port = 80; // bind, listen …
    ///     ready.started(port);
    ///     sleep_forever().await
    /// }
    ///
    /// task_group(async |tg| -> std::io::Result<()> {
    ///     let port = tg.start(serve).await?;
    ///     assert_eq!(port, 80);
    ///     tg.cancel();
    ///     Ok(())
    /// })
    /// .await
    /// # }).unwrap();
    /// ```
    #[track_caller]
    pub fn start<V, F, Fut>(
        self,
        task: F,
    ) -> Starting<B, E, V, F, <Fut::Output as Outcome<E>>::Value, ValueOnly>
    where
        V: Send + 'static,
        F: FnOnce(Ready<V>) -> Fut,
        Fut: Future + Send + 'static,
        Fut::Output: Outcome<E>,
        <Fut::Output as Outcome<E>>::Value: Send + 'static,
    {
        let (group, profile) = self.into_parts(Location::caller());
        Starting::new(group.clone(), profile, task)
    }

    /// As [`start`](Self::start), and gives the handle on the task, too.
    #[track_caller]
    pub fn start_with_handle<V, F, Fut>(
        self,
        task: F,
    ) -> Starting<B, E, V, F, <Fut::Output as Outcome<E>>::Value, WithHandle>
    where
        V: Send + 'static,
        F: FnOnce(Ready<V>) -> Fut,
        Fut: Future + Send + 'static,
        Fut::Output: Outcome<E>,
        <Fut::Output as Outcome<E>>::Value: Send + 'static,
    {
        let (group, profile) = self.into_parts(Location::caller());
        Starting::new(group.clone(), profile, task)
    }

    #[inline]
    fn into_parts(self, location: &'static Location<'static>) -> (&'g TaskGroup<B, E>, Profile) {
        let Self { group, name, service } = self;
        (group, Profile { name, location, service })
    }
}

impl<B: Executor, E> fmt::Debug for Child<'_, B, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Child")
            .field("name", &self.name)
            .field("service", &self.service)
            .finish_non_exhaustive()
    }
}
