//! The handle on a group.

use std::{fmt, panic::Location, sync::Arc as StdArc};

use anyio_core::{Body, Cause, Executor, Outcome, Spawn, SpawnError, TaskError};

use super::{
    builder::{Child, GroupBuilder},
    child::ChildTask,
    core::Core,
    join::TaskHandle,
    run::task_group,
};
use crate::sys::Arc;

/// A handle on an open group: spawns tasks in it, and cancels it.
///
/// The body gets it; it may be cloned, given to the tasks, and moved to any thread. See
/// [`task_group`].
///
/// Prefer a group over the runtime's own `JoinSet` wherever the tasks should not outlive the code
/// that started them.
#[doc(alias = "Nursery")]
pub struct TaskGroup<B: Executor, E> {
    core: Arc<Core<B, E>>,
}

impl<B: Executor, E: TaskError> TaskGroup<B, E> {
    /// Settings for a group, and the way to name its error type:
    /// `TaskGroup::<AppError>::builder().run(async |tg| { … })`.
    pub fn builder() -> GroupBuilder<B, E> {
        GroupBuilder::new()
    }

    pub(super) const fn new(core: Arc<Core<B, E>>) -> Self {
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

    pub(super) fn spawn_labelled<F>(
        &self,
        name: Option<StdArc<str>>,
        location: &'static Location<'static>,
        future: F,
    ) -> Result<TaskHandle<<F::Output as Outcome<E>>::Value>, SpawnError<F>>
    where
        F: Future + Send + 'static,
        F::Output: Outcome<E>,
        <F::Output as Outcome<E>>::Value: Send + 'static,
    {
        let spawner = match &self.core.spawner {
            Ok(spawner) => spawner,
            Err(error) => return Err(SpawnError::no_runtime(future, error.clone())),
        };
        let Some(index) = self.core.roster.add(name.clone(), location) else {
            return Err(SpawnError::closed(future));
        };
        let (core, used) = (Arc::clone(&self.core), name.is_some());
        let span = core.span.task(name.as_deref(), location);
        let handle = TaskHandle::new(Arc::clone(&self.core.roster), index, name);
        spawner.spawn_task(ChildTask::new(core, index, used, span, future));
        Ok(handle)
    }

    /// Cancels the body and all tasks. The group's result stays what the body made of it, if the
    /// body had ended or ends by itself.
    #[track_caller]
    pub fn cancel(&self) {
        self.core.node.cancel(Cause::explicit());
    }

    /// Cancels the body and all tasks, and says why.
    #[track_caller]
    pub fn cancel_because(&self, reason: impl Into<StdArc<str>>) {
        self.core.node.cancel(Cause::explicit_because(reason));
    }

    /// Cancels the body and all tasks for a cause made elsewhere, as that of a scope.
    pub fn cancel_with(&self, cause: Cause) {
        self.core.node.cancel(cause);
    }

    /// Whether the group has been cancelled itself: by a call, or because a member failed.
    #[must_use]
    pub fn cancel_called(&self) -> bool {
        self.core.node.own_cause().is_some()
    }

    /// Why the group has been cancelled itself, if it has.
    #[must_use]
    pub fn cause(&self) -> Option<Cause> {
        self.core.node.own_cause()
    }
}

impl<B: Executor, E> Clone for TaskGroup<B, E> {
    fn clone(&self) -> Self {
        Self { core: Arc::clone(&self.core) }
    }
}

impl<B: Executor, E> fmt::Debug for TaskGroup<B, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskGroup")
            .field("tasks", &self.core.roster.len())
            .field("cause", &self.core.node.own_cause())
            .finish()
    }
}

impl<B: Executor, E: TaskError> anyio_core::TaskGroup<E> for TaskGroup<B, E> {
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

    fn cancel(&self) {
        self.cancel();
    }

    fn cancel_called(&self) -> bool {
        self.cancel_called()
    }
}
