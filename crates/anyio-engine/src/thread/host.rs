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

    pub(super) const fn backend(&self) -> Option<&'static Erased> {
        self.backend
    }
}

/// The call in the thread that does its job.
pub(super) struct Here<'a, B: Executor> {
    pub(super) origin: &'a Origin,
    /// Where the call was made.
    pub(super) spawner: Result<&'a B::Spawner, &'a NoRuntime>,
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
        self.spawner.map_err(NoRuntime::clone)?.spawn_task(task);
        Ok(())
    }

    fn spawner(&self) -> Result<AnySpawner, NoRuntime> {
        self.spawner.cloned().map(AnySpawner::new).map_err(NoRuntime::clone)
    }
}
