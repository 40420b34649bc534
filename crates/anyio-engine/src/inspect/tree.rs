//! The tree of tasks.

use std::time::Instant;

use super::{
    item::{ItemKind, TreeItem},
    snapshot,
};

/// What runs in this process: all runs, groups and tasks, what is inside of them, and how it all stands.
///
/// It costs nothing but this call. Each part is looked at by itself while everything goes on, so two
/// tasks that depend on each other may be seen at different moments.
///
/// What it finds are runs (of `run` and its like), groups of all kinds, tasks that were
/// [captured](crate::capture), and all scopes around and in them. Not found are tasks that were spawned
/// without a group, and scopes that have neither a group nor a run around them or in them; tasks of a
/// borrowing group that have not begun; and what has been ready at once so far: it has left no
/// trace anywhere.
///
/// Printed, it has a line for each, indented by what is around it:
///
/// ```text
/// run on tokio, 9.2 s old, waiting
///   group at src/main.rs:14:5, 9.2 s old, closing
///     task "listener" at src/main.rs:15:12, up to 9.2 s old, waiting
///     task at src/main.rs:17:12, up to 4.1 s old, cancelling (cancelled at src/main.rs:30:9), held by the shield at src/save.rs:8:5
///       scope at src/save.rs:7:9, deadline in 1.3 s, cancelling
///         shield at src/save.rs:8:5, shielded
/// ```
///
/// # Examples
///
/// ```
/// # mod mini { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/mini/mod.rs")); }
/// # use mini::{run, task_group};
/// use anyio_engine::{ItemState, checkpoint, sleep_forever, task_tree};
///
/// # run(async {
/// task_group(async |tg| {
///     tg.child().name("listener").spawn(sleep_forever());
/// #   while task_tree().find("listener").unwrap().state() != ItemState::Waiting {
///     checkpoint().await;
/// #   }
///     let tree = task_tree();
///     assert_eq!(tree.find("listener").unwrap().state(), ItemState::Waiting);
///     eprintln!("{tree}");
///     tg.cancel();
/// })
/// .await
/// # }).unwrap();
/// ```
#[doc(alias = "get_running_tasks", alias = "dump", alias = "stuck")]
#[must_use]
pub fn task_tree() -> TaskTree {
    TaskTree { items: snapshot::take(), taken: Instant::now() }
}

/// What runs in this process. Given by [`task_tree`].
#[derive(Clone, Debug)]
pub struct TaskTree {
    items: Vec<TreeItem>,
    pub(super) taken: Instant,
}

impl TaskTree {
    /// All items: each is followed by those beneath it. What is oldest comes first.
    #[must_use]
    pub fn items(&self) -> &[TreeItem] {
        &self.items
    }

    /// The tasks among them, and the runs.
    #[doc(alias = "get_running_tasks")]
    pub fn tasks(&self) -> impl Iterator<Item = &TreeItem> {
        self.items.iter().filter(|item| item.kind().is_task())
    }

    /// The first item with this name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&TreeItem> {
        self.items.iter().find(|item| item.name() == Some(name))
    }

    /// What is around `item`, an item of this tree.
    #[must_use]
    pub fn parent(&self, item: &TreeItem) -> Option<&TreeItem> {
        self.items.get(item.parent?)
    }

    /// The group that `item`, an item of this tree, belongs to: the innermost around it.
    #[must_use]
    pub fn group(&self, item: &TreeItem) -> Option<&TreeItem> {
        let mut around = self.parent(item)?;
        while around.kind() != ItemKind::Group {
            around = self.parent(around)?;
        }
        Some(around)
    }

    /// All that is beneath `item`, an item of this tree, each followed by what is beneath that.
    #[must_use]
    pub fn beneath(&self, item: &TreeItem) -> &[TreeItem] {
        self.items.get(item.index + 1..item.end).unwrap_or_default()
    }

    /// What a cancellation of `item`, an item of this tree, has to wait for: the outermost shields, groups
    /// and cleanups in the same task.
    pub fn holders(&self, item: &TreeItem) -> impl Iterator<Item = &TreeItem> {
        let end = item.end;
        let mut next = item.index + 1;
        std::iter::from_fn(move || {
            while next < end {
                let inner = self.items.get(next)?;
                let passed = inner.root || inner.obligation;
                next = if passed { inner.end } else { next + 1 };
                if inner.obligation && !inner.root {
                    return Some(inner);
                }
            }
            None
        })
    }
}
