//! Spawning tasks that do nothing, and waiting for all of them.

use std::rc::Rc;

use anyio_core::Cancelled;
use anyio_smol::Smol;
use anyio_tokio::Tokio;
use smol::{Executor, LocalExecutor};
use tokio::task::JoinSet;
use tokio_util::task::TaskTracker;

use super::on::{self, OnTokio, Threads};
use crate::measure::{Contender, Row};

pub(super) fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for threads in Threads::BOTH {
        for count in [1, 100, 10_000] {
            let name = format!("spawn_join/{}/{count}", threads.name());
            let row = Row::new(name, count, move || on_tokio(&OnTokio::new(threads), count));
            let row = row.with_threads(threads != Threads::One);
            // Whether the group still waits for one task is chance; for many, it nearly always does.
            rows.push(if count == 1 { row } else { row.with_counts() });
        }
    }
    for count in [1, 100, 10_000] {
        rows.push(Row::new(format!("spawn_join/smol/{count}"), count, move || on_smol(count)));
    }
    rows
}

pub(super) fn on_tokio(on: &OnTokio, count: u32) -> Vec<Contender> {
    vec![
        on.ours("anyio typed", move |calls| async move {
            for _ in 0..calls {
                let group = anyio_engine::task_group::<Tokio, Cancelled, _, _>(async |tg| {
                    for _ in 0..count {
                        tg.spawn(async {});
                    }
                });
                group.await.expect("nobody cancels");
            }
        }),
        on.ours("anyio ambient", move |calls| async move {
            for _ in 0..calls {
                let group = anyio::task_group(async |tg| {
                    for _ in 0..count {
                        tg.spawn(async {});
                    }
                });
                group.await.expect("nobody cancels");
            }
        }),
        on.peer("tokio JoinSet", move |calls| async move {
            for _ in 0..calls {
                let mut set = JoinSet::new();
                for _ in 0..count {
                    set.spawn(async {});
                }
                while set.join_next().await.is_some() {}
            }
        }),
        on.peer("tokio-util TaskTracker", move |calls| async move {
            for _ in 0..calls {
                let tracker = TaskTracker::new();
                for _ in 0..count {
                    tracker.spawn(async {});
                }
                tracker.close();
                tracker.wait().await;
            }
        }),
    ]
}

fn on_smol(count: u32) -> Vec<Contender> {
    let local = Rc::new(LocalExecutor::new());
    let shared = Rc::new(Executor::new());
    vec![
        on::smol("anyio typed", move |calls| async move {
            for _ in 0..calls {
                let group = anyio_engine::task_group::<Smol, Cancelled, _, _>(async |tg| {
                    for _ in 0..count {
                        tg.spawn(async {});
                    }
                });
                group.await.expect("nobody cancels");
            }
        }),
        on::smol("anyio ambient", move |calls| async move {
            for _ in 0..calls {
                let group = anyio::task_group(async |tg| {
                    for _ in 0..count {
                        tg.spawn(async {});
                    }
                });
                group.await.expect("nobody cancels");
            }
        }),
        Contender::new("LocalExecutor, join each", move |calls| {
            let mut tasks = Vec::new();
            smol::block_on(local.run(async {
                for _ in 0..calls {
                    tasks.extend((0..count).map(|_| local.spawn(async {})));
                    for task in tasks.drain(..) {
                        task.await;
                    }
                }
            }));
        }),
        Contender::new("Executor, join each", move |calls| {
            let mut tasks = Vec::new();
            smol::block_on(shared.run(async {
                for _ in 0..calls {
                    tasks.extend((0..count).map(|_| shared.spawn(async {})));
                    for task in tasks.drain(..) {
                        task.await;
                    }
                }
            }));
        }),
    ]
}
