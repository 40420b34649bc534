//! Task groups.
//!
//! One `Arc` is shared by a group's future, its handles and its tasks ([`core`]); another one, the
//! [`roster`], by those and the handles on tasks. In it each task has a [`slot`], which it shares with
//! its handle and which serves another task afterwards, so that the runtime's own task is the one
//! allocation of a spawn. A task has a node in the cancel tree only if it opens a scope itself; until
//! then its group wakes it directly.

mod builder;
mod child;
mod core;
mod handle;
mod join;
#[cfg(all(test, loom))]
mod model;
mod nested;
mod opening;
mod roster;
mod run;
mod slot;
mod slots;
mod start;
mod tally;

pub use builder::{Child, GroupBuilder};
pub use handle::TaskGroup;
pub use join::{Join, TaskHandle};
pub use nested::{
    Either, Listed, LocalTaskGroup, NestedChild, NestedGroup, NestedHandle, NestedJoin, NestedRun,
    OneOf, ScopedTaskGroup, Several, Sorted, Together, Tupled, as_completed, gather,
    local_task_group, map, race, race_ok, scoped_task_group,
};
pub use run::{AllErrors, Errors, FirstError, GroupRun, task_group};
pub use start::{Ready, Started, Starting, ValueOnly, WithHandle};
