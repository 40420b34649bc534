//! Frames whose cancellation is kept elsewhere than in a node.

use super::locals::Locals;
use crate::{sys::Arc, tree::Node};

/// What an [`Owner`] says about its frame.
pub(crate) enum Verdict {
    /// It is cancelled.
    Cancelled,
    /// It is not, whatever is around it.
    Clear,
    /// It is if what is around it is.
    AskOuter,
}

/// Knows the cancellation of a frame that has no node, and makes the node when one is needed.
pub(crate) trait Owner {
    fn verdict(&self) -> Verdict;

    /// The locals of the task whose outermost frame this is, if that is where its entry [has](super::Source)
    /// them from.
    fn locals(&self) -> Option<Arc<Locals>> {
        None
    }

    /// A node that stands for the frame, attached. `outer` finds the node of the frame around it.
    fn make(&self, outer: &dyn Fn() -> Option<Arc<Node>>) -> Arc<Node>;
}
