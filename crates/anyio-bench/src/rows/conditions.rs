//! Conditions; the peers have none, and put one together from a lock and what wakes.

use std::{hint::black_box, sync::Arc};

use anyio_engine::{Condition, Lock};
use futures_lite::future::yield_now;
use tokio::sync::Notify;

use super::{
    on::{OnTokio, Threads},
    sync::{join, tasks},
};
use crate::measure::{Contender, Row};

const WAITERS: u32 = 64;

pub(super) fn rows() -> Vec<Row> {
    vec![
        Row::new("condition/notify_nobody", 1, nobody),
        Row::new("condition/64_waiters", WAITERS, waiters),
    ]
}

fn nobody() -> Vec<Contender> {
    vec![
        Contender::new("anyio Condition", |calls| {
            let condition = Condition::new();
            for _ in 0..calls {
                black_box(&condition).notify_all();
            }
        }),
        Contender::new("tokio Notify", |calls| {
            let notify = Notify::new();
            for _ in 0..calls {
                black_box(&notify).notify_waiters();
            }
        }),
        Contender::new("event-listener", |calls| {
            let event = event_listener::Event::<()>::new();
            for _ in 0..calls {
                black_box(&event).notify(usize::MAX);
            }
        }),
    ]
}

/// Tasks that wait until a value is set; all are woken at once, and each takes the lock again.
fn waiters() -> Vec<Contender> {
    let on = OnTokio::new(Threads::One);
    vec![
        on.ours("anyio Condition and Lock", |calls| async move {
            for _ in 0..calls {
                let shared = Arc::new((Lock::new(false), Condition::new()));
                let tasks = tasks(WAITERS, || {
                    let shared = Arc::clone(&shared);
                    async move {
                        let (lock, condition) = &*shared;
                        let mut guard = lock.lock().await;
                        while !*guard {
                            guard = condition.wait(guard).await;
                        }
                    }
                });
                while shared.1.waiting() < WAITERS as usize {
                    yield_now().await;
                }
                *shared.0.lock().await = true;
                shared.1.notify_all();
                join(tasks).await;
            }
        }),
        on.peer("tokio Mutex and Notify", |calls| async move {
            for _ in 0..calls {
                let shared = Arc::new((tokio::sync::Mutex::new(false), Notify::new()));
                let tasks = tasks(WAITERS, || {
                    let shared = Arc::clone(&shared);
                    async move {
                        let (lock, notify) = &*shared;
                        let mut guard = lock.lock().await;
                        while !*guard {
                            // Made under the lock, it misses nothing that comes later.
                            let notified = notify.notified();
                            drop(guard);
                            notified.await;
                            guard = lock.lock().await;
                        }
                    }
                });
                // The first turn after theirs.
                yield_now().await;
                *shared.0.lock().await = true;
                shared.1.notify_waiters();
                join(tasks).await;
            }
        }),
        on.peer("async-lock Mutex and event-listener", |calls| async move {
            for _ in 0..calls {
                let event = event_listener::Event::<()>::new();
                let shared = Arc::new((async_lock::Mutex::new(false), event));
                let tasks = tasks(WAITERS, || {
                    let shared = Arc::clone(&shared);
                    async move {
                        let (lock, event) = &*shared;
                        let mut guard = lock.lock().await;
                        while !*guard {
                            let listener = event.listen();
                            drop(guard);
                            listener.await;
                            guard = lock.lock().await;
                        }
                    }
                });
                yield_now().await;
                *shared.0.lock().await = true;
                shared.1.notify(usize::MAX);
                join(tasks).await;
            }
        }),
    ]
}
