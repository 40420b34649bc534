//! The calls on a backend's type, and on any future.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use anyio_core::{
    Blocking, Body, Cancelled, NoRuntime, Runtime, Signals, TaskError, TaskGroup, TimedOut,
};
use pin_project_lite::pin_project;

use crate::{
    context::Captured,
    portal::{self, BlockingPortal},
    scope::{self, CatchCancelled, Shield},
    thread::{self, StopToken, ToThread, from_thread::Handle},
    time,
};

/// What generic code calls: `B::sleep(…)`, `B::task_group(…)`, `B::fail_after(…)`.
///
/// Implemented for every [`Runtime`]; do not implement it, and do not write it as a bound: from
/// `B: Runtime` (or `B: Backend`) alone the compiler finds this one implementation, and with it
/// that the futures are `Send`.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use anyio_core::{Cancelled, Runtime, TaskGroup as _};
/// use anyio_engine::RuntimeExt as _;
///
/// async fn twice<B: Runtime>() -> Result<(), Cancelled> {
///     B::task_group(async |tg| {
///         tg.spawn(B::sleep(Duration::from_millis(1)));
///         tg.spawn(B::sleep(Duration::from_millis(1)));
///     })
///     .await
/// }
///
/// fn spawnable<B: Runtime>() -> impl Future + Send {
///     twice::<B>()
/// }
/// ```
pub trait RuntimeExt: Runtime {
    /// As [`sleep`](crate::sleep).
    fn sleep(duration: Duration) -> impl Future<Output = ()> + Send {
        time::sleep::<Self>(duration)
    }

    /// As [`sleep_until`](crate::sleep_until).
    fn sleep_until(deadline: Instant) -> impl Future<Output = ()> + Send {
        time::sleep_until::<Self>(deadline)
    }

    /// As [`task_group`](crate::task_group).
    #[track_caller]
    fn task_group<E, F, Fut>(
        body: F,
    ) -> impl Future<Output = Result<<Fut::Output as Body<E>>::Value, E>> + Send
    where
        E: TaskError,
        F: FnOnce(Self::TaskGroup<E>) -> Fut + Send,
        Fut: Future + Send,
        Fut::Output: Body<E> + Send,
        <Fut::Output as Body<E>>::Value: Send,
    {
        <Self::TaskGroup<E> as TaskGroup<E>>::run(body)
    }

    /// As [`move_on_after`](crate::move_on_after).
    #[track_caller]
    fn move_on_after<F>(
        timeout: Duration,
        future: F,
    ) -> impl Future<Output = Option<F::Output>> + Send
    where
        F: Future + Send,
        F::Output: Send,
    {
        scope::move_on_after::<Self, F>(timeout, future)
    }

    /// As [`move_on_at`](crate::move_on_at).
    #[track_caller]
    fn move_on_at<F>(deadline: Instant, future: F) -> impl Future<Output = Option<F::Output>> + Send
    where
        F: Future + Send,
        F::Output: Send,
    {
        scope::move_on_at::<Self, F>(deadline, future)
    }

    /// As [`fail_after`](crate::fail_after).
    #[track_caller]
    fn fail_after<F>(
        timeout: Duration,
        future: F,
    ) -> impl Future<Output = Result<F::Output, TimedOut>> + Send
    where
        F: Future + Send,
        F::Output: Send,
    {
        scope::fail_after::<Self, F>(timeout, future)
    }

    /// As [`fail_at`](crate::fail_at).
    #[track_caller]
    fn fail_at<F>(
        deadline: Instant,
        future: F,
    ) -> impl Future<Output = Result<F::Output, TimedOut>> + Send
    where
        F: Future + Send,
        F::Output: Send,
    {
        scope::fail_at::<Self, F>(deadline, future)
    }

    /// As [`until_shutdown`](crate::until_shutdown).
    #[track_caller]
    fn until_shutdown<F>(future: F) -> impl Future<Output = Option<F::Output>> + Send
    where
        F: Future + Send,
        F::Output: Send,
    {
        scope::until_shutdown::<Self, F>(future)
    }

    /// As [`shutdown_on_signals`](crate::shutdown_on_signals).
    ///
    /// # Errors
    ///
    /// `io::Error` if the signals cannot be received.
    fn shutdown_on_signals<F>(
        grace: Duration,
        work: F,
    ) -> io::Result<impl Future<Output = Result<F::Output, Cancelled>> + Send>
    where
        Self: Signals,
        F: Future + Send,
        F::Output: Send,
    {
        scope::shutdown_on_signals::<Self, F>(grace, work)
    }

    /// As [`blocking_portal`](crate::blocking_portal).
    fn blocking_portal<E, F, Fut>(
        body: F,
    ) -> impl Future<Output = Result<<Fut::Output as Body<E>>::Value, E>> + Send
    where
        E: TaskError,
        F: FnOnce(BlockingPortal<Self>) -> Fut + Send,
        Fut: Future + Send,
        Fut::Output: Body<E> + Send,
        <Fut::Output as Body<E>>::Value: Send,
    {
        portal::blocking_portal(body)
    }

    /// As [`current_effective_deadline`](crate::current_effective_deadline).
    #[must_use]
    fn current_effective_deadline() -> Option<Instant> {
        scope::current_effective_deadline::<Self>()
    }

    /// As [`to_thread`](crate::to_thread).
    #[track_caller]
    fn to_thread<F, T>(job: F) -> ToThread<Self, F, T>
    where
        Self: Blocking,
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        thread::to_thread(job)
    }

    /// As [`to_thread_with_stop`](crate::to_thread_with_stop).
    #[track_caller]
    fn to_thread_with_stop<F, T>(job: F) -> ToThread<Self, impl FnOnce() -> T + Send + 'static, T>
    where
        Self: Blocking,
        F: FnOnce(&StopToken) -> T + Send + 'static,
        T: Send + 'static,
    {
        thread::to_thread_with_stop(job)
    }

    /// As [`Handle::of`].
    ///
    /// # Errors
    ///
    /// [`NoRuntime`] outside of a run of this backend.
    fn current_handle() -> Result<Handle, NoRuntime> {
        Handle::of::<Self>()
    }
}

impl<R: Runtime> RuntimeExt for R {}

/// The ambient functions as methods of futures.
pub trait FutureExt: Future + Sized {
    /// As [`shield`](crate::shield).
    #[track_caller]
    fn shield(self) -> Shield<Self> {
        scope::shield(self)
    }

    /// As [`catch_cancelled`](crate::catch_cancelled).
    #[track_caller]
    fn catch_cancelled(self) -> CatchCancelled<Self> {
        scope::catch_cancelled(self)
    }

    /// Runs the future in a captured scope; see [`capture`](crate::capture).
    #[track_caller]
    fn in_scope(self, context: &Captured) -> impl Future<Output = Result<Self::Output, Cancelled>> {
        context.in_scope(self)
    }

    /// Converts the error, so that a future fits into a group with another one.
    fn err_into<T, E, E2>(self) -> ErrInto<Self, E2>
    where
        Self: Future<Output = Result<T, E>>,
        E2: From<E>,
    {
        ErrInto { future: self, error: std::marker::PhantomData }
    }
}

impl<F: Future> FutureExt for F {}

pin_project! {
    /// Given by [`FutureExt::err_into`].
    #[must_use = "futures do nothing unless you `.await` them"]
    #[derive(Debug)]
    pub struct ErrInto<F, E> {
        #[pin]
        future: F,
        error: std::marker::PhantomData<fn() -> E>,
    }
}

impl<T, E, E2: From<E>, F: Future<Output = Result<T, E>>> Future for ErrInto<F, E2> {
    type Output = Result<T, E2>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(ready!(self.project().future.poll(cx)).map_err(E2::from))
    }
}
