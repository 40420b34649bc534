//! Panics in groups: G4.

use std::{
    future::{Ready, pending, poll_fn},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use anyio_core::{
    CancelScope as _, Cancelled, CauseKind, Event as _, Runtime, TaskGroup as _, TaskStatus,
};
use anyio_engine::{RuntimeExt as _, catch_cancelled, checkpoint, finally, tree_local};

use super::tools::{Failure, Payload, ThrowOnDrop, event};
use crate::{
    suite::Case,
    support::{Log, turns, until},
};

pub(super) fn list<B: Runtime>() -> Vec<Case> {
    list![B, group_panic:
        panic_of_a_task_goes_on_in_the_caller,
        panic_of_the_body_goes_on_in_the_caller,
        panic_before_the_body_is_a_future,
        panic_of_a_task_is_noticed_while_the_group_waits,
        panic_beats_an_earlier_error,
        panic_beats_a_later_error,
        first_panic_is_the_one,
        panic_in_the_destructor_of_a_cut_task,
        panic_in_the_destructor_of_the_cut_body,
        panic_of_a_poll_beats_that_of_the_destructor,
        panic_outlives_an_outer_cancellation,
        panicked_task_is_failed,
        panic_passes_through_nested_groups,
        panic_in_the_destructor_of_a_surplus_error,
        panic_in_the_destructor_of_an_unclaimed_value,
        panic_in_the_destructor_of_a_local,
    ]
}

/// G4: a panic of a task cancels the group; when everybody has ended it goes on in the caller,
/// with the very same payload.
async fn panic_of_a_task_goes_on_in_the_caller<B: Runtime>() {
    let (log, payload) = (Log::default(), Payload::new("task"));
    let group = B::task_group(async |tg| {
        let _unwound = log.on_drop("body unwound");
        let waits = event::<B>();
        let (ready, log) = (Arc::clone(&waits), log.clone());
        tg.spawn(async move {
            let work = async {
                ready.set();
                pending::<()>().await;
            };
            let cleanup = async {
                turns::<B>().await;
                log.add("sibling cleaned up");
            };
            finally(work, cleanup).await;
        });
        waits.wait().await;
        let payload = payload.clone();
        tg.spawn(async move { payload.throw::<()>() });
        pending::<()>().await;
    });
    payload.comes_out_of(group).await;
    let mut log = log.take();
    log.sort_unstable();
    assert_eq!(log, ["body unwound", "sibling cleaned up"]);
}

/// G4: so does a panic of the body.
async fn panic_of_the_body_goes_on_in_the_caller<B: Runtime>() {
    let (log, payload) = (Log::default(), Payload::new("body"));
    let group = B::task_group(async |tg| {
        let waits = event::<B>();
        let (ready, log) = (Arc::clone(&waits), log.clone());
        tg.spawn(async move {
            let work = async {
                ready.set();
                pending::<()>().await;
            };
            let cleanup = async {
                turns::<B>().await;
                log.add("cleaned up");
            };
            finally(work, cleanup).await;
        });
        waits.wait().await;
        payload.throw::<()>()
    });
    payload.comes_out_of(group).await;
    assert_eq!(log.take(), ["cleaned up"]);
}

/// G4: the closure that makes the body's future is part of the body.
async fn panic_before_the_body_is_a_future<B: Runtime>() {
    let (log, payload) = (Log::default(), Payload::new("closure"));
    let group = B::task_group(|tg| -> Ready<()> {
        let dropped = log.on_drop("task dropped");
        tg.spawn(async move {
            let _dropped = dropped;
            pending::<()>().await;
        });
        payload.throw()
    });
    payload.comes_out_of(group).await;
    assert_eq!(log.take(), ["task dropped"]);
}

/// G4: a panic is acted on while the group waits, too.
async fn panic_of_a_task_is_noticed_while_the_group_waits<B: Runtime>() {
    let (log, payload) = (Log::default(), Payload::new("late"));
    let group = B::task_group(async |tg| {
        let _ended = log.on_drop("body");
        tg.spawn(pending::<()>());
        let (log, payload) = (log.clone(), payload.clone());
        tg.spawn(async move {
            until::<B>(|| log.has("body")).await;
            payload.throw::<()>()
        });
    });
    payload.comes_out_of(group).await;
}

/// G3: a panic beats an error that came before it.
async fn panic_beats_an_earlier_error<B: Runtime>() {
    let payload = Payload::new("later");
    let group = B::task_group(async |tg| -> Result<(), Failure> {
        let waits = event::<B>();
        let (ready, payload) = (Arc::clone(&waits), payload.clone());
        tg.spawn(async move {
            _ = catch_cancelled(async {
                ready.set();
                pending::<()>().await;
            })
            .await;
            payload.throw::<()>()
        });
        waits.wait().await;
        Err(Failure::Named("earlier"))
    });
    payload.comes_out_of(group).await;
}

/// G3: a panic beats an error that comes after it.
async fn panic_beats_a_later_error<B: Runtime>() {
    let payload = Payload::new("earlier");
    let group = B::task_group(async |tg| -> Result<(), Failure> {
        let waits = event::<B>();
        let ready = Arc::clone(&waits);
        tg.spawn(async move {
            let caught = catch_cancelled(async {
                ready.set();
                pending::<()>().await;
            })
            .await;
            assert!(caught.is_err());
            Err::<(), _>(Failure::Named("later"))
        });
        waits.wait().await;
        payload.throw()
    });
    payload.comes_out_of(group).await;
}

/// G4: of several panics the first one goes on.
async fn first_panic_is_the_one<B: Runtime>() {
    let (first, second) = (Payload::new("first"), Payload::new("second"));
    let group = B::task_group(async |tg| {
        let waits = event::<B>();
        let ready = Arc::clone(&waits);
        tg.spawn(async move {
            _ = catch_cancelled(async {
                ready.set();
                pending::<()>().await;
            })
            .await;
            second.throw::<()>()
        });
        waits.wait().await;
        let first = first.clone();
        tg.spawn(async move { first.throw::<()>() });
    });
    first.comes_out_of(group).await;
}

/// G4: a panic in a destructor of a task that is being cut is a panic of that task: not lost, and
/// nobody's end.
async fn panic_in_the_destructor_of_a_cut_task<B: Runtime>() {
    let (log, payload) = (Log::default(), Payload::new("destructor"));
    let group = B::task_group(async |tg| {
        let waits = event::<B>();
        let (ready, bomb) = (Arc::clone(&waits), ThrowOnDrop(payload.clone()));
        tg.spawn(async move {
            let _bomb = bomb;
            ready.set();
            pending::<()>().await;
        });
        let dropped = log.on_drop("sibling dropped");
        tg.spawn(async move {
            let _dropped = dropped;
            pending::<()>().await;
        });
        waits.wait().await;
        tg.cancel();
    });
    payload.comes_out_of(group).await;
    assert_eq!(log.take(), ["sibling dropped"]);
}

/// G4: the same for the body, whose tasks are waited for nevertheless.
async fn panic_in_the_destructor_of_the_cut_body<B: Runtime>() {
    let (log, payload) = (Log::default(), Payload::new("destructor"));
    let group = B::task_group(async |tg| {
        let _bomb = ThrowOnDrop(payload.clone());
        let waits = event::<B>();
        let (ready, log) = (Arc::clone(&waits), log.clone());
        tg.spawn(async move {
            let work = async {
                ready.set();
                pending::<()>().await;
            };
            let cleanup = async {
                turns::<B>().await;
                log.add("cleaned up");
            };
            finally(work, cleanup).await;
        });
        waits.wait().await;
        tg.cancel();
        pending::<()>().await;
    });
    payload.comes_out_of(group).await;
    assert_eq!(log.take(), ["cleaned up"]);
}

/// A future that panics when it is polled, and once more when it is dropped.
struct Twice {
    poll: Payload,
    _drop: ThrowOnDrop,
}

impl Future for Twice {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        self.poll.throw()
    }
}

/// G4: if a future panics when it is polled and again when it is dropped, the first panic counts,
/// and the second one does no harm.
async fn panic_of_a_poll_beats_that_of_the_destructor<B: Runtime>() {
    let (poll, drop) = (Payload::new("poll"), Payload::new("drop"));
    let twice = || Twice { poll: poll.clone(), _drop: ThrowOnDrop(drop.clone()) };
    let task = B::task_group(async |tg| {
        tg.spawn(twice());
    });
    poll.comes_out_of(task).await;
    let body = B::task_group::<Cancelled, _, _>(|tg| {
        tg.spawn(pending::<()>());
        twice()
    });
    poll.comes_out_of(body).await;
}

/// G4: a panic is not lost to a cancellation from outside, and goes on in the caller before the
/// next operation does not start.
async fn panic_outlives_an_outer_cancellation<B: Runtime>() {
    let (payload, scope) = (Payload::new("real"), B::CancelScope::new());
    let work = scope.run(B::task_group(async |tg| {
        let waits = event::<B>();
        let (ready, payload) = (Arc::clone(&waits), payload.clone());
        tg.spawn(pending::<()>());
        tg.spawn(async move {
            _ = catch_cancelled(async {
                ready.set();
                pending::<()>().await;
            })
            .await;
            payload.throw::<()>()
        });
        waits.wait().await;
        scope.cancel();
        pending::<()>().await;
    }));
    payload.comes_out_of(work).await;
}

/// G4, G8: the handle of a task that panicked says that it failed; the payload is the group's.
/// Covers: anyio/test_base_exception
async fn panicked_task_is_failed<B: Runtime>() {
    let (payload, mut task) = (Payload::new("task"), None);
    let group = anyio_engine::task_group::<B, Cancelled, _, _>(async |tg| {
        let payload = payload.clone();
        let panicking = async move { payload.throw::<()>() };
        task = Some(tg.child().name("culprit").spawn(panicking));
    });
    payload.comes_out_of(group).await;
    let task = task.expect("it was spawned");
    assert_eq!(task.status(), TaskStatus::Failed);
    let cancelled = task.join().await.expect_err("there is no value");
    assert_eq!(cancelled.cause().kind(), CauseKind::SiblingFailed);
    assert_eq!(cancelled.cause().task(), Some("culprit"));
}

/// G4: a panic passes through groups in groups, in tasks and in bodies, and each waits for its own.
async fn panic_passes_through_nested_groups<B: Runtime>() {
    let (log, payload) = (Log::default(), Payload::new("deep"));
    let group = B::task_group(async |outer| {
        let (log, payload) = (log.clone(), payload.clone());
        let dropped = log.on_drop("outermost");
        outer.spawn(async move {
            let _dropped = dropped;
            pending::<()>().await;
        });
        outer.spawn(async move {
            let middle = B::task_group(async |tg| {
                let inner = B::task_group(async |tg| {
                    let dropped = log.on_drop("innermost");
                    tg.spawn(async move {
                        let _dropped = dropped;
                        pending::<()>().await;
                    });
                    let payload = payload.clone();
                    tg.spawn(async move { payload.throw::<()>() });
                })
                .await;
                log.add("not reached");
                tg.spawn(async move { inner });
            })
            .await;
            log.add("not reached");
            middle
        });
    });
    payload.comes_out_of(group).await;
    assert_eq!(log.take(), ["innermost", "outermost"]);
}

/// G4, §8: a later error is dropped; if its destructor panics, the group ends all the same, with
/// the first error.
async fn panic_in_the_destructor_of_a_surplus_error<B: Runtime>() {
    let payload = Payload::new("destructor");
    let result = B::task_group(async |tg| -> Result<(), Explosive> {
        let waits = event::<B>();
        let (ready, theirs) = (Arc::clone(&waits), payload.clone());
        tg.spawn(async move {
            ready.set();
            _ = catch_cancelled(pending::<()>()).await;
            Err::<(), _>(Explosive(Some(ThrowOnDrop(theirs))))
        });
        tg.spawn(async move {
            waits.wait().await;
            Err::<(), _>(Explosive(None))
        });
        Ok(())
    });
    assert!(matches!(result.await, Err(Explosive(None))));
}

/// G4: a value that nobody asks for is dropped before the group ends; if its destructor panics, that
/// is a panic of the task.
async fn panic_in_the_destructor_of_an_unclaimed_value<B: Runtime>() {
    let payload = Payload::new("value");
    let group = B::task_group(async |tg| {
        let value = ThrowOnDrop(payload.clone());
        let go = event::<B>();
        let gate = Arc::clone(&go);
        drop(tg.spawn(async move {
            gate.wait().await;
            Ok(value)
        }));
        go.set();
    });
    payload.comes_out_of(group).await;
}

struct Explosive(Option<ThrowOnDrop>);

impl From<Cancelled> for Explosive {
    fn from(_: Cancelled) -> Self {
        Self(None)
    }
}

tree_local! {
    static KEPT: ThrowOnDrop;
}

/// G4, G11: a value that was set around a group goes with the group, if that was moved out of there and has it
/// last. If its destructor panics, that goes on in the caller; and the group has left nothing behind that would hold
/// what is around it.
async fn panic_in_the_destructor_of_a_local<B: Runtime>() {
    let (payload, scope) = (Payload::new("destructor"), B::CancelScope::new());
    let result = scope
        .run(async {
            let mut group = Box::pin(B::task_group(async |_| -> Result<(), Failure> {
                checkpoint().await;
                Err(Failure::Named("in the body"))
            }));
            let begun = poll_fn(|cx| Poll::Ready(group.as_mut().poll(cx).is_pending()));
            assert!(KEPT.scope(ThrowOnDrop(payload.clone()), begun).await);
            payload.comes_out_of(group).await;
            scope.cancel();
            pending::<()>().await;
        })
        .await;
    assert_eq!(result.map_err(|cancelled| cancelled.cause().kind()), Err(CauseKind::Explicit));
}
