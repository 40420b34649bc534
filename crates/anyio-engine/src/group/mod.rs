//! Task groups.
//!
//! One `Arc` is shared by a group's future, its handles and its tasks ([`core`]); one more is
//! shared by a task and its handle ([`cell`]). The runtime's own task is the only other allocation
//! of a spawn. A task has a node in the cancel tree only if it opens a scope itself; until then
//! its group wakes it directly.

mod builder;
mod cell;
mod child;
mod core;
mod handle;
mod join;
mod run;

pub use builder::{Child, GroupBuilder};
pub use handle::TaskGroup;
pub use join::{Join, TaskHandle};
pub use run::{GroupRun, task_group};
