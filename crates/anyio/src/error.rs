//! A shorter way to write results.

use anyio_core::Cancelled;

/// The result of work that can be cancelled, and fail in no other way unless `E` says so.
///
/// # Examples
///
/// ```
/// async fn twice() -> anyio::Result {
///     anyio::task_group(async |tg| {
///         tg.spawn(anyio::checkpoint());
///         tg.spawn(anyio::checkpoint());
///     })
///     .await
/// }
/// assert!(anyio::run(twice()).is_ok());
/// ```
pub type Result<T = (), E = Cancelled> = std::result::Result<T, E>;
