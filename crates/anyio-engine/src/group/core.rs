//! What a group's future, its handles and its tasks share.

use anyio_core::{Executor, NoRuntime};

use super::{
    lease::{Lone, Owner, Placed, Shared, Spare},
    opening::Head,
    roster::{Progress, Roster},
    spare,
    tally::Tally,
};
use crate::{
    context::{FixedFrame, Locals, ambient, current_backend},
    erased::Erased,
    sync::Semaphore,
    sys::{Alone, Arc, init},
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
    /// What starts tasks where the group was opened, from its beginning to its end.
    spawner: Option<Result<B::Spawner, NoRuntime>>,
    /// Its permits bound the tasks that run.
    pub(super) limit: Option<Arc<Semaphore>>,
}

impl<B: Executor, E> Core<B, E> {
    /// Of no group.
    fn blank() -> Self {
        Self { tally: Tally::new(FixedFrame::new()), backend: None, spawner: None, limit: None }
    }

    /// What starts tasks, if there is anything where the group was opened.
    #[inline]
    pub(super) fn spawner(&self) -> Result<&B::Spawner, NoRuntime> {
        match &self.spawner {
            Some(Ok(spawner)) => Ok(spawner),
            Some(Err(error)) => Err(error.clone()),
            None => unreachable!("who asks has a group"),
        }
    }

    /// Takes out what there is of a group that has ended well. False if it was too large.
    #[inline(always)]
    fn end(roster: &mut Roster, core: &mut Self) -> bool {
        core.spawner = None;
        core.limit = None;
        core.tally.end();
        roster.strip()
    }
}

impl<B: Executor, E: Send + 'static> Placed for Core<B, E> {
    #[inline]
    fn place(&self) -> &FixedFrame {
        &self.tally.place
    }

    #[inline]
    fn place_mut(&mut self) -> &mut FixedFrame {
        &mut self.tally.place
    }
}

impl<B: Executor, E: Send + 'static> Group<B, E> {
    /// A new group, whose future has this head.
    #[inline]
    pub(super) fn open(head: &Head, settings: &Settings) -> Owner<Core<B, E>> {
        ambient::at_node(|parent| Self::open_beneath(parent, head, settings))
    }

    // A function of its own, and one for all bodies: what it uses stays in registers.
    #[inline(never)]
    fn open_beneath(
        parent: Option<&Arc<Node>>,
        head: &Head,
        settings: &Settings,
    ) -> Owner<Core<B, E>> {
        let spare = spare::take().unwrap_or_else(Self::blank);
        let spawner = B::spawner();
        let mut fresh = spare.begin(head, parent);
        let (roster, core) = fresh.parts();
        roster.begin(Locals::current());
        core.tally.begin(head, settings);
        core.backend = current_backend();
        init(&mut core.spawner, Some(spawner));
        let limit = settings.limit.map(|limit| Arc::new(Semaphore::new(limit)));
        init(&mut core.limit, limit);
        fresh.enter(parent)
    }

    #[cold]
    fn blank() -> Spare<Core<B, E>> {
        Spare::of(Alone::new(Self::new(Core::blank())))
    }

    /// Lets go of a group that has ended well, which leaves its place in the tree. If it was not too large, the next one
    /// of its kind that this thread opens is made of it.
    #[inline]
    pub(super) fn recycle(group: Lone<Core<B, E>>) {
        ambient::at_known_node(|around| Self::recycle_at(around, group));
    }

    #[inline(never)]
    fn recycle_at(around: Option<&Arc<Node>>, group: Lone<Core<B, E>>) {
        match group.into_spare(around) {
            Ok(spare) => spare::keep(spare.clear(Core::end)),
            Err(group) => Self::recycle_without(group),
        }
    }

    /// The same with another node, when it has left its place.
    #[cold]
    fn recycle_without(group: Owner<Core<B, E>>) {
        spare::keep(group.into_spare_without(Core::end));
    }
}

impl<B: Executor, E> Owner<Core<B, E>> {
    /// The body has ended. Whether all tasks have, too; services are told to.
    #[inline(always)]
    pub(super) fn has_ended(&self) -> bool {
        let progress = self.close();
        if progress == Progress::Services {
            self.roster.end_services();
        }
        progress == Progress::Closed
    }

    /// The group's future goes before the group has ended: its last task will close it.
    #[cold]
    pub(super) fn orphan(self) {
        // Whatever others' code does here.
        let _abandoned = self.tally.node().abandon();
        self.leave();
        let tasks = self.roster.len();
        if tasks > 0 {
            trace::group_dropped(&self.tally.span(), self.tally.node(), tasks);
            self.tally.node().stay_for_members();
        }
    }
}
