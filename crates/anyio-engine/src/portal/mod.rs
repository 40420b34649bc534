//! Async code for programs that are not async: a run that other threads give work to.
//!
//! ```text
//! threads:  call ─┐        spawn ─┐   wait ─┐      stop
//! portal:   body ─┼───────────────┼─────────┼────── ✂ ─┬──▶ returns
//!                 └─ task ─▶ value└─ task ──▶ value    │
//!                                    └─ tasks that run still ─┘
//! ```

mod child;
mod handle;
mod open;
mod provider;
mod remote;
mod running;
mod task;
mod wrap;

pub use child::PortalChild;
pub use handle::BlockingPortal;
pub use open::blocking_portal;
pub use provider::{PortalLease, PortalProvider};
pub use remote::CallAsync;
pub use running::{RunningPortal, start_blocking_portal, start_portal_with};
pub use task::PortalTask;
pub use wrap::{Holding, PortalReady, Wrapped};
