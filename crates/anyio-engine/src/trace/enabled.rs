//! Everything goes to `tracing`, with the target `anyio`.

use std::{
    any::{Any, type_name},
    panic::Location,
    sync::Arc,
    time::Duration,
};

use tracing::{Dispatch, Id, field, info_span, level_filters::LevelFilter, warn};

use super::watch::holds_cleanup;
use crate::{
    inspect::{ItemKind, Who},
    sync::LimiterStatistics,
    sys::Arc as SysArc,
    tree::Node,
};

pub(super) const TARGET: &str = "anyio";

/// There may be spans.
pub(crate) const IS_BUILT: bool = true;

/// How long a job waits for its turn before that is reported, and between two reports.
pub(crate) const PATIENCE: Option<Duration> = Some(Duration::from_secs(10));

/// The span of a group or a task. If nobody listens when it begins, it is nothing: to find that out
/// takes a load.
#[derive(Clone, Debug)]
pub(crate) struct Span(Option<Arc<tracing::Span>>);

impl Span {
    pub(crate) const fn none() -> Self {
        Self(None)
    }

    /// A group, inside of whatever span is current.
    pub(crate) fn group(name: Option<&str>, location: &Location<'_>) -> Self {
        let span =
            info_span!(target: TARGET, "task_group", name = field::Empty, opened_at = %location);
        Self::named(span, name)
    }

    /// A task of this group.
    #[inline]
    pub(crate) fn task(&self, name: Option<&str>, location: &Location<'_>) -> Self {
        if is_on() { self.of_task(name, location) } else { Self::none() }
    }

    #[cold]
    fn of_task(&self, name: Option<&str>, location: &Location<'_>) -> Self {
        let span = info_span!(
            target: TARGET,
            parent: self.id(),
            "task",
            name = field::Empty,
            spawned_at = %location,
        );
        Self::named(span, name)
    }

    fn named(span: tracing::Span, name: Option<&str>) -> Self {
        if span.is_disabled() {
            return Self::none();
        }
        if let Some(name) = name {
            span.record("name", name);
        }
        Self(Some(Arc::new(span)))
    }

    fn id(&self) -> Option<Id> {
        self.0.as_ref().and_then(|span| span.id())
    }

    pub(crate) const fn is_nothing(&self) -> bool {
        self.0.is_none()
    }

    #[inline]
    pub(crate) fn in_scope<R>(&self, f: impl FnOnce() -> R) -> R {
        let _entered = self.0.as_deref().map(tracing::Span::enter);
        f()
    }

    /// As [`in_scope`](Self::in_scope) does before it calls `f`.
    pub(crate) fn step_in(&self) {
        self.with(|id, subscriber| subscriber.enter(id));
    }

    /// As it does afterwards.
    pub(crate) fn step_out(&self) {
        self.with(|id, subscriber| subscriber.exit(id));
    }

    fn with(&self, f: impl FnOnce(&Id, &Dispatch)) {
        if let Some(span) = &self.0 {
            span.with_subscriber(|(id, subscriber)| f(id, subscriber));
        }
    }
}

/// Whether somebody listens to spans, perhaps not to ours.
#[inline]
pub(crate) fn is_on() -> bool {
    LevelFilter::current() >= LevelFilter::INFO
}

/// An error that its group does not give to anybody. It may have no words of its own: a group's
/// error is any type at all.
pub(crate) fn surplus_error<E>(group: &Span, node: &Node, who: impl FnOnce() -> Arc<str>) {
    warn!(
        target: TARGET,
        parent: group.id(),
        member = %who(),
        group = %words_of(node),
        error_type = type_name::<E>(),
        "an error was dropped: its task group gives the first failure only",
    );
}

/// A panic that its group does not pass on.
pub(crate) fn surplus_panic(
    group: &Span,
    node: &Node,
    payload: &(dyn Any + Send),
    who: impl FnOnce() -> Arc<str>,
) {
    warn!(
        target: TARGET,
        parent: group.id(),
        member = %who(),
        group = %words_of(node),
        panic = words(payload),
        "a panic was dropped: its task group passes on the first one only",
    );
}

fn words(payload: &(dyn Any + Send)) -> &str {
    let words = payload.downcast_ref::<&str>().copied();
    let words = words.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    words.unwrap_or("(no words)")
}

/// The group's name and where it was opened. Who listens to warnings alone has no span that says so.
fn words_of(group: &Node) -> String {
    Who(ItemKind::Group, &group.label()).to_string()
}

/// A panic of a blocking job that nobody waits for any more.
pub(crate) fn abandoned_panic(payload: &(dyn Any + Send)) {
    warn!(
        target: TARGET,
        panic = words(payload),
        "a panic was dropped: nobody waits any more for the blocking job that it is of",
    );
}

/// Jobs have been waiting for a thread for long.
pub(crate) fn threads_taken(limiter: &LimiterStatistics) {
    warn!(
        target: TARGET,
        capacity = limiter.capacity,
        borrowed = limiter.borrowed,
        waiting = limiter.waiting,
        "a blocking job has waited long for its turn: those before it block. Give jobs that take long a \
         limiter of their own (`to_thread(job).limiter(…)`), or raise that of all \
         (`default_thread_limiter().set_capacity(…)`)",
    );
}

/// A group's future is gone while tasks run: nobody waits for them.
pub(crate) fn group_dropped(group: &Span, node: &Node, tasks: usize) {
    warn!(
        target: TARGET,
        parent: group.id(),
        tasks,
        group = %words_of(node),
        "a task group was dropped before it had ended; its tasks are cancelled, and nobody waits for \
         their cleanup nor sees their errors. Do not drop it (as `select!` and `abort` do): cancel \
         the scope around it",
    );
}

/// The future of a group that borrows goes while `tasks` are in it, and they with it. That is lost work
/// like that of any future; what should have been waited for is reported.
pub(crate) fn borrowing_group_dropped(
    group: &Span,
    node: &SysArc<Node>,
    tasks: impl FnOnce() -> usize,
) {
    if !holds_cleanup(node) {
        return;
    }
    group.in_scope(|| {
        warn!(
            target: TARGET,
            tasks = tasks(),
            group = %words_of(node),
            "a task group that borrows was dropped before it had ended, and its tasks with it, where they \
             were: the cleanup in it does not run. Do not drop it (as `select!` and `abort` do): cancel \
             the scope around it",
        );
    });
}
