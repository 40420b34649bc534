//! The future of a group: its body, then the wait for its tasks.

use std::{
    fmt,
    marker::PhantomData,
    panic::{Location, resume_unwind},
    pin::Pin,
    sync::Arc as StdArc,
    task::{Context, Poll, ready},
};

use anyio_core::{Body as BodyEnd, Cancelled, Cause, CauseKind, Executor, GroupError, TaskError};
use pin_project_lite::pin_project;

use super::{
    core::{Core, Settings, Sum},
    handle::TaskGroup,
};
use crate::{
    context::{Body, Frame, current_backend, poll_unwound},
    scope::{BOUNDARY, HOLD, Outcome, catch, conclude, poll_caught},
    sys::Arc,
    trace::Span,
};

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
/// [`Cancelled`]; its body and tasks may end in `()`.
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
        hold: Frame,
        boundary: Frame,
        #[pin]
        body: Body<Fut>,
        start: Option<F>,
        name: Option<StdArc<str>>,
        settings: Settings,
        location: &'static Location<'static>,
        span: Span,
        // From the first poll until all have ended.
        core: Option<Arc<Core<B, E>>>,
        value: Option<T>,
        cancelled: Option<Cancelled>,
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
        Self {
            hold: Frame::new(),
            boundary: Frame::new(),
            body: Body::empty(),
            start: Some(body),
            name,
            settings,
            location,
            span: Span::none(),
            core: None,
            value: None,
            cancelled: None,
            errors: PhantomData,
        }
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
        let mut this = self.project();
        let (hold, boundary) = (&mut *this.hold, &mut *this.boundary);
        let name = &*this.name;
        let who = || name.clone().unwrap_or_else(|| "the body of the group".into());

        if let Some(start) = this.start.take() {
            let node = Arc::clone(hold.need_node(HOLD));
            *this.span = Span::group(name.as_deref(), this.location);
            let core = Core::new(node, current_backend(), this.span.clone(), *this.settings);
            let core = this.core.insert(Arc::new(core));
            let group = TaskGroup::new(Arc::clone(core));
            let start = || this.span.in_scope(|| start(group));
            match catch(|| hold.enter(HOLD, || boundary.enter(BOUNDARY, start))) {
                Ok(body) => this.body.as_mut().set(body),
                Err(payload) => core.panic(payload, who),
            }
        }

        let Some(core) = this.core.as_ref() else {
            ready!(poll_unwound(cx));
            let Some(cancelled) = this.cancelled.take() else {
                panic!("a task group was polled after it had ended")
            };
            return Poll::Ready(Err(only::<K, E>(cancelled)));
        };

        if this.body.is_some() {
            let body = this.body.as_mut();
            let poll = || this.span.in_scope(|| poll_caught(boundary, body, cx));
            let polled = hold.enter(HOLD, poll);
            let settle = || Arc::clone(hold.settle(HOLD, cx));
            match ready!(conclude(boundary, this.body, polled, cx, settle)) {
                Outcome::Value(end) => match catch(|| end.into_result()) {
                    Ok(Ok(value)) => *this.value = Some(value),
                    Ok(Err(error)) => core.fail(error, who),
                    Err(payload) => core.panic(payload, who),
                },
                Outcome::Panicked(payload) => core.panic(payload, who),
                Outcome::Cut(cancelled) => {
                    core.cut();
                    *this.cancelled = Some(cancelled);
                }
            }
            boundary.leave();
        } else {
            hold.follow();
        }

        if !core.close() {
            hold.settle(HOLD, cx);
            if !core.close() {
                return Poll::Pending;
            }
        }

        // All have ended. What is visible from here is read before the group leaves the tree.
        let from_outside = core.node.sees_outer();
        let origin = Cancelled::new(core.node.origin());
        let sum = core.sum();
        *this.core = None;
        hold.leave();
        match sum {
            Sum::Panic(payload) => resume_unwind(payload),
            Sum::Error(first, rest) => Poll::Ready(Err(K::of(first, rest))),
            Sum::Lost => {
                Poll::Ready(Err(only::<K, E>(Cancelled::new(Cause::of(CauseKind::Shutdown)))))
            }
            Sum::Cut => unwind::<T, E, K>(this.cancelled, origin, cx),
            Sum::Well => match this.value.take() {
                Some(value) => Poll::Ready(Ok(value)),
                None if from_outside => unwind::<T, E, K>(this.cancelled, origin, cx),
                None => Poll::Ready(Err(only::<K, E>(this.cancelled.take().unwrap_or(origin)))),
            },
        }
    }
}

/// Leaves the rest to the outer scope that is cancelled, if it still is.
fn unwind<T, E: TaskError, K: Errors>(
    kept: &mut Option<Cancelled>,
    origin: Cancelled,
    cx: &Context<'_>,
) -> Poll<Result<T, K::Of<E>>> {
    let cancelled = kept.get_or_insert(origin);
    ready!(poll_unwound(cx));
    Poll::Ready(Err(only::<K, E>(cancelled.clone())))
}

fn only<K: Errors, E: TaskError>(cancelled: Cancelled) -> K::Of<E> {
    K::of(cancelled.into(), Vec::new())
}

impl<B: Executor, E, F, Fut, T, K> fmt::Debug for GroupRun<B, E, F, Fut, T, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GroupRun")
            .field("name", &self.name)
            .field("location", &self.location)
            .finish_non_exhaustive()
    }
}
