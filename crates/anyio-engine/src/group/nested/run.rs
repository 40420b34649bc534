//! The future of such a group.

use std::{
    fmt,
    panic::Location,
    pin::Pin,
    task::{Context, Poll},
};

use anyio_core::{Body as BodyEnd, TaskError};
use pin_project_lite::pin_project;

use super::{
    super::{core::Settings, opening::Opening, run::FirstError, tally::Tally},
    block::Block,
    door::Door,
    group::{Common, NestedGroup, ScopedTaskGroup},
    inbox::Inbox,
    pair::{LocalTask, Owned, SendTask},
    set::Set,
};
use crate::{
    LocalTaskGroup,
    context::FixedFrame,
    sys::{Alone, Arc},
    trace,
};

/// Opens a group whose tasks may borrow from the caller: they run inside of the caller's own task,
/// all at once but never in parallel.
///
/// The rules are those of [`task_group`](crate::task_group): the first error cancels the others, a
/// cancellation is waited for, and the call returns when the body and every task have ended. Tasks
/// may spawn siblings with a clone of the handle.
///
/// ```text
/// scoped_task_group(async |tg| {  ─┬─ body         one task of the runtime,
///     tg.spawn(fetch(&data));      ├────── fetch   in which all of them take turns
///     tg.spawn(store(&data));      ├────── store
/// })                              ─┴─ waits for all ──▶ nobody borrows any more
/// ```
///
/// Prefer [`task_group`](crate::task_group) where tasks compute: only there they run in parallel.
///
/// What is left out is what needs a runtime, or has another way within one task:
///
/// | of a `task_group` | here |
/// |---|---|
/// | `start` | a [`oneshot`](crate::oneshot) that the task sends its readiness through |
/// | `shutdown` | a [`CancelScope`](crate::CancelScope) around the group, which can be asked as well |
/// | `limit` | [`map`](crate::map), or a [`Semaphore`](crate::Semaphore)'s permit in each task |
/// | services | [`NestedHandle::cancel`](crate::NestedHandle::cancel) when their work is done |
/// | `run_collecting` | tasks that end in `()`, and leave their errors in a list that they borrow |
///
/// # Cancel safety
///
/// Cancelling the scope around it cancels the group and waits for it. Dropping the future drops the
/// tasks with it, where they are: their cleanup does not run, of which the feature `tracing` warns.
///
/// # Errors
///
/// The first error, as it was; `E::from(Cancelled)` if the group was cancelled through its handle
/// before the body had ended.
///
/// # Panics
///
/// With the first panic of the body or of a task.
///
/// # Examples
///
/// ```
/// # futures_lite::future::block_on(async {
/// use anyio_engine::scoped_task_group;
/// use std::sync::Mutex;
///
/// let words = vec!["borrowed", "not", "moved"];
/// let lengths = Mutex::new(Vec::new());
/// scoped_task_group(async |tg| {
///     for word in &words {
///         let lengths = &lengths;
///         tg.spawn(async move { lengths.lock().unwrap().push(word.len()) });
///     }
/// })
/// .await?;
/// assert_eq!(lengths.into_inner().unwrap(), [8, 3, 5]);
/// # Ok::<(), anyio_core::Cancelled>(())
/// # }).unwrap();
/// ```
#[track_caller]
pub fn scoped_task_group<'env, E, F, Fut>(
    body: F,
) -> NestedRun<SendTask<'env, E>, E, F, Fut, <Fut::Output as BodyEnd<E>>::Value>
where
    E: TaskError, // unknown to rustc? say it: `async |tg| -> Result<_, AppError> { … }`
    F: FnOnce(ScopedTaskGroup<'env, E>) -> Fut,
    Fut: Future,
    Fut::Output: BodyEnd<E>,
{
    NestedRun::new(Location::caller(), body)
}

/// Opens a group whose tasks may borrow from the caller and need not be `Send`: see
/// [`scoped_task_group`].
///
/// # Cancel safety
///
/// As of [`scoped_task_group`].
///
/// # Errors
///
/// As [`scoped_task_group`].
///
/// # Panics
///
/// As [`scoped_task_group`].
///
/// # Examples
///
/// ```
/// # futures_lite::future::block_on(async {
/// use anyio_engine::local_task_group;
/// use std::{cell::Cell, rc::Rc};
///
/// let sum = Rc::new(Cell::new(0));
/// local_task_group(async |tg| {
///     for number in 1..=3 {
///         let sum = Rc::clone(&sum);
///         tg.spawn(async move { sum.set(sum.get() + number) });
///     }
/// })
/// .await?;
/// assert_eq!(sum.get(), 6);
/// # Ok::<(), anyio_core::Cancelled>(())
/// # }).unwrap();
/// ```
#[track_caller]
pub fn local_task_group<'env, E, F, Fut>(
    body: F,
) -> NestedRun<LocalTask<'env, E>, E, F, Fut, <Fut::Output as BodyEnd<E>>::Value>
where
    E: TaskError, // unknown to rustc? say it: `async |tg| -> Result<_, AppError> { … }`
    F: FnOnce(LocalTaskGroup<'env, E>) -> Fut,
    Fut: Future,
    Fut::Output: BodyEnd<E>,
{
    NestedRun::new(Location::caller(), body)
}

pin_project! {
    /// Given by [`scoped_task_group`] and [`local_task_group`].
    #[must_use = "futures do nothing unless you `.await` them"]
    pub struct NestedRun<C, E, F, Fut, T> {
        #[pin]
        opening: Opening<F, Fut, T>,
        // From the first poll until all have ended.
        tasks: Option<Tasks<C, E>>,
    }

    impl<C, E, F, Fut, T> PinnedDrop for NestedRun<C, E, F, Fut, T> {
        fn drop(this: Pin<&mut Self>) {
            // Before the body goes, and the tasks.
            if let Some(tasks) = this.project().tasks {
                tasks.abandon();
            }
        }
    }
}

struct Tasks<C, E> {
    set: Set<C>,
    // After the set: its destructors may still spawn.
    open: Open<C, E>,
}

impl<C, E> Tasks<C, E> {
    /// The group's future goes before the group has ended.
    #[cold]
    fn abandon(&self) {
        let Common { tally, inbox } = &*self.open.common;
        // Whatever others' code does here.
        let _abandoned = tally.node().abandon();
        let count = || self.set.len() + inbox.len();
        trace::borrowing_group_dropped(&tally.span(), tally.node(), count);
    }
}

/// Closes the group when its future goes, and drops the tasks that were never taken: they may hold
/// handles on the group, which would keep each other alive.
struct Open<C, E> {
    common: Arc<Common<C, E>>,
    /// It has closed in its time, with no tasks.
    closed: bool,
}

impl<C, E> Drop for Open<C, E> {
    fn drop(&mut self) {
        if !self.closed {
            drop(self.common.inbox.abandon());
        }
    }
}

impl<C, E, F, Fut, T> NestedRun<C, E, F, Fut, T> {
    pub(super) fn new(location: &'static Location<'static>, body: F) -> Self {
        Self { opening: Opening::new(None, location, body), tasks: None }
    }
}

impl<M, E, F, Fut, T> Future for NestedRun<Owned<M, E>, E, F, Fut, T>
where
    M: ?Sized,
    E: TaskError,
    F: FnOnce(NestedGroup<Owned<M, E>, E>) -> Fut,
    Fut: Future,
    Fut::Output: BodyEnd<E, Value = T>,
{
    type Output = Result<T, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut opening = this.opening;
        let make = opening.as_mut().start().map(|body| {
            let head = opening.as_mut().head();
            let (first, common) = head.open(|node| {
                let first = Block::first(Door::new(Arc::clone(&node)));
                let inbox = Inbox::new(Arc::clone(&first));
                let tally = Tally::new(FixedFrame::of(node));
                let mut common = Alone::new(Common { tally, inbox });
                common.tally.begin(head, &Settings::default());
                (first, common.share())
            });
            let group = NestedGroup::new(Arc::clone(&common));
            let open = Open { common, closed: false };
            let tasks = this.tasks.insert(Tasks { set: Set::new(first), open });
            tasks.set.door().open();
            || body(group)
        });
        let Some(tasks) = this.tasks.as_mut() else {
            return opening.poll_unwound::<E, FirstError>(cx);
        };
        let Tasks { set, open } = tasks;
        let Common { tally, inbox } = &*open.common;
        set.door().open();
        // It begins outside of the group's frames: the body is in it, and so are the tasks.
        let in_span = tally.in_span();
        let ended = opening.as_mut().poll_body::<E, true>(make, tally, cx).is_ready();
        let again = tally.enter(|| set.poll(inbox, tally));
        drop(in_span);
        if again || !ended || !set.is_empty() || !inbox.close() {
            let node = tally.place.settle(cx);
            if ended {
                node.set_closing();
            }
            if set.door().close() || again {
                cx.waker().wake_by_ref();
            }
            return Poll::Pending;
        }
        open.closed = true;
        let Some(tasks) = this.tasks.take() else { unreachable!("they were there above") };
        opening.finish::<E, FirstError>(&tasks.open.common.tally, || (), cx)
    }
}

impl<C, E, F, Fut, T> fmt::Debug for NestedRun<C, E, F, Fut, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NestedRun").field("opening", &self.opening).finish_non_exhaustive()
    }
}
