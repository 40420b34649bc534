//! From a thread back into the run: the other direction of [`to_thread`](crate::to_thread).
//!
//! The job of a `to_thread` finds its run by itself. Any other thread takes a [`Handle`] along, or uses a
//! [portal](crate::blocking_portal). All of these block the calling thread, so that a task must not call
//! them for its own run: that is an error, and does not hang.
//!
//! # Examples
//!
//! ```
//! use anyio::{CallError, from_thread, memory_object_stream, to_thread};
//!
//! # anyio::run(async {
//! let (lines, received) = memory_object_stream(0);
//! let job = to_thread(move || -> Result<(), CallError> {
//!     for line in ["one", "two"] {
//!         let lines = lines.clone();
//!         // Blocks this thread until the other side has taken the line.
//!         _ = from_thread::run(async move { lines.send(line).await })?;
//!         from_thread::check_cancelled()?;
//!     }
//!     Ok(())
//! });
//! let all = async {
//!     let mut all = Vec::new();
//!     while let Ok(line) = received.receive().await {
//!         all.push(line);
//!     }
//!     all
//! };
//! let (ended, all) = anyio::gather((job, async { Ok(all.await) })).await?;
//! # let _: () = ended;
//! assert_eq!(all, ["one", "two"]);
//! # Ok::<(), CallError>(())
//! # }).unwrap();
//! ```

use anyio_core::NoRuntime;
pub use anyio_engine::from_thread::{Handle, check_cancelled, run, run_sync};

use crate::Any;

/// A handle on the current run, for threads that do not belong to it.
///
/// # Errors
///
/// [`NoRuntime`] outside of any runtime.
///
/// # Examples
///
/// ```
/// use std::thread;
/// use anyio::{from_thread, to_thread};
///
/// # anyio::run(async {
/// let handle = from_thread::current_handle()?;
/// let other = thread::spawn(move || handle.run(async { 6 * 7 }));
/// assert_eq!(to_thread(|| other.join().unwrap()).await, Ok(42));
/// # Ok::<(), anyio::NoRuntime>(())
/// # }).unwrap();
/// ```
#[doc(alias = "current_token")]
pub fn current_handle() -> Result<Handle, NoRuntime> {
    Handle::of::<Any>()
}
