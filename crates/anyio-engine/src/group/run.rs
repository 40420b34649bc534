//! The future of a group: its body, then the wait for its tasks.

use std::{
    fmt,
    marker::PhantomData,
    panic::Location,
    pin::Pin,
    sync::Arc as StdArc,
    task::{Context, Poll, ready},
};

use anyio_core::{Body as BodyEnd, Executor, GroupError, TaskError};
use pin_project_lite::pin_project;

use super::{
    core::{Core, Group, Settings},
    handle::TaskGroup,
    lease::Owner,
    opening::Opening,
};
use crate::sys::init;

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
/// [`Cancelled`](anyio_core::Cancelled); its body and tasks may end in `()`.
///
/// To lend something to the body, write `async move |tg|` or let it borrow; what a *task* uses it
/// must own, since it may run on another thread. A function that spawns itself needs a named
/// return type: `fn walk(..) -> impl Future + Send { async move { … } }`.
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
/// # mod mini { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/mini/mod.rs")); }
/// # use mini::{run, task_group};
/// # run(async {
/// let sum = task_group(async |tg| -> std::io::Result<u32> {
///     let one = tg.spawn(async { Ok(1) });
///     let two = tg.spawn(async { Ok(2) });
///     Ok(one.await? + two.await?)
/// })
/// .await?;
/// assert_eq!(sum, 3);
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
#[track_caller]
#[doc(alias = "nursery", alias = "create_task_group", alias = "open_nursery")]
pub fn task_group<B, E, F, Fut>(
    body: F,
) -> GroupRun<B, E, F, Fut, <Fut::Output as BodyEnd<E>>::Value>
where
    B: Executor,
    E: TaskError,
    F: FnOnce(TaskGroup<B, E>) -> Fut,
    Fut: Future,
    Fut::Output: BodyEnd<E>,
{
    GroupRun::new(None, Settings::default(), Location::caller(), body)
}

/// Which errors a group gives.
pub trait Errors {
    /// What they are given as.
    type Of<E>;

    /// The first, and those that came after it, if they were kept.
    fn of<E>(first: E, rest: Vec<E>) -> Self::Of<E>;
}

/// The first error, as it is.
#[derive(Debug)]
#[non_exhaustive]
pub enum FirstError {}

impl Errors for FirstError {
    type Of<E> = E;

    fn of<E>(first: E, _: Vec<E>) -> E {
        first
    }
}

/// All errors.
#[derive(Debug)]
#[non_exhaustive]
pub enum AllErrors {}

impl Errors for AllErrors {
    type Of<E> = GroupError<E>;

    fn of<E>(first: E, rest: Vec<E>) -> GroupError<E> {
        GroupError::new(first, rest)
    }
}

pin_project! {
    /// Given by [`task_group`].
    // `T` is what the body ends in. Written as a projection here, it would keep a group whose error
    // is `Box<dyn Error + Send + Sync>` from being `Send` inside of a task: rustc forgets there that
    // the lifetimes in it are one and the same.
    #[must_use = "futures do nothing unless you `.await` them"]
    pub struct GroupRun<B: Executor, E, F, Fut, T, K = FirstError> {
        #[pin]
        opening: Opening<F, Fut, T>,
        settings: Settings,
        // From the first poll until all have ended.
        core: Option<Owner<Core<B, E>>>,
        errors: PhantomData<fn() -> K>,
    }

    impl<B: Executor, E, F, Fut, T, K> PinnedDrop for GroupRun<B, E, F, Fut, T, K> {
        fn drop(this: Pin<&mut Self>) {
            if let Some(core) = this.project().core.take() {
                core.orphan();
            }
        }
    }
}

impl<B: Executor, E, F, Fut, T, K> GroupRun<B, E, F, Fut, T, K> {
    pub(super) fn new(
        name: Option<StdArc<str>>,
        settings: Settings,
        location: &'static Location<'static>,
        body: F,
    ) -> Self {
        let opening = Opening::new(name, location, body);
        Self { opening, settings, core: None, errors: PhantomData }
    }
}

impl<B, E, F, Fut, T, K> Future for GroupRun<B, E, F, Fut, T, K>
where
    B: Executor,
    E: TaskError,
    F: FnOnce(TaskGroup<B, E>) -> Fut,
    Fut: Future,
    Fut::Output: BodyEnd<E, Value = T>,
    K: Errors,
{
    type Output = Result<T, K::Of<E>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut opening = this.opening;
        let make = opening.as_mut().start().map(|body| {
            let core = Group::open(opening.as_mut().head(), this.settings);
            let group = TaskGroup::new(core.handle());
            init(this.core, Some(core));
            || body(group)
        });
        let Some(core) = this.core.as_ref() else { return opening.poll_unwound::<E, K>(cx) };
        ready!(opening.as_mut().poll_body::<E, false>(make, &core.tally, cx));
        let ended = match Owner::take_alone(this.core) {
            Some(core) => {
                if let Some(value) = opening.as_mut().finish_well(&core.tally) {
                    Group::recycle(core);
                    return Poll::Ready(Ok(value));
                }
                core.into_owner()
            }
            None => {
                let Some(core) = this.core.as_ref() else { unreachable!("it was left there") };
                // The waker is there before the group says that it waits, and then looks whether it has to.
                core.tally.place.settle(cx);
                if !core.has_ended() {
                    return Poll::Pending;
                }
                let Some(core) = this.core.take() else { unreachable!("it was left there") };
                core
            }
        };
        opening.finish::<E, K>(&ended.tally, || ended.roster.drop_locals(), cx)
    }
}

impl<B: Executor, E, F, Fut, T, K> fmt::Debug for GroupRun<B, E, F, Fut, T, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GroupRun").field("opening", &self.opening).finish_non_exhaustive()
    }
}
