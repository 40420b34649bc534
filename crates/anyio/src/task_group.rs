//! Tasks that belong together.

use anyio_core::{Body, Cancelled, TaskError};
use anyio_engine::GroupRun;

use crate::Any;

/// A handle on an open group: spawns tasks in it, and cancels it. Given by
/// [`task_group`](fn@task_group).
///
/// An application with one error type gives the group a name of its own, and needs no closure's
/// return type then:
///
/// ```
/// type Group = anyio::TaskGroup<std::io::Error>;
///
/// let sum = anyio::run(Group::builder().run(async |tg| {
///     let one = tg.spawn(async { Ok(1) });
///     Ok(one.await? + 1)
/// }));
/// assert_eq!(sum.unwrap(), 2);
/// ```
///
/// [`run_collecting`](crate::types::GroupBuilder::run_collecting) instead of `run` gives the errors of
/// all members, as a [`GroupError`](crate::GroupError). Followed by `?`, that needs
/// [`into_dyn`](crate::GroupError::into_dyn) if the error is one that stands for any error
/// (`anyhow::Error`, `eyre::Report`, a box), since such a one is no `Error` itself:
///
/// ```
/// use std::error::Error;
/// use anyio::GroupError;
///
/// type Boxed = Box<dyn Error + Send + Sync>;
/// type Group = anyio::TaskGroup<Boxed>;
///
/// async fn work() -> Result<(), Boxed> {
///     let group = Group::builder().run_collecting(async |tg| {
///         tg.spawn(async { Err::<(), Boxed>("no route to host".into()) });
///         Err::<(), Boxed>("disk full".into())
///     });
///     group.await.map_err(GroupError::into_dyn)?;
///     Ok(())
/// }
///
/// let all = anyio::run(work()).unwrap_err().to_string();
/// // In the order in which they failed:
/// assert!(all.starts_with("2 members of a task group failed: "));
/// assert!(all.contains("disk full") && all.contains("no route to host"));
/// ```
pub type TaskGroup<E = Cancelled> = anyio_engine::TaskGroup<Any, E>;

/// Opens a group of tasks, runs `body` in it, and returns when the body and every task have ended.
///
/// ```text
/// task_group(async |tg| {      ─┬─ body
///     tg.spawn(fetch());        ├────── fetch          any of them fails:
///     tg.spawn(store());        ├────── store          the others are cancelled,
/// })                           ─┴─ waits for all ────▶ cleaned up and waited for
/// ```
///
/// - The first error, of the body or of a task, cancels the others and is what the group gives.
/// - The first panic does so too, and goes on in the caller when everybody has ended.
/// - A cancellation from outside reaches the body and all tasks. If it cut one of them short, the
///   code after the group does not run; if all had ended by themselves, their result stands.
///
/// **A group that is followed by `?` needs the closure's return type**, or rustc cannot know the
/// error: `async |tg| -> Result<_, AppError> { … }`. A group that cannot fail has the error
/// [`Cancelled`]; its body and tasks may end in `()`. Any error will do that can be made from a
/// [`Cancelled`]: `io::Error`, `anyhow::Error`, `eyre::Report`, `Box<dyn Error + Send + Sync>`, an enum
/// with a variant for it.
///
/// A *task* must own what it uses, since it may run on another thread; the body may borrow. If
/// rustc complains about a borrow inside `async |tg|`, write `async move |tg|` and it names the
/// `spawn` that is meant. A function that spawns itself needs a named return type:
/// `fn walk(..) -> impl Future + Send { async move { … } }`.
///
/// Prefer a plain `join!` for a few futures that need no thread of their own and no cancellation.
///
/// # Cancel safety
///
/// Cancelling the scope around it cancels the group and waits for it. Dropping the future (as a
/// foreign `select!` does) cancels the tasks, too, but nobody waits for them, and what they fail
/// with is lost.
///
/// # Errors
///
/// The first error, as it was; `E::from(Cancelled)` if the group was cancelled through its handle
/// before the body had ended, or if the runtime shut down under its tasks.
///
/// # Panics
///
/// With the first panic of the body or of a task.
///
/// # Examples
///
/// ```
/// use std::{io, time::Duration};
/// use anyio::{sleep_forever, task_group};
///
/// # anyio::run(async {
/// let sum = task_group(async |tg| -> io::Result<u32> {
///     let one = tg.spawn(async { Ok(1) });
///     let two = tg.spawn(async { Ok(2) });
///     Ok(one.await? + two.await?)
/// })
/// .await?;
/// assert_eq!(sum, 3);
///
/// // One fails, the other is cancelled: nothing is left behind.
/// let failed = task_group(async |tg| -> io::Result<()> {
///     tg.spawn(async {
///         sleep_forever().await;
///     });
///     tg.spawn(async { io::Result::<()>::Err(io::ErrorKind::NotFound.into()) });
///     Ok(())
/// })
/// .await;
/// assert_eq!(failed.unwrap_err().kind(), io::ErrorKind::NotFound);
/// # io::Result::Ok(())
/// # }).unwrap();
/// ```
#[doc(alias = "nursery", alias = "create_task_group", alias = "open_nursery")]
#[track_caller]
pub fn task_group<E, F, Fut>(body: F) -> GroupRun<Any, E, F, Fut, <Fut::Output as Body<E>>::Value>
where
    E: TaskError, // unknown to rustc? say it: `async |tg| -> Result<_, AppError> { … }`
    F: FnOnce(TaskGroup<E>) -> Fut,
    Fut: Future,
    Fut::Output: Body<E>,
{
    anyio_engine::task_group(body)
}
