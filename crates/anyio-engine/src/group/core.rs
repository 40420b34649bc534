//! What a group's future, its handles and its tasks share.

use anyio_core::{Cause, CauseKind, Executor, NoRuntime};

use super::{
    roster::{Progress, Roster},
    slot::Slot,
    tally::Tally,
};
use crate::{
    context::Inherited,
    erased::Erased,
    sync::Semaphore,
    sys::Arc,
    trace::{self, Span},
    tree::Node,
};

/// What a group's builder says about it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Settings {
    /// All errors are wanted, and not the first alone.
    pub(super) collects: bool,
    pub(super) limit: Option<usize>,
}

pub(super) struct Core<B: Executor, E> {
    pub(super) tally: Tally<E>,
    pub(super) backend: Option<&'static Erased>,
    /// What was set where the group was opened.
    pub(super) locals: Inherited,
    pub(super) spawner: Result<B::Spawner, NoRuntime>,
    /// In an `Arc` of its own, so that handles that come and go do not disturb the tasks' count.
    pub(super) roster: Arc<Roster>,
    /// Its permits bound the tasks that run.
    pub(super) limit: Option<Arc<Semaphore>>,
}

impl<B: Executor, E> Core<B, E> {
    pub(super) fn new(
        node: Arc<Node>,
        backend: Option<&'static Erased>,
        span: Span,
        roster: Arc<Roster>,
        settings: Settings,
    ) -> Self {
        Self {
            tally: Tally::new(node, span, settings),
            backend,
            locals: Inherited::here(),
            spawner: B::spawner(),
            roster,
            limit: settings.limit.map(|limit| Arc::new(Semaphore::new(limit))),
        }
    }

    /// A task has ended.
    pub(super) fn remove(&self, free: Option<(u32, &Slot)>, service: bool) {
        if self.roster.remove(free, service) {
            self.tally.node.waker().wake();
        }
    }

    /// The body has ended. Whether all tasks have, too; services are told to.
    pub(super) fn close(&self) -> bool {
        let progress = self.roster.close();
        if progress == Progress::Services {
            self.roster.end_services();
        }
        let closed = progress == Progress::Closed;
        if closed {
            self.locals.let_go();
        }
        closed
    }

    /// The group's future is gone: its last task will close it.
    pub(super) fn orphan(&self) {
        self.roster.orphan();
        let tasks = self.roster.len();
        if tasks > 0 {
            trace::group_dropped(&self.tally.span, &self.tally.node, tasks);
            self.tally.node.stay_for_members();
        }
        self.tally.node.cancel(Cause::of(CauseKind::Dropped));
    }
}
