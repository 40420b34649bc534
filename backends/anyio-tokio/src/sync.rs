//! The structured types, and what tasks share: the engine's, by measurement.
//!
//! What tokio has itself was measured bare, without what an operation here does first (not to start
//! in a cancelled scope, and to take its share of the budget) and without forms that it lacks. That
//! is the least that one wrapped would cost. Where the engine's costs no more, the choice is made,
//! and nothing has been wrapped.
//!
//! Instructions for each operation, and the time of the engine's as a part of the other's; by
//! `cargo run --release -p anyio-bench -- instructions lock`, and `time`, `semaphore`, `event`, with
//! tokio 1.54.1:
//!
//! | row | engine's | tokio's own | | time ÷ |
//! |---|---:|---:|---|---:|
//! | `lock/uncontended` | 94 | 341 | `Mutex` | 0.27 |
//! | `lock/current_thread/64_tasks_short` | 173 | 410 | `Mutex` | 0.46 |
//! | `lock/current_thread/64_tasks_yield` | 1370 | 1636 | `Mutex` | 0.78 |
//! | `lock/2_workers/64_tasks_yield` | | | `Mutex` | 0.81 |
//! | `lock/2_workers/2_tasks_short` | | | `Mutex` | 0.10 |
//! | `semaphore/uncontended` | 120 | 326 | `Semaphore` | 0.30 |
//! | `semaphore/current_thread/4_permits_64_tasks_yield` | 1510 | 1560 | `Semaphore` | 0.91 |
//! | `event/set` | 27 | 79 | `SetOnce` | 0.29 |
//! | `event/wait_on_set` | 42 | 41 | `SetOnce` | 0.96 |
//! | `event/1000_waiters` | 2804 | 2871 | `Notify` | 0.98 |
//! | `event/1000_waiters` | 2804 | 3114 | `SetOnce` | 0.88 |
//!
//! In the one row where they are equal, the engine's does what an operation does first, and one load
//! after it: with the same in front, tokio's would be behind. `Notify` alone is no flag. Tokio has no
//! condition and no limiter. Its `RwLock` cannot tell who waits, and costs 337 to read and 343 to write
//! where the engine's costs 174 and 177; its other channels and its cell are in the engine, wrapped.

use anyio_core::{Runtime, TaskError};

use crate::Tokio;

impl Runtime for Tokio {
    type TaskGroup<E: TaskError> = anyio_engine::TaskGroup<Self, E>;
    type CancelScope = anyio_engine::CancelScope<Self>;
    type Event = anyio_engine::Event;
    type Lock<T: Send + 'static> = anyio_engine::Lock<T>;
    type Condition = anyio_engine::Condition;
    type Semaphore = anyio_engine::Semaphore;
    type CapacityLimiter = anyio_engine::CapacityLimiter;
    type SendStream<T: Send + 'static> = anyio_engine::SendStream<T>;
    type ReceiveStream<T: Send + 'static> = anyio_engine::ReceiveStream<T>;

    fn memory_object_stream<T: Send + 'static>(
        capacity: usize,
    ) -> (Self::SendStream<T>, Self::ReceiveStream<T>) {
        anyio_engine::memory_object_stream(capacity)
    }
}
