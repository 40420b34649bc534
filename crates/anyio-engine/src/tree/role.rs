//! What a node stands for, and how people call it.

use std::{panic::Location, sync::Arc as StdArc};

use anyio_core::Cause;

use super::{flags::Flags, node::Node};
use crate::sys::Arc;

/// Where something was written down.
pub(crate) type Site = Option<&'static Location<'static>>;

/// What a node stands for. It is in the node's flags, where it costs nothing, and only the tree of
/// tasks asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Scope,
    /// The part of something that may be cut; no place of its own to people.
    Boundary,
    Shield,
    /// A body that has a cleanup.
    Cleanup,
    /// The cleanup itself, which has begun.
    CleaningUp,
    Catch,
    /// Somebody waits for a task to be ready.
    Start,
    Group,
    Task,
    /// The outermost future of a run.
    Run,
    /// A task of somebody else's, in a captured scope.
    Captured,
    /// Somebody waits for what runs elsewhere: a job on a thread, a task of a portal.
    Call,
}

impl Role {
    const ALL: [Self; 12] = [
        Self::Scope,
        Self::Boundary,
        Self::Shield,
        Self::Cleanup,
        Self::CleaningUp,
        Self::Catch,
        Self::Start,
        Self::Group,
        Self::Task,
        Self::Run,
        Self::Captured,
        Self::Call,
    ];

    /// The flags of a node that stands for this.
    pub(crate) const fn flags(self) -> Flags {
        Flags::of_role(self as u32)
    }

    pub(crate) const fn of(flags: Flags) -> Self {
        Self::ALL[flags.to_role() as usize]
    }
}

/// How people call what a node stands for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Label {
    pub(crate) name: Option<StdArc<str>>,
    pub(crate) site: Site,
}

impl Label {
    pub(crate) const fn at(site: Site) -> Self {
        Self { name: None, site }
    }

    pub(crate) const fn named(name: Option<StdArc<str>>, site: &'static Location<'static>) -> Self {
        Self { name, site: Some(site) }
    }
}

/// The tasks of a group, which are woken when it is cancelled, though they may have no nodes.
pub(crate) trait Members: Send + Sync {
    fn wake_all(&self);

    /// Those that run.
    fn list(&self) -> Vec<Member>;

    /// The group's body has ended, and it waits for those.
    fn is_closing(&self) -> bool {
        false
    }
}

/// One of them.
pub(crate) struct Member {
    pub(crate) label: Label,
    /// When it was spawned, at the earliest: see [`ticks`](crate::sys::ticks).
    pub(crate) since: u32,
    pub(crate) service: bool,
    /// It was pending when it was polled last.
    pub(crate) waits: bool,
    /// Its handle has cancelled it.
    pub(crate) cancelled: bool,
    pub(crate) cause: Option<Cause>,
    pub(crate) node: Option<Arc<Node>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_comes_back_out_of_the_flags() {
        for role in Role::ALL {
            assert_eq!(Role::of(Flags::EFFECTIVE.with(role.flags()).with(Flags::CLOSING)), role);
        }
    }
}
