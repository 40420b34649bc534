//! Why something was cancelled: C11.

use std::{
    future::pending,
    panic::Location,
    sync::{Arc, mpsc},
    time::Duration,
};

use anyio_core::{
    CancelScope as _, Cancelled, Cause, CauseKind, Event as _, Runtime, TaskGroup as _,
    TaskHandle as _, TimedOut,
};
use anyio_engine::{
    CancelScope, Ready, RuntimeExt as _, TaskGroup, catch_cancelled, checkpoint, finally, shield,
    sleep_forever,
};

use crate::{
    suite::Case,
    support::{Log, caught, cause_of, is_pending, until},
};

pub(super) fn list<B: Runtime>() -> Vec<Case> {
    list![B, cause:
        explicit_cancel_is_no_timeout,
        explicit_cancel_before_a_passed_deadline,
        outer_cancel_is_no_timeout,
        fail_after_moved_out_panics,
        first_cause_wins,
        cause_names_the_caller,
        cause_may_be_given,
        cause_says_it_in_words,
        scope_says_how_it_is,
        caught_cause_is_the_origin,
        inner_cause_stays_its_own,
        failed_sibling_is_named,
        failed_body_is_named,
        failed_start_is_the_bodys,
        dropped_scope_says_so,
    ]
}

const SHORT: Duration = Duration::from_millis(10);
const LONG: Duration = Duration::from_millis(40);
const NEVER: Duration = Duration::from_secs(3600);
/// What a group calls its body, unless told otherwise.
const BODY: &str = "the body of the group";

/// C11: cancelling a scope that has a deadline is not a timeout.
/// Covers: anyio/test_fail_after_cancelled_before_deadline
async fn explicit_cancel_is_no_timeout<B: Runtime>() {
    let scope = CancelScope::<B>::with_timeout(NEVER);
    let result = scope
        .run(async {
            checkpoint().await;
            scope.cancel();
            sleep_forever().await
        })
        .await;
    assert_eq!(cause_of(result).kind(), CauseKind::Explicit);
    assert_eq!(scope.cause().map(|cause| cause.kind()), Some(CauseKind::Explicit));
}

/// C11: nor if the deadline passes while the cancelled scope waits for a shield.
/// Covers: anyio/test_fail_after_scope_cancelled_before_timeout
async fn explicit_cancel_before_a_passed_deadline<B: Runtime>() {
    let scope = CancelScope::<B>::with_timeout(SHORT);
    let result = scope
        .run(async {
            checkpoint().await;
            scope.cancel();
            shield(B::sleep(LONG)).await;
            checkpoint().await;
        })
        .await;
    // On a very slow machine the first checkpoint is where the deadline was noticed.
    if scope.cause() != Some(Cause::of(CauseKind::Deadline)) {
        assert_eq!(cause_of(result).kind(), CauseKind::Explicit);
    }
}

/// C11: an explicit cancellation around it never becomes the `TimedOut` of a `fail_after`, even if
/// its deadline passes before it is unwound.
async fn outer_cancel_is_no_timeout<B: Runtime>() {
    let log = Log::default();
    for timeout in [SHORT, NEVER] {
        let outer = B::CancelScope::new();
        let work = async {
            checkpoint().await;
            outer.cancel();
            shield(B::sleep(LONG)).await;
            pending::<()>().await;
        };
        let result = outer
            .run(async {
                _ = B::fail_after(timeout, work).await;
                log.add("after");
            })
            .await;
        assert_eq!(cause_of(result).kind(), CauseKind::Explicit);
    }
    assert!(log.take().is_empty());
}

/// C6: a `fail_after` that an outer scope has unwound, and that is then polled outside of it, has
/// nothing to give and panics with words: neither a made-up timeout nor silence.
async fn fail_after_moved_out_panics<B: Runtime>() {
    let outer = B::CancelScope::new();
    // A cleanup beneath it makes the plain scope drop its own body, while a neighbour holds.
    let log = Log::default();
    let mut work = Box::pin(B::fail_after(NEVER, async {
        let _dropped = log.on_drop("dropped");
        pending::<()>().await;
    }));
    let result = outer
        .run(async {
            outer.cancel();
            let neighbour = finally(pending::<()>(), async {
                while log.take().is_empty() {
                    checkpoint().await;
                }
            });
            futures_util::join!(work.as_mut(), neighbour)
        })
        .await;
    assert!(result.is_err());
    let words = caught(work).await.expect_err("it has no value to give");
    assert!(words.contains("`fail_after`") && words.contains("outer scope"), "{words}");
}

/// C11: the first cause stands, whatever comes after it.
/// Covers: trio/test_cancel_reason
/// Covers: trio/test_cancel_reason_not_overwritten
async fn first_cause_wins<B: Runtime>() {
    let scope = B::CancelScope::new();
    scope.cancel_because("first");
    scope.cancel_because("second");
    scope.cancel();
    scope.set_deadline(Some(B::now()));
    let cause = cause_of(scope.run(checkpoint()).await);
    assert_eq!((cause.kind(), cause.reason()), (CauseKind::Explicit, Some("first")));
    assert_eq!(scope.cause(), Some(cause));

    let scope = B::CancelScope::new();
    scope.set_deadline(Some(B::now()));
    scope.cancel_because("late");
    let cause = cause_of(scope.run(checkpoint()).await);
    assert_eq!((cause.kind(), cause.reason(), cause.location()), (CauseKind::Deadline, None, None));

    let scope = CancelScope::<B>::with_deadline(B::now());
    assert_eq!(cause_of(scope.run(checkpoint()).await).kind(), CauseKind::Deadline);
    scope.cancel_because("late");
    assert_eq!(scope.cause(), Some(Cause::of(CauseKind::Deadline)));
}

/// C11: an explicit cause says where the cancellation was called, and what for.
/// Covers: anyio/test_cancel_reason
async fn cause_names_the_caller<B: Runtime>() {
    fn assert_here(location: Option<&Location<'_>>, line: u32) {
        let location = location.expect("an explicit cause has a place");
        assert!(location.file().ends_with("cause.rs"), "{location}");
        assert_eq!(location.line(), line);
    }

    let scope = B::CancelScope::new();
    scope.cancel();
    assert_here(scope.cause().and_then(|cause| cause.location()), line!() - 1);
    let scope = B::CancelScope::new();
    scope.cancel_because("enough");
    assert_here(scope.cause().and_then(|cause| cause.location()), line!() - 1);
    assert_eq!(cause_of(scope.run(checkpoint()).await).reason(), Some("enough"));
    let scope = CancelScope::<B>::new();
    scope.cancel();
    assert_here(scope.cause().and_then(|cause| cause.location()), line!() - 1);

    let group = B::task_group(async |tg| -> Result<(), Cancelled> {
        tg.cancel();
        checkpoint().await;
        Ok(())
    });
    let line = line!() - 4;
    assert_here(cause_of(group.await).location(), line);
    let handle = B::task_group(async |tg| -> Result<_, Cancelled> {
        let task = tg.spawn(async {
            sleep_forever().await;
        });
        task.cancel();
        let line = line!() - 1;
        Ok((task.join().await.expect_err("it was cancelled"), line))
    });
    let (cancelled, line) = handle.await.expect("the body ends by itself");
    assert_here(cancelled.cause().location(), line);
}

/// C11: whoever cancels may give any cause, such as that the program was interrupted.
async fn cause_may_be_given<B: Runtime>() {
    for kind in [CauseKind::Interrupt, CauseKind::Shutdown] {
        let scope = B::CancelScope::new();
        scope.cancel_with(Cause::of(kind));
        scope.cancel_because("late");
        assert_eq!(cause_of(scope.run(checkpoint()).await), Cause::of(kind));
    }
}

/// C11: a cancellation says in words what happened, where, and why.
/// Covers: trio/test_Cancelled_str
async fn cause_says_it_in_words<B: Runtime>() {
    let scope = B::CancelScope::new();
    scope.cancel_because("enough");
    let text = scope.run(checkpoint()).await.expect_err("it was cancelled").to_string();
    assert!(text.contains("cancelled") && text.contains("cause.rs:"), "{text}");
    assert!(text.contains("enough"), "{text}");
    let scope = CancelScope::<B>::with_timeout(Duration::ZERO);
    let text = scope.run(checkpoint()).await.expect_err("it was cancelled").to_string();
    assert!(text.contains("deadline"), "{text}");
    let timed_out = B::fail_after(Duration::ZERO, checkpoint()).await;
    assert_eq!(timed_out, Err(TimedOut::new()));
    assert!(TimedOut::new().to_string().contains("deadline"));
}

/// C11: what was cancelled from outside reports the scope that was cancelled, however many are
/// between.
async fn caught_cause_is_the_origin<B: Runtime>() {
    for deadline in [false, true] {
        let (outer, inner) = (B::CancelScope::new(), B::CancelScope::new());
        let caught = outer
            .run(inner.run(B::move_on_after(NEVER, async {
                catch_cancelled(async {
                    if deadline {
                        outer.set_deadline(Some(B::now()));
                    } else {
                        outer.cancel_because("origin");
                    }
                    checkpoint().await;
                })
                .await
            })))
            .await;
        let Ok(Ok(Some(caught))) = caught else { panic!("nothing waits after the catch") };
        let cause = cause_of(caught);
        let expected = if deadline {
            (CauseKind::Deadline, None)
        } else {
            (CauseKind::Explicit, Some("origin"))
        };
        assert_eq!((cause.kind(), cause.reason()), expected);
        assert_eq!(inner.cause(), None, "its own cause is not its parent's");
    }
}

/// C11: each scope reports its own cause, whatever an inner one was cancelled for.
async fn inner_cause_stays_its_own<B: Runtime>() {
    let (outer, inner) = (B::CancelScope::new(), B::CancelScope::new());
    let result = outer
        .run(async {
            let work = async {
                inner.cancel_because("inner");
                checkpoint().await;
            };
            assert_eq!(cause_of(inner.run(work).await).reason(), Some("inner"));
            outer.cancel_because("outer");
            _ = inner.run(checkpoint()).await;
        })
        .await;
    assert_eq!(cause_of(result).reason(), Some("outer"));
    assert_eq!(inner.cause().as_ref().and_then(|cause| cause.reason()), Some("inner"));
}

#[derive(Debug, PartialEq, Eq)]
enum Failure {
    Own,
    Cancelled,
}

impl From<Cancelled> for Failure {
    fn from(_: Cancelled) -> Self {
        Self::Cancelled
    }
}

/// A task that waits until it is cancelled, and then tells why. Opens `gate` when it waits.
fn tells<E: anyio_core::Event>(
    gate: &Arc<E>,
) -> (impl Future<Output = ()> + Send + use<E>, mpsc::Receiver<Cause>) {
    let (send, causes) = mpsc::channel();
    let gate = Arc::clone(gate);
    let task = async move {
        let waits = async {
            gate.set();
            pending::<()>().await;
        };
        let cancelled = catch_cancelled(waits).await.expect_err("nothing else ends it");
        _ = send.send(cancelled.cause().clone());
    };
    (task, causes)
}

/// C11: what is cancelled because a sibling failed says so, and which one: by default, the place it
/// was spawned at.
/// Covers: trio/test_cancel_reason_nursery2
async fn failed_sibling_is_named<B: Runtime>() {
    let gate = Arc::new(B::Event::new());
    let (task, causes) = tells(&gate);
    let result = B::task_group(async |tg| -> Result<(), Failure> {
        tg.spawn(task);
        gate.wait().await;
        tg.spawn(async { Err::<(), _>(Failure::Own) });
        Ok(())
    })
    .await;
    assert_eq!(result, Err(Failure::Own));
    let cause = causes.recv().unwrap();
    assert_eq!(cause.kind(), CauseKind::SiblingFailed);
    assert!(cause.task().is_some_and(|task| task.contains("cause.rs")), "{cause}");
}

/// C11: a group's body that fails is named as such.
/// Covers: trio/test_nested_child_source
async fn failed_body_is_named<B: Runtime>() {
    let gate = Arc::new(B::Event::new());
    let (task, causes) = tells(&gate);
    let result = B::task_group(async |tg| -> Result<(), Failure> {
        tg.spawn(task);
        gate.wait().await;
        Err(Failure::Own)
    })
    .await;
    assert_eq!(result, Err(Failure::Own));
    let cause = causes.recv().unwrap();
    assert_eq!((cause.kind(), cause.task()), (CauseKind::SiblingFailed, Some(BODY)));
}

/// C11: work whose group was dropped by somebody else is told just that.
async fn dropped_scope_says_so<B: Runtime>() {
    let gate = Arc::new(B::Event::new());
    let (task, causes) = tells(&gate);
    let mut group = Box::pin(B::task_group(async |tg| {
        tg.spawn(task);
        sleep_forever().await;
    }));
    assert!(is_pending(group.as_mut()).await);
    gate.wait().await;
    drop(group);
    let mut told = None;
    until::<B>(|| {
        told = causes.try_recv().ok();
        told.is_some()
    })
    .await;
    assert_eq!(told.map(|cause| cause.kind()), Some(CauseKind::Dropped));
}

/// C11, G9: a start that has failed is the failure of whoever passes it on; if that is the body,
/// siblings hear of the body.
/// Covers: trio/test_cancel_reason_nursery3
async fn failed_start_is_the_bodys<B: Runtime>() {
    let gate = Arc::new(B::Event::new());
    let (task, causes) = tells(&gate);
    let result = TaskGroup::<B, Failure>::builder().run(async |tg| {
        tg.spawn(task);
        gate.wait().await;
        tg.start(async |_ready: Ready<u8>| Err::<(), _>(Failure::Own)).await
    });
    assert_eq!(result.await, Err(Failure::Own));
    let cause = causes.recv().unwrap();
    assert_eq!((cause.kind(), cause.task()), (CauseKind::SiblingFailed, Some(BODY)));
}

/// C10, C11: the debug text of a scope tells its deadline, its shield, why it was cancelled, and how many
/// futures wait in it.
/// Covers: trio/test_cancel_scope_repr
async fn scope_says_how_it_is<B: Runtime>() {
    let (scope, moment) = (CancelScope::<B>::new(), B::now() + NEVER);
    let says = |words: &str| format!("{scope:?}").contains(words);
    assert!(says("CancelScope") && says("cause: None"));
    assert!(says("deadline: None") && says("shielded: false"));
    scope.set_deadline(Some(moment));
    scope.set_shielded(true);
    assert!(says(&format!("{moment:?}")) && says("shielded: true") && says("cause: None"));
    scope.cancel_because("enough of it");
    assert!(says("enough of it") && !says("cause: None"));
    assert!(scope.run(checkpoint()).await.is_err());
    assert!(says("enough of it"), "also when it is over");

    let scope = CancelScope::<B>::new();
    let pending_runs = |count: usize| format!("{scope:?}").contains(&format!("pending: {count}"));
    let mut runs = [(); 2].map(|()| Box::pin(scope.run(pending::<()>())));
    assert!(pending_runs(0));
    for (count, run) in runs.iter_mut().enumerate() {
        assert!(is_pending(run.as_mut()).await);
        assert!(pending_runs(count + 1));
    }
    scope.cancel();
    for (left, run) in [1, 0].into_iter().zip(runs) {
        assert!(run.await.is_err());
        assert!(pending_runs(left));
    }
}
