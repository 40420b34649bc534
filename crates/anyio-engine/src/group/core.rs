//! What a group's future, its handles and its tasks share.

use anyio_core::{Cause, CauseKind, Executor, NoRuntime};

use super::{lease::Shared, roster::Progress, tally::Tally};
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

/// All that is shared by a group.
pub(super) type Group<B, E> = Shared<Core<B, E>>;

/// Of that, what is not the roster.
pub(super) struct Core<B: Executor, E> {
    pub(super) tally: Tally<E>,
    pub(super) backend: Option<&'static Erased>,
    /// What was set where the group was opened.
    pub(super) locals: Inherited,
    pub(super) spawner: Result<B::Spawner, NoRuntime>,
    /// Its permits bound the tasks that run.
    pub(super) limit: Option<Arc<Semaphore>>,
}

impl<B: Executor, E> Core<B, E> {
    #[inline]
    pub(super) fn new(
        node: Arc<Node>,
        backend: Option<&'static Erased>,
        span: Span,
        settings: Settings,
    ) -> Self {
        Self {
            tally: Tally::new(node, span, settings),
            backend,
            locals: Inherited::here(),
            spawner: B::spawner(),
            limit: settings.limit.map(|limit| Arc::new(Semaphore::new(limit))),
        }
    }
}

impl<B: Executor, E> Group<B, E> {
    /// The body has ended. Whether all tasks have, too; services are told to.
    pub(super) fn close(&self) -> bool {
        let (progress, own) = self.roster.close();
        if progress == Progress::Services {
            self.roster.end_services();
        }
        // The caller has this, too.
        drop(own);
        progress == Progress::Closed
    }

    /// The group's future is gone: its last task will close it.
    pub(super) fn orphan(&self) {
        let own = self.roster.orphan();
        let tasks = self.roster.len();
        if tasks > 0 {
            trace::group_dropped(&self.tally.span, &self.tally.node, tasks);
            self.tally.node.stay_for_members();
        }
        self.tally.node.cancel(Cause::of(CauseKind::Dropped));
        drop(own);
    }
}
