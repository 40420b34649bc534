//! Systems without `sh` and `kill`, with which the cases of processes and signals are written.

use anyio_core::{Processes, Runtime, Signals};

use crate::suite::Case;

pub(super) const fn processes<B: Runtime + Processes>() -> Vec<Case> {
    Vec::new()
}

pub(super) const fn signals<B: Runtime + Signals>() -> Vec<Case> {
    Vec::new()
}
