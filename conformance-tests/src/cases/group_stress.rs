//! Many tasks, deep groups, and races: that the rules for groups hold there, too.

use std::{
    future::pending,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
};

use anyio_core::{
    CancelScope as _, Cancelled, Event as _, Runtime, TaskGroup as _, TaskHandle as _, TaskStatus,
};
use anyio_engine::{RuntimeExt as _, checkpoint, task_group};

use super::tools::event;
use crate::{
    suite::Case,
    support::{Counter, rounds},
};

pub(super) fn list<B: Runtime>() -> Vec<Case> {
    list![B, group_stress:
        many_tasks_are_joined,
        many_tasks_are_cancelled,
        groups_nest_deeply_in_tasks,
        groups_nest_deeply_in_bodies,
        cancel_races_with_tasks_that_end,
        outer_cancel_races_with_the_end_of_the_group,
        many_threads_spawn,
        spawn_races_with_the_end_of_the_group,
        first_cause_outlives_the_end_of_the_group,
    ]
}

const MANY: usize = 100_000;
const DEEP: usize = 1_000;

/// G1, G8: a hundred thousand tasks are run, and each one's value is there.
async fn many_tasks_are_joined<B: Runtime>() {
    let sum = B::task_group(async |tg| -> Result<_, Cancelled> {
        let tasks: Vec<_> = (0..MANY).map(|index| tg.spawn(async move { Ok(index) })).collect();
        let mut sum = 0;
        for task in tasks {
            sum += task.join().await?;
        }
        Ok(sum)
    })
    .await;
    assert_eq!(sum, Ok(MANY * (MANY - 1) / 2));
}

/// G1, C2: a hundred thousand tasks that wait are cancelled, dropped and waited for.
async fn many_tasks_are_cancelled<B: Runtime>() {
    let (started, dropped) = (Counter::default(), Arc::new(()));
    let mut tasks = Vec::with_capacity(MANY);
    let result = B::task_group(async |tg| {
        let all = event::<B>();
        for _ in 0..MANY {
            let (started, ready) = (started.clone(), Arc::clone(&all));
            let held = Arc::clone(&dropped);
            tasks.push(tg.spawn(async move {
                let _held = held;
                if started.add() + 1 == MANY {
                    ready.set();
                }
                pending::<()>().await;
            }));
        }
        all.wait().await;
        tg.cancel();
    })
    .await;
    assert_eq!(result, Ok(()));
    assert_eq!(Arc::strong_count(&dropped), 1);
    assert!(tasks.iter().all(|task| task.status() == TaskStatus::Cancelled));
}

/// A group in a task of a group in a task …; the innermost one waits for ever.
#[expect(clippy::manual_async_fn, reason = "what spawns itself needs a type that names `Send`")]
fn nested<B: Runtime>(
    depth: usize,
    bottom: Arc<B::Event>,
    unwound: Unwound,
) -> impl Future<Output = Result<(), Cancelled>> + Send {
    async move {
        let _level = unwound.level(depth);
        B::task_group(async |tg| -> Result<(), Cancelled> {
            if depth == 0 {
                bottom.set();
                pending().await
            }
            tg.spawn(nested::<B>(depth - 1, bottom, unwound.clone()));
            Ok(())
        })
        .await
    }
}

/// Counts the levels of a nest that have been left, and that each was left after those inside it.
#[derive(Clone, Default)]
struct Unwound(Arc<AtomicUsize>);

struct Level {
    unwound: Unwound,
    depth: usize,
}

impl Unwound {
    fn level(&self, depth: usize) -> Level {
        Level { unwound: self.clone(), depth }
    }

    fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Drop for Level {
    fn drop(&mut self) {
        // A wrong order leaves the number wrong for good.
        let left = &self.unwound.0;
        _ = left.compare_exchange(self.depth, self.depth + 1, Ordering::SeqCst, Ordering::SeqCst);
    }
}

/// C2, G1: groups may nest a thousand deep, each in a task of the one around it; cancelling the
/// outermost unwinds them all, innermost first.
async fn groups_nest_deeply_in_tasks<B: Runtime>() {
    let unwound = Unwound::default();
    let result = B::task_group(async |tg| {
        let bottom = event::<B>();
        tg.spawn(nested::<B>(DEEP - 1, Arc::clone(&bottom), unwound.clone()));
        bottom.wait().await;
        tg.cancel();
    })
    .await;
    assert_eq!(result, Ok(()));
    assert_eq!(unwound.count(), DEEP);
}

/// A group in the body of a group in the body …; each has a task that waits for ever.
fn nested_inline<B: Runtime>(
    depth: usize,
    bottom: Arc<B::Event>,
    unwound: Unwound,
) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    Box::pin(async move {
        let _level = unwound.level(depth);
        let group = B::task_group(async |tg| {
            tg.spawn(pending::<()>());
            if depth == 0 {
                bottom.set();
                pending().await
            }
            nested_inline::<B>(depth - 1, bottom, unwound.clone()).await;
        });
        _ = group.await;
    })
}

/// C2, G1: the same for groups in bodies of groups, all in one task.
async fn groups_nest_deeply_in_bodies<B: Runtime>() {
    let (bottom, unwound, scope) = (event::<B>(), Unwound::default(), B::CancelScope::new());
    let work = scope.run(nested_inline::<B>(DEEP - 1, Arc::clone(&bottom), unwound.clone()));
    let canceller = async {
        bottom.wait().await;
        scope.cancel();
    };
    let (result, ()) = futures_util::join!(work, canceller);
    assert!(result.is_err());
    assert_eq!(unwound.count(), DEEP);
}

/// G8, C7: when another thread cancels a group whose tasks are ending, each of them has either
/// ended, with its value and all its steps, or was cut before its last step.
async fn cancel_races_with_tasks_that_end<B: Runtime>() {
    const ROUNDS: usize = 2_000;
    const TASKS: usize = 4;
    let (send, receive) = mpsc::channel::<Box<dyn FnOnce() + Send>>();
    let canceller = thread::spawn(move || receive.into_iter().for_each(|cancel| cancel()));
    for _ in rounds(ROUNDS) {
        let (last_steps, mut tasks) = (Counter::default(), Vec::new());
        let result = B::task_group(async |tg| {
            for index in 0..TASKS {
                let last_steps = last_steps.clone();
                tasks.push(tg.spawn(async move {
                    for _ in 0..index {
                        checkpoint().await;
                    }
                    last_steps.add();
                    Ok(index)
                }));
            }
            let group = tg.clone();
            send.send(Box::new(move || group.cancel())).expect("the thread waits for more");
        })
        .await;
        assert_eq!(result, Ok(()));
        let mut finished = 0;
        for (index, task) in tasks.into_iter().enumerate() {
            let status = task.status();
            match task.join().await {
                Ok(value) => {
                    assert_eq!((value, status), (index, TaskStatus::Finished));
                    finished += 1;
                }
                Err(_) => assert_eq!(status, TaskStatus::Cancelled),
            }
        }
        assert_eq!(finished, last_steps.get());
    }
    drop(send);
    canceller.join().expect("it has only cancelled groups");
}

/// G5: when another thread cancels the scope around a group that is ending, either every task has
/// ended and the code after the group runs, or one was cut and it does not.
async fn outer_cancel_races_with_the_end_of_the_group<B: Runtime>() {
    const ROUNDS: usize = 1_000;
    const TASKS: usize = 3;
    let (send, receive) = mpsc::channel::<Box<dyn FnOnce() + Send>>();
    let canceller = thread::spawn(move || receive.into_iter().for_each(|cancel| cancel()));
    for _ in rounds(ROUNDS) {
        let (last_steps, after) = (Counter::default(), Counter::default());
        let scope = B::CancelScope::new();
        let theirs = scope.clone();
        send.send(Box::new(move || theirs.cancel())).expect("the thread waits for more");
        let result = scope
            .run(async {
                let group = B::task_group(async |tg| {
                    for index in 0..TASKS {
                        let last_steps = last_steps.clone();
                        tg.spawn(async move {
                            for _ in 0..index {
                                checkpoint().await;
                            }
                            last_steps.add();
                        });
                    }
                });
                assert_eq!(group.await, Ok(()));
                after.add();
            })
            .await;
        assert_eq!(after.get(), usize::from(last_steps.get() == TASKS));
        assert_eq!(result.is_ok(), after.get() == 1);
    }
    drop(send);
    canceller.join().expect("it has only cancelled scopes");
}

/// G6: many threads that know no runtime spawn into one group at once; each task runs once.
async fn many_threads_spawn<B: Runtime>() {
    const THREADS: usize = 8;
    const EACH: usize = 1_000;
    let ran = Counter::default();
    let result = B::task_group(async |tg| -> Result<_, Cancelled> {
        let threads: Vec<_> = (0..THREADS)
            .map(|_| {
                let (group, ran) = (tg.clone(), ran.clone());
                let spawn = move |index| {
                    let ran = ran.clone();
                    group.spawn(async move {
                        checkpoint().await;
                        ran.add();
                        Ok(index)
                    })
                };
                thread::spawn(move || (0..EACH).map(spawn).collect::<Vec<_>>())
            })
            .collect();
        let mut sum = 0;
        for thread in threads {
            for task in thread.join().expect("the group is open") {
                sum += task.join().await?;
            }
        }
        Ok(sum)
    })
    .await;
    assert_eq!(result, Ok(THREADS * EACH * (EACH - 1) / 2));
    assert_eq!(ran.get(), THREADS * EACH);
}

/// G1, G6: a thread that spawns while the group is closing either has its task waited for, or gets
/// the future back.
async fn spawn_races_with_the_end_of_the_group<B: Runtime>() {
    const ROUNDS: usize = 1_000;
    let (send, receive) = mpsc::channel::<Box<dyn FnOnce() + Send>>();
    let spawner = thread::spawn(move || receive.into_iter().for_each(|spawn| spawn()));
    for _ in rounds(ROUNDS) {
        let (accepted, ran) = (Counter::default(), Counter::default());
        let (told, tell) = mpsc::channel();
        let result = B::task_group(async |tg| {
            let (group, accepted, ran) = (tg.clone(), accepted.clone(), ran.clone());
            let job = move || {
                let spawned = group.try_spawn(async move {
                    checkpoint().await;
                    ran.add();
                });
                match spawned {
                    Ok(_) => _ = accepted.add(),
                    Err(error) => assert!(error.is_closed()),
                }
                // The other side waits for it.
                _ = told.send(());
            };
            send.send(Box::new(job)).expect("the thread waits for more");
            tg.spawn(checkpoint());
        })
        .await;
        assert_eq!(result, Ok(()));
        let ran = ran.get();
        tell.recv().expect("the thread has spawned, or not");
        assert_eq!(ran, accepted.get());
    }
    drop(send);
    spawner.join().expect("it was only refused by closed groups");
}

/// C12, G10: whoever cancels a group while that ends, by a handle that is kept, finds one cause there from then on.
async fn first_cause_outlives_the_end_of_the_group<B: Runtime>() {
    const ROUNDS: usize = 2_000;
    let (send, receive) = mpsc::channel::<Box<dyn FnOnce() + Send>>();
    let canceller = thread::spawn(move || receive.into_iter().for_each(|cancel| cancel()));
    for _ in rounds(ROUNDS) {
        let result = task_group::<B, Cancelled, _, _>(async |tg| {
            let group = tg.clone();
            let job = move || {
                group.cancel_because("the first");
                let first = group.cause();
                assert!(first.is_some() && group.cancel_called());
                group.cancel_because("the second");
                assert_eq!(group.cause(), first);
            };
            send.send(Box::new(job)).expect("the thread waits for more");
            tg.spawn(checkpoint());
        })
        .await;
        assert_eq!(result, Ok(()));
    }
    drop(send);
    canceller.join().expect("all groups have kept their first cause");
}
