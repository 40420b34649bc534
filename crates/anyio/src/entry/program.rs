//! A whole program.

use std::process::{ExitCode, Termination};

use super::interrupt::{INTERRUPTED, cancel_on_interrupt};
use crate::{CancelScope, Runner};

/// See [`Runner::run_main`].
#[track_caller]
pub(crate) fn run_main<F>(runner: &Runner, future: F) -> ExitCode
where
    F: Future,
    F::Output: Termination,
{
    let root = CancelScope::new();
    // Until the runtime has been shut down: that can take a while, too.
    let _listed = runner
        .chosen()
        .map(|backend| cancel_on_interrupt(backend, root.clone(), runner.grace_period()));
    match runner.run(root.run(future)) {
        Ok(output) => output.report(),
        Err(_cancelled) => INTERRUPTED.into(),
    }
}
