//! Tasks that belong together.

use std::time::Duration;

use crate::{Cancelled, SpawnError, never::Never};

/// The error of a task group: anything that can also say "I was cancelled".
///
/// Implemented for every type with `From<Cancelled>`; do not implement it.
///
/// ```
/// #[derive(Debug)]
/// enum AppError {
///     Cancelled(anyio_core::Cancelled),
///     Io(std::io::Error),
/// }
///
/// impl From<anyio_core::Cancelled> for AppError {
///     fn from(cancelled: anyio_core::Cancelled) -> Self {
///         Self::Cancelled(cancelled)
///     }
/// }
///
/// fn fits<E: anyio_core::TaskError>() {}
/// fits::<AppError>();
/// fits::<std::io::Error>();
/// fits::<Box<dyn std::error::Error + Send + Sync>>();
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the error of a task group",
    label = "the group's error must be `Send + 'static` and `From<Cancelled>`",
    note = "implement `From<anyio::Cancelled>` for `{Self}`, so that the group can say that it was cancelled",
    note = "`Box<dyn Error>` is not `Send`: write `Box<dyn Error + Send + Sync>`"
)]
pub trait TaskError: From<Cancelled> + Send + 'static {}

#[diagnostic::do_not_recommend]
impl<E: From<Cancelled> + Send + 'static> TaskError for E {}

/// How the body of a task group may end: with a `Result` that names the group's error, or, if that
/// is [`Cancelled`], with `()` or never (`!`).
///
/// Implemented for these; do not implement it.
///
/// ```
/// fn ends<E>(_: impl anyio_core::Body<E>) {}
/// ends::<anyio_core::Cancelled>(());
/// ends::<std::io::Error>(Ok::<u8, std::io::Error>(7));
/// # fn never() { ends::<anyio_core::Cancelled>(loop {}); }
/// ```
#[diagnostic::on_unimplemented(
    message = "the body of a task group with error `{E}` cannot end in `{Self}`",
    label = "must be `Result<_, {E}>`, or `()` if the group's error is `Cancelled`",
    note = "write the closure's return type: `async |tg| -> Result<_, {E}> {{ … }}`"
)]
pub trait Body<E> {
    /// What the group gives when all went well.
    type Value;

    /// The value or the error.
    ///
    /// # Errors
    ///
    /// The error the body ended with.
    fn into_result(self) -> Result<Self::Value, E>;
}

impl Body<Cancelled> for () {
    type Value = ();

    fn into_result(self) -> Result<(), Cancelled> {
        Ok(())
    }
}

/// A body that never ends by itself.
impl Body<Cancelled> for Never {
    type Value = Self;

    fn into_result(self) -> Result<Self, Cancelled> {
        self
    }
}

impl<T, E> Body<E> for Result<T, E> {
    type Value = T;

    fn into_result(self) -> Self {
        self
    }
}

/// How a child of a task group may end: with `()`, with a `Result` of the group's error, or never, as
/// a loop does that has no end (`!`).
///
/// Implemented for these; do not implement it.
///
/// ```
/// fn ends<E>(_: impl anyio_core::Outcome<E>) {}
/// ends::<std::io::Error>(());
/// ends::<std::io::Error>(Ok::<u8, std::io::Error>(7));
/// # fn never() { ends::<std::io::Error>(loop {}); }
/// ```
#[diagnostic::on_unimplemented(
    message = "a task in a group with error `{E}` cannot end in `{Self}`",
    label = "must be `()` or `Result<_, {E}>`, or never be reached",
    note = "a task gives a value as `Ok(value)`",
    note = "convert another error inside the task: `async {{ Ok(work().await?) }}`, or with `.err_into()`"
)]
pub trait Outcome<E> {
    /// What the task's handle gives when all went well.
    type Value;

    /// The value or the error.
    ///
    /// # Errors
    ///
    /// The error the task ended with.
    fn into_result(self) -> Result<Self::Value, E>;
}

impl<E> Outcome<E> for () {
    type Value = ();

    fn into_result(self) -> Result<(), E> {
        Ok(())
    }
}

/// A task that never ends by itself: a loop without a `break`, or a panic.
impl<E> Outcome<E> for Never {
    type Value = Self;

    fn into_result(self) -> Result<Self, E> {
        self
    }
}

impl<T, E> Outcome<E> for Result<T, E> {
    type Value = T;

    fn into_result(self) -> Self {
        self
    }
}

/// How far a task has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TaskStatus {
    /// It has not ended.
    Running,
    /// It has not ended, and its handle has been cancelled.
    Cancelling,
    /// It has ended with a value.
    Finished,
    /// It was cancelled and has been unwound.
    Cancelled,
    /// It has ended with an error or a panic; the group has it.
    Failed,
}

/// Tasks that belong together: the group ends when all of them have ended, and if one fails the
/// others are cancelled.
///
/// # For callers
///
/// Generic code writes `B::task_group(async |tg| …)`; the body gets the group's handle, which may
/// be cloned and given to the tasks themselves.
///
/// # For implementors
///
/// The engine has one implementation, over any [`Executor`](crate::Executor) and
/// [`Clock`](crate::Clock), which is meant to be used rather than written again. The trait exists
/// so that generic code can name the type. An implementation has this shape:
///
/// ```
/// use std::{future::ready, sync::{Arc, Mutex}};
/// use anyio_core::*;
///
/// /// Runs each child inside `spawn`, to its end: a group of one.
/// #[derive(Debug)]
/// struct OneByOne<E>(Arc<Mutex<Option<E>>>);
///
/// impl<E> Clone for OneByOne<E> {
///     fn clone(&self) -> Self { Self(self.0.clone()) }
/// }
///
/// #[derive(Debug)]
/// struct Done<T>(Mutex<Option<T>>);
///
/// struct Tell<V>(Arc<Mutex<Option<V>>>);
///
/// impl<V: Send + 'static> Ready<V> for Tell<V> {
///     fn started(self, value: V) { *self.0.lock().unwrap() = Some(value); }
/// }
///
/// impl<T: Send + 'static> TaskHandle<T> for Done<T> {
///     async fn join(self) -> Result<T, Cancelled> {
///         self.0.into_inner().unwrap().ok_or(Cancelled::new(Cause::explicit()))
///     }
///     async fn wait(&mut self) {}
///     fn cancel(&self) {}
///     fn status(&self) -> TaskStatus { TaskStatus::Finished }
///     fn name(&self) -> Option<&str> { None }
/// }
///
/// impl<E: TaskError> TaskGroup<E> for OneByOne<E> {
///     type Handle<T: Send + 'static> = Done<T>;
///     async fn run<F, Fut>(body: F) -> Result<<Fut::Output as Body<E>>::Value, E>
///     where
///         F: FnOnce(Self) -> Fut + Send,
///         Fut: Future + Send,
///         Fut::Output: Body<E> + Send,
///         <Fut::Output as Body<E>>::Value: Send,
///     {
///         let first = Arc::default();
///         let value = body(Self(Arc::clone(&first))).await.into_result()?;
///         let error = first.lock().unwrap().take();
///         error.map_or(Ok(value), Err)
///     }
///     fn try_spawn<F>(&self, future: F) -> Result<Done<<F::Output as Outcome<E>>::Value>, SpawnError<F>>
///     where
///         F: Future + Send + 'static,
///         F::Output: Outcome<E>,
///         <F::Output as Outcome<E>>::Value: Send + 'static,
///     {
///         Ok(Done(Mutex::new(match futures_lite::future::block_on(future).into_result() {
///             Ok(value) => Some(value),
///             Err(error) => {
///                 self.0.lock().unwrap().get_or_insert(error);
///                 None
///             }
///         })))
///     }
///     type Ready<V: Send + 'static> = Tell<V>;
///     async fn start<V, F, Fut>(&self, task: F) -> Result<V, E>
///     where
///         V: Send + 'static,
///         F: FnOnce(Tell<V>) -> Fut + Send,
///         Fut: Future + Send + 'static,
///         Fut::Output: Outcome<E>,
///         <Fut::Output as Outcome<E>>::Value: Send + 'static,
///     {
///         let told = Arc::default();
///         self.spawn(task(Tell(Arc::clone(&told))));
///         let value = told.lock().unwrap().take();
///         value.ok_or_else(|| Cancelled::new(Cause::of(CauseKind::NeverStarted)).into())
///     }
///     fn cancel(&self) {}
///     fn shutdown(&self, _: std::time::Duration) {}
///     fn cancel_called(&self) -> bool { false }
/// }
/// # let sum = OneByOne::<Cancelled>::run(|tg| async move { Ok(tg.spawn(ready(Ok(1))).join().await? + 1) });
/// # assert_eq!(futures_lite::future::block_on(sum), Ok(2));
/// ```
pub trait TaskGroup<E: TaskError>: Clone + Send + Sync + 'static {
    /// A handle on one task.
    type Handle<T: Send + 'static>: TaskHandle<T>;

    /// Opens a group, runs `body` in it, and returns when the body and every task have ended.
    ///
    /// # Errors
    ///
    /// The first error of the body or of a task.
    fn run<F, Fut>(
        body: F,
    ) -> impl Future<Output = Result<<Fut::Output as Body<E>>::Value, E>> + Send
    where
        F: FnOnce(Self) -> Fut + Send,
        Fut: Future + Send,
        Fut::Output: Body<E> + Send,
        <Fut::Output as Body<E>>::Value: Send;

    /// Starts a task in the group.
    ///
    /// # Panics
    ///
    /// If the group has closed, or if there is no runtime any more, at the caller's location.
    #[track_caller]
    fn spawn<F>(&self, future: F) -> Self::Handle<<F::Output as Outcome<E>>::Value>
    where
        F: Future + Send + 'static,
        F::Output: Outcome<E>,
        <F::Output as Outcome<E>>::Value: Send + 'static,
    {
        match self.try_spawn(future) {
            Ok(handle) => handle,
            Err(error) => panic!("{error}"),
        }
    }

    /// Starts a task in the group, or hands the future back.
    ///
    /// # Errors
    ///
    /// [`SpawnError`] with the future if the group has closed.
    #[track_caller]
    fn try_spawn<F>(
        &self,
        future: F,
    ) -> Result<Self::Handle<<F::Output as Outcome<E>>::Value>, SpawnError<F>>
    where
        F: Future + Send + 'static,
        F::Output: Outcome<E>,
        <F::Output as Outcome<E>>::Value: Send + 'static;

    /// What a task that is started says that it is ready with.
    type Ready<V: Send + 'static>: Ready<V>;

    /// Starts a task in the group and waits until it says that it is ready.
    ///
    /// Up to then it is cancelled with the caller as well as with the group, and its error goes to
    /// the caller alone.
    ///
    /// # Cancel safety
    ///
    /// Cancelled, it cancels the task and waits for its end.
    ///
    /// # Errors
    ///
    /// The task's own, if it failed before it was ready; `E::from(Cancelled)` if it ended or was
    /// cancelled before.
    ///
    /// # Panics
    ///
    /// If the group has closed; with the panic of the task, if it panicked before it was ready.
    fn start<V, F, Fut>(&self, task: F) -> impl Future<Output = Result<V, E>> + Send
    where
        V: Send + 'static,
        F: FnOnce(Self::Ready<V>) -> Fut + Send,
        Fut: Future + Send + 'static,
        Fut::Output: Outcome<E>,
        <Fut::Output as Outcome<E>>::Value: Send + 'static;

    /// Cancels the body and all tasks.
    #[track_caller]
    fn cancel(&self);

    /// Asks the body and all tasks to come to an end in peace, and cancels them when `grace` is over. Of
    /// several calls the earliest end counts.
    #[track_caller]
    fn shutdown(&self, grace: Duration);

    /// Whether the group has been cancelled, by a call or by a failure in it.
    fn cancel_called(&self) -> bool;
}

/// How a task that is [started](TaskGroup::start) says that it is ready. Dropped without having been
/// used, it is the task's failure to start.
///
/// [`TaskGroup`] shows an implementation.
#[doc(alias = "TaskStatus")]
pub trait Ready<V: Send + 'static>: Send + 'static {
    /// The task is ready; whoever started it goes on with `value`. Does nothing if that one has
    /// been cancelled: then the task is, too.
    #[doc(alias = "set_ready")]
    fn started(self, value: V);
}

/// A handle on one task. Dropping it changes nothing: the group owns the task.
///
/// [`TaskGroup`] shows an implementation.
pub trait TaskHandle<T: Send + 'static>: Send + Sync + 'static {
    /// Waits for the task's value.
    ///
    /// # Cancel safety
    ///
    /// Atomic on the task; but the handle is consumed, so a value that has not been returned is
    /// dropped with it. `wait` first where the value must be kept.
    ///
    /// # Errors
    ///
    /// [`Cancelled`] if the task was cancelled. A task's own error goes to the group and to nobody
    /// else.
    fn join(self) -> impl Future<Output = Result<T, Cancelled>> + Send;

    /// Waits until the task has ended, however it ended.
    ///
    /// # Cancel safety
    ///
    /// Atomic: nothing happens but the waiting.
    fn wait(&mut self) -> impl Future<Output = ()> + Send;

    /// Cancels this task alone.
    #[track_caller]
    fn cancel(&self);

    /// How far the task has come.
    fn status(&self) -> TaskStatus;

    /// The task's name, if it was given one.
    fn name(&self) -> Option<&str>;
}
