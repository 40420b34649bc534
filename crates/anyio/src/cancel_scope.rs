//! Work that can be cancelled.

use std::time::{Duration, Instant};

use anyio_engine::{Fail, MoveOn, Scoped, UntilShutdown};

use crate::Any;

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
/// # Other tokens
///
/// Code that knows a token of another kind, such as the `CancellationToken` of `tokio_util`, is
/// connected to a scope in either direction:
///
/// ```text
/// token ──── cancel() ─┐
/// a service  waits ────┴──▶ scope.cancel() ──▶ the work unwinds, with its cleanup
///
/// scope ──── cancel() ─┐
/// the work   goes on ──✂ drops its guard ────▶ token.cancel()
/// ```
///
/// ```
/// use anyio::{CancelScope, sleep_forever, task_group};
/// use tokio_util::sync::CancellationToken;
///
/// # anyio::run(async {
/// // The token cancels the scope: a service waits for it, and ends with the work.
/// let (token, scope) = (CancellationToken::new(), CancelScope::new());
/// let (theirs, ours) = (token.clone(), scope.clone());
/// task_group(async |tg| {
///     tg.child().service().spawn(async move {
///         theirs.cancelled().await;
///         ours.cancel_because("the token was cancelled");
///     });
///     token.cancel(); // from wherever it is known
///     let result = scope.run(sleep_forever()).await;
///     assert_eq!(result.unwrap_err().cause().reason(), Some("the token was cancelled"));
/// })
/// .await?;
///
/// // The scope cancels the token: by a guard that goes with the work.
/// let (token, scope) = (CancellationToken::new(), CancelScope::new());
/// let result = scope
///     .run(async {
///         let _guard = token.clone().drop_guard(); // `disarm` it if the work may end by itself
///         scope.cancel();
///         sleep_forever().await
///     })
///     .await;
/// assert!(result.is_err() && token.is_cancelled());
/// # Ok::<(), anyio::Cancelled>(())
/// # }).unwrap();
/// ```
///
/// # Examples
///
/// ```
/// use anyio::CancelScope;
///
/// let scope = CancelScope::new();
/// let stop = scope.clone(); // for any task, any thread
/// let result = anyio::run(scope.run(async {
///     stop.cancel_because("seen enough");
///     anyio::sleep_forever().await
/// }));
/// assert_eq!(result.unwrap_err().cause().reason(), Some("seen enough"));
/// ```
///
/// A deadline that every sign of life moves:
///
/// ```
/// use std::time::Duration;
/// use anyio::CancelScope;
///
/// let scope = CancelScope::new();
/// let silent = anyio::run(scope.run(async {
///     for _beat in 0..3 {
///         scope.deadline_in(Duration::from_millis(50));
///         anyio::checkpoint().await;
///     }
///     anyio::sleep_forever().await // and then there is none any more
/// }));
/// assert_eq!(silent.unwrap_err().cause().kind(), anyio::CauseKind::Deadline);
/// ```
pub type CancelScope = anyio_engine::CancelScope<Any>;

/// Gives up on `future` after `timeout`, which counts from the end of its first poll.
///
/// ```text
/// move_on_after(2 s, work) ─┬─ work ──┤ Some(value)
///                           │
///                           └─ work ──── 2 s ─✂ cleanup ─┤ None
/// ```
///
/// `None` means that the time was over first: the future has been dropped and its cleanup has run.
/// If a scope around it is cancelled, nothing is given. A future that is ready at once costs no
/// look at the clock.
///
/// # Cancel safety
///
/// Dropping it drops `future`; so does the end of the time. Lend it (`&mut future`) to go on with
/// it afterwards.
///
/// # Panics
///
/// Outside of any runtime, if `future` is not ready at once.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use anyio::{move_on_after, sleep_forever};
///
/// # anyio::run(async {
/// assert_eq!(move_on_after(Duration::from_secs(5), async { 7 }).await, Some(7));
/// assert!(move_on_after(Duration::from_millis(5), sleep_forever()).await.is_none());
/// # });
/// ```
#[track_caller]
pub fn move_on_after<F: Future>(timeout: Duration, future: F) -> Scoped<Any, F, MoveOn> {
    anyio_engine::move_on_after(timeout, future)
}

/// Gives up on `future` at `deadline`, by the clock of [`current_time`](crate::current_time). See
/// [`move_on_after`]; a deadline in the past leaves the future its first poll.
///
/// # Cancel safety
///
/// As of [`move_on_after`].
///
/// # Panics
///
/// As [`move_on_after`].
///
/// # Examples
///
/// One deadline for several steps:
///
/// ```
/// use std::time::Duration;
///
/// # anyio::run(async {
/// let deadline = anyio::current_time() + Duration::from_secs(5);
/// let first = anyio::move_on_at(deadline, async { "one" }).await;
/// let second = anyio::move_on_at(deadline, async { "two" }).await;
/// assert_eq!((first, second), (Some("one"), Some("two")));
/// # });
/// ```
#[track_caller]
pub fn move_on_at<F: Future>(deadline: Instant, future: F) -> Scoped<Any, F, MoveOn> {
    anyio_engine::move_on_at(deadline, future)
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
/// [`TimedOut`](crate::TimedOut) if the time was over first; nothing else makes it.
///
/// # Panics
///
/// As [`move_on_after`]; also if it is moved out of a cancelled scope after that scope has unwound
/// it.
///
/// # Examples
///
/// ```
/// use std::{io, time::Duration};
///
/// # anyio::run(async {
/// let result: io::Result<()> = async {
///     anyio::fail_after(Duration::from_millis(5), anyio::sleep_forever()).await?;
///     Ok(())
/// }
/// .await;
/// assert_eq!(result.unwrap_err().kind(), io::ErrorKind::TimedOut);
/// # });
/// ```
#[doc(alias = "timeout")]
#[track_caller]
pub fn fail_after<F: Future>(timeout: Duration, future: F) -> Scoped<Any, F, Fail> {
    anyio_engine::fail_after(timeout, future)
}

/// Fails if `future` has not ended at `deadline`, by the clock of
/// [`current_time`](crate::current_time). See [`fail_after`].
///
/// # Cancel safety
///
/// As of [`move_on_after`].
///
/// # Errors
///
/// [`TimedOut`](crate::TimedOut) if the time was over first; nothing else makes it.
///
/// # Panics
///
/// As [`fail_after`].
///
/// # Examples
///
/// ```
/// # anyio::run(async {
/// let now = anyio::current_time();
/// assert!(anyio::fail_at(now, anyio::sleep_forever()).await.is_err());
/// assert_eq!(anyio::fail_at(now, async { "ready at once" }).await, Ok("ready at once"));
/// # });
/// ```
#[doc(alias = "timeout_at")]
#[track_caller]
pub fn fail_at<F: Future>(deadline: Instant, future: F) -> Scoped<Any, F, Fail> {
    anyio_engine::fail_at(deadline, future)
}

/// The moment by which the running code will be cancelled: the earliest deadline of the scopes
/// around it, as far out as the nearest shield. The present, if they are cancelled already; `None`
/// if none of them has a deadline.
///
/// A deadline that counts from the end of the first poll is not there before that.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// # anyio::run(async {
/// assert_eq!(anyio::current_effective_deadline(), None);
/// anyio::move_on_after(Duration::from_secs(5), async {
///     anyio::checkpoint().await;
///     let left = anyio::current_effective_deadline().unwrap() - anyio::current_time();
///     assert!(left <= Duration::from_secs(5));
/// })
/// .await;
/// # });
/// ```
#[must_use]
pub fn current_effective_deadline() -> Option<Instant> {
    anyio_engine::current_effective_deadline::<Any>()
}

/// Runs `future` until a scope around it is asked to shut down: `None` then, and `future` has been
/// unwound, with its cleanup. Asked before, it does not even begin; what is ready in the moment of the
/// request counts.
///
/// It makes a loop that takes new work end, and lets the work go on that was taken. Who asks is
/// [`CancelScope::shutdown`](anyio_engine::CancelScope::shutdown), or
/// [`TaskGroup::shutdown`](anyio_engine::TaskGroup::shutdown).
///
/// ```text
/// until_shutdown(accept) ─ accept ──┤ Some(connection)
/// until_shutdown(accept) ─ accept ────✂ asked to shut down ─┤ None
/// until_shutdown(accept) ─┤ None: it was asked before
/// ```
///
/// # Cancel safety
///
/// Cancelling or dropping it does the same to `future`. What `future` loses when it is cancelled, a
/// shutdown loses, too: for operations that are *atomic*, that is nothing.
///
/// # Examples
///
/// ```no_run
/// use anyio::{TaskGroup, TcpListener, TcpStream, until_shutdown};
/// # async fn answer(stream: TcpStream) -> std::io::Result<()> { drop(stream); Ok(()) }
///
/// async fn serve(listener: TcpListener) -> std::io::Result<()> {
///     TaskGroup::builder()
///         .run(async |tg| {
///             while let Some(accepted) = until_shutdown(listener.accept()).await {
///                 let (stream, _) = accepted?;
///                 tg.spawn(answer(stream));
///             }
///             Ok(()) // and the group waits for those who are connected
///         })
///         .await
/// }
/// ```
#[track_caller]
pub fn until_shutdown<F: Future>(future: F) -> UntilShutdown<Any, F> {
    anyio_engine::until_shutdown(future)
}
