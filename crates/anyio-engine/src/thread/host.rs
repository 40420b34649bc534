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
pub(super) struct Origin<B: Executor> {
    node: Arc<Node>,
    abandons: bool,
    backend: Option<&'static Erased>,
    locals: Option<Arc<Locals>>,
    /// The error in a box: it is larger than all the rest, which is a part of the allocation of a job.
    spawner: Result<B::Spawner, Box<NoRuntime>>,
}

impl<B: Executor> Origin<B> {
    /// That of the call which has this node, in the place where the running code is.
    pub(super) fn here(node: Arc<Node>, abandons: bool, locals: Option<Arc<Locals>>) -> Self {
        Self {
            node,
            abandons,
            backend: current_backend(),
            locals,
            spawner: B::spawner().map_err(Box::new),
        }
    }
}

impl<B: Executor> Host for Origin<B> {
    fn node(&self) -> &Arc<Node> {
        &self.node
    }

    fn abandons(&self) -> bool {
        self.abandons
    }

    fn backend(&self) -> Option<&'static Erased> {
        self.backend
    }

    fn locals(&self) -> Option<&Arc<Locals>> {
        self.locals.as_ref()
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
