//! Reader-writer locks.

use std::sync::Arc;

use anyio_engine::RwLock;
use futures_lite::future::yield_now;

use super::{
    on::{OnTokio, Threads},
    sync::in_tasks,
};
use crate::measure::{Contender, Row};

const TASKS: u32 = 64;
const TIMES: u32 = 16;

pub(super) fn rows() -> Vec<Row> {
    vec![
        Row::new("rw_lock/read_uncontended", 1, || visits(1, 1, None)),
        Row::new("rw_lock/write_uncontended", 1, || visits(1, 1, Some(1))),
        Row::new("rw_lock/64_tasks_one_in_8_writes", TASKS * TIMES, || {
            visits(TASKS, TIMES, Some(8))
        }),
    ]
}

/// The same few lines for locks of many makes: of so many visits one writes, with a turn of others in each.
macro_rules! visiting {
    ($lock:ident, $times:ident, $writes:ident, $yields:ident) => {
        move || {
            let lock = Arc::clone(&$lock);
            async move {
                for visit in 1..=$times {
                    if $writes.is_some_and(|every| visit % every == 0) {
                        *lock.write().await += 1;
                        continue;
                    }
                    let _value = lock.read().await;
                    if $yields {
                        yield_now().await;
                    }
                }
            }
        }
    };
}

fn visits(tasks: u32, times: u32, writes: Option<u32>) -> Vec<Contender> {
    let on = OnTokio::new(Threads::One);
    let yields = tasks > 1;
    vec![
        on.ours("anyio RwLock", move |calls| {
            let lock = Arc::new(RwLock::new(0u64));
            in_tasks(tasks, calls, visiting!(lock, times, writes, yields))
        }),
        on.peer("tokio RwLock", move |calls| {
            let lock = Arc::new(tokio::sync::RwLock::new(0u64));
            in_tasks(tasks, calls, visiting!(lock, times, writes, yields))
        }),
        on.peer("async-lock RwLock", move |calls| {
            let lock = Arc::new(async_lock::RwLock::new(0u64));
            in_tasks(tasks, calls, visiting!(lock, times, writes, yields))
        }),
    ]
}
