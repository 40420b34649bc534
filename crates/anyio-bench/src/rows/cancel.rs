//! Cancelling tasks that wait, from the call to the moment when all of them have ended.

use std::{
    future::pending,
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use anyio_core::Cancelled;
use anyio_tokio::Tokio;
use tokio::task::{JoinSet, yield_now};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::on::{OnTokio, Threads};
use crate::measure::{Contender, Row};

pub(super) fn rows() -> Vec<Row> {
    let row = |count| {
        let name = format!("cancel/current_thread/{count}");
        Row::new(name, count, move || contenders(&OnTokio::new(Threads::One), count))
    };
    [1, 1_000, 100_000].map(row).into()
}

/// How many of a contender's tasks have begun. Contenders run one after the other.
static BEGUN: AtomicU32 = AtomicU32::new(0);

async fn wait() {
    BEGUN.fetch_add(1, Ordering::Relaxed);
    pending().await
}

/// Until all tasks wait.
async fn begun(count: u32) {
    while BEGUN.load(Ordering::Relaxed) != count {
        yield_now().await;
    }
    BEGUN.store(0, Ordering::Relaxed);
}

pub(super) fn contenders(on: &OnTokio, count: u32) -> Vec<Contender> {
    vec![
        on.ours_timed("anyio typed", move |calls| async move {
            let mut took = Duration::ZERO;
            for _ in 0..calls {
                let mut start = Instant::now();
                let group = anyio_engine::task_group::<Tokio, Cancelled, _, _>(async |tg| {
                    for _ in 0..count {
                        tg.spawn(wait());
                    }
                    begun(count).await;
                    start = Instant::now();
                    tg.cancel();
                });
                group.await.expect("the body has ended by itself");
                took += start.elapsed();
            }
            took
        }),
        on.ours_timed("anyio ambient", move |calls| async move {
            let mut took = Duration::ZERO;
            for _ in 0..calls {
                let mut start = Instant::now();
                let group = anyio::task_group(async |tg| {
                    for _ in 0..count {
                        tg.spawn(wait());
                    }
                    begun(count).await;
                    start = Instant::now();
                    tg.cancel();
                });
                group.await.expect("the body has ended by itself");
                took += start.elapsed();
            }
            took
        }),
        on.peer_timed("tokio AbortHandle each", move |calls| async move {
            let mut took = Duration::ZERO;
            for _ in 0..calls {
                let tasks: Vec<_> = (0..count).map(|_| tokio::spawn(wait())).collect();
                begun(count).await;
                let start = Instant::now();
                tasks.iter().for_each(tokio::task::JoinHandle::abort);
                for task in tasks {
                    assert!(task.await.is_err());
                }
                took += start.elapsed();
            }
            took
        }),
        on.peer_timed("tokio JoinSet::shutdown", move |calls| async move {
            let mut took = Duration::ZERO;
            for _ in 0..calls {
                let mut set = JoinSet::new();
                for _ in 0..count {
                    set.spawn(wait());
                }
                begun(count).await;
                let start = Instant::now();
                set.shutdown().await;
                took += start.elapsed();
            }
            took
        }),
        on.peer_timed("TaskTracker + CancellationToken", move |calls| async move {
            let mut took = Duration::ZERO;
            for _ in 0..calls {
                let (tracker, token) = (TaskTracker::new(), CancellationToken::new());
                for _ in 0..count {
                    let token = token.clone();
                    tracker.spawn(async move {
                        token.run_until_cancelled(wait()).await;
                    });
                }
                tracker.close();
                begun(count).await;
                let start = Instant::now();
                token.cancel();
                tracker.wait().await;
                took += start.elapsed();
            }
            took
        }),
    ]
}
