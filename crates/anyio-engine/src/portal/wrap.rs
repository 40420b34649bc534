//! What a task holds out to a thread.

use std::{fmt, ops::Deref};

use anyio_core::{CallError, Executor};

use super::{handle::BlockingPortal, task::PortalTask};
use crate::{handover::Handover, sync::Event, sys::Arc};

/// With which a task of [`BlockingPortal::start`] says that it is ready.
pub struct PortalReady<V> {
    // Until it has said so.
    value: Option<Arc<Handover<Option<V>>>>,
}

impl<V> PortalReady<V> {
    pub(super) fn new() -> (Self, Arc<Handover<Option<V>>>) {
        let value = Arc::new(Handover::new());
        (Self { value: Some(Arc::clone(&value)) }, value)
    }

    /// The task is ready; the thread gets `value`.
    pub fn started(mut self, value: V) {
        if let Some(handover) = self.value.take() {
            handover.give(Some(value));
        }
    }
}

impl<V> Drop for PortalReady<V> {
    fn drop(&mut self) {
        if let Some(handover) = self.value.take() {
            handover.give(None);
        }
    }
}

impl<V> fmt::Debug for PortalReady<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PortalReady")
    }
}

/// With which a task of [`BlockingPortal::wrap`] holds something out to the thread.
#[derive(Debug)]
pub struct Holding<V> {
    ready: PortalReady<V>,
    released: Arc<Event>,
}

impl<V> Holding<V> {
    /// Gives `value` to the thread, and waits until it lets go.
    ///
    /// # Cancel safety
    ///
    /// Cancelled, the thread keeps the value, and is not told: its next call is.
    pub async fn hold(self, value: V) {
        self.ready.started(value);
        self.released.wait().await;
    }
}

/// What a task holds out to this thread: there until this is dropped, or [let go](Self::exit). Given by
/// [`BlockingPortal::wrap`].
///
/// # Blocking
///
/// Dropping it waits until the task has ended, but in a task of the portal's own run.
pub struct Wrapped<V, T> {
    value: V,
    task: PortalTask<T>,
    released: Arc<Event>,
}

#[track_caller]
pub(super) fn wrap<B, V, T, E, F, Fut>(
    portal: &BlockingPortal<B>,
    task: F,
) -> Result<Result<Wrapped<V, Result<T, E>>, E>, CallError>
where
    B: Executor,
    V: Send + 'static,
    T: Send + 'static,
    E: Send + 'static,
    F: FnOnce(Holding<V>) -> Fut,
    Fut: Future<Output = Result<T, E>> + Send + 'static,
{
    let released = Arc::new(Event::new());
    let theirs = Arc::clone(&released);
    let (mut task, value) = portal.start(|ready| task(Holding { ready, released: theirs }))?;
    match value {
        Some(value) => Ok(Ok(Wrapped { value, task, released })),
        None => match task.wait()? {
            Ok(_) => Err(CallError::not_held()),
            Err(error) => Ok(Err(error)),
        },
    }
}

impl<V, T> Wrapped<V, T> {
    /// Lets go, waits until the task has ended, and takes what it ended in.
    ///
    /// # Errors
    ///
    /// As [`PortalTask::wait`].
    ///
    /// # Panics
    ///
    /// With the panic of the task.
    ///
    /// # Blocking
    ///
    /// Blocks the thread until the task has ended.
    pub fn exit(mut self) -> Result<T, CallError> {
        self.released.set();
        self.task.wait()
    }
}

impl<V, T> Deref for Wrapped<V, T> {
    type Target = V;

    fn deref(&self) -> &V {
        &self.value
    }
}

impl<V, T> Drop for Wrapped<V, T> {
    fn drop(&mut self) {
        self.released.set();
        if !self.task.is_taken() {
            // Whoever wants to know how it ended asks `exit`.
            drop(self.task.end(None));
        }
    }
}

impl<V: fmt::Debug, T> fmt::Debug for Wrapped<V, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wrapped")
            .field("value", &self.value)
            .field("task", &self.task)
            .finish_non_exhaustive()
    }
}
