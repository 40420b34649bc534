//! The handle on a group whose tasks run inside of the caller's.

use std::{fmt, panic::Location, sync::Arc as StdArc};

use anyio_core::{Cause, Outcome, SpawnError, TaskError};

use super::{
    super::tally::Tally,
    builder::NestedChild,
    child::Child,
    inbox::Inbox,
    joint::{Joint, NestedHandle},
    pair::{LocalTask, New, SendTask, place},
};
use crate::{sys::Arc, trace, tree::Node};

/// What a group's future shares with the handles on the group.
///
/// Tasks hold handles, and wait in the inbox: the future closes it when it goes.
pub(super) struct Common<C, E> {
    pub(super) tally: Tally<E>,
    pub(super) inbox: Inbox<C>,
}

/// A handle on an open group whose tasks run inside of the caller's own: see
/// [`ScopedTaskGroup`] and [`LocalTaskGroup`].
pub struct NestedGroup<C, E> {
    common: Arc<Common<C, E>>,
}

/// A handle on a group whose tasks may borrow. Given by
/// [`scoped_task_group`](crate::scoped_task_group).
pub type ScopedTaskGroup<'env, E> = NestedGroup<SendTask<'env, E>, E>;

/// A handle on a group whose tasks may borrow, and need not be `Send`. Given by
/// [`local_task_group`](crate::local_task_group).
pub type LocalTaskGroup<'env, E> = NestedGroup<LocalTask<'env, E>, E>;

impl<C, E> NestedGroup<C, E> {
    pub(super) const fn new(common: Arc<Common<C, E>>) -> Self {
        Self { common }
    }

    /// Cancels the body and all tasks. The group's result stays what the body made of it, if the
    /// body had ended or ends by itself.
    #[track_caller]
    pub fn cancel(&self) {
        self.common.tally.node().cancel(Cause::explicit());
    }

    /// Cancels the body and all tasks, and says why.
    #[track_caller]
    pub fn cancel_because(&self, reason: impl Into<StdArc<str>>) {
        self.common.tally.node().cancel(Cause::explicit_because(reason));
    }

    /// Cancels the body and all tasks for a cause made elsewhere, as that of a scope.
    pub fn cancel_with(&self, cause: Cause) {
        self.common.tally.node().cancel(cause);
    }

    /// Whether the group has been cancelled itself: by a call, or because a member failed.
    #[must_use]
    pub fn cancel_called(&self) -> bool {
        self.common.tally.node().own_cause().is_some()
    }

    /// Why the group has been cancelled itself, if it has.
    #[must_use]
    pub fn cause(&self) -> Option<Cause> {
        self.common.tally.node().own_cause()
    }

    /// Settings for one task: `tg.child().name("database").spawn(f)`.
    pub const fn child(&self) -> NestedChild<'_, C, E> {
        NestedChild::new(self)
    }

    pub(super) fn node(&self) -> &Arc<Node> {
        self.common.tally.node()
    }

    /// Adds a task, made into a `C` by `pack`.
    pub(super) fn add<F>(
        &self,
        name: Option<StdArc<str>>,
        location: &'static Location<'static>,
        future: F,
        pack: impl FnOnce(New<<F::Output as Outcome<E>>::Value, E, F>) -> C,
    ) -> Result<NestedHandle<<F::Output as Outcome<E>>::Value>, SpawnError<F>>
    where
        F: Future,
        F::Output: Outcome<E>,
    {
        if trace::is_on() {
            return self.add_within(name, location, future, pack);
        }
        let name = name.map(Box::new);
        let added = self.common.inbox.add(future, |future, room| {
            let (new, joint) = place(room, Joint::new(name, location), Child::new(future));
            (pack(new), joint)
        });
        added.map(NestedHandle::new).map_err(SpawnError::closed)
    }

    /// Adds a task that may have a span. Few have, so it takes no room in those that have none.
    #[cold]
    fn add_within<F>(
        &self,
        name: Option<StdArc<str>>,
        location: &'static Location<'static>,
        future: F,
        pack: impl FnOnce(New<<F::Output as Outcome<E>>::Value, E, F>) -> C,
    ) -> Result<NestedHandle<<F::Output as Outcome<E>>::Value>, SpawnError<F>>
    where
        F: Future,
        F::Output: Outcome<E>,
    {
        let Common { tally, inbox } = &*self.common;
        let span = tally.span().task(name.as_deref(), location);
        let added = inbox.add(future, |future, room| {
            let joint = Joint::new(name.map(Box::new), location);
            let (new, joint) = place(room, joint, Child::new(span.around(future)));
            (pack(new.bare()), joint)
        });
        added.map(NestedHandle::new).map_err(SpawnError::closed)
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
    /// [`SpawnError`] with the future, which was never polled, if the group has closed.
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
    /// [`SpawnError`] with the future, which was never polled, if the group has closed.
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
        Self { common: Arc::clone(&self.common) }
    }
}

impl<C, E> fmt::Debug for NestedGroup<C, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NestedGroup").field("cause", &self.cause()).finish_non_exhaustive()
    }
}
