//! Work that can be cancelled.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{Cancelled, Cause};

/// A handle on work that can be cancelled: by anybody who has a clone, or by a deadline.
///
/// # For callers
///
/// Scopes nest. Cancelling one drops the work in it, innermost first; what is shielded, or is
/// cleaning up, is waited for. A scope gives `Err(Cancelled)` only if it was cancelled *itself*:
/// if an outer scope was, the code after the inner one does not run.
///
/// # For implementors
///
/// The whole of these rules is in the engine, which is meant to be used rather than written
/// again. The trait exists so that generic code can name the type. An implementation has this
/// shape:
///
/// ```
/// use std::{sync::{Arc, Mutex}, time::{Duration, Instant}};
/// use anyio_core::{Cancelled, CancelScope, Cause};
///
/// /// Knows neither deadlines nor shields nor its neighbours.
/// #[derive(Clone, Debug, Default)]
/// struct Flag(Arc<Mutex<Option<Cause>>>);
///
/// impl CancelScope for Flag {
///     fn new() -> Self { Self::default() }
///     async fn run<F: Future + Send>(&self, future: F) -> Result<F::Output, Cancelled>
///     where
///         F::Output: Send,
///     {
///         let cancelled = async {
///             loop {
///                 if let Some(cause) = self.cause() {
///                     return Err(Cancelled::new(cause));
///                 }
///                 futures_lite::future::yield_now().await;
///             }
///         };
///         futures_lite::future::or(async { Ok(future.await) }, cancelled).await
///     }
///     fn cancel(&self) { self.0.lock().unwrap().get_or_insert(Cause::explicit()); }
///     fn cancel_because(&self, reason: impl Into<Arc<str>>) {
///         self.0.lock().unwrap().get_or_insert(Cause::explicit_because(reason));
///     }
///     fn cancel_with(&self, cause: Cause) { self.0.lock().unwrap().get_or_insert(cause); }
///     fn shutdown(&self, _: Duration) { self.cancel(); } // no grace
///     fn cancel_called(&self) -> bool { self.cause().is_some() }
///     fn cause(&self) -> Option<Cause> { self.0.lock().unwrap().clone() }
///     fn deadline(&self) -> Option<Instant> { None }
///     fn set_deadline(&self, _: Option<Instant>) {}
///     fn deadline_in(&self, _: Duration) {}
///     fn is_shielded(&self) -> bool { false }
///     fn set_shielded(&self, _: bool) {}
/// }
/// # let scope = Flag::new();
/// # scope.cancel();
/// # assert!(futures_lite::future::block_on(scope.run(std::future::pending::<()>())).is_err());
/// ```
pub trait CancelScope: Clone + Send + Sync + 'static {
    /// A scope without deadline or shield.
    #[must_use]
    fn new() -> Self
    where
        Self: Sized;

    /// Runs `future` in the scope.
    ///
    /// # Errors
    ///
    /// [`Cancelled`] if this scope was cancelled before the future had ended.
    fn run<F>(&self, future: F) -> impl Future<Output = Result<F::Output, Cancelled>> + Send
    where
        F: Future + Send,
        F::Output: Send;

    /// Cancels the work. Doing so again does nothing; doing so before the work has started makes
    /// it end where it first waits.
    #[track_caller]
    fn cancel(&self);

    /// Cancels the work and says why.
    #[track_caller]
    fn cancel_because(&self, reason: impl Into<Arc<str>>);

    /// Cancels the work for a cause made elsewhere, as that of another scope.
    fn cancel_with(&self, cause: Cause);

    /// Asks the work to come to an end in peace, and cancels it when `grace` is over.
    fn shutdown(&self, grace: Duration);

    /// Whether it has been cancelled, by a call or by its deadline.
    fn cancel_called(&self) -> bool;

    /// Why it has been cancelled, if it has.
    fn cause(&self) -> Option<Cause>;

    /// The moment at which it will be cancelled.
    fn deadline(&self) -> Option<Instant>;

    /// Changes that moment, or takes it away. One that has passed cancels at once; what has been
    /// cancelled stays so.
    fn set_deadline(&self, deadline: Option<Instant>);

    /// Changes that moment to `deadline`.
    fn deadline_at(&self, deadline: Instant) {
        self.set_deadline(Some(deadline));
    }

    /// Changes that moment to `timeout` from now; none if the clock does not reach so far.
    fn deadline_in(&self, timeout: Duration);

    /// Whether it keeps outer cancellations out.
    fn is_shielded(&self) -> bool;

    /// Changes whether it keeps outer cancellations out.
    fn set_shielded(&self, on: bool);
}
