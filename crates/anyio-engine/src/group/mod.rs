//! Task groups.
//!
//! One `Arc` is shared by a group's future and the handles on the group ([`core`]). Its tasks and the
//! handles on those use it without one of their own: the [`roster`] in it keeps it for as long as they
//! are there ([`lease`]). Each task has a [`slot`] in it, which it shares with its handle and which serves
//! another task afterwards, so that the runtime's own task is the one allocation of a spawn. The memory of a
//! group serves another group afterwards ([`spare`]). A task has a node in the cancel tree only if it opens a
//! scope itself; until then its group wakes it directly.

mod builder;
mod child;
mod core;
mod handle;
mod join;
mod lease;
#[cfg(all(test, loom))]
mod model;
mod nested;
mod opening;
mod roster;
mod run;
mod slot;
mod slots;
mod spare;
mod start;
mod tally;
mod wrap;

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
