//! A flag that is raised once.

/// A flag that is raised once and stays up, and that tasks can wait for.
///
/// # For implementors
///
/// Raising it wakes everybody. Waiting for a raised one does not wait.
///
/// ```
/// use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
/// use anyio_core::Event;
///
/// /// Looks again and again: correct, not frugal.
/// #[derive(Debug, Default)]
/// struct Spinning(AtomicBool);
///
/// impl Event for Spinning {
///     fn new() -> Self { Self::default() }
///     fn set(&self) { self.0.store(true, SeqCst); }
///     fn is_set(&self) -> bool { self.0.load(SeqCst) }
///     async fn wait(&self) {
///         while !self.is_set() {
///             futures_lite::future::yield_now().await;
///         }
///     }
/// }
/// # let event = Spinning::new();
/// # event.set();
/// # futures_lite::future::block_on(event.wait());
/// ```
pub trait Event: Send + Sync + 'static {
    /// An event that has not happened.
    #[must_use]
    fn new() -> Self
    where
        Self: Sized;

    /// Raises the flag and wakes everybody who waits. Raising it again does nothing.
    fn set(&self);

    /// Whether the flag is up.
    fn is_set(&self) -> bool;

    /// Waits until the flag is up.
    ///
    /// # Cancel safety
    ///
    /// Atomic: nothing happens but the waiting.
    fn wait(&self) -> impl Future<Output = ()> + Send;
}
