//! Settings for groups and tasks.

use std::{fmt, marker::PhantomData, panic::Location, sync::Arc};

use anyio_core::{Body, Executor, Outcome, SpawnError, TaskError};

use super::{handle::TaskGroup, join::TaskHandle, run::GroupRun};

/// Settings for a group. Given by [`TaskGroup::builder`].
#[must_use = "`run` opens the group"]
pub struct GroupBuilder<B, E> {
    name: Option<Arc<str>>,
    group: PhantomData<fn() -> (B, E)>,
}

impl<B: Executor, E: TaskError> GroupBuilder<B, E> {
    pub(super) const fn new() -> Self {
        Self { name: None, group: PhantomData }
    }

    /// What the group's body is called, where its failure is reported to the tasks.
    pub fn name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = Some(name.into());
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
        GroupRun::new(self.name, Location::caller(), body)
    }
}

impl<B, E> fmt::Debug for GroupBuilder<B, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GroupBuilder").field("name", &self.name).finish()
    }
}

/// Settings for a task. Given by [`TaskGroup::child`].
#[must_use = "`spawn` starts the task"]
pub struct Child<'g, B: Executor, E> {
    group: &'g TaskGroup<B, E>,
    name: Option<Arc<str>>,
}

impl<'g, B: Executor, E: TaskError> Child<'g, B, E> {
    pub(super) const fn new(group: &'g TaskGroup<B, E>) -> Self {
        Self { group, name: None }
    }

    /// What the task is called. Without a name, it goes by the place it was spawned at.
    pub fn name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Starts the task.
    ///
    /// # Panics
    ///
    /// As [`TaskGroup::spawn`].
    #[track_caller]
    pub fn spawn<F>(self, future: F) -> TaskHandle<<F::Output as Outcome<E>>::Value>
    where
        F: Future + Send, // runs on any thread; for `Rc` see `local_task_group`
        F: 'static,       // `async move` owns; to borrow see `scoped_task_group`
        F::Output: Outcome<E>,
        <F::Output as Outcome<E>>::Value: Send + 'static,
    {
        match self.try_spawn(future) {
            Ok(handle) => handle,
            Err(error) => panic!("{error}"),
        }
    }

    /// Starts the task, or hands the future back.
    ///
    /// # Errors
    ///
    /// As [`TaskGroup::try_spawn`].
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
        self.group.spawn_labelled(self.name, Location::caller(), future)
    }
}

impl<B: Executor, E> fmt::Debug for Child<'_, B, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Child").field("name", &self.name).finish_non_exhaustive()
    }
}
