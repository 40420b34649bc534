//! The structured types, and what tasks share: the engine's, by measurement.
//!
//! What smol has itself was measured bare, without what an operation here does first (not to start
//! in a cancelled scope, and to take its share of the budget) and without forms that it lacks. That
//! is the least that one wrapped would cost.
//!
//! Instructions for each operation, and the time of the engine's as a part of the other's; by
//! `cargo run --release -p anyio-bench -- instructions lock`, and `time`, `semaphore`, `event`, with
//! async-lock 3.5.0 and event-listener 5.4.2:
//!
//! | row | engine's | smol's own | | time ÷ |
//! |---|---:|---:|---|---:|
//! | `lock/uncontended` | 94 | 200 | `Mutex` | 0.57 |
//! | `lock/smol/64_tasks_yield` | 1741 | 2376 | `Mutex` | 0.63 |
//! | `semaphore/uncontended` | 120 | 224 | `Semaphore` | 0.53 |
//! | `semaphore/smol/4_permits_64_tasks_yield` | 1938 | 1278 | `Semaphore` | 1.50 |
//! | `event/set` | 27 | 641 | `OnceCell` | 0.04 |
//! | `event/wait_on_set` | 42 | 22 | `OnceCell` | 1.71 |
//! | `event/smol/1000_waiters` | 2739 | 2900 | `event_listener::Event` | 0.92 |
//! | `event/smol/1000_waiters` | 2739 | 3033 | `OnceCell` | 0.86 |
//!
//! Where its own is less it cannot be had for that: the semaphore lets in who comes first after a
//! release, and so does the lock. So a task that goes on by itself is polled less often, and
//! nothing that is put around them makes them keep the order: they would not pass the suite
//! (`semaphore::…` and `sync::…`, first come, first served), and `tests/primitives.rs` shows why.
//! To wait for a flag that is up is one load there; the engine's is the same load, after what an
//! operation does first.

use anyio_core::{Runtime, TaskError};

use crate::Smol;

impl Runtime for Smol {
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
