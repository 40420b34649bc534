//! From a thread back into the run: the other direction of [`to_thread`](crate::to_thread).
//!
//! The job of a `to_thread` finds its run by itself. Any other thread takes a [`Handle`] along, or uses a
//! portal. All of these block the calling thread, so that a task must not call them for its own run:
//! that is an error, and does not hang.
//!
//! (It is known of code that is polled inside of a future of this library: a run, a task of a group, a
//! scope. A task that somebody has spawned on the runtime by other means, and that uses nothing of
//! this library, goes unnoticed.)

use std::fmt;

use anyio_core::{CallError, Cancelled, Executor, NoRuntime, Spawn as _};

use super::guest;
use crate::{
    context::{
        Captured, Locals, RunId, current_backend, is_polled,
        job::{self, Host},
    },
    erased::{AnySpawner, Erased},
    sys::Arc,
};

/// Runs `future` in the run that this job belongs to, and waits for it.
///
/// It is a task of its own, beneath the one that waits for the job: it is cancelled with that, and has
/// its local values. If the job may be [abandoned](crate::ToThread::abandon_on_cancel), the future
/// belongs to no scope, and goes on to its end.
///
/// # Errors
///
/// [`CallError`]: the thread runs no job of `to_thread`; the run has ended; the future was cancelled with
/// the task that waits; or this is no thread of its own, but a task.
///
/// # Panics
///
/// With the panic of `future`.
///
/// # Blocking
///
/// Blocks the thread until `future` has ended.
pub fn run<F>(future: F) -> Result<F::Output, CallError>
where
    F: Future + Send + 'static, // runs on another thread, and owns what it uses: `async move`
    F::Output: Send + 'static,
{
    at_host(|host| {
        if RunId::of(host.locals()).is_polled_here() {
            return Err(CallError::refused());
        }
        let node = (!host.abandons()).then(|| Arc::clone(host.node()));
        let place = Captured::made(node, host.backend(), Locals::current());
        guest::block_on(|task| host.spawn(task), &place, future)
    })
}

/// Runs `f` on a thread of the run that this job belongs to, and waits for what it gives. `f` must not
/// block. It is run even if the task that waits for the job has been cancelled.
///
/// # Errors
///
/// As [`run`].
///
/// # Panics
///
/// With the panic of `f`.
///
/// # Blocking
///
/// Blocks the thread until `f` has ended.
pub fn run_sync<F, T>(f: F) -> Result<T, CallError>
where
    F: FnOnce() -> T + Send + 'static, // runs on another thread, and owns what it uses: `move`
    T: Send + 'static,
{
    run(async move { f() })
}

/// Says whether the task that waits for this job is cancelled, so that the job had better end. See
/// [`StopToken`](crate::StopToken) for a job that sleeps.
///
/// # Errors
///
/// [`CallError`], which [is a cancellation](CallError::as_cancelled), if the task is cancelled, or has
/// dropped its call; or that this thread runs no job of `to_thread`.
pub fn check_cancelled() -> Result<(), CallError> {
    at_host(|host| {
        let node = host.node();
        if node.is_effective() { Err(Cancelled::new(node.origin()).into()) } else { Ok(()) }
    })
}

/// Gives `f` the call whose job runs in this thread.
fn at_host<R>(f: impl FnOnce(&dyn Host) -> Result<R, CallError>) -> Result<R, CallError> {
    job::host(|host| match host {
        Some(host) => f(host),
        None if is_polled() => Err(CallError::refused()),
        None => Err(CallError::no_runtime(NoRuntime::new(
            "this thread runs no job of `to_thread`, so there is no task to call back to: take a \
             `from_thread::Handle` along, or start a portal",
        ))),
    })
}

/// A run, for threads that do not belong to it. Given by [`Handle::of`].
///
/// What it runs are tasks that belong to no scope; to run a future in one, hand it a
/// [captured](crate::capture) one: `handle.run(async move { context.in_scope(future).await })`.
#[derive(Clone)]
#[doc(alias = "EventLoopToken", alias = "TrioToken")]
pub struct Handle {
    spawner: AnySpawner,
    backend: Option<&'static Erased>,
    locals: Option<Arc<Locals>>,
    run: RunId,
}

impl Handle {
    /// A handle on the run of `B` that the calling code is in: a task, or the job of a `to_thread`.
    ///
    /// # Errors
    ///
    /// [`NoRuntime`] outside of such a run.
    pub fn of<B: Executor>() -> Result<Self, NoRuntime> {
        let locals = Locals::current();
        let run = RunId::of(locals.as_ref());
        let (spawner, backend) = job::host(|host| match host {
            Some(host) => Ok((host.spawner()?, host.backend())),
            None => Ok((AnySpawner::new(B::spawner()?), current_backend())),
        })?;
        Ok(Self { spawner, backend, locals, run })
    }

    /// Runs `future` in the run, and waits for it. It has the local values of where the handle was made.
    ///
    /// # Errors
    ///
    /// [`CallError`]: the run has ended, before the call or under it, or the call comes from a task of
    /// that run.
    ///
    /// # Panics
    ///
    /// With the panic of `future`.
    ///
    /// # Blocking
    ///
    /// Blocks the thread until `future` has ended.
    pub fn run<F>(&self, future: F) -> Result<F::Output, CallError>
    where
        F: Future + Send + 'static, // runs on another thread, and owns what it uses: `async move`
        F::Output: Send + 'static,
    {
        if self.run.is_polled_here() {
            return Err(CallError::refused());
        }
        let place = Captured::made(None, self.backend, self.locals.clone());
        let spawn = |task| {
            self.spawner.spawn_task(task);
            Ok(())
        };
        guest::block_on(spawn, &place, future)
    }

    /// Runs `f` on a thread of the run, and waits for what it gives. `f` must not block.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    ///
    /// # Panics
    ///
    /// With the panic of `f`.
    ///
    /// # Blocking
    ///
    /// Blocks the thread until `f` has ended.
    pub fn run_sync<F, T>(&self, f: F) -> Result<T, CallError>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        self.run(async move { f() })
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").field("backend", &self.backend).finish_non_exhaustive()
    }
}
