//! What the thread of a job knows about the task that waits for it.

use anyio_core::{Executor, NoRuntime, Spawn};

use crate::{
    context::{
        Locals, current_backend,
        job::{Host, Task},
    },
    erased::{AnySpawner, Erased},
    sys::Arc,
    tree::Node,
};

/// What spawns in the run. (The error is in a box because it is larger than all the rest.)
pub(super) type Spawner<B> = Result<<B as Executor>::Spawner, Box<NoRuntime>>;

/// That of where the running code is.
pub(super) fn spawner<B: Executor>() -> Spawner<B> {
    B::spawner().map_err(Box::new)
}

/// Where a call of `to_thread` comes from. It goes along with the job.
pub(super) struct Origin {
    node: Arc<Node>,
    abandons: bool,
    backend: Option<&'static Erased>,
    locals: Option<Arc<Locals>>,
}

impl Origin {
    /// That of the call which has this node, in the place where the running code is.
    pub(super) fn here(node: Arc<Node>, abandons: bool, locals: Option<Arc<Locals>>) -> Self {
        Self { node, abandons, backend: current_backend(), locals }
    }

    pub(super) const fn locals(&self) -> Option<&Arc<Locals>> {
        self.locals.as_ref()
    }
}

/// The call in the thread that does its job.
pub(super) struct Here<'a, B: Executor> {
    pub(super) origin: &'a Origin,
    /// The thread's, all of whose jobs are of one run.
    pub(super) spawner: &'a Spawner<B>,
}

impl<B: Executor> Host for Here<'_, B> {
    fn node(&self) -> &Arc<Node> {
        &self.origin.node
    }

    fn abandons(&self) -> bool {
        self.origin.abandons
    }

    fn backend(&self) -> Option<&'static Erased> {
        self.origin.backend
    }

    fn locals(&self) -> Option<&Arc<Locals>> {
        self.origin.locals.as_ref()
    }

    fn spawn(&self, task: Task) -> Result<(), NoRuntime> {
        let spawner = self.spawner.as_ref().map_err(|error| NoRuntime::clone(error))?;
        spawner.spawn_task(task);
        Ok(())
    }

    fn spawner(&self) -> Result<AnySpawner, NoRuntime> {
        self.spawner.clone().map(AnySpawner::new).map_err(|error| *error)
    }
}
