//! Scopes that have a deadline and need no handle.

use std::time::{Duration, Instant};

use anyio_core::Clock;

use super::{
    future::{Fail, MoveOn, Scoped},
    place::Limit,
};
use crate::context::ambient;

/// Gives up on `future` after `timeout`, which counts from the end of its first poll.
///
/// ```text
/// move_on_after(2 s, work) ─┬─ work ──┤ Some(value)
///                           │
///                           └─ work ──── 2 s ─✂ cleanup ─┤ None
/// ```
///
/// `None` means that the time was over first: the future has been dropped and its cleanup has run.
/// If a scope around it is cancelled, nothing is given: that one drops this future. (Moved out of
/// there after it was unwound, it gives `None`, too.) A future that is ready at once costs no look
/// at the clock.
///
/// # Cancel safety
///
/// Dropping it drops `future`; so does the end of the time. Lend it (`&mut future`) to go on with
/// it afterwards.
///
/// # Examples
///
/// ```
/// # mod mini { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/mini/mod.rs")); }
/// # use mini::{Mini, run};
/// # fn move_on_after<F: Future>(t: std::time::Duration, f: F) -> impl Future<Output = Option<F::Output>> {
/// #     anyio_engine::move_on_after::<Mini, F>(t, f)
/// # }
/// # use std::time::Duration;
/// # run(async {
/// assert_eq!(move_on_after(Duration::from_millis(5), std::future::pending::<u8>()).await, None);
/// assert_eq!(move_on_after(Duration::from_secs(5), async { 7 }).await, Some(7));
/// # });
/// ```
#[track_caller]
pub fn move_on_after<C: Clock, F: Future>(timeout: Duration, future: F) -> Scoped<C, F, MoveOn> {
    Scoped::new(None, Limit::After(timeout), future)
}

/// Gives up on `future` at `deadline`. See [`move_on_after`]. With a deadline in the past, the future
/// is polled, cancelled, polled once more, since a value beats a cancellation, and dropped.
///
/// # Cancel safety
///
/// As of [`move_on_after`].
#[track_caller]
pub fn move_on_at<C: Clock, F: Future>(deadline: Instant, future: F) -> Scoped<C, F, MoveOn> {
    Scoped::new(None, Limit::At(deadline), future)
}

/// Fails if `future` takes longer than `timeout`, which counts from the end of its first poll.
///
/// ```text
/// fail_after(2 s, work) ─┬─ work ──┤ Ok(value)
///                        │
///                        └─ work ──── 2 s ─✂ cleanup ─┤ Err(TimedOut)
/// ```
///
/// # Cancel safety
///
/// As of [`move_on_after`].
///
/// # Errors
///
/// [`TimedOut`](anyio_core::TimedOut) if the time was over first; nothing else makes it.
///
/// # Panics
///
/// If it is moved out of a cancelled scope after that scope has unwound it.
#[track_caller]
pub fn fail_after<C: Clock, F: Future>(timeout: Duration, future: F) -> Scoped<C, F, Fail> {
    Scoped::new(None, Limit::After(timeout), future)
}

/// Fails if `future` has not ended at `deadline`. See [`fail_after`].
///
/// # Cancel safety
///
/// As of [`move_on_after`].
///
/// # Errors
///
/// [`TimedOut`](anyio_core::TimedOut) if the time was over first.
///
/// # Panics
///
/// As [`fail_after`].
#[track_caller]
pub fn fail_at<C: Clock, F: Future>(deadline: Instant, future: F) -> Scoped<C, F, Fail> {
    Scoped::new(None, Limit::At(deadline), future)
}

/// The moment by which the running code will be cancelled: the earliest deadline of the scopes
/// around it, as far out as the nearest shield. The present, if they are cancelled already; `None`
/// if none of them has a deadline.
///
/// A deadline that counts from the end of the first poll is not there before that.
#[must_use]
pub fn current_effective_deadline<C: Clock>() -> Option<Instant> {
    if ambient::is_effective() {
        return Some(C::now());
    }
    ambient::node().and_then(|node| node.effective_deadline())
}
