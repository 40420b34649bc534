//! A portal inside of a run.

use anyio_core::{Body, Cancelled, Executor, TaskError};

use super::handle::BlockingPortal;
use crate::group::{Ready, TaskGroup, task_group};

/// Opens a portal into the run, for threads: `body` gets it, and hands it on.
///
/// When `body` has ended, the portal takes no more calls, and those that run are waited for. If it fails,
/// they are cancelled first. For the rest it is a [task group](crate::task_group): a cancellation from
/// outside reaches the body and the calls.
///
/// # Cancel safety
///
/// As of [`task_group`].
///
/// # Errors
///
/// The body's error. A call that fails has an error of its own.
///
/// # Panics
///
/// With the body's panic.
pub async fn blocking_portal<B, E, F, Fut>(body: F) -> Result<<Fut::Output as Body<E>>::Value, E>
where
    B: Executor,
    E: TaskError,
    F: FnOnce(BlockingPortal<B>) -> Fut,
    Fut: Future,
    Fut::Output: Body<E>,
{
    // Two groups: the tasks can be cancelled without the body.
    task_group::<B, E, _, _>(async move |outer: TaskGroup<B, E>| {
        let portal = outer.start(serve::<B, E>).await?;
        let _stop = StopAtEnd(portal.clone());
        body(portal).await.into_result()
    })
    .await
}

/// Runs the tasks of a portal, which it gives when it is ready.
async fn serve<B: Executor, E: TaskError>(ready: Ready<BlockingPortal<B>>) -> Result<(), E> {
    let tasks = task_group(async move |tasks: TaskGroup<B, Cancelled>| {
        let portal = BlockingPortal::new(tasks);
        ready.started(portal.clone());
        portal.wait_stopped().await;
    });
    // Cancelled: that is how a portal's stop may end the tasks.
    _ = tasks.await;
    Ok(())
}

struct StopAtEnd<B: Executor>(BlockingPortal<B>);

impl<B: Executor> Drop for StopAtEnd<B> {
    fn drop(&mut self) {
        self.0.stop(false);
    }
}
