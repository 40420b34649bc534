//! A portal with a run of its own.

use std::{
    fmt,
    ops::Deref,
    panic::resume_unwind,
    pin::Pin,
    sync::mpsc,
    thread::{self, JoinHandle},
};

use anyio_core::{Executor, Run, RunError, RunOptions};

use super::{handle::BlockingPortal, open::blocking_portal};

/// Starts a run of `B` in a thread of its own, and a portal into it: async code for a program that is not.
///
/// ```
/// # use anyio_core::Run;
/// use anyio_core::RunOptions;
/// use anyio_engine::start_blocking_portal;
///
/// # fn of<Mine: Run>() -> Result<(), Box<dyn std::error::Error>> {
/// let portal = start_blocking_portal::<Mine>(&RunOptions::default())?;
/// let mut slow = portal.spawn(async { 40 })?; // goes on in the background
/// let fast = portal.call(async { 2 })?;
/// assert_eq!(slow.wait()? + fast, 42);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// [`RunError`] if the runtime, or the thread, could not be started.
///
/// # Blocking
///
/// Blocks until the runtime has started.
pub fn start_blocking_portal<B: Run>(options: &RunOptions) -> Result<RunningPortal<B>, RunError> {
    let options = options.clone();
    let name = format!("{}-portal", B::NAME);
    start_portal_with(name, move |future| B::run(&options, future))
}

/// As [`start_blocking_portal`], where `drive` runs the future that it is given, and the thread is called
/// `name`.
///
/// # Errors
///
/// Those of `drive`; also if the thread could not be started.
///
/// # Blocking
///
/// Blocks until the runtime has started.
pub fn start_portal_with<B, D>(name: String, drive: D) -> Result<RunningPortal<B>, RunError>
where
    B: Executor,
    D: FnOnce(Pin<Box<dyn Future<Output = ()>>>) -> Result<(), RunError> + Send + 'static,
{
    let (send, receive) = mpsc::channel();
    let run = move || {
        drive(Box::pin(async move {
            let serve = async |portal: BlockingPortal<B>| {
                // The other side waits for nothing else.
                _ = send.send(portal.clone());
                portal.wait_stopped().await;
            };
            _ = blocking_portal::<B, anyio_core::Cancelled, _, _>(serve).await;
        }))
    };
    let started = thread::Builder::new().name(name).spawn(run);
    let thread = started.map_err(|error| RunError::build(B::NAME, error))?;
    match receive.recv() {
        Ok(portal) => Ok(RunningPortal { portal, thread: Some(thread) }),
        Err(_) => match thread.join() {
            Ok(Err(error)) => Err(error),
            Ok(Ok(())) => {
                let why = std::io::Error::other("the runtime stopped before the portal was open");
                Err(RunError::build(B::NAME, why))
            }
            Err(payload) => resume_unwind(payload),
        },
    }
}

/// A [portal](BlockingPortal) with a run of its own, which ends with it. Given by
/// [`start_blocking_portal`].
///
/// Dropping it stops the portal, and waits until what runs has ended, and the run with it. While a panic
/// unwinds, what runs is cancelled first; to do so otherwise, call
/// [`stop(true)`](BlockingPortal::stop) before.
///
/// # Blocking
///
/// Dropping it blocks until the run has ended; in a task of that same run, which it would wait for, it
/// does not.
#[must_use = "the portal is stopped when this is dropped"]
pub struct RunningPortal<B: Executor> {
    portal: BlockingPortal<B>,
    // Until it is dropped.
    thread: Option<JoinHandle<Result<(), RunError>>>,
}

impl<B: Executor> Deref for RunningPortal<B> {
    type Target = BlockingPortal<B>;

    fn deref(&self) -> &BlockingPortal<B> {
        &self.portal
    }
}

impl<B: Executor> Drop for RunningPortal<B> {
    fn drop(&mut self) {
        self.portal.stop(thread::panicking());
        let Some(thread) = self.thread.take() else { return };
        if self.portal.run().is_polled_here() {
            return;
        }
        // It has started, so it has no error; and tasks do not panic out of a portal.
        _ = thread.join();
    }
}

impl<B: Executor> fmt::Debug for RunningPortal<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RunningPortal").field(&self.portal).finish()
    }
}
