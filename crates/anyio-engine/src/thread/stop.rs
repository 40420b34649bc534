//! Telling a job to stop.

use std::{fmt, time::Duration};

use anyio_core::Cancelled;

use super::host::Host;
use crate::sys::Arc;

/// Tells a job that nobody needs it any more. Given to the job of
/// [`to_thread_with_stop`](crate::to_thread_with_stop).
///
/// A job asks now and then, or sleeps here instead of elsewhere. Threads that it starts may ask, too.
#[doc(alias = "CancellationToken")]
pub struct StopToken {
    host: Arc<dyn Host>,
}

impl StopToken {
    pub(super) fn new(host: Arc<dyn Host>) -> Self {
        Arc::clone(&host).listen();
        Self { host }
    }

    /// Whether the job shall stop: the task that waits for it is cancelled, or its future was dropped.
    #[must_use]
    pub fn is_stop_requested(&self) -> bool {
        self.host.node().is_effective()
    }

    /// For jobs that end with `?` when they shall stop.
    ///
    /// # Errors
    ///
    /// [`Cancelled`], with the cause, if the job shall stop.
    pub fn check(&self) -> Result<(), Cancelled> {
        let node = self.host.node();
        if node.is_effective() { Err(Cancelled::new(node.origin())) } else { Ok(()) }
    }

    /// Sleeps until the job shall stop.
    ///
    /// # Blocking
    ///
    /// Blocks the thread. If the task that waits is never cancelled, for ever.
    pub fn wait(&self) {
        self.host.sleep(None);
    }

    /// Sleeps for `duration`, or until the job shall stop. Whether it shall.
    ///
    /// # Blocking
    ///
    /// Blocks the thread.
    #[must_use = "it says whether to stop"]
    pub fn wait_timeout(&self, duration: Duration) -> bool {
        self.host.sleep(Some(duration));
        self.is_stop_requested()
    }
}

impl fmt::Debug for StopToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StopToken").field("stop_requested", &self.is_stop_requested()).finish()
    }
}
