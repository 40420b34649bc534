//! One portal for all who need one, while somebody does.

use std::{
    fmt,
    ops::Deref,
    sync::{Mutex, MutexGuard, PoisonError},
};

use anyio_core::{Executor, Run, RunError, RunOptions};

use super::{
    handle::BlockingPortal,
    running::{RunningPortal, start_blocking_portal},
};

type Start<B> = Box<dyn Fn() -> Result<RunningPortal<B>, RunError> + Send + Sync>;

/// A portal that is shared: the first who [asks](Self::portal) starts it, and the last who lets go stops
/// it. The next one starts another.
///
/// Meant for libraries that are called by programs which are not async, from any number of threads.
#[doc(alias = "BlockingPortalProvider")]
pub struct PortalProvider<B: Executor> {
    start: Start<B>,
    state: Mutex<State<B>>,
}

struct State<B: Executor> {
    leases: usize,
    /// There while there are leases.
    running: Option<RunningPortal<B>>,
}

impl<B: Executor> PortalProvider<B> {
    /// A provider of portals into runs of `B` with these options.
    #[must_use]
    pub fn new(options: RunOptions) -> Self
    where
        B: Run,
    {
        Self::with(move || start_blocking_portal(&options))
    }

    /// A provider of portals that `start` starts.
    #[must_use]
    pub fn with(
        start: impl Fn() -> Result<RunningPortal<B>, RunError> + Send + Sync + 'static,
    ) -> Self {
        let state = Mutex::new(State { leases: 0, running: None });
        Self { start: Box::new(start), state }
    }

    /// The portal, started now if nobody has it.
    ///
    /// # Errors
    ///
    /// [`RunError`] if it could not be started; the next one tries again.
    ///
    /// # Blocking
    ///
    /// Blocks until the portal has started.
    pub fn portal(&self) -> Result<PortalLease<'_, B>, RunError> {
        let mut state = self.lock();
        let running = match state.running.take() {
            Some(running) => running,
            None => (self.start)()?,
        };
        let portal = (*running).clone();
        state.running = Some(running);
        state.leases += 1;
        Ok(PortalLease { provider: self, portal })
    }

    /// A start that panics leaves everything as it was.
    fn lock(&self) -> MutexGuard<'_, State<B>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<B: Executor> fmt::Debug for PortalProvider<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PortalProvider")
            .field("leases", &self.lock().leases)
            .finish_non_exhaustive()
    }
}

/// A share in the portal of a [`PortalProvider`].
///
/// # Blocking
///
/// Dropping the last one blocks until the portal's run has ended; as
/// [`RunningPortal`] says, also about panics.
#[must_use = "the portal may be stopped when this is dropped"]
pub struct PortalLease<'p, B: Executor> {
    provider: &'p PortalProvider<B>,
    portal: BlockingPortal<B>,
}

impl<B: Executor> Deref for PortalLease<'_, B> {
    type Target = BlockingPortal<B>;

    fn deref(&self) -> &BlockingPortal<B> {
        &self.portal
    }
}

impl<B: Executor> Drop for PortalLease<'_, B> {
    fn drop(&mut self) {
        let last = {
            let mut state = self.provider.lock();
            state.leases -= 1;
            if state.leases == 0 { state.running.take() } else { None }
        };
        // Outside of the lock: it may take long.
        drop(last);
    }
}

impl<B: Executor> fmt::Debug for PortalLease<'_, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PortalLease").field(&self.portal).finish()
    }
}
