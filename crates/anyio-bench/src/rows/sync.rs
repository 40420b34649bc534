//! Locks, semaphores, events.

use std::sync::Arc;

use anyio_core::{Executor as _, Spawn as _};
use anyio_engine::{Event, Lock, Semaphore};
use anyio_smol::Smol;
use futures_lite::future::yield_now;
use tokio::sync::Notify;

use super::on::{self, OnTokio, Threads};
use crate::measure::{Contender, Row};

const TASKS: u32 = 64;

pub(super) fn rows() -> Vec<Row> {
    let mut rows = vec![
        Row::new("lock/uncontended", 1, || locks(&OnTokio::new(Threads::One), 1, 1, false)),
        Row::new("lock/current_thread/64_tasks_yield", TASKS * 16, || {
            locks(&OnTokio::new(Threads::One), TASKS, 16, true)
        }),
        Row::new("lock/current_thread/64_tasks_short", TASKS * 16, || {
            locks(&OnTokio::new(Threads::One), TASKS, 16, false)
        }),
    ];
    let row = Row::new("lock/2_workers/64_tasks_yield", TASKS * 16, || {
        locks(&OnTokio::new(Threads::TwoWorkers), TASKS, 16, true)
    });
    rows.push(row.with_threads(true));
    let row = Row::new("lock/2_workers/2_tasks_short", 2 * 1_000, || {
        locks(&OnTokio::new(Threads::TwoWorkers), 2, 1_000, false)
    });
    rows.push(row.with_threads(true));
    rows.push(Row::new("lock/smol/64_tasks_yield", TASKS * 16, || locks_on_smol(TASKS, 16, true)));
    rows.push(Row::new("semaphore/uncontended", 1, || semaphores(1, 1, 1, false)));
    rows.push(Row::new("semaphore/current_thread/4_permits_64_tasks_yield", TASKS * 16, || {
        semaphores(4, TASKS, 16, true)
    }));
    rows.push(Row::new("semaphore/smol/4_permits_64_tasks_yield", TASKS * 16, || {
        semaphores_on_smol(4, TASKS, 16)
    }));
    rows.push(Row::new("event/set", 1, set));
    rows.push(Row::new("event/wait_on_set", 1, wait_on_set));
    rows.push(Row::new("event/1000_waiters", 1_000, || {
        waiters(&OnTokio::new(Threads::One), 1_000)
    }));
    rows.push(Row::new("event/smol/1000_waiters", 1_000, || waiters_on_smol(1_000)));
    rows
}

/// `tasks` tasks that each do `work` a number of times, `calls` times over. One task does it in place.
pub(super) async fn in_tasks<F, Fut>(tasks: u32, calls: u32, work: F)
where
    F: Fn() -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send,
{
    if tasks == 1 {
        for _ in 0..calls {
            work().await;
        }
        return;
    }
    for _ in 0..calls {
        let tasks: Vec<_> = (0..tasks)
            .map(|_| {
                let work = work.clone();
                tokio::spawn(async move { work().await })
            })
            .collect();
        for task in tasks {
            task.await.expect("no panic");
        }
    }
}

/// The same few lines for locks of many makes, whose guards have nothing in common.
macro_rules! locking {
    ($lock:ident, $times:ident, $yields:ident) => {
        move || {
            let lock = Arc::clone(&$lock);
            async move {
                for _ in 0..$times {
                    let mut value = lock.lock().await;
                    *value += 1;
                    if $yields {
                        yield_now().await;
                    }
                }
            }
        }
    };
}

fn locks(on: &OnTokio, tasks: u32, times: u32, yields: bool) -> Vec<Contender> {
    vec![
        on.ours("anyio Lock", move |calls| {
            let lock = Arc::new(Lock::new(0u64));
            in_tasks(tasks, calls, locking!(lock, times, yields))
        }),
        on.peer("tokio Mutex", move |calls| {
            let lock = Arc::new(tokio::sync::Mutex::new(0u64));
            in_tasks(tasks, calls, locking!(lock, times, yields))
        }),
        on.peer("async-lock Mutex", move |calls| {
            let lock = Arc::new(async_lock::Mutex::new(0u64));
            in_tasks(tasks, calls, locking!(lock, times, yields))
        }),
        on.peer("limit: futures Mutex", move |calls| {
            let lock = Arc::new(futures_util::lock::Mutex::new(0u64));
            in_tasks(tasks, calls, locking!(lock, times, yields))
        }),
    ]
}

/// As [`locking`]; some give a result.
macro_rules! acquiring {
    ($semaphore:ident, $times:ident, $yields:ident) => {
        move || {
            let semaphore = Arc::clone(&$semaphore);
            async move {
                for _ in 0..$times {
                    let _permit = semaphore.acquire().await;
                    if $yields {
                        yield_now().await;
                    }
                }
            }
        }
    };
}

/// Where tasks wait, async-lock's does less: it lets in who comes first after a release and not who has
/// waited, so that the same task goes on and nobody has to be polled.
const BARGING: &str = "limit: async-lock Semaphore";

fn semaphores(permits: usize, tasks: u32, times: u32, yields: bool) -> Vec<Contender> {
    let on = OnTokio::new(Threads::One);
    let async_lock = if tasks > 1 { BARGING } else { "async-lock Semaphore" };
    vec![
        on.ours("anyio Semaphore", move |calls| {
            let semaphore = Arc::new(Semaphore::new(permits));
            in_tasks(tasks, calls, acquiring!(semaphore, times, yields))
        }),
        on.peer("tokio Semaphore", move |calls| {
            let semaphore = Arc::new(tokio::sync::Semaphore::new(permits));
            in_tasks(tasks, calls, acquiring!(semaphore, times, yields))
        }),
        on.peer(async_lock, move |calls| {
            let semaphore = Arc::new(async_lock::Semaphore::new(permits));
            in_tasks(tasks, calls, acquiring!(semaphore, times, yields))
        }),
    ]
}

/// As [`in_tasks`], on smol.
async fn in_tasks_on_smol<F, Fut>(tasks: u32, calls: u32, work: F)
where
    F: Fn() -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let spawner = Smol::spawner().expect("smol runs");
    for _ in 0..calls {
        let left = Arc::new(async_lock::Semaphore::new(0));
        for _ in 0..tasks {
            let (work, left) = (work(), Arc::clone(&left));
            let task = async move {
                work.await;
                left.add_permits(1);
            };
            spawner.spawn_task(task);
        }
        for _ in 0..tasks {
            left.acquire().await.forget();
        }
    }
}

fn locks_on_smol(tasks: u32, times: u32, yields: bool) -> Vec<Contender> {
    vec![
        on::smol("anyio Lock", move |calls| {
            let lock = Arc::new(Lock::new(0u64));
            in_tasks_on_smol(tasks, calls, locking!(lock, times, yields))
        }),
        on::smol("async-lock Mutex", move |calls| {
            let lock = Arc::new(async_lock::Mutex::new(0u64));
            in_tasks_on_smol(tasks, calls, locking!(lock, times, yields))
        }),
    ]
}

fn semaphores_on_smol(permits: usize, tasks: u32, times: u32) -> Vec<Contender> {
    vec![
        on::smol("anyio Semaphore", move |calls| {
            let semaphore = Arc::new(Semaphore::new(permits));
            in_tasks_on_smol(tasks, calls, acquiring!(semaphore, times, true))
        }),
        // The fair one that knows no runtime, for a ratio.
        on::smol("tokio Semaphore", move |calls| {
            let semaphore = Arc::new(tokio::sync::Semaphore::new(permits));
            in_tasks_on_smol(tasks, calls, acquiring!(semaphore, times, true))
        }),
        on::smol(BARGING, move |calls| {
            let semaphore = Arc::new(async_lock::Semaphore::new(permits));
            in_tasks_on_smol(tasks, calls, acquiring!(semaphore, times, true))
        }),
    ]
}

fn set() -> Vec<Contender> {
    vec![
        Contender::new("anyio Event, new and set", |calls| {
            for _ in 0..calls {
                std::hint::black_box(&Event::new()).set();
            }
        }),
        Contender::new("tokio SetOnce, new and set", |calls| {
            for _ in 0..calls {
                let event = tokio::sync::SetOnce::new();
                std::hint::black_box(&event).set(()).expect("it is new");
            }
        }),
        Contender::new("async-lock OnceCell, new and set", |calls| {
            for _ in 0..calls {
                let event = async_lock::OnceCell::new();
                _ = std::hint::black_box(&event).set_blocking(());
            }
        }),
    ]
}

/// Neither of the cells counts what the task does, nor asks whether it is cancelled: who waits for them
/// in a loop never lets anybody else run, and cannot be stopped. The better one is the limit.
fn wait_on_set() -> Vec<Contender> {
    let on = OnTokio::new(Threads::One);
    vec![
        on.ours("anyio Event", |calls| async move {
            let event = Event::new();
            event.set();
            for _ in 0..calls {
                event.wait().await;
            }
        }),
        on.peer("tokio SetOnce", |calls| async move {
            let event = tokio::sync::SetOnce::new();
            event.set(()).expect("it is new");
            for _ in 0..calls {
                event.wait().await;
            }
        }),
        on.peer("limit: async-lock OnceCell", |calls| async move {
            let event = async_lock::OnceCell::from(());
            for _ in 0..calls {
                event.wait().await;
            }
        }),
    ]
}

/// Tasks that wait for an event, which then comes.
pub(super) fn waiters(on: &OnTokio, count: u32) -> Vec<Contender> {
    vec![
        on.ours("anyio Event", move |calls| async move {
            for _ in 0..calls {
                let event = Arc::new(Event::new());
                let tasks = tasks(count, || {
                    let event = Arc::clone(&event);
                    async move { event.wait().await }
                });
                while event.waiting() < count as usize {
                    yield_now().await;
                }
                event.set();
                join(tasks).await;
            }
        }),
        on.peer("tokio Notify", move |calls| async move {
            for _ in 0..calls {
                let event = Arc::new(Notify::new());
                let tasks = tasks(count, || {
                    let event = Arc::clone(&event);
                    async move { event.notified().await }
                });
                // The first turn after theirs.
                yield_now().await;
                event.notify_waiters();
                join(tasks).await;
            }
        }),
        on.peer("tokio SetOnce", move |calls| async move {
            for _ in 0..calls {
                let event = Arc::new(tokio::sync::SetOnce::new());
                let tasks = tasks(count, || {
                    let event = Arc::clone(&event);
                    async move {
                        event.wait().await;
                    }
                });
                yield_now().await;
                event.set(()).expect("it is new");
                join(tasks).await;
            }
        }),
        on.peer("event-listener", move |calls| async move {
            for _ in 0..calls {
                let event = Arc::new(event_listener::Event::<()>::new());
                let tasks = tasks(count, || event.listen());
                yield_now().await;
                event.notify(usize::MAX);
                join(tasks).await;
            }
        }),
    ]
}

pub(super) fn tasks<Fut>(
    count: u32,
    mut make: impl FnMut() -> Fut,
) -> Vec<tokio::task::JoinHandle<()>>
where
    Fut: Future<Output = ()> + Send + 'static,
{
    (0..count).map(|_| tokio::spawn(make())).collect()
}

pub(super) async fn join(tasks: Vec<tokio::task::JoinHandle<()>>) {
    for task in tasks {
        task.await.expect("no panic");
    }
}

/// Enough turns for all others to have begun to wait.
async fn turns() {
    for _ in 0..16 {
        yield_now().await;
    }
}

/// The same on smol, with what is smol's.
fn waiters_on_smol(count: u32) -> Vec<Contender> {
    vec![
        on::smol("anyio Event", move |calls| async move {
            for _ in 0..calls {
                let event = Arc::new(Event::new());
                let waits = Arc::clone(&event);
                let waiting = in_tasks_on_smol(count, 1, move || {
                    let event = Arc::clone(&waits);
                    async move { event.wait().await }
                });
                let set = async {
                    turns().await;
                    event.set();
                };
                futures_util::join!(waiting, set);
            }
        }),
        on::smol("event-listener", move |calls| async move {
            for _ in 0..calls {
                let event = Arc::new(event_listener::Event::<()>::new());
                let waits = Arc::clone(&event);
                // They listen before anybody runs: a notification is for those who do.
                let waiting = in_tasks_on_smol(count, 1, move || waits.listen());
                let set = async {
                    turns().await;
                    event.notify(usize::MAX);
                };
                futures_util::join!(waiting, set);
            }
        }),
        on::smol("async-lock OnceCell", move |calls| async move {
            for _ in 0..calls {
                let event = Arc::new(async_lock::OnceCell::new());
                let waits = Arc::clone(&event);
                let waiting = in_tasks_on_smol(count, 1, move || {
                    let event = Arc::clone(&waits);
                    async move {
                        event.wait().await;
                    }
                });
                let set = async {
                    turns().await;
                    event.set(()).await.expect("it is new");
                };
                futures_util::join!(waiting, set);
            }
        }),
    ]
}
