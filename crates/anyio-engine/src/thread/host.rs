//! What the thread of a job knows about the task that waits for it.

use std::{cell::RefCell, pin::Pin};

use anyio_core::NoRuntime;

use crate::{
    context::RunId,
    erased::{AnySpawner, Erased},
    sys::Arc,
    tree::Node,
};

/// A task for the run that the job belongs to.
pub(super) type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A call of `to_thread`, seen from its thread.
pub(super) trait Host: Send + Sync {
    /// The call's place in the tree. It is effective when nobody waits for the job any more, or
    /// when who waits is cancelled.
    fn node(&self) -> &Arc<Node>;

    /// Whether the call may be left alone by who waits. What its thread starts does not belong to it.
    fn abandons(&self) -> bool;

    fn backend(&self) -> Option<&'static Erased>;

    fn run(&self) -> &RunId;

    /// Spawns `task` in the run.
    fn spawn(&self, task: Task) -> Result<(), NoRuntime>;

    /// What spawns there.
    fn spawner(&self) -> Result<AnySpawner, NoRuntime>;

    /// From now on a cancellation ends [`sleep`](Self::sleep).
    fn listen(self: Arc<Self>);

    /// Blocks until [`node`](Self::node) is effective, or until `limit` has passed.
    fn sleep(&self, limit: Option<std::time::Duration>);
}

// The standard one, since a job runs in a thread of a backend, which no model has.
thread_local! {
    static HOST: RefCell<Option<Arc<dyn Host>>> = const { RefCell::new(None) };
}

/// The call whose job runs in this thread.
pub(super) fn current() -> Option<Arc<dyn Host>> {
    // The destructor of another thread-local belongs to no call.
    HOST.try_with(|host| host.borrow().clone()).ok().flatten()
}

/// Runs `job` as that of `host`, which must not panic.
pub(super) fn during<R>(host: Arc<dyn Host>, job: impl FnOnce() -> R) -> R {
    let before = HOST.with(|current| current.replace(Some(host)));
    let result = job();
    // An idle thread keeps nothing.
    let done = HOST.with(|current| current.replace(before));
    drop(done);
    result
}
