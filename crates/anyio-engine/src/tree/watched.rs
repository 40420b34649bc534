//! Whether somebody looks after a node that is held for long.

use super::{flags::Flags, node::Node};

impl Flags {
    /// Somebody does.
    const WATCHED: Self = Self(1 << 9);
}

impl Node {
    /// Whether nobody does so far; the caller will.
    pub(crate) fn begin_watch(&self) -> bool {
        !self.flags().any(Flags::WATCHED) && !self.raise(Flags::WATCHED).any(Flags::WATCHED)
    }

    pub(crate) fn end_watch(&self) {
        self.lower(Flags::WATCHED);
    }
}
