//! One line of the tree of tasks.

use std::{
    panic::Location,
    time::{Duration, Instant},
};

use anyio_core::Cause;

use crate::tree::{Label, Role};

/// What an item of a [`TaskTree`](crate::TaskTree) is.
// None is called as a type of this crate is: rustc would print the type with its whole path then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ItemKind {
    /// The outermost future of a run; its name is the backend's.
    Outermost,
    /// A task of the group that it stands in.
    Task,
    /// A task that somebody else has spawned, with a scope that was
    /// [captured](crate::Captured::in_scope).
    Foreign,
    /// A group of tasks, or what is made of one: `gather`, `map`, `race`, …
    Group,
    /// A scope, with or without a deadline.
    Scope,
    /// A `shield`.
    Shielding,
    /// A `finally` or a `bracket`.
    Cleanup,
    /// A `catch_cancelled`.
    Catch,
    /// The wait for a task to say that it is ready.
    Start,
    /// The wait for what runs elsewhere: the job of a `to_thread`, or a task of a portal.
    Call,
}

impl ItemKind {
    pub(crate) const fn of(role: Role) -> Self {
        match role {
            Role::Scope | Role::Boundary => Self::Scope,
            Role::Shield => Self::Shielding,
            Role::Cleanup | Role::CleaningUp => Self::Cleanup,
            Role::Catch => Self::Catch,
            Role::Start => Self::Start,
            Role::Group => Self::Group,
            Role::Task => Self::Task,
            Role::Run => Self::Outermost,
            Role::Captured => Self::Foreign,
            Role::Call => Self::Call,
        }
    }

    /// Whether it is polled by itself, and not as a part of what is around it: a run, or a task.
    #[must_use]
    pub const fn is_task(self) -> bool {
        matches!(self, Self::Outermost | Self::Task | Self::Foreign)
    }

    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Outermost => "run",
            Self::Task => "task",
            Self::Foreign => "captured task",
            Self::Group => "group",
            Self::Scope => "scope",
            Self::Shielding => "shield",
            Self::Cleanup => "finally",
            Self::Catch => "catch",
            Self::Start => "start",
            Self::Call => "call",
        }
    }
}

/// How an item of a [`TaskTree`](crate::TaskTree) stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ItemState {
    /// Of a task: it has never waited yet, or it is the one that asks. Of anything else: nothing keeps it
    /// from going on.
    Running,
    /// Of a task: it was pending when it was polled last. That it is being polled once more at this very
    /// moment is not known: it would cost something in each poll.
    Waiting,
    /// It is cancelled, and has not ended. What is beneath it may hold it, see
    /// [`holders`](crate::TaskTree::holders); if nothing does, and it stays so, it blocks its thread
    /// or is not polled.
    Cancelling,
    /// What is around it is cancelled, and is kept out.
    Shielded,
    /// Of a group: its body has ended, and it waits for its tasks. Of a `finally` or a `bracket`: its body
    /// has ended, and the cleanup runs, whether it is cancelled or not.
    Closing,
}

impl ItemState {
    pub(super) const fn word(self) -> Option<&'static str> {
        match self {
            Self::Running => None,
            Self::Waiting => Some("waiting"),
            Self::Cancelling => Some("cancelling"),
            Self::Shielded => Some("shielded"),
            Self::Closing => Some("closing"),
        }
    }
}

/// One thing that was there when a [`TaskTree`](crate::TaskTree) was made: a run, a task, a group or a
/// scope.
#[derive(Clone, Debug)]
pub struct TreeItem {
    pub(super) kind: ItemKind,
    pub(super) state: ItemState,
    pub(super) label: Label,
    pub(super) age: Option<Duration>,
    pub(super) service: bool,
    pub(super) asked: bool,
    /// It holds what is around it.
    pub(super) obligation: bool,
    /// A task of a runtime's own: what is in it holds nothing outside.
    pub(super) root: bool,
    pub(super) dropped: bool,
    pub(super) cause: Option<Cause>,
    pub(super) deadline: Option<Instant>,
    pub(super) parent: Option<usize>,
    pub(super) depth: usize,
    /// Its place in the tree's list, and that of the first one that is not beneath it.
    pub(super) index: usize,
    pub(super) end: usize,
}

impl TreeItem {
    /// What it is.
    #[must_use]
    pub const fn kind(&self) -> ItemKind {
        self.kind
    }

    /// How it stands.
    #[must_use]
    pub const fn state(&self) -> ItemState {
        self.state
    }

    /// The name that it was given; that of the backend, if it is a run.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.label.name.as_deref()
    }

    /// Where the task was spawned, the group was opened, or the scope was made.
    #[must_use]
    pub const fn location(&self) -> Option<&'static Location<'static>> {
        self.label.site
    }

    /// How long it has been there, in steps of 17 milliseconds; of runs, captured tasks, groups and the
    /// tasks in them.
    ///
    /// Of all but the last it is what it says. **Of a task it is an upper bound**: reading the clock at
    /// each spawn would cost as much as a good part of the spawn. A task takes the time when
    /// anybody in the process has opened a group, begun a run or made a [`TaskTree`](crate::TaskTree)
    /// last, which is no earlier than its own group was opened. So who looks regularly gets ages
    /// that are as exact as that. A task of a group that borrows has none.
    ///
    /// It is real time, whatever clock the backend goes by, and stands still after a year.
    #[must_use]
    pub const fn age(&self) -> Option<Duration> {
        self.age
    }

    /// Whether it is a task that ends with the others of its group.
    #[must_use]
    pub const fn is_service(&self) -> bool {
        self.service
    }

    /// Whether it has been asked to come to an end in peace, by a `shutdown` around it or of its own.
    #[must_use]
    pub const fn is_shutdown_requested(&self) -> bool {
        self.asked
    }

    /// Whether it is a group that was dropped while it had tasks: they are cleaning up, and nobody waits
    /// for them.
    #[must_use]
    pub const fn is_dropped(&self) -> bool {
        self.dropped
    }

    /// Why it was cancelled itself, if it was, and not what is around it.
    #[must_use]
    pub const fn cause(&self) -> Option<&Cause> {
        self.cause.as_ref()
    }

    /// When it will be cancelled itself, by the backend's clock.
    #[must_use]
    pub const fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// How many items are around it.
    #[must_use]
    pub const fn depth(&self) -> usize {
        self.depth
    }

    pub(super) const fn new(kind: ItemKind, label: Label) -> Self {
        Self {
            kind,
            state: ItemState::Running,
            label,
            age: None,
            service: false,
            asked: false,
            obligation: false,
            root: false,
            dropped: false,
            cause: None,
            deadline: None,
            parent: None,
            depth: 0,
            index: 0,
            end: 0,
        }
    }
}
