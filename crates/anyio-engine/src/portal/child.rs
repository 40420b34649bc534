//! Settings for the tasks of a portal.

use std::fmt;

use anyio_core::{CallError, Executor};

use super::{
    handle::BlockingPortal,
    task::{Delivered, PortalTask},
    wrap::PortalReady,
};
use crate::{handover::Handover, sys::Arc};

/// Settings for a task of a portal. Given by [`BlockingPortal::child`].
#[must_use = "`spawn` or `start` starts the task"]
pub struct PortalChild<'p, B: Executor> {
    portal: &'p BlockingPortal<B>,
    name: Option<Arc<str>>,
}

impl<'p, B: Executor> PortalChild<'p, B> {
    pub(super) const fn new(portal: &'p BlockingPortal<B>) -> Self {
        Self { portal, name: None }
    }

    /// What the task is called. Without a name, it goes by the place it was spawned at.
    pub fn name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Starts the task.
    ///
    /// # Errors
    ///
    /// As [`BlockingPortal::spawn`].
    #[track_caller]
    pub fn spawn<F>(self, future: F) -> Result<PortalTask<F::Output>, CallError>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        if self.portal.is_stopped() {
            return Err(CallError::stopped());
        }
        let shelf = Arc::new(Handover::new());
        let child = self.portal.tasks().child();
        let child = match self.name {
            Some(name) => child.name(name),
            None => child,
        };
        let spawned = child.try_spawn(Delivered::new(future, Arc::clone(&shelf)));
        let handle = spawned.map_err(|error| match error.is_closed() {
            true => CallError::stopped(),
            false => CallError::finished(),
        })?;
        Ok(PortalTask { shelf, handle, run: self.portal.run().clone(), taken: false })
    }

    /// Starts the task, and waits until it says that it is ready; as [`BlockingPortal::start`].
    ///
    /// # Errors
    ///
    /// As [`BlockingPortal::call`].
    ///
    /// # Blocking
    ///
    /// Blocks the thread until then.
    #[track_caller]
    pub fn start<V, F, Fut>(
        self,
        task: F,
    ) -> Result<(PortalTask<Fut::Output>, Option<V>), CallError>
    where
        V: Send + 'static,
        F: FnOnce(PortalReady<V>) -> Fut,
        Fut: Future + Send + 'static,
        Fut::Output: Send + 'static,
    {
        self.portal.refuse()?;
        let (ready, value) = PortalReady::new();
        let task = self.spawn(task(ready))?;
        Ok((task, value.wait(None).flatten()))
    }
}

impl<B: Executor> fmt::Debug for PortalChild<'_, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PortalChild").field("name", &self.name).finish_non_exhaustive()
    }
}
