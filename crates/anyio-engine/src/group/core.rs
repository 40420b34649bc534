//! What a group's future, its handles and its tasks share.

use std::pin::Pin;

use anyio_core::{Cause, CauseKind, Executor, NoRuntime};

use super::{
    lease::{Owner, Shared},
    opening::Opening,
    roster::Progress,
    spare,
    tally::Tally,
};
use crate::{
    context::{Locals, current_backend},
    erased::Erased,
    sync::Semaphore,
    sys::Arc,
    trace,
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
    /// A new group, of which `opening` is the future.
    #[inline]
    pub(super) fn open<F, Fut, T>(
        opening: Pin<&mut Opening<F, Fut, T>>,
        settings: Settings,
    ) -> Owner<Core<B, E>> {
        let mut group = spare::take().unwrap_or_else(Self::blank);
        let Some((roster, core)) = Arc::get_mut(&mut group).map(Self::parts) else {
            unreachable!("nobody else has it")
        };
        let (node, span) = opening.open(core.tally.take_spare());
        roster.begin(Locals::current());
        core.tally.begin(node, span, settings);
        core.backend = current_backend();
        core.spawner = B::spawner();
        core.limit = settings.limit.map(|limit| Arc::new(Semaphore::new(limit)));
        let members = Arc::downgrade(&group);
        let node = group.tally.node();
        node.set_members(members);
        node.be_found();
        Owner::of(group)
    }

    #[cold]
    fn blank() -> Arc<Self> {
        Arc::new(Self::new(Core::blank()))
    }

    /// Lets go of a group that has ended well, and whose place in the tree is `node`, which it leaves. If nobody
    /// else has it and there is no more in it than in most, the next one of its kind that this thread opens is made
    /// of it.
    #[inline]
    pub(super) fn recycle(group: Owner<Core<B, E>>, node: Arc<Node>) {
        // If somebody else has the group, so may they have the node.
        let Some(mut group) = group.into_alone() else { return node.detach() };
        // The future's, and the tally's.
        let alone = node.leave_alone(2);
        if !alone {
            node.detach();
        }
        drop(node);
        let Some((roster, core)) = Arc::get_mut(&mut group).map(Self::parts) else {
            // A walk still looks at it.
            return group.roster.drop_locals();
        };
        if roster.strip() {
            core.spawner = Err(no_group());
            core.limit = None;
            core.tally.end(alone);
            spare::keep(group);
        }
    }
}

impl<B: Executor, E> Owner<Core<B, E>> {
    /// The body has ended. Whether all tasks have, too; services are told to.
    #[inline]
    pub(super) fn has_ended(&self) -> bool {
        let progress = self.close();
        if progress == Progress::Services {
            self.roster.end_services();
        }
        progress == Progress::Closed
    }

    /// The group's future goes before the group has ended: its last task will close it.
    pub(super) fn orphan(self) {
        self.leave();
        let tasks = self.roster.len();
        if tasks > 0 {
            trace::group_dropped(&self.tally.span, self.tally.node(), tasks);
            self.tally.node().stay_for_members();
        }
        self.tally.node().cancel(Cause::of(CauseKind::Dropped));
    }
}
