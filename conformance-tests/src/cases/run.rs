//! Entering a runtime, and what is left when it shuts down.

use std::{
    cell::Cell,
    future::pending,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    rc::Rc,
    sync::{Arc, mpsc},
    task::Poll,
    thread,
    time::Duration,
};

use anyio_core::{
    CancelScope as _, Cancelled, CauseKind, Event as _, Run, RunOptions, Runtime, Spawn as _,
    TaskGroup as _, TaskHandle as _, TaskStatus,
};
use anyio_engine::{RuntimeExt as _, checkpoint, finally, shield};
use futures_lite::future::block_on;

use super::tools::{Failure, Payload, event};
use crate::{
    suite::Case,
    support::{Counter, Log, Polls, poll_once, turns, until},
};

pub(super) fn list<B: Runtime + Run>() -> Vec<Case> {
    list![B, run:
        run_gives_the_value,
        run_takes_any_future,
        runs_follow_each_other,
        nested_run_is_refused,
        nested_run_is_refused_in_a_task,
        run_on_another_thread_is_another_runtime,
        panic_of_the_future_comes_out_of_run,
        left_over_tasks_are_dropped,
        left_over_groups_are_dropped,
        shutdown_ends_a_group_that_a_foreign_thread_drives,
        shutdown_ends_a_group_that_is_polled_later,
        shutdown_keeps_the_results_of_tasks_that_had_ended,
        spawn_after_the_shutdown_is_cancelled,
    ]
}

/// As many threads as in each flavour; every case here starts runtimes of its own.
fn options() -> [RunOptions; 2] {
    [RunOptions::default().current_thread(), RunOptions::default().threads(2)]
}

/// Runs `f` on a thread that drives no runtime, for each of the [`options`].
async fn apart<B: Runtime>(f: fn(&RunOptions)) {
    for options in options() {
        let apart = thread::spawn(move || f(&options));
        until::<B>(|| apart.is_finished()).await;
        if let Err(payload) = apart.join() {
            std::panic::resume_unwind(payload);
        }
    }
}

/// `run` gives the future's value. The future may borrow, and need not be `Send`.
async fn run_gives_the_value<B: Runtime + Run>() {
    apart::<B>(|options| {
        let (mut borrowed, shared) = (0, Rc::new(Cell::new(0)));
        let value = B::run(options, async {
            checkpoint().await;
            borrowed = 1;
            shared.set(2);
            B::sleep(Duration::from_millis(1)).await;
            3
        });
        assert_eq!(value.expect("the thread is free"), 3);
        assert_eq!((borrowed, shared.get()), (1, 2));
    })
    .await;
}

/// `run` takes whatever is a future, and not just what `async` makes: by value, boxed, or lent.
/// Covers: anyio/test_run_non_corofunc
async fn run_takes_any_future<B: Runtime + Run>() {
    apart::<B>(|options| {
        assert_eq!(B::run(options, std::future::ready(1)).ok(), Some(1));
        let polls = Counter::default();
        let mut lent: Pin<Box<dyn Future<Output = u8>>> = Box::pin(async {
            checkpoint().await;
            2
        });
        assert_eq!(B::run(options, Polls::of(&mut lent, &polls)).ok(), Some(2));
        assert!(polls.get() >= 2);
        let mut rounds = 0;
        let by_hand = std::future::poll_fn(|cx| {
            rounds += 1;
            cx.waker().wake_by_ref();
            if rounds == 3 { Poll::Ready(rounds) } else { Poll::Pending }
        });
        assert_eq!(B::run(options, by_hand).ok(), Some(3));
    })
    .await;
}

/// A runtime may be started again on the same thread, also after one that panicked.
async fn runs_follow_each_other<B: Runtime + Run>() {
    apart::<B>(|options| {
        let payload = Payload::new("body");
        for round in 0..3 {
            assert_eq!(B::run(options, async { round }).expect("the thread is free"), round);
            let panics = AssertUnwindSafe(|| B::run(options, async { payload.throw::<()>() }));
            assert!(catch_unwind(panics).is_err());
        }
    })
    .await;
}

/// §8: a runtime inside a runtime is refused with an error that says so: no panic, the future is not
/// polled, and the outer runtime goes on.
/// Covers: trio/test_run_nesting
async fn nested_run_is_refused<B: Runtime + Run>() {
    for options in options() {
        let polls = Counter::default();
        let refused = B::run(&options, Polls::of(async {}, &polls));
        let error = refused.expect_err("this thread drives a runtime");
        assert!(error.is_nested(), "{error}");
        assert!(error.to_string().contains(B::NAME), "{error}");
        assert_eq!(polls.get(), 0);
        B::sleep(Duration::from_millis(1)).await;
    }
}

/// The same in a task, whichever thread runs it.
async fn nested_run_is_refused_in_a_task<B: Runtime + Run>() {
    let result = B::task_group(async |tg| -> Result<_, Cancelled> {
        let task = tg.spawn(async {
            checkpoint().await;
            Ok(B::run(&RunOptions::default(), async {}).map_err(|error| error.is_nested()))
        });
        task.join().await
    })
    .await;
    assert_eq!(result, Ok(Err(true)));
}

/// On a thread of its own, a second runtime is a second runtime.
async fn run_on_another_thread_is_another_runtime<B: Runtime + Run>() {
    apart::<B>(|options| {
        let sum = B::run(
            options,
            B::task_group(async |tg| -> Result<_, Failure> {
                let one = tg.spawn(async { Ok(1) });
                let two = tg.spawn(async {
                    B::sleep(Duration::from_millis(1)).await;
                    Ok(2)
                });
                Ok(one.join().await? + two.join().await?)
            }),
        );
        assert_eq!(sum.expect("the thread is free"), Ok(3));
    })
    .await;
}

/// A panic of the future comes out of `run`, with its payload, when the runtime has been shut down.
async fn panic_of_the_future_comes_out_of_run<B: Runtime + Run>() {
    apart::<B>(|options| {
        let (held, dropped) = mpsc::channel::<()>();
        let payload = Payload::new("main");
        let run = AssertUnwindSafe(|| {
            B::run(options, async {
                B::spawner().expect("it runs").spawn_task(async move {
                    let _held = held;
                    pending::<()>().await;
                });
                checkpoint().await;
                payload.throw::<()>();
            })
        });
        let panic = catch_unwind(run).expect_err("the future has panicked");
        payload.is(&*panic);
        assert!(dropped.recv().is_err());
    })
    .await;
}

/// §8: tasks that are left over are dropped at the end of `run`, those that have not started too.
async fn left_over_tasks_are_dropped<B: Runtime + Run>() {
    apart::<B>(|options| {
        let (held, dropped) = mpsc::channel::<()>();
        let run = B::run(options, async move {
            let spawner = B::spawner().expect("it runs");
            let waits = event::<B>();
            let (ready, theirs) = (Arc::clone(&waits), held.clone());
            spawner.spawn_task(async move {
                let _held = theirs;
                ready.set();
                pending::<()>().await;
            });
            waits.wait().await;
            spawner.spawn_task(async move {
                let _held = held;
                pending::<()>().await;
            });
        });
        run.expect("the thread is free");
        // Ends when the last of them is gone.
        assert!(dropped.recv().is_err());
    })
    .await;
}

/// So are tasks that are in the middle of groups, shields and cleanups, in whatever order.
async fn left_over_groups_are_dropped<B: Runtime + Run>() {
    apart::<B>(|options| {
        let (held, dropped) = mpsc::channel::<()>();
        let started = Counter::default();
        let run = B::run(options, async {
            let (theirs, count) = (held, started.clone());
            B::spawner().expect("it runs").spawn_task(async move {
                let scope = B::CancelScope::new();
                let group = B::task_group(async |tg| {
                    for _ in 0..3 {
                        let (held, count) = (theirs.clone(), count.clone());
                        tg.spawn(B::task_group(async move |tg| {
                            tg.spawn(async move {
                                let _held = held;
                                let work = async {
                                    count.add();
                                    pending::<()>().await;
                                };
                                finally(shield(work), pending()).await;
                            });
                        }));
                    }
                });
                _ = scope.run(group).await;
            });
            until::<B>(|| started.get() == 3).await;
        });
        run.expect("the thread is free");
        assert!(dropped.recv().is_err());
    })
    .await;
}

/// What a case has of a group that outlives its runtime.
struct Left<B: Runtime> {
    group: Pin<Box<dyn Future<Output = Result<u8, Cancelled>> + Send>>,
    handle: B::TaskGroup<Cancelled>,
    task: <B::TaskGroup<Cancelled> as anyio_core::TaskGroup<Cancelled>>::Handle<u8>,
}

/// Opens a group on the runtime that runs this, with a task that does `work`; the body ends, or
/// waits for ever.
async fn open<B, F>(work: F, body_ends: bool) -> Left<B>
where
    B: Runtime,
    F: Future<Output = Result<u8, Cancelled>> + Send + 'static,
{
    let (give, take) = mpsc::channel();
    let waits = event::<B>();
    let ready = Arc::clone(&waits);
    let group = B::task_group(async move |tg| -> Result<_, Cancelled> {
        let task = tg.spawn(async move {
            ready.set();
            work.await
        });
        give.send((tg, task)).expect("it is taken below");
        if body_ends { Ok(7) } else { pending().await }
    });
    let mut group = Box::pin(group);
    assert!(poll_once(&mut group).is_pending());
    waits.wait().await;
    let (handle, task) = take.recv().expect("the body has run");
    Left { group, handle, task }
}

fn assert_shut_down(result: Result<u8, Cancelled>) {
    let cancelled = result.expect_err("the runtime went away");
    assert_eq!(cancelled.cause().kind(), CauseKind::Shutdown);
}

/// §8: a runtime that shuts down under a group that a foreign thread waits for ends that wait: the
/// group and its handles say that they were cancelled, and nothing hangs.
async fn shutdown_ends_a_group_that_a_foreign_thread_drives<B: Runtime + Run>() {
    for body_ends in [false, true] {
        for options in options() {
            let apart = thread::spawn(move || {
                let polls = Counter::default();
                let run = B::run(&options, async {
                    let left = open::<B, _>(pending(), body_ends).await;
                    let group = Polls::of(left.group, &polls);
                    let driver = thread::spawn(move || block_on(group));
                    until::<B>(|| polls.get() > 0).await;
                    turns::<B>().await;
                    (driver, left.task)
                });
                let (driver, task) = run.expect("the thread is free");
                assert_shut_down(driver.join().expect("the group has not panicked"));
                assert_eq!(task.status(), TaskStatus::Cancelled);
                assert_shut_down(block_on(task.join()));
            });
            until::<B>(|| apart.is_finished()).await;
            apart.join().expect("all its checks have passed");
        }
    }
}

/// §8: the same if the group is only looked at again when the runtime is gone; not even shields
/// keep a task alive then.
async fn shutdown_ends_a_group_that_is_polled_later<B: Runtime + Run>() {
    apart::<B>(|options| {
        for body_ends in [false, true] {
            let run = B::run(options, open::<B, _>(shield(pending()), body_ends));
            let left = run.expect("the thread is free");
            assert_shut_down(block_on(left.group));
            assert_shut_down(block_on(left.task.join()));
            let refused = left.handle.try_spawn(async {}).err();
            assert!(refused.is_some_and(|error| error.is_closed()));
        }
    })
    .await;
}

/// §8: what had ended before the runtime shut down has ended well.
async fn shutdown_keeps_the_results_of_tasks_that_had_ended<B: Runtime + Run>() {
    apart::<B>(|options| {
        let run = B::run(options, async {
            let go = event::<B>();
            let gate = Arc::clone(&go);
            let work = async move {
                gate.wait().await;
                Ok(1)
            };
            let mut left = open::<B, _>(work, true).await;
            go.set();
            left.task.wait().await;
            turns::<B>().await;
            left
        });
        let left = run.expect("the thread is free");
        assert_eq!(block_on(left.group), Ok(7));
        assert_eq!(block_on(left.task.join()), Ok(1));
    })
    .await;
}

/// §8: a task that is spawned when the runtime is gone never runs: either it comes back, or it is
/// dropped at once, and its handle says so.
/// Covers: trio/test_TrioToken_run_sync_soon_too_late
async fn spawn_after_the_shutdown_is_cancelled<B: Runtime + Run>() {
    apart::<B>(|options| {
        let log = Log::default();
        let run = B::run(options, open::<B, _>(pending(), false));
        let left = run.expect("the thread is free");
        let (given, theirs) = (log.on_drop("dropped"), log.clone());
        let late = left.handle.try_spawn(async move {
            let _given = given;
            theirs.add("started");
            Ok(1)
        });
        match late {
            Ok(task) => assert_shut_down(block_on(task.join())),
            Err(error) => drop(error.into_future()),
        }
        assert_eq!(log.take(), ["dropped"]);
        assert_shut_down(block_on(left.group));
    })
    .await;
}
