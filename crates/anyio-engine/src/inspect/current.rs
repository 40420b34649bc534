//! The task that asks.

use std::{fmt, panic::Location};

use super::item::ItemKind;
use crate::{
    context::ambient,
    tree::{Label, Role},
};

/// The task that the running code is in, or the run, if that is not in a task of one. `None` in what
/// somebody else has spawned, and outside of any runtime.
///
/// A task of a borrowing group is one as well.
///
/// # Examples
///
/// ```
/// # mod mini { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/mini/mod.rs")); }
/// # use mini::{run, task_group};
/// use anyio_engine::current_task;
///
/// # run(async {
/// task_group(async |tg| {
///     tg.child().name("worker").spawn(async {
///         assert_eq!(current_task().unwrap().name(), Some("worker"));
///     });
/// })
/// .await
/// # }).unwrap();
/// ```
#[doc(alias = "get_current_task")]
#[must_use]
pub fn current_task() -> Option<TaskInfo> {
    let mut node = ambient::node()?;
    loop {
        let kind = ItemKind::of(Role::of(node.flags()));
        if kind.is_task() {
            return Some(TaskInfo { kind, label: node.label() });
        }
        node = node.parent()?;
    }
}

/// Which task the running code is in. Given by [`current_task`].
#[derive(Clone)]
pub struct TaskInfo {
    kind: ItemKind,
    pub(super) label: Label,
}

impl TaskInfo {
    /// Whether it is a task, a run, or a captured task.
    #[must_use]
    pub const fn kind(&self) -> ItemKind {
        self.kind
    }

    /// The name that it was given; that of the backend, if it is a run.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.label.name.as_deref()
    }

    /// Where it was spawned.
    #[must_use]
    pub const fn location(&self) -> Option<&'static Location<'static>> {
        self.label.site
    }
}

impl fmt::Debug for TaskInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TaskInfo({self})")
    }
}
