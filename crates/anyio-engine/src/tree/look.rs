//! A look at one node, for people.

use std::time::Instant;

use anyio_core::Cause;

use super::{
    board::Note,
    flags::Flags,
    node::Node,
    role::{Label, Members, Role},
};
use crate::sys::Arc;

/// What is to be seen of a node at one moment.
pub(crate) struct Look {
    pub(crate) role: Role,
    pub(crate) flags: Flags,
    pub(crate) label: Label,
    /// It has ended: only what is beneath it counts.
    pub(crate) ended: bool,
    pub(crate) cause: Option<Cause>,
    pub(crate) deadline: Option<Instant>,
    pub(crate) since: Option<u32>,
    pub(crate) members: Option<Arc<dyn Members>>,
    pub(crate) children: Vec<Arc<Node>>,
    /// What the scopes of a task say that have a deadline, if this is its outermost node.
    pub(crate) notes: Vec<Note>,
}

impl Look {
    /// Its body has ended, and there is something to wait for.
    pub(crate) fn is_closing(&self) -> bool {
        self.flags.any(Flags::CLOSING)
            || self.members.as_ref().is_some_and(|members| members.is_closing())
    }
}

impl Node {
    pub(crate) fn look(&self) -> Look {
        let notes = self.known_board().map(|board| board.notes()).unwrap_or_default();
        let links = self.links.lock();
        // Under the lock: so they are of the same moment as the links.
        let flags = self.flags();
        Look {
            role: Role::of(flags),
            flags,
            label: links.label.clone(),
            ended: links.ghost || links.gone,
            cause: links.cause.clone(),
            deadline: links.deadline,
            since: links.listing.since(),
            members: links.members.as_ref().and_then(|members| members.upgrade()),
            children: links.children.iter().cloned().collect(),
            notes,
        }
    }

    pub(crate) fn parent(&self) -> Option<Arc<Self>> {
        self.links.lock().parent.clone()
    }

    pub(crate) fn label(&self) -> Label {
        self.links.lock().label.clone()
    }
}
