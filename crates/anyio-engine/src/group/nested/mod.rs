//! Groups whose tasks run inside of the caller's own: they may borrow, and need no runtime.
//!
//! A task is a future in a [`set`] that the group's future polls, with a bit in a [`block`] for its
//! waker. What it shares with its handle is a [`joint`]; the two are a [`pair`], and have a place beside
//! others in one allocation ([`ground`]). New ones come through an [`inbox`]. What is there to do is
//! brought to the group's [`door`]. Everything else is that of the other groups.

mod block;
mod builder;
mod child;
mod door;
mod ground;
mod group;
mod inbox;
mod joint;
#[cfg(all(test, loom))]
mod model;
mod pair;
mod run;
mod set;
mod several;
mod together;

pub use builder::NestedChild;
pub use group::{LocalTaskGroup, NestedGroup, ScopedTaskGroup};
pub use joint::{NestedHandle, NestedJoin};
pub use run::{NestedRun, local_task_group, scoped_task_group};
pub use several::{Either, Listed, OneOf, Several, Sorted, Together, Tupled};
pub use together::{as_completed, gather, map, race, race_ok};
