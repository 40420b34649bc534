//! Whole groups, with each task on a thread of its own. That one sleeps for ever shows as a deadlock.

use anyio_core::{Cancelled, Cause, CauseKind, Executor, NoRuntime, Spawn, TaskStatus};
use loom::{future::block_on, thread};

use crate::{TaskGroup, model::explore, shield, task_group};

#[derive(Clone, Copy)]
struct Threads;

impl Executor for Threads {
    const NAME: &'static str = "threads of a model";
    type Spawner = Self;

    fn spawner() -> Result<Self, NoRuntime> {
        Ok(Self)
    }
}

impl Spawn for Threads {
    fn spawn_task<F: Future<Output = ()> + Send + 'static>(&self, task: F) {
        thread::spawn(move || block_on(task));
    }
}

/// Runs a group whose error is that it was cancelled.
fn run<T, Fut: Future<Output = Result<T, Cancelled>>>(
    body: impl FnOnce(TaskGroup<Threads, Cancelled>) -> Fut,
) -> Result<T, Cancelled> {
    block_on(task_group(body))
}

/// A group waits for its tasks and for nothing else.
#[test]
fn a_group_ends_with_its_tasks() {
    explore(1, || {
        let value = run(async |group| {
            group.spawn(async {});
            group.spawn(async {});
            Ok(1)
        });
        assert_eq!(value, Ok(1));
    });
}

/// The body joins one task while another ends.
#[test]
fn a_join_gives_the_value() {
    explore(1, || {
        let value = run(async |group| {
            group.spawn(async {});
            group.spawn(async { Ok(7) }).await
        });
        assert_eq!(value, Ok(7));
    });
}

/// A group that is cancelled from one of its tasks unwinds its body, asleep or not yet.
#[test]
fn a_cancelled_group_unwinds_its_body() {
    explore(1, || {
        let value = run(async |group| {
            let other = group.clone();
            group.spawn(async move { other.cancel() });
            std::future::pending::<Result<(), Cancelled>>().await
        });
        assert_eq!(value.unwrap_err().cause().kind(), CauseKind::Explicit);
    });
}

/// And the other tasks. (With one interruption these are a million runs.)
#[test]
fn a_cancelled_group_unwinds_its_tasks() {
    explore(0, || {
        let value = run(async |group| {
            let other = group.clone();
            group.spawn(async move { other.cancel() });
            group.spawn(std::future::pending::<()>());
            std::future::pending::<Result<(), Cancelled>>().await
        });
        assert_eq!(value.unwrap_err().cause().kind(), CauseKind::Explicit);
    });
}

/// As above, where the task that is unwound has a node of its own, made at any moment.
#[test]
fn a_task_with_a_scope_is_unwound_by_its_handle() {
    explore(1, || {
        let status = run(async |group| {
            let mut task = group.spawn(async {
                shield(crate::checkpoint()).await;
                std::future::pending::<()>().await;
            });
            task.cancel();
            task.wait().await;
            Ok(task.status())
        });
        assert_eq!(status, Ok(TaskStatus::Cancelled));
    });
}

/// A task that fails unwinds the body, asleep or not yet, and the group gives the failure.
#[test]
fn a_failure_unwinds_the_body() {
    explore(1, || {
        let failed = run(async |group| {
            group.spawn(async { Err::<(), _>(Cancelled::new(Cause::of(CauseKind::Interrupt))) });
            std::future::pending::<Result<(), Cancelled>>().await
        });
        assert_eq!(failed.unwrap_err().cause().kind(), CauseKind::Interrupt);
    });
}

/// And its sibling. (With one interruption these are more than half a million runs.)
#[test]
fn a_failure_unwinds_the_siblings() {
    explore(0, || {
        let failed = run(async |group| {
            group.spawn(async { Err::<(), _>(Cancelled::new(Cause::of(CauseKind::Interrupt))) });
            group.spawn(std::future::pending::<()>());
            Ok(())
        });
        assert_eq!(failed.unwrap_err().cause().kind(), CauseKind::Interrupt);
    });
}
