//! Scopes, shields, and cleanup that may await.

mod attempt;
mod catch;
mod control;
mod deadline;
mod finally;
mod future;
mod handle;
#[cfg(all(test, loom))]
mod model;
mod on_signals;
mod place;
mod shield;
mod shutdown;
mod wait;

pub(crate) use attempt::{
    BOUNDARY, HIDDEN_HOLD, Outcome, call_of, catch, conclude, forget, hold_of, hush, poll_caught,
};
pub use catch::{CatchCancelled, catch_cancelled};
pub use deadline::{current_effective_deadline, fail_after, fail_at, move_on_after, move_on_at};
pub use finally::{Finally, bracket, finally};
pub use future::{Ending, Fail, MoveOn, Report, Scoped};
pub use handle::CancelScope;
pub use on_signals::{ShutdownOnSignals, shutdown_on_signals};
pub use shield::{Shield, shield};
pub use shutdown::{
    ShutdownRequested, UntilShutdown, is_shutdown_requested, shutdown_requested, until_shutdown,
};
