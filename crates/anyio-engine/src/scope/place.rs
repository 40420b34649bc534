//! Where a scope is, and what says when its time is over.

use std::{
    panic::Location,
    time::{Duration, Instant},
};

use anyio_core::{Cause, CauseKind};

use super::control::Control;
use crate::{
    context::{Frame, Kind, Owner, Verdict},
    sys::Arc,
    tree::{Flags, Node},
};

/// When a scope's time is over.
#[derive(Clone, Copy, Debug)]
pub(super) enum Limit {
    /// This long after the end of the first poll.
    After(Duration),
    /// At this moment.
    At(Instant),
    /// When the handle says.
    Handle,
}

/// The scope's frame, and the handle it may have.
pub(super) struct Place {
    pub(super) frame: Frame,
    pub(super) control: Option<Arc<Control>>,
    pub(super) limit: Limit,
    pub(super) site: &'static Location<'static>,
}

impl Place {
    /// What the scope is as long as it has no node. If it has no handle, this is its deadline.
    #[inline]
    pub(super) fn kind<'a>(&'a self, end: &'a Option<(Instant, CauseKind)>) -> Kind<'a> {
        if self.control.is_some() { Kind::Owned(self) } else { Kind::Until(end, Some(self.site)) }
    }

    pub(super) fn cancel(&self, node: &Arc<Node>, cause: Cause) {
        match &self.control {
            Some(control) => control.cancel(cause),
            None => _ = node.cancel(cause),
        }
    }

    #[inline]
    fn forget(&self) {
        if let (Some(control), Some(node)) = (&self.control, self.frame.node()) {
            control.forget(node);
        }
    }

    #[inline]
    pub(super) fn leave(&mut self) {
        self.forget();
        self.frame.leave();
    }

    /// Counts the changes of the deadline.
    #[inline]
    pub(super) fn version(&self) -> u32 {
        self.control.as_ref().map_or(0, |control| control.version())
    }

    /// When the time is over, and as what it ends, from now on.
    #[inline]
    pub(super) fn deadline(&self, now: impl FnOnce() -> Instant) -> Option<(Instant, CauseKind)> {
        match (self.limit, &self.control) {
            (Limit::Handle, Some(control)) => control.start_clock(now),
            (Limit::Handle, None) => None,
            (Limit::After(timeout), _) => {
                now().checked_add(timeout).map(|deadline| (deadline, CauseKind::Deadline))
            }
            (Limit::At(deadline), _) => Some((deadline, CauseKind::Deadline)),
        }
    }
}

/// For a scope that has a handle.
impl Owner for Place {
    fn verdict(&self) -> Verdict {
        self.control.as_ref().map_or(Verdict::AskOuter, |control| control.verdict())
    }

    fn make(&self, outer: &dyn Fn() -> Option<Arc<Node>>) -> Arc<Node> {
        let site = Some(self.site);
        let node = match &self.control {
            Some(control) => control.make_node(site),
            None => Node::new(Flags::PLAIN, |links| links.label.site = site),
        };
        node.attach(outer());
        node
    }
}

impl Drop for Place {
    #[inline]
    fn drop(&mut self) {
        self.forget();
    }
}
