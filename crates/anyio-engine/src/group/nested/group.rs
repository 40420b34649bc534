//! The handle on a group whose tasks run inside of the caller's.

use std::{fmt, panic::Location, pin::Pin, sync::Arc as StdArc};

use anyio_core::{Cause, Outcome, SpawnError, TaskError};

use super::{
    super::tally::Tally,
    builder::NestedChild,
    child::Child,
    inbox::Inbox,
    joint::{Joint, NestedHandle},
};
use crate::{
    sys::{Arc, Weak},
    tree::Node,
};

/// A task that may move between threads with its group.
pub(super) type SendTask<'env> = Pin<Box<dyn Future<Output = ()> + Send + 'env>>;
/// A task that stays in its thread with its group.
pub(super) type LocalTask<'env> = Pin<Box<dyn Future<Output = ()> + 'env>>;

/// A handle on an open group whose tasks run inside of the caller's own: see
/// [`ScopedTaskGroup`] and [`LocalTaskGroup`].
pub struct NestedGroup<C, E> {
    tally: Arc<Tally<E>>,
    inbox: Weak<Inbox<C>>,
}

/// A handle on a group whose tasks may borrow. Given by
/// [`scoped_task_group`](crate::scoped_task_group).
pub type ScopedTaskGroup<'env, E> = NestedGroup<SendTask<'env>, E>;

/// A handle on a group whose tasks may borrow, and need not be `Send`. Given by
/// [`local_task_group`](crate::local_task_group).
pub type LocalTaskGroup<'env, E> = NestedGroup<LocalTask<'env>, E>;

impl<C, E> NestedGroup<C, E> {
    pub(super) const fn new(tally: Arc<Tally<E>>, inbox: Weak<Inbox<C>>) -> Self {
        Self { tally, inbox }
    }

    /// Cancels the body and all tasks. The group's result stays what the body made of it, if the
    /// body had ended or ends by itself.
    #[track_caller]
    pub fn cancel(&self) {
        self.tally.node.cancel(Cause::explicit());
    }

    /// Cancels the body and all tasks, and says why.
    #[track_caller]
    pub fn cancel_because(&self, reason: impl Into<StdArc<str>>) {
        self.tally.node.cancel(Cause::explicit_because(reason));
    }

    /// Cancels the body and all tasks for a cause made elsewhere, as that of a scope.
    pub fn cancel_with(&self, cause: Cause) {
        self.tally.node.cancel(cause);
    }

    /// Whether the group has been cancelled itself: by a call, or because a member failed.
    #[must_use]
    pub fn cancel_called(&self) -> bool {
        self.tally.node.own_cause().is_some()
    }

    /// Why the group has been cancelled itself, if it has.
    #[must_use]
    pub fn cause(&self) -> Option<Cause> {
        self.tally.node.own_cause()
    }

    /// Settings for one task: `tg.child().name("database").spawn(f)`.
    pub const fn child(&self) -> NestedChild<'_, C, E> {
        NestedChild::new(self)
    }

    pub(super) fn node(&self) -> &Arc<Node> {
        &self.tally.node
    }

    /// Adds a task, made into a `C` by `pack`.
    pub(super) fn add<F>(
        &self,
        name: Option<StdArc<str>>,
        location: &'static Location<'static>,
        future: F,
        pack: impl FnOnce(Child<E, F>) -> C,
    ) -> Result<NestedHandle<<F::Output as Outcome<E>>::Value>, SpawnError<F>>
    where
        F: Future,
        F::Output: Outcome<E>,
    {
        let mut future = Some(future);
        let joint = Arc::new(Joint::new(name, location));
        let theirs = Arc::clone(&joint);
        let make = || match future.take() {
            Some(future) => pack(Child::new(Arc::clone(&self.tally), theirs, future)),
            None => unreachable!("it is made once"),
        };
        let added = self.inbox.upgrade().is_some_and(|inbox| inbox.add(make));
        match future {
            Some(future) => Err(SpawnError::closed(future)),
            // It may have been refused at the last moment, and dropped, as at a runtime's end.
            None => {
                _ = added;
                Ok(NestedHandle::new(joint))
            }
        }
    }
}

impl<'env, E: TaskError> ScopedTaskGroup<'env, E> {
    /// Starts a task in the group. It may end in `()` or in a `Result` of the group's error.
    ///
    /// It begins when the group is polled the next time, and runs only while the group is.
    ///
    /// # Panics
    ///
    /// If the group has closed.
    #[track_caller]
    #[doc(alias = "start_soon", alias = "create_task")]
    pub fn spawn<F>(&self, future: F) -> NestedHandle<<F::Output as Outcome<E>>::Value>
    where
        F: Future + Send, // the group may move to another thread; for `Rc` see `local_task_group`
        F: 'env,          // it may borrow what was there before the group
        F::Output: Outcome<E>,
        <F::Output as Outcome<E>>::Value: Send + 'env,
    {
        self.child().spawn(future)
    }

    /// Starts a task in the group, or hands the future back.
    ///
    /// # Errors
    ///
    /// [`SpawnError`] with the future, which was never polled, if the group has closed. If it closes at
    /// that very moment, on another thread, the future is dropped, and the handle says so.
    #[track_caller]
    pub fn try_spawn<F>(
        &self,
        future: F,
    ) -> Result<NestedHandle<<F::Output as Outcome<E>>::Value>, SpawnError<F>>
    where
        F: Future + Send + 'env,
        F::Output: Outcome<E>,
        <F::Output as Outcome<E>>::Value: Send + 'env,
    {
        self.child().try_spawn(future)
    }
}

impl<'env, E: TaskError> LocalTaskGroup<'env, E> {
    /// Starts a task in the group. It may end in `()` or in a `Result` of the group's error.
    ///
    /// It begins when the group is polled the next time, and runs only while the group is.
    ///
    /// # Panics
    ///
    /// If the group has closed.
    #[track_caller]
    #[doc(alias = "start_soon", alias = "create_task")]
    pub fn spawn<F>(&self, future: F) -> NestedHandle<<F::Output as Outcome<E>>::Value>
    where
        F: Future,
        F: 'env, // it may borrow what was there before the group
        F::Output: Outcome<E>,
        <F::Output as Outcome<E>>::Value: 'env,
    {
        self.child().spawn(future)
    }

    /// Starts a task in the group, or hands the future back.
    ///
    /// # Errors
    ///
    /// [`SpawnError`] with the future, which was never polled, if the group has closed. If it closes at
    /// that very moment, on another thread, the future is dropped, and the handle says so.
    #[track_caller]
    pub fn try_spawn<F>(
        &self,
        future: F,
    ) -> Result<NestedHandle<<F::Output as Outcome<E>>::Value>, SpawnError<F>>
    where
        F: Future + 'env,
        F::Output: Outcome<E>,
        <F::Output as Outcome<E>>::Value: 'env,
    {
        self.child().try_spawn(future)
    }
}

impl<C, E> Clone for NestedGroup<C, E> {
    fn clone(&self) -> Self {
        Self { tally: Arc::clone(&self.tally), inbox: Weak::clone(&self.inbox) }
    }
}

impl<C, E> fmt::Debug for NestedGroup<C, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NestedGroup").field("cause", &self.cause()).finish_non_exhaustive()
    }
}
