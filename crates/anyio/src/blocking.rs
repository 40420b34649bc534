//! Code that blocks its thread.

use anyio_engine::ToThread;

use crate::Any;

/// Runs `job` on a thread where it may block, and waits for what it gives.
///
/// A job cannot be interrupted: if a scope around the call is cancelled while it runs, the scope
/// waits for it and its value is kept; the operation after it does not start.
///
/// # Cancel safety
///
/// Cancelled before it has started, the job is not run. Dropping the future by hand lets the job
/// go on alone.
///
/// # Panics
///
/// With the job's panic. Also outside of any runtime, and if the runtime shuts down before it has
/// run the job.
///
/// # Examples
///
/// ```
/// # anyio::run(async {
/// let text = anyio::to_thread(|| std::fs::read_to_string("Cargo.toml")).await?;
/// assert!(text.contains("[package]"));
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
#[doc(alias = "spawn_blocking", alias = "run_sync", alias = "unblock")]
pub const fn to_thread<F, T>(job: F) -> ToThread<Any, F, T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    anyio_engine::to_thread(job)
}
