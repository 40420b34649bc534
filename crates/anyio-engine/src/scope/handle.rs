//! The handle on a scope.

use std::{
    fmt,
    marker::PhantomData,
    sync::Arc as StdArc,
    time::{Duration, Instant},
};

use anyio_core::{Cancelled, Cause, CauseKind, Clock};

use super::{
    control::Control,
    future::{Report, Scoped},
    place::Limit,
};
use crate::sys::Arc;

/// Work that can be cancelled: by anybody who has a clone of this handle, or by a deadline.
///
/// ```text
/// scope.run(async {            ───────┐ scope
///     shield(save()).await;      ──┐  │  ← cancel() here: the shielded part goes on …
///                                ──┘  │
///     lock.lock().await;              ✂  … and this is as far as it gets
/// })                           ───────┘ Err(Cancelled)
/// ```
///
/// A handle is a token, too: it may be cloned, moved to any thread, and `run` as often as one
/// likes, at the same time or one after the other. Each run is a scope where it stands; all are
/// cancelled together. Scopes nest by where their futures are polled, not by where the handle was
/// made.
///
/// Prefer `move_on_after` and `fail_after` where a deadline is all that is wanted: they cost
/// nothing if the work is ready at once.
///
/// # Examples
///
/// ```
/// # mod mini { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/mini/mod.rs")); }
/// # use mini::{Mini, run};
/// # type CancelScope = anyio_engine::CancelScope<Mini>;
/// # run(async {
/// let scope = CancelScope::new();
/// let stop = scope.clone();
/// let result = scope
///     .run(async {
///         stop.cancel_because("seen enough");
///         std::future::pending::<()>().await
///     })
///     .await;
/// assert_eq!(result.unwrap_err().cause().reason(), Some("seen enough"));
/// # });
/// ```
#[doc(alias = "CancellationToken")]
pub struct CancelScope<C> {
    control: Arc<Control>,
    clock: PhantomData<fn() -> C>,
}

impl<C: Clock> CancelScope<C> {
    /// A scope without deadline or shield.
    #[must_use]
    pub fn new() -> Self {
        Self::made(None, None, false)
    }

    /// A scope that is cancelled at `deadline`.
    #[must_use]
    pub fn with_deadline(deadline: Instant) -> Self {
        Self::made(Some(deadline), None, false)
    }

    /// A scope that is cancelled `timeout` after its first run has been polled for the first time.
    #[must_use]
    pub fn with_timeout(timeout: Duration) -> Self {
        Self::made(None, Some(timeout), false)
    }

    /// A scope that keeps outer cancellations out.
    #[must_use]
    pub fn shielded() -> Self {
        Self::made(None, None, true)
    }

    fn made(deadline: Option<Instant>, timeout: Option<Duration>, shielded: bool) -> Self {
        Self { control: Arc::new(Control::new(deadline, timeout, shielded)), clock: PhantomData }
    }

    /// Runs `future` in the scope.
    ///
    /// If the scope is cancelled, the future is dropped where it waits, as soon as nothing in it
    /// holds it back: shields, open groups, cleanups. `scope.run(&mut work)` leaves `work` usable.
    ///
    /// # Cancel safety
    ///
    /// Dropping it drops `future`.
    ///
    /// # Errors
    ///
    /// [`Cancelled`] if this scope was cancelled, itself and no scope around it, before the future
    /// had ended. If an outer scope was, nothing is given: that one drops this future.
    #[track_caller]
    pub fn run<F: Future>(&self, future: F) -> Scoped<C, F, Report> {
        Scoped::new(Some(Arc::clone(&self.control)), Limit::Handle, future)
    }

    /// Cancels the work. Doing so again does nothing; doing so before the work has started makes
    /// it end where it first waits.
    #[track_caller]
    pub fn cancel(&self) {
        self.control.cancel(Cause::explicit());
    }

    /// Cancels the work and says why.
    #[track_caller]
    pub fn cancel_because(&self, reason: impl Into<StdArc<str>>) {
        self.control.cancel(Cause::explicit_because(reason));
    }

    /// Cancels the work for a cause made elsewhere, as that of another scope.
    pub fn cancel_with(&self, cause: Cause) {
        self.control.cancel(cause);
    }

    /// Asks the work to come to an end in peace, and cancels it when `grace` is over.
    ///
    /// ```text
    /// shutdown(grace) ──▶ shutdown_requested() is ready everywhere in the scope …
    ///                     no new work is taken, what is there is brought to its end
    ///        … grace ───▶ cancelled, with the cause `Shutdown`: cleanup runs
    /// ```
    ///
    /// The work learns of it where it asks: with [`shutdown_requested`](crate::shutdown_requested),
    /// or in loops that wait with [`until_shutdown`](crate::until_shutdown). A shield does not keep
    /// it out. Of several calls the earliest end counts. With a `grace` of zero the work is
    /// cancelled at once.
    ///
    /// # Examples
    ///
    /// ```
    /// # mod mini { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/mini/mod.rs")); }
    /// # use mini::{Mini, run};
    /// # type CancelScope = anyio_engine::CancelScope<Mini>;
    /// # use anyio_engine::memory_object_stream;
    /// # fn until_shutdown<F: Future>(f: F) -> impl Future<Output = Option<F::Output>> {
    /// #     anyio_engine::until_shutdown::<Mini, F>(f)
    /// # }
    /// # use std::time::Duration;
    /// # run(async {
    /// let scope = CancelScope::new();
    /// let (jobs, queue) = memory_object_stream(8);
    /// for number in 0..3 {
    ///     jobs.send(number).await.unwrap();
    /// }
    /// let server = scope.run(async {
    ///     let mut done = 0;
    ///     while let Some(Ok(_job)) = until_shutdown(queue.receive()).await {
    ///         done += 1;
    ///         scope.shutdown(Duration::from_secs(10)); // somebody pressed stop
    ///     }
    ///     done
    /// });
    /// assert_eq!(server.await, Ok(1));
    /// # });
    /// ```
    pub fn shutdown(&self, grace: Duration) {
        if grace.is_zero() {
            self.control.ask(None);
            self.control.cancel(Cause::of(CauseKind::Shutdown));
        } else {
            self.control.ask(C::now().checked_add(grace));
        }
    }

    /// Whether [`shutdown`](Self::shutdown) has been called.
    #[must_use]
    pub fn shutdown_called(&self) -> bool {
        self.control.is_asked()
    }

    /// Whether the scope has been cancelled, by a call or by its deadline. An atomic load.
    #[inline]
    #[must_use]
    pub fn cancel_called(&self) -> bool {
        self.control.is_cancelled()
    }

    /// Whether a run of the scope gave [`Cancelled`]: the work did not end by itself.
    #[must_use]
    pub fn cancelled_caught(&self) -> bool {
        self.control.was_caught()
    }

    /// Why it has been cancelled, if it has.
    #[must_use]
    pub fn cause(&self) -> Option<Cause> {
        self.control.cause()
    }

    /// The moment at which it will be cancelled; for a scope with a timeout, known from the end of
    /// the first poll on.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.control.deadline()
    }

    /// Changes that moment, or takes it away, for all runs; what was to be a timeout is one no more.
    ///
    /// One that has passed cancels at once. What has been cancelled stays so, wherever its deadline is
    /// moved.
    pub fn set_deadline(&self, deadline: Option<Instant>) {
        self.control.set_deadline(deadline);
        if deadline.is_some_and(|deadline| deadline <= C::now()) {
            self.control.cancel(Cause::of(CauseKind::Deadline));
        }
    }

    /// Changes that moment to `deadline`. As [`set_deadline`](Self::set_deadline), for where there is
    /// one.
    pub fn deadline_at(&self, deadline: Instant) {
        self.set_deadline(Some(deadline));
    }

    /// Changes that moment to `timeout` from now: the work has that long, from this call on.
    ///
    /// It is how a *heartbeat* keeps work alive: each sign of life gives it as much time again.
    ///
    /// ```text
    /// deadline_in(30 s) ─┬─ 10 s ─┐ a sign of life
    ///                    deadline_in(30 s) ─┬─ 25 s ─┐ and another
    ///                                       deadline_in(30 s) ─┬───── 30 s ─────✂ it was the last
    /// ```
    ///
    /// A time too long for the clock means no deadline; zero cancels at once. The rest is as for
    /// [`set_deadline`](Self::set_deadline).
    ///
    /// # Panics
    ///
    /// Where the backend's clock does, if that needs a runtime and there is none.
    ///
    /// # Examples
    ///
    /// ```
    /// # mod mini { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/mini/mod.rs")); }
    /// # use mini::{Mini, run};
    /// # type CancelScope = anyio_engine::CancelScope<Mini>;
    /// # use anyio_engine::memory_object_stream;
    /// # use std::time::Duration;
    /// # run(async {
    /// const PATIENCE: Duration = Duration::from_millis(20);
    ///
    /// let (peer, messages) = memory_object_stream(8);
    /// let scope = CancelScope::new();
    /// let connection = scope.run(async {
    ///     scope.deadline_in(PATIENCE);
    ///     while let Ok(_message) = messages.receive().await {
    ///         scope.deadline_in(PATIENCE);
    ///     }
    /// });
    /// peer.send("hello").await.unwrap(); // and nothing more, though it stays connected
    /// assert!(connection.await.is_err());
    /// assert!(scope.cancel_called());
    /// # });
    /// ```
    #[doc(alias = "heartbeat")]
    #[doc(alias = "set_timeout")]
    pub fn deadline_in(&self, timeout: Duration) {
        self.set_deadline(C::now().checked_add(timeout));
    }

    /// Whether it keeps outer cancellations out.
    #[must_use]
    pub fn is_shielded(&self) -> bool {
        self.control.is_shielded()
    }

    /// Changes whether it keeps outer cancellations out. Taking the shield away lets one in that
    /// waits outside.
    pub fn set_shielded(&self, on: bool) {
        self.control.set_shielded(on);
    }
}

impl<C> Clone for CancelScope<C> {
    fn clone(&self) -> Self {
        Self { control: Arc::clone(&self.control), clock: PhantomData }
    }
}

impl<C: Clock> Default for CancelScope<C> {
    fn default() -> Self {
        Self::new()
    }
}

impl<C> fmt::Debug for CancelScope<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelScope")
            .field("cause", &self.control.cause())
            .field("deadline", &self.control.deadline())
            .field("shielded", &self.control.is_shielded())
            .field("pending", &self.control.pending())
            .finish()
    }
}

impl<C: Clock> anyio_core::CancelScope for CancelScope<C> {
    fn new() -> Self {
        Self::new()
    }

    fn run<F>(&self, future: F) -> impl Future<Output = Result<F::Output, Cancelled>> + Send
    where
        F: Future + Send,
        F::Output: Send,
    {
        self.run(future)
    }

    fn cancel(&self) {
        self.cancel();
    }

    fn cancel_because(&self, reason: impl Into<StdArc<str>>) {
        self.cancel_because(reason);
    }

    fn cancel_with(&self, cause: Cause) {
        self.cancel_with(cause);
    }

    fn shutdown(&self, grace: Duration) {
        self.shutdown(grace);
    }

    fn cancel_called(&self) -> bool {
        self.cancel_called()
    }

    fn cause(&self) -> Option<Cause> {
        self.cause()
    }

    fn deadline(&self) -> Option<Instant> {
        self.deadline()
    }

    fn set_deadline(&self, deadline: Option<Instant>) {
        self.set_deadline(deadline);
    }

    fn deadline_in(&self, timeout: Duration) {
        self.deadline_in(timeout);
    }

    fn is_shielded(&self) -> bool {
        self.is_shielded()
    }

    fn set_shielded(&self, on: bool) {
        self.set_shielded(on);
    }
}
