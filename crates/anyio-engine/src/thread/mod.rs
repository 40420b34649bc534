//! Threads for code that blocks: the way there, and the way back.
//!
//! ```text
//! task:    to_thread(job).await ──▶ waits ───────────────┬──────────────▶ value
//! thread:                    job ── from_thread::run(f) ─┼─ waits ─ …  end ┘
//! runtime:                                          task f, beneath the one that waits
//! ```

mod call;
mod crew;
mod errand;
pub mod from_thread;
mod guest;
mod host;
mod job;
mod limit;
#[cfg(all(test, loom))]
mod model;
mod queue;
mod stop;
mod way;

pub use call::{ToThread, to_thread, to_thread_with_stop};
pub use job::Job;
pub(crate) use limit::Shared;
pub use limit::{default_thread_limiter, file_thread_limiter};
pub use stop::StopToken;
