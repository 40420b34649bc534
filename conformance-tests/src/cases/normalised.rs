//! What the runtimes do differently when left to themselves, and all backends do alike.
//!
//! | left to themselves | here, on every backend | case |
//! |---|---|---|
//! | a join handle that is dropped cancels the task on smol only | the task goes on | `handle::dropping_a_handle_changes_nothing` |
//! | a panicked task is a value on tokio, and resumes in who awaits it elsewhere | the group cancels, waits, and resumes it | `executor::panics_leave_the_workers_alive` |
//! | a destructor that panics in a dropped task ends the process on smol and async-std | it harms nobody | `left_over_destructors_may_panic` |
//! | spawning outside of a runtime panics on tokio, works elsewhere | a typed error, or it works | `executor::no_runtime_is_an_error` |
//! | making a timer there | a panic with words at the caller's place, or it works | `executor::timer_outside_a_runtime_panics_at_the_caller` |
//! | polling one there | works | `timer_works_wherever_it_is_polled` |
//! | a task cancelled in the poll that completes it loses its result on smol | it is kept | `cancellation_in_the_last_poll_keeps_the_result` |
//! | a `block_on` in a `block_on` panics on tokio only | refused with an error | `run::nested_run_is_refused` |
//! | a blocking job dropped before it has started never runs on smol only | it runs | `job_dropped_before_it_started_runs` |
//! | smol and async-std never shut down; tasks stay | tasks are dropped, who waits learns of it | `run::left_over_tasks_are_dropped`, `run::shutdown_…` |

use std::{
    future::pending,
    sync::{Arc, Mutex, mpsc},
    thread,
    time::Duration,
};

use anyio_core::{
    Blocking, Cancelled, Event as _, Run, RunOptions, Runtime, Spawn as _, TaskGroup as _,
    TaskHandle as _, TaskStatus,
};
use anyio_engine::{CapacityLimiter, RuntimeExt as _, checkpoint, shield};
use futures_lite::future::block_on;

use super::tools::{Payload, ThrowOnDrop, event};
use crate::{
    suite::Case,
    support::{Counter, poll_once, until},
};

pub(super) fn runtime<B: Runtime>() -> Vec<Case> {
    list![B, normalised:
        cancellation_in_the_last_poll_keeps_the_result,
        cancellation_of_the_group_in_the_last_poll_keeps_the_result,
        timer_works_wherever_it_is_polled,
    ]
}

pub(super) fn run<B: Runtime + Run>() -> Vec<Case> {
    list![B, normalised: left_over_destructors_may_panic]
}

pub(super) fn blocking<B: Runtime + Blocking>() -> Vec<Case> {
    list![B, normalised: job_dropped_before_it_started_runs]
}

/// §8, C7: a task that is cancelled in the very poll that completes it keeps its result.
async fn cancellation_in_the_last_poll_keeps_the_result<B: Runtime>() {
    type Cancel = Box<dyn FnOnce() + Send>;
    let result = B::task_group(async |tg| -> Result<_, Cancelled> {
        let (slot, go) = (Arc::new(Mutex::new(None::<Cancel>)), event::<B>());
        let (own, gate) = (Arc::clone(&slot), Arc::clone(&go));
        let task = Arc::new(tg.spawn(async move {
            gate.wait().await;
            let cancel = own.lock().unwrap().take().expect("it was put there");
            cancel();
            Ok(7)
        }));
        let theirs = Arc::clone(&task);
        *slot.lock().unwrap() = Some(Box::new(move || theirs.cancel()));
        go.set();
        let goes_on = [TaskStatus::Running, TaskStatus::Cancelling];
        until::<B>(|| !goes_on.contains(&task.status())).await;
        assert_eq!(task.status(), TaskStatus::Finished);
        Arc::into_inner(task).expect("the task has dropped its own").join().await
    })
    .await;
    assert_eq!(result, Ok(7));
}

/// §8, G5: so does one that cancels its group in its last poll.
async fn cancellation_of_the_group_in_the_last_poll_keeps_the_result<B: Runtime>() {
    let result = B::task_group(async |tg| -> Result<_, Cancelled> {
        let group = tg.clone();
        let mut task = tg.spawn(async move {
            group.cancel();
            Ok(7)
        });
        shield(task.wait()).await;
        assert_eq!(task.status(), TaskStatus::Finished);
        Ok(shield(task.join()).await.expect("it has finished"))
    })
    .await;
    assert_eq!(result, Ok(7));
}

/// §8: a timer that was made on the runtime may be polled anywhere, as long as the runtime lives.
async fn timer_works_wherever_it_is_polled<B: Runtime>() {
    let deadline = B::now() + Duration::from_millis(5);
    let timer = B::timer(deadline);
    let foreign = thread::spawn(move || block_on(timer));
    until::<B>(|| foreign.is_finished()).await;
    foreign.join().expect("the timer works");
    assert!(B::now() >= deadline);
}

/// §8: at the end of a run, the destructors of tasks that are left over may panic: neither the run
/// nor the other tasks are harmed.
async fn left_over_destructors_may_panic<B: Runtime + Run>() {
    for options in [RunOptions::default().current_thread(), RunOptions::default().threads(2)] {
        let apart = thread::spawn(move || {
            let (held, dropped) = mpsc::channel::<()>();
            let payload = Payload::new("destructor");
            let run = B::run(&options, async {
                let spawner = B::spawner().expect("it runs");
                for _ in 0..4 {
                    let (held, throws) = (held.clone(), ThrowOnDrop(payload.clone()));
                    let ready = event::<B>();
                    let told = Arc::clone(&ready);
                    spawner.spawn_task(async move {
                        let _held = held;
                        let _throws = throws;
                        told.set();
                        pending::<()>().await;
                    });
                    ready.wait().await;
                }
                drop(held);
                7
            });
            assert_eq!(run.expect("the thread is free"), 7);
            assert!(dropped.recv().is_err());
        });
        until::<B>(|| apart.is_finished()).await;
        apart.join().expect("all its checks have passed");
    }
}

/// §8: a blocking job whose future is dropped at once, most likely before a thread has taken the job
/// up, runs all the same.
async fn job_dropped_before_it_started_runs<B: Runtime + Blocking>() {
    const JOBS: usize = 100;
    let ran = Counter::default();
    // Or those that wait for their turn are never given to a thread.
    let limiter = Arc::new(CapacityLimiter::new(JOBS));
    for _ in 0..JOBS {
        let counted = ran.clone();
        let mut work = Box::pin(B::to_thread(move || counted.add()).limiter(&limiter));
        _ = poll_once(&mut work);
        drop(work);
        // The budget would not let all of them begin in one turn.
        checkpoint().await;
    }
    until::<B>(|| ran.get() == JOBS).await;
}
