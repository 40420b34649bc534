//! The handle on a portal.

use std::fmt;

use anyio_core::{CallError, Cancelled, Executor};

use super::{
    child::PortalChild,
    remote::CallAsync,
    task::PortalTask,
    wrap::{self, Holding, PortalReady, Wrapped},
};
use crate::{
    context::{Locals, RunId},
    group::TaskGroup,
    sync::Event,
    sys::Arc,
};

/// Runs async code for threads that are not async, and for tasks of other runs.
///
/// It may be cloned and moved to any thread. What it runs are tasks of a group: each has a result of its
/// own, and none of them fails another one. They have the scope and the
/// [local values](crate::TreeLocal) of where the portal was opened.
///
/// What blocks must not be called from a task of the portal's own run, which it would wait for; that is
/// refused with an error. [`spawn`](Self::spawn), [`stop`](Self::stop) and awaiting do not block.
///
/// Given by [`blocking_portal`](crate::blocking_portal) inside of a run, and by
/// [`start_blocking_portal`](crate::start_blocking_portal) with a run of its own.
pub struct BlockingPortal<B: Executor> {
    shared: Arc<Shared<B>>,
}

struct Shared<B: Executor> {
    tasks: TaskGroup<B, Cancelled>,
    stopped: Event,
    run: RunId,
}

impl<B: Executor> BlockingPortal<B> {
    /// A portal whose tasks are in `tasks`.
    pub(super) fn new(tasks: TaskGroup<B, Cancelled>) -> Self {
        let run = RunId::of(Locals::current().as_ref());
        Self { shared: Arc::new(Shared { tasks, stopped: Event::new(), run }) }
    }

    /// Runs `future` in the portal, and waits for it.
    ///
    /// # Errors
    ///
    /// [`CallError`]: the portal has been stopped; the task was cancelled with it; the run has ended;
    /// or the call comes from a task of that run.
    ///
    /// # Panics
    ///
    /// With the panic of `future`.
    ///
    /// # Blocking
    ///
    /// Blocks the thread until `future` has ended.
    #[track_caller]
    pub fn call<F>(&self, future: F) -> Result<F::Output, CallError>
    where
        F: Future + Send + 'static, // runs on another thread, and owns what it uses: `async move`
        F::Output: Send + 'static,
    {
        self.refuse()?;
        self.spawn(future)?.wait()
    }

    /// Starts `future` as a task of the portal.
    ///
    /// # Errors
    ///
    /// [`CallError`]: the portal has been stopped.
    #[track_caller]
    #[doc(alias = "start_task_soon")]
    pub fn spawn<F>(&self, future: F) -> Result<PortalTask<F::Output>, CallError>
    where
        F: Future + Send + 'static, // runs on another thread, and owns what it uses: `async move`
        F::Output: Send + 'static,
    {
        self.child().spawn(future)
    }

    /// Settings for a task, as its name: `portal.child().name("worker").spawn(work)`.
    pub const fn child(&self) -> PortalChild<'_, B> {
        PortalChild::new(self)
    }

    /// Starts a task, and waits until it says that it is ready: the value it gave with that, or none if
    /// it has ended, or let go of `ready`, without. What it ends in is in the [`PortalTask`].
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call).
    ///
    /// # Blocking
    ///
    /// Blocks the thread until then.
    #[track_caller]
    #[doc(alias = "start_task")]
    pub fn start<V, F, Fut>(
        &self,
        task: F,
    ) -> Result<(PortalTask<Fut::Output>, Option<V>), CallError>
    where
        V: Send + 'static,
        F: FnOnce(PortalReady<V>) -> Fut,
        Fut: Future + Send + 'static,
        Fut::Output: Send + 'static,
    {
        self.child().start(task)
    }

    /// Keeps something open in the portal for as long as the thread needs it, as a connection that has to
    /// be opened and closed by async code:
    ///
    /// ```text
    /// thread: let held = portal.wrap(…)? ─ blocks ─┬─ uses *held ─ drop(held) ─ blocks ─┐
    /// task:   open().await; holding.hold(value) ───┘ waits                └─ close().await ┘
    /// ```
    ///
    /// The task opens it, [holds](Holding::hold) it out to the thread, goes on when the thread lets go, and
    /// closes it. Its own error is the inner one, if it fails before; so that `portal.wrap(…)??` is what a
    /// thread writes.
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call); also that the task has ended without holding anything out.
    ///
    /// # Panics
    ///
    /// With the panic of the task, if it comes before.
    ///
    /// # Blocking
    ///
    /// Blocks the thread until the value is there.
    #[track_caller]
    #[doc(alias = "wrap_async_context_manager")]
    pub fn wrap<V, T, E, F, Fut>(
        &self,
        task: F,
    ) -> Result<Result<Wrapped<V, Result<T, E>>, E>, CallError>
    where
        V: Send + 'static,
        T: Send + 'static,
        E: Send + 'static,
        F: FnOnce(Holding<V>) -> Fut,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
    {
        wrap::wrap(self, task)
    }

    /// Runs `future` in the portal, for a task of another run.
    ///
    /// If the scope around the call is cancelled, `future` is, too, and the call waits until it has
    /// ended; see [`CallAsync::abandon_on_cancel`].
    ///
    /// # Cancel safety
    ///
    /// Cancelled before it has started, nothing is run. Dropping the future by hand cancels what runs,
    /// and does not wait.
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call).
    ///
    /// # Panics
    ///
    /// With the panic of `future`.
    #[track_caller]
    pub fn call_async<F>(&self, future: F) -> CallAsync<B, F>
    where
        F: Future + Send + 'static, // runs on another thread, and owns what it uses: `async move`
        F::Output: Send + 'static,
    {
        CallAsync::new(self.clone(), future)
    }

    /// Takes no more calls from now on. Those that run go on to their end, or with `cancel_remaining` are
    /// cancelled. May be called again, to cancel them after all.
    #[track_caller]
    pub fn stop(&self, cancel_remaining: bool) {
        self.shared.stopped.set();
        if cancel_remaining {
            self.shared.tasks.cancel_because("the portal was stopped");
        }
    }

    /// Whether [`stop`](Self::stop) has been called.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.shared.stopped.is_set()
    }

    /// Waits until [`stop`](Self::stop) is called: what the body of a portal does that only serves others.
    ///
    /// # Cancel safety
    ///
    /// Atomic: nothing happens but the waiting.
    #[doc(alias = "sleep_until_stopped")]
    pub async fn wait_stopped(&self) {
        self.shared.stopped.wait().await;
    }

    pub(super) fn tasks(&self) -> &TaskGroup<B, Cancelled> {
        &self.shared.tasks
    }

    /// Whether the calling thread would wait for itself.
    pub(super) fn refuse(&self) -> Result<(), CallError> {
        if self.shared.run.is_polled_here() { Err(CallError::refused()) } else { Ok(()) }
    }

    pub(super) fn run(&self) -> &RunId {
        &self.shared.run
    }
}

impl<B: Executor> Clone for BlockingPortal<B> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<B: Executor> fmt::Debug for BlockingPortal<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlockingPortal")
            .field("tasks", &self.shared.tasks)
            .field("stopped", &self.is_stopped())
            .finish()
    }
}
