//! What comes from threads that know no runtime, and from tasks that do not wait: spawns and items
//! (G6, S1). Calls that AnyIO and Trio queue for their loop are tasks here, or go through a stream.

use std::{cell::Cell, future::pending, pin::Pin, sync::mpsc, thread};

use anyio_core::{CancelScope as _, Event as _, Runtime};
use anyio_engine::{Erased, TaskGroup, checkpoint, current_backend, memory_object_stream};

use super::tools::{Failure, SetOnDrop, event};
use crate::{
    suite::Case,
    support::{Counter, until},
};

pub(super) fn list<B: Runtime>() -> Vec<Case> {
    list![B, outside:
        task_does_not_run_inside_of_spawn,
        each_spawn_wakes_a_sleeping_runtime,
        tasks_spawned_before_a_failure_are_polled,
        tasks_that_spawn_their_successors_starve_nobody,
        items_of_a_thread_keep_their_order,
        runtime_is_known_where_it_runs,
    ]
}

type Group<B> = TaskGroup<B, Failure>;

thread_local! {
    /// Whether this thread is inside of a call of `spawn`.
    static SPAWNING: Cell<bool> = const { Cell::new(false) };
}

/// G6: `spawn` only starts a task. The task does not run inside of the call, wherever that is.
/// Covers: trio/test_TrioToken_run_sync_soon_basic
async fn task_does_not_run_inside_of_spawn<B: Runtime>() {
    fn spawned<B: Runtime>(group: &Group<B>) -> anyio_engine::TaskHandle<bool> {
        SPAWNING.set(true);
        let task = group.spawn(async { Ok(SPAWNING.get()) });
        SPAWNING.set(false);
        task
    }
    let result = Group::<B>::builder().run(async |tg| {
        let mut inside = 0;
        for _ in 0..100 {
            inside += usize::from(spawned(&tg).await?);
        }
        let group = tg.clone();
        let foreign = thread::spawn(move || (0..100).map(|_| spawned(&group)).collect::<Vec<_>>());
        until::<B>(|| foreign.is_finished()).await;
        for task in foreign.join().expect("it has only spawned") {
            inside += usize::from(task.await?);
        }
        let group = tg.clone();
        let task = tg.spawn(async move { Ok(spawned(&group).await?) });
        Ok(inside + usize::from(task.await?))
    });
    assert_eq!(result.await, Ok(0));
}

/// G6: a task from a foreign thread wakes a runtime that has nothing to do, each time.
/// Covers: trio/test_TrioToken_run_sync_soon_threaded_stress_test
async fn each_spawn_wakes_a_sleeping_runtime<B: Runtime>() {
    let result = Group::<B>::builder().run(async |tg| {
        let (over, ran) = (event::<B>(), Counter::default());
        let (end, count) = (SetOnDrop::<B>(over.clone()), ran.clone());
        let foreign = thread::spawn(move || {
            let _end = end;
            for round in 0..500 {
                let (count, (tell, told)) = (count.clone(), mpsc::channel());
                tg.spawn(async move {
                    count.add();
                    tell.send(round).expect("it is waited for");
                });
                // Nothing else happens until it has run.
                assert_eq!(told.recv(), Ok(round));
            }
        });
        over.wait().await;
        until::<B>(|| foreign.is_finished()).await;
        foreign.join().expect("each task has run");
        Ok(ran.get())
    });
    assert_eq!(result.await, Ok(500));
}

/// G3, G10: tasks that have not begun when a member fails are polled once all the same, those that
/// came before the failure as well as those that come after it.
/// Covers: trio/test_TrioToken_run_sync_soon_after_main_crash
/// Covers: trio/test_TrioToken_run_sync_soon_crashes
async fn tasks_spawned_before_a_failure_are_polled<B: Runtime>() {
    fn failure() -> Result<(), Failure> {
        Err(Failure::Named("failed"))
    }
    for body_fails in [true, false] {
        let (begun, went_on) = (Counter::default(), Counter::default());
        let result = Group::<B>::builder().run(async |tg| {
            let task = || {
                let (begun, went_on) = (begun.clone(), went_on.clone());
                async move {
                    begun.add();
                    pending::<()>().await;
                    went_on.add();
                }
            };
            for _ in 0..10 {
                tg.spawn(task());
            }
            if body_fails {
                return failure();
            }
            tg.spawn(async { failure() });
            for _ in 0..10 {
                tg.spawn(task());
            }
            Ok(())
        });
        assert_eq!(result.await, failure());
        assert_eq!(begun.get(), if body_fails { 10 } else { 20 });
        assert_eq!(went_on.get(), 0);
    }
}

/// Counts in `runs`, and spawns another one of these, until `stop` is up.
fn relay<B: Runtime>(
    group: Group<B>,
    runs: Counter,
    stop: std::sync::Arc<B::Event>,
) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    Box::pin(async move {
        runs.add();
        if !stop.is_set() {
            group.clone().spawn(relay(group, runs, stop));
        }
    })
}

/// C9: tasks that never wait, and only spawn their successors, keep nobody from having a turn.
/// Covers: trio/test_TrioToken_run_sync_soon_starvation_resistance
async fn tasks_that_spawn_their_successors_starve_nobody<B: Runtime>() {
    let result = Group::<B>::builder().run(async |tg| {
        let (runs, stop) = (Counter::default(), event::<B>());
        let _stop = SetOnDrop::<B>(stop.clone());
        for _ in 0..4 {
            tg.spawn(relay(tg.clone(), runs.clone(), stop.clone()));
        }
        let neighbour = tg.spawn(async {
            for _ in 0..100 {
                checkpoint().await;
            }
            Ok(())
        });
        // Nor do they hold back a timer.
        until::<B>(|| runs.get() > 1000).await;
        neighbour.await?;
        Ok(())
    });
    assert_eq!(result.await, Ok(()));
}

/// S1: what a thread puts into a stream comes out in that order, a thousand items that were there
/// before and a thousand for which the receiver has to be woken.
/// Covers: trio/test_TrioToken_run_sync_soon_FIFO
/// Covers: trio/test_TrioToken_run_sync_soon_massive_queue
async fn items_of_a_thread_keep_their_order<B: Runtime>() {
    type Call = Box<dyn FnOnce(&mut Vec<usize>) + Send>;
    for receiver_waits in [false, true] {
        let (send, receive) = memory_object_stream::<Call>(1000);
        let foreign = thread::spawn(move || {
            for number in 0..1000 {
                let sent = send.try_send(Box::new(move |calls| calls.push(number)));
                assert!(sent.is_ok(), "there is room");
            }
        });
        if !receiver_waits {
            until::<B>(|| foreign.is_finished()).await;
        }
        let mut calls = Vec::new();
        while let Ok(call) = receive.receive().await {
            call(&mut calls);
        }
        assert_eq!(calls, (0..1000).collect::<Vec<_>>());
        until::<B>(|| foreign.is_finished()).await;
        foreign.join().expect("all were sent");
    }
}

/// §8: what a runtime polls and drops knows which one it is, and a thread beside it does not.
/// Covers: trio/test_trio_context_detection
async fn runtime_is_known_where_it_runs<B: Runtime>() {
    /// Tells on what it is dropped.
    struct Witness(mpsc::Sender<Option<&'static str>>);

    impl Drop for Witness {
        fn drop(&mut self) {
            _ = self.0.send(here());
        }
    }

    fn here() -> Option<&'static str> {
        current_backend().map(Erased::name)
    }

    let name = here();
    assert!(name.is_some());
    let (send, dropped) = mpsc::channel();
    let result = Group::<B>::builder().run(async |tg| {
        assert_eq!(here(), name);
        let task = tg.spawn(async {
            let before = here();
            checkpoint().await;
            let scope = B::CancelScope::new();
            let work = async {
                let _witness = Witness(send);
                scope.cancel();
                pending::<()>().await;
            };
            assert!(scope.run(work).await.is_err());
            Ok([before, here()])
        });
        Ok(task.await?)
    });
    assert_eq!(result.await, Ok([name; 2]));
    assert_eq!(dropped.try_recv(), Ok(name));
    let foreign = thread::spawn(here);
    until::<B>(|| foreign.is_finished()).await;
    assert_eq!(foreign.join().expect("it has only looked"), None);
}
