//! Spawning tasks that do nothing, and waiting for all of them.

use std::rc::Rc;

use anyio_core::Cancelled;
use anyio_tokio::Tokio;
use tokio::{runtime::Runtime, task::JoinSet};
use tokio_util::task::TaskTracker;

use crate::measure::{Contender, Row};

pub(crate) fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for workers in [0, 2] {
        for count in [1, 100, 10_000] {
            rows.push(row(workers, count));
        }
    }
    rows
}

fn runtime(workers: usize) -> Rc<Runtime> {
    let built = if workers == 0 {
        tokio::runtime::Builder::new_current_thread().build()
    } else {
        tokio::runtime::Builder::new_multi_thread().worker_threads(workers).build()
    };
    Rc::new(built.expect("a runtime"))
}

fn row(workers: usize, count: u32) -> Row {
    let repeat = (10_000 / count).max(1);
    let runtime = runtime(workers);
    // The group, the join set and the tracker are opened inside a task, as they are in use.
    let contender = |name, work: fn(u32, u32) -> Work| {
        let runtime = Rc::clone(&runtime);
        Contender::new(name, move || {
            runtime.block_on(async { tokio::spawn(work(repeat, count)).await.expect("no panic") });
        })
    };
    let threads = if workers == 0 { "current_thread".into() } else { format!("{workers}_workers") };
    Row {
        name: format!("spawn_join/{threads}/{count}"),
        operations: repeat * count,
        contenders: vec![
            contender("anyio typed", |repeat, count| Box::pin(typed(repeat, count))),
            contender("anyio ambient", |repeat, count| Box::pin(ambient(repeat, count))),
            contender("tokio JoinSet", |repeat, count| Box::pin(join_set(repeat, count))),
            contender("tokio-util TaskTracker", |repeat, count| Box::pin(tracker(repeat, count))),
        ],
    }
}

type Work = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

async fn typed(repeat: u32, count: u32) {
    for _ in 0..repeat {
        let group = anyio_engine::task_group::<Tokio, Cancelled, _, _>(async |tg| {
            for _ in 0..count {
                tg.spawn(async {});
            }
        });
        group.await.expect("nobody cancels");
    }
}

async fn ambient(repeat: u32, count: u32) {
    for _ in 0..repeat {
        let group = anyio::task_group(async |tg| {
            for _ in 0..count {
                tg.spawn(async {});
            }
        });
        group.await.expect("nobody cancels");
    }
}

async fn join_set(repeat: u32, count: u32) {
    for _ in 0..repeat {
        let mut set = JoinSet::new();
        for _ in 0..count {
            set.spawn(async {});
        }
        while set.join_next().await.is_some() {}
    }
}

async fn tracker(repeat: u32, count: u32) {
    for _ in 0..repeat {
        let tracker = TaskTracker::new();
        for _ in 0..count {
            tracker.spawn(async {});
        }
        tracker.close();
        tracker.wait().await;
    }
}
