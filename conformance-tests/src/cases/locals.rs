//! Values that belong to a part of the tree, or to a run: G7.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::Poll,
    time::Duration,
};

use anyio_core::{CancelScope as _, Event as _, Run, RunOptions, Runtime, TaskGroup as _};
use anyio_engine::{RuntimeExt as _, capture, checkpoint, finally, run_local, shield, tree_local};

use super::tools::event;
use crate::{
    suite::Case,
    support::{Counter, caught, poll_once, turns},
};

tree_local! {
    static NUMBER: usize;
    static OTHER: &'static str;
    static DEFAULTED: Vec<u8> = vec![1, 2];
    static COUNTED: Counted;
}

run_local! {
    static SHARED: AtomicUsize = AtomicUsize::new(0);
}

/// Counts how many of it there are.
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(count))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

pub(super) fn list<B: Runtime>() -> Vec<Case> {
    list![B, locals:
        value_is_seen_where_it_is_set,
        inner_value_hides_the_outer_one,
        defaults_and_unset_values,
        tasks_inherit_from_their_group,
        spawners_value_is_not_inherited,
        tasks_keep_it_after_their_opener_has_left,
        value_is_no_scope,
        cleanups_and_destructors_see_it,
        captured_context_carries_it,
        other_tasks_do_not_see_it,
        value_is_dropped_with_the_last_who_has_it,
        future_keeps_its_value_when_it_moves,
        many_values_deep,
        task_may_have_a_value_of_its_own,
    ]
}

pub(super) fn run<B: Runtime + Run>() -> Vec<Case> {
    list![B, locals:
        run_has_a_value_of_its_own,
        value_of_a_run_is_shared_by_its_tasks,
        outside_of_a_run_there_is_none,
        value_set_in_a_run_stays_there,
    ]
}

/// G7: a value is there in the future it is set for, across its awaits, and nowhere else.
async fn value_is_seen_where_it_is_set<B: Runtime>() {
    assert!(NUMBER.try_get().is_err());
    let result = NUMBER
        .scope(7, async {
            assert_eq!(NUMBER.get(), 7);
            turns::<B>().await;
            assert_eq!(NUMBER.with(|number| number + 1), 8);
            "done"
        })
        .await;
    assert_eq!(result, "done");
    assert!(NUMBER.try_get().is_err());
}

/// G7: the nearest value counts, and the outer one is back afterwards.
/// Covers: anyio/test_context_manager
async fn inner_value_hides_the_outer_one<B: Runtime>() {
    let inner = async {
        checkpoint().await;
        assert_eq!((NUMBER.get(), OTHER.get()), (2, "kept"));
    };
    let outer = async {
        NUMBER.scope(2, inner).await;
        assert_eq!(NUMBER.get(), 1);
    };
    NUMBER.scope(1, OTHER.scope("kept", outer)).await;
}

/// A variable without a value says which one it is, and how to set it; one with a default has that.
async fn defaults_and_unset_values<B: Runtime>() {
    assert_eq!(DEFAULTED.get(), [1, 2]);
    DEFAULTED.scope(vec![3], async { assert_eq!(DEFAULTED.get(), [3]) }).await;
    let error = NUMBER.try_get().unwrap_err();
    assert!(error.to_string().contains("NUMBER.scope("), "{error}");
    let words = caught(async { NUMBER.get() }).await.unwrap_err();
    assert!(words.contains("`NUMBER` is not set here"), "{words}");
}

/// G7: tasks inherit what is set where their group was opened, at any depth.
/// Covers: trio/test_contextvar_multitask
async fn tasks_inherit_from_their_group<B: Runtime>() {
    let seen = Counter::default();
    let group = B::task_group(async |tg| {
        let theirs = seen.clone();
        tg.spawn(async move {
            let inner = B::task_group(async |inner| {
                inner.spawn(async move {
                    turns::<B>().await;
                    assert_eq!(NUMBER.get(), 5);
                    theirs.add();
                });
            });
            inner.await
        });
        assert_eq!(NUMBER.get(), 5);
    });
    assert_eq!(NUMBER.scope(5, group).await, Ok(()));
    assert_eq!(seen.get(), 1);
}

/// G7: what is set around a `spawn` is nothing to the task, as it is with scopes.
async fn spawners_value_is_not_inherited<B: Runtime>() {
    let group = B::task_group(async |tg| {
        NUMBER
            .scope(2, async {
                tg.spawn(async { assert_eq!(NUMBER.get(), 1) });
            })
            .await;
    });
    assert_eq!(NUMBER.scope(1, group).await, Ok(()));
}

/// C13, G7: tasks that outlive their group's future keep the value.
async fn tasks_keep_it_after_their_opener_has_left<B: Runtime>() {
    let (seen, ready, left) = (event::<B>(), event::<B>(), event::<B>());
    let (see, begun, gone) = (Arc::clone(&seen), Arc::clone(&ready), Arc::clone(&left));
    let mut group = Box::pin(NUMBER.scope(
        3,
        B::task_group(async |tg| {
            tg.spawn(shield(async move {
                begun.set();
                gone.wait().await;
                assert_eq!(NUMBER.get(), 3);
                see.set();
            }));
        }),
    ));
    assert!(poll_once(&mut group).is_pending());
    ready.wait().await;
    drop(group);
    left.set();
    seen.wait().await;
}

/// A value changes nothing about cancellation, deadlines and shields.
async fn value_is_no_scope<B: Runtime>() {
    let scope = B::CancelScope::new();
    let reached = Counter::default();
    let result = scope
        .run(NUMBER.scope(1, async {
            scope.cancel();
            shield(NUMBER.scope(2, async {
                checkpoint().await;
                reached.add();
            }))
            .await;
            NUMBER.scope(3, checkpoint()).await;
            reached.add();
        }))
        .await;
    assert!(result.is_err());
    assert_eq!(reached.get(), 1);
    let inner = NUMBER.scope(4, std::future::pending::<()>());
    assert_eq!(B::move_on_after(Duration::from_millis(2), inner).await, None);
    let inside = NUMBER.scope(
        5,
        B::move_on_after(Duration::from_secs(3_600), async {
            checkpoint().await;
            B::current_effective_deadline().is_some()
        }),
    );
    assert_eq!(inside.await, Some(true));
}

/// A cleanup sees the value, and so do destructors.
async fn cleanups_and_destructors_see_it<B: Runtime>() {
    struct Looks(Counter);

    impl Drop for Looks {
        fn drop(&mut self) {
            if NUMBER.try_get() == Ok(6) {
                self.0.add();
            }
        }
    }

    let (scope, seen) = (B::CancelScope::new(), Counter::default());
    let looks = Looks(seen.clone());
    let body = async {
        let _looks = looks;
        scope.cancel();
        std::future::pending::<()>().await;
    };
    let cleanup = async {
        turns::<B>().await;
        assert_eq!(NUMBER.get(), 6);
        seen.add();
    };
    let result = scope.run(NUMBER.scope(6, finally(body, cleanup))).await;
    assert!(result.is_err());
    assert_eq!(seen.get(), 2);
}

/// C15: a captured context has the values, too, and hides those of where it is used.
async fn captured_context_carries_it<B: Runtime>() {
    let context = NUMBER.scope(9, async { capture() }).await;
    let thread = std::thread::spawn(move || {
        let look = context.in_scope(async { (NUMBER.try_get().ok(), OTHER.try_get().ok()) });
        futures_lite::future::block_on(OTHER.scope("theirs", look))
    });
    assert_eq!(thread.join().unwrap(), Ok((Some(9), None)));
}

/// Futures that are polled in turns, in one task or in several, do not see each other's values.
async fn other_tasks_do_not_see_it<B: Runtime>() {
    let look = |number| {
        NUMBER.scope(number, async move {
            for _ in 0..10 {
                assert_eq!(NUMBER.get(), number);
                checkpoint().await;
            }
        })
    };
    futures_util::future::join3(look(1), look(2), look(3)).await;
    let group = B::task_group(async |tg| {
        for number in 0..10 {
            tg.spawn(look(number));
        }
    });
    assert_eq!(group.await, Ok(()));
}

/// C14: a value is dropped when nobody is left who could see it.
async fn value_is_dropped_with_the_last_who_has_it<B: Runtime>() {
    let count = Arc::new(AtomicUsize::new(0));
    let there = || count.load(Ordering::SeqCst);
    // Often, since a task may end on another thread, whose runtime lets go of it in its own time.
    for _ in 0..100 {
        let group = B::task_group(async |tg| {
            tg.spawn(async { COUNTED.with(|counted| _ = counted) });
            tg.spawn(async {
                turns::<B>().await;
                COUNTED.with(|counted| _ = counted);
            });
        });
        assert_eq!(COUNTED.scope(Counted::new(&count), group).await, Ok(()));
        assert_eq!(there(), 0);
    }
    let mut dropped = Box::pin(COUNTED.scope(Counted::new(&count), std::future::pending::<()>()));
    assert!(poll_once(&mut dropped).is_pending());
    assert_eq!(there(), 1);
    drop(dropped);
    assert_eq!(there(), 0);
    drop(COUNTED.scope(Counted::new(&count), async {}));
    assert_eq!(there(), 0);
}

/// A future that was polled where something else is set keeps to what it began with.
async fn future_keeps_its_value_when_it_moves<B: Runtime>() {
    let mut future = Box::pin(NUMBER.scope(1, async {
        checkpoint().await;
        (NUMBER.get(), OTHER.try_get().ok())
    }));
    assert!(poll_once(&mut future).is_pending());
    let moved = OTHER.scope("elsewhere", NUMBER.scope(2, future));
    assert_eq!(moved.await, (1, None));
}

/// Chains of values are looked through and let go without recursion.
async fn many_values_deep<B: Runtime>() {
    fn nest(depth: usize) -> std::pin::Pin<Box<dyn Future<Output = usize> + Send>> {
        if depth == 0 {
            return Box::pin(async { NUMBER.get() });
        }
        Box::pin(NUMBER.scope(depth, nest(depth - 1)))
    }

    let mut deep = nest(2_000);
    assert_eq!(poll_once(&mut deep), Poll::Ready(1));
}

/// Each run has a value of its own, which is dropped with it.
/// Covers: anyio/test_get_set
async fn run_has_a_value_of_its_own<B: Runtime + Run>() {
    let runs = (0..3).map(|_| {
        std::thread::spawn(|| {
            let options = RunOptions::default().current_thread();
            B::run(&options, async { SHARED.get().fetch_add(1, Ordering::SeqCst) })
        })
    });
    for run in runs.collect::<Vec<_>>() {
        assert_eq!(run.join().unwrap().unwrap(), 0);
    }
    _ = SHARED.get();
}

/// All tasks of a run share it.
async fn value_of_a_run_is_shared_by_its_tasks<B: Runtime + Run>() {
    let group = B::task_group(async |tg| {
        for _ in 0..100 {
            tg.spawn(async { _ = SHARED.get().fetch_add(1, Ordering::SeqCst) });
        }
    });
    assert_eq!(group.await, Ok(()));
    assert_eq!(SHARED.get().load(Ordering::SeqCst), 100);
}

/// Where there is no run, the error says so.
async fn outside_of_a_run_there_is_none<B: Runtime + Run>() {
    let thread = std::thread::spawn(|| SHARED.try_get().map(|_| ()));
    let error = thread.join().unwrap().unwrap_err();
    assert!(error.to_string().contains("only inside of a run"), "{error}");
}

/// A value that is set around what is spawned is that task's, and not its siblings'.
/// Covers: anyio/test_custom_context
async fn task_may_have_a_value_of_its_own<B: Runtime>() {
    let group = B::task_group(async |tg| {
        for number in 2..5 {
            tg.spawn(NUMBER.scope(number, async move {
                turns::<B>().await;
                assert_eq!(NUMBER.get(), number);
            }));
        }
        tg.spawn(async { assert_eq!(NUMBER.get(), 1) });
    });
    assert_eq!(NUMBER.scope(1, group).await, Ok(()));
}

/// What is set in a run is nothing outside of it, nor in the next one.
/// Covers: trio/test_contextvar_support
async fn value_set_in_a_run_stays_there<B: Runtime + Run>() {
    let thread = std::thread::spawn(|| {
        let options = RunOptions::default().current_thread();
        let seen = B::run(&options, NUMBER.scope(7, async { NUMBER.get() })).unwrap();
        let next = B::run(&options, async { NUMBER.try_get().is_err() }).unwrap();
        (seen, next, NUMBER.try_get().is_err())
    });
    assert_eq!(thread.join().unwrap(), (7, true, true));
}
