//! Settings for a task that runs inside of its group's own.

use std::{fmt, panic::Location, sync::Arc};

use anyio_core::{Outcome, SpawnError, TaskError};

use super::{
    group::NestedGroup,
    joint::NestedHandle,
    pair::{LocalTask, New, SendTask},
};

/// Settings for a task. Given by [`NestedGroup::child`].
#[must_use = "`spawn` starts the task"]
pub struct NestedChild<'g, C, E> {
    group: &'g NestedGroup<C, E>,
    name: Option<Arc<str>>,
}

impl<'g, C, E> NestedChild<'g, C, E> {
    pub(super) const fn new(group: &'g NestedGroup<C, E>) -> Self {
        Self { group, name: None }
    }

    /// What the task is called. Without a name, it goes by the place it was spawned at.
    pub fn name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = Some(name.into());
        self
    }
}

impl<'env, E: TaskError> NestedChild<'_, SendTask<'env, E>, E> {
    /// Starts the task.
    ///
    /// # Panics
    ///
    /// If the group has closed.
    #[track_caller]
    pub fn spawn<F>(self, future: F) -> NestedHandle<<F::Output as Outcome<E>>::Value>
    where
        F: Future + Send, // the group may move to another thread; for `Rc` see `local_task_group`
        F: 'env,          // it may borrow what was there before the group
        F::Output: Outcome<E>,
        <F::Output as Outcome<E>>::Value: Send + 'env,
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
    /// [`SpawnError`] with the future, which was never polled, if the group has closed.
    #[track_caller]
    pub fn try_spawn<F>(
        self,
        future: F,
    ) -> Result<NestedHandle<<F::Output as Outcome<E>>::Value>, SpawnError<F>>
    where
        F: Future + Send + 'env,
        F::Output: Outcome<E>,
        <F::Output as Outcome<E>>::Value: Send + 'env,
    {
        self.group.add(self.name, Location::caller(), future, New::send)
    }
}

impl<'env, E: TaskError> NestedChild<'_, LocalTask<'env, E>, E> {
    /// Starts the task.
    ///
    /// # Panics
    ///
    /// If the group has closed.
    #[track_caller]
    pub fn spawn<F>(self, future: F) -> NestedHandle<<F::Output as Outcome<E>>::Value>
    where
        F: Future,
        F: 'env, // it may borrow what was there before the group
        F::Output: Outcome<E>,
        <F::Output as Outcome<E>>::Value: 'env,
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
    /// [`SpawnError`] with the future, which was never polled, if the group has closed.
    #[track_caller]
    pub fn try_spawn<F>(
        self,
        future: F,
    ) -> Result<NestedHandle<<F::Output as Outcome<E>>::Value>, SpawnError<F>>
    where
        F: Future + 'env,
        F::Output: Outcome<E>,
        <F::Output as Outcome<E>>::Value: 'env,
    {
        self.group.add(self.name, Location::caller(), future, New::local)
    }
}

impl<C, E> fmt::Debug for NestedChild<'_, C, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NestedChild").field("name", &self.name).finish_non_exhaustive()
    }
}
