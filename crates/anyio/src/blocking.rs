//! Code that blocks its thread.

use std::sync::Arc;

use anyio_engine::{StopToken, ToThread};

use crate::{Any, CapacityLimiter};

/// Runs `job` on a thread where it may block, and waits for what it gives.
///
/// A job cannot be interrupted. If a scope around the call is cancelled while the job runs, there are
/// three ways to go on:
///
/// | | upon a cancellation |
/// |---|---|
/// | `to_thread(job)` | waits for the job; its value is kept |
/// | `to_thread(job).abandon_on_cancel()` | returns at once; the job goes on alone |
/// | [`to_thread_with_stop`]`(\|stop\| …)` | tells the job to stop, and waits for it |
///
/// The operation after the call does not start, then.
///
/// The job owns what it uses: give it a clone, or move a buffer in and have it back as part of the
/// value. It sees the [local values](crate::TreeLocal) of the task, and can have futures run there: see
/// [`from_thread`](crate::from_thread).
///
/// A limiter bounds how many jobs run at once: [`default_thread_limiter`], or one of your own, with
/// `to_thread(job).limiter(&limiter)`. A job has its token until it has really ended, whoever still waits
/// for it.
///
/// In a run, a thread that has done a job does the next one too, if there is one, and few are woken for many.
/// No job waits for the end of another one because of that.
///
/// # Cancel safety
///
/// Cancelled before it has started, the job is not run. Dropping the future by hand lets the job
/// go on alone.
///
/// # Fairness
///
/// Jobs start in the order in which they were first polled.
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
///
/// What cannot be borrowed is moved in, and comes back with the value:
///
/// ```
/// # anyio::run(async {
/// let mut words = vec!["two".to_owned(), "one".to_owned()];
/// let longest;
/// (words, longest) = anyio::to_thread(move || {
///     words.sort();
///     let longest = words.iter().map(String::len).max();
///     (words, longest)
/// })
/// .await;
/// assert_eq!((words.concat().as_str(), longest), ("onetwo", Some(3)));
/// # });
/// ```
///
/// A name may take the system a minute to look up, and nobody waits that long:
///
/// ```
/// use std::{net::ToSocketAddrs as _, time::Duration};
/// use anyio::{fail_after, to_thread};
///
/// # anyio::run(async {
/// let look_up = to_thread(|| ("localhost", 80).to_socket_addrs()).abandon_on_cancel();
/// match fail_after(Duration::from_secs(5), look_up).await {
///     Ok(addresses) => println!("{} addresses", addresses?.count()),
///     Err(timeout) => println!("{timeout}"), // the thread is still busy, and its token still out
/// }
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
#[doc(alias = "spawn_blocking", alias = "run_sync", alias = "unblock")]
#[track_caller]
pub const fn to_thread<F, T>(job: F) -> ToThread<Any, F, T>
where
    F: FnOnce() -> T + Send + 'static, // a thread owns what it uses; it cannot borrow from here
    T: Send + 'static,
{
    anyio_engine::to_thread(job)
}

/// As [`to_thread`], for a job that stops when it is told to: if a scope around the call is cancelled,
/// the [`StopToken`] says so, and the call waits until the job has ended.
///
/// # Cancel safety
///
/// Cancelled before it has started, the job is not run. Dropping the future by hand tells the job to
/// stop, too, but does not wait.
///
/// # Panics
///
/// As [`to_thread`].
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use anyio::{move_on_after, to_thread_with_stop};
///
/// # anyio::run(async {
/// let count = to_thread_with_stop(|stop| {
///     let mut rounds = 0;
///     while !stop.wait_timeout(Duration::from_millis(1)) {
///         rounds += 1; // look whether the file has changed …
///     }
///     rounds
/// });
/// // The job has ended, so its value is there.
/// assert!(move_on_after(Duration::from_millis(20), count).await.is_some());
/// # });
/// ```
#[track_caller]
pub fn to_thread_with_stop<F, T>(job: F) -> ToThread<Any, impl FnOnce() -> T + Send + 'static, T>
where
    F: FnOnce(&StopToken) -> T + Send + 'static,
    T: Send + 'static,
{
    anyio_engine::to_thread_with_stop(job)
}

/// The limiter of those calls of [`to_thread`] that name no other: 40 jobs at once.
///
/// Each run has its own, and all that is in no run share one. It may be changed at any time, and looked
/// at. With the feature `tracing`, a call that has waited for its turn for ten seconds, because all the
/// jobs before it block, is reported as a warning.
///
/// # Examples
///
/// ```
/// # anyio::run(async {
/// let limiter = anyio::default_thread_limiter();
/// assert_eq!((limiter.capacity(), limiter.borrowed()), (40, 0));
/// limiter.set_capacity(100);
/// # });
/// ```
#[must_use]
#[doc(alias = "current_default_thread_limiter")]
pub fn default_thread_limiter() -> Arc<CapacityLimiter> {
    anyio_engine::default_thread_limiter()
}

/// The limiter of what this library does in threads itself, as the work with files: also 40 at once,
/// and none of those of [`default_thread_limiter`]. So jobs that block for long do not keep files from
/// being read, nor the other way round.
#[must_use]
pub fn file_thread_limiter() -> Arc<CapacityLimiter> {
    anyio_engine::file_thread_limiter()
}
