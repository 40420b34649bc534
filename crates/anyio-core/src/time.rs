//! The time, and waiting for it.

use std::time::Instant;

use crate::Executor;

/// A monotonic clock and its timers.
///
/// # For callers
///
/// Times are [`Instant`]s of *this* clock: where a test has put a virtual clock in place, they are
/// virtual too and may be far from `Instant::now()`. A timer is the raw thing and knows nothing of
/// scopes; `sleep` is the operation.
///
/// # For implementors
///
/// A timer is never early. It is created where it is used, but not necessarily polled at once;
/// nothing may be registered before the first poll. One that was created in the past is ready at
/// once. It must not take part in the runtime's own cooperative budget: a scope polls its
/// deadline's timer after a body that may have used the budget up.
///
/// ```
/// use std::{pin::Pin, task::{Context, Poll}, time::Instant};
/// use anyio_core::{Clock, Executor};
/// # #[derive(Clone, Copy)] struct Threads;
/// # #[derive(Clone)] struct ThreadSpawner;
/// # impl Executor for Threads {
/// #     const NAME: &'static str = "threads";
/// #     type Spawner = ThreadSpawner;
/// #     fn spawner() -> Result<ThreadSpawner, anyio_core::NoRuntime> { Ok(ThreadSpawner) }
/// # }
/// # impl anyio_core::Spawn for ThreadSpawner {
/// #     fn spawn_task<F: Future<Output = ()> + Send + 'static>(&self, task: F) { drop(task); }
/// # }
///
/// /// Starts a thread that sleeps each time it is polled too early: correct, not frugal.
/// #[derive(Debug)]
/// struct ThreadTimer(Instant);
///
/// impl Future for ThreadTimer {
///     type Output = ();
///     fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
///         let Some(left) = self.0.checked_duration_since(Instant::now()) else {
///             return Poll::Ready(());
///         };
///         let waker = cx.waker().clone();
///         std::thread::spawn(move || {
///             std::thread::sleep(left);
///             waker.wake();
///         });
///         Poll::Pending
///     }
/// }
///
/// impl Clock for Threads {
///     type Timer = ThreadTimer;
///     fn now() -> Instant {
///         Instant::now()
///     }
///     fn timer(deadline: Instant) -> ThreadTimer {
///         ThreadTimer(deadline)
///     }
/// }
/// # futures_lite::future::block_on(Threads::timer(Threads::now()));
/// ```
pub trait Clock: Executor {
    /// A future that ends when its time has come.
    type Timer: Future<Output = ()> + Send + Sync + 'static;

    /// The present moment of this clock.
    #[must_use]
    fn now() -> Instant;

    /// A future that ends at `deadline`, and not before.
    ///
    /// # Panics
    ///
    /// Outside of the backend's runtime, with a message that names the fix.
    #[track_caller]
    fn timer(deadline: Instant) -> Self::Timer;

    /// The same for who has looked at the clock just now: `now` is what it has said. To look at the
    /// clock costs as much as a good part of a timer; one that would look itself, in its first poll, to
    /// see whether it is late already, need not.
    ///
    /// # Panics
    ///
    /// As [`timer`](Self::timer).
    #[track_caller]
    fn timer_from(now: Instant, deadline: Instant) -> Self::Timer {
        _ = now;
        Self::timer(deadline)
    }
}
