//! What a group's future, its handles and its tasks share.

use anyio_core::{Cause, CauseKind, Executor, NoRuntime};

use super::{lease::Shared, roster::Progress, spare, tally::Tally};
use crate::{
    context::{Locals, current_backend},
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
    /// What starts tasks where the group was opened.
    pub(super) spawner: Result<B::Spawner, NoRuntime>,
    /// Its permits bound the tasks that run.
    pub(super) limit: Option<Arc<Semaphore>>,
}

/// Why nothing is spawned in what is no group's.
#[inline]
fn no_group() -> NoRuntime {
    NoRuntime::new("there is no group")
}

impl<B: Executor, E> Core<B, E> {
    /// Of no group.
    fn blank() -> Self {
        Self { tally: Tally::blank(), backend: None, spawner: Err(no_group()), limit: None }
    }
}

impl<B: Executor, E: Send + 'static> Group<B, E> {
    /// A new group, with this place in the tree.
    #[inline]
    pub(super) fn begin(node: Arc<Node>, span: Span, settings: Settings) -> Arc<Self> {
        let mut group = spare::take().unwrap_or_else(Self::blank);
        let Some((roster, core)) = Arc::get_mut(&mut group).map(Self::parts) else {
            unreachable!("nobody else has it")
        };
        roster.begin(Locals::current());
        core.tally.begin(node, span, settings);
        core.backend = current_backend();
        core.spawner = B::spawner();
        core.limit = settings.limit.map(|limit| Arc::new(Semaphore::new(limit)));
        group
    }

    #[cold]
    fn blank() -> Arc<Self> {
        Arc::new(Self::new(Core::blank()))
    }

    /// Lets go of a group that has ended well. If nobody else has it and there is no more in it than in most,
    /// the next one of its kind that this thread opens is made of it.
    #[inline]
    pub(super) fn recycle(mut group: Arc<Self>) {
        if let Some((roster, core)) = Arc::get_mut(&mut group).map(Self::parts)
            && roster.strip()
        {
            core.spawner = Err(no_group());
            core.limit = None;
            let node = core.tally.end();
            spare::keep(group);
            node.into_iter().for_each(Node::recycle);
        }
    }
}

impl<B: Executor, E> Group<B, E> {
    /// The body has ended. Whether all tasks have, too; services are told to.
    pub(super) fn close(&self) -> bool {
        let (progress, rest) = self.roster.close();
        if progress == Progress::Services {
            self.roster.end_services();
        }
        drop(rest);
        progress == Progress::Closed
    }

    /// The group's future is gone: its last task will close it.
    pub(super) fn orphan(&self) {
        let rest = self.roster.orphan();
        let tasks = self.roster.len();
        if tasks > 0 {
            trace::group_dropped(&self.tally.span, self.tally.node(), tasks);
            self.tally.node().stay_for_members();
        }
        self.tally.node().cancel(Cause::of(CauseKind::Dropped));
        drop(rest);
    }
}
