//! What runs, for people who want to know.
//!
//! Nothing is written down for it while programs run, but where a group was opened and when. It all is
//! found from what is there anyway: the cancel tree, and the slots of the groups' tasks.

mod current;
mod item;
mod snapshot;
mod text;
mod tree;

pub use current::{TaskInfo, current_task};
pub use item::{ItemKind, ItemState, TreeItem};
#[cfg(feature = "tracing")]
pub(crate) use text::Who;
pub use tree::{TaskTree, task_tree};
