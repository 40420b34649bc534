//! The structured types, and what tasks share: the engine's, by measurement.
//!
//! What async-std has itself was measured bare, without what an operation here does first (not to
//! start in a cancelled scope, and to take its share of the budget) and without forms that it
//! lacks. That is the least that one wrapped would cost.
//!
//! Instructions for each operation, and the time of the engine's as a part of the other's; by
//! `cargo run --release -p anyio-bench -- instructions lock`, and `time`, `semaphore`, `event`, with
//! async-lock 3.5.0 and event-listener 5.4.2:
//!
//! | row | engine's | async-std's own | | time ÷ |
//! |---|---:|---:|---|---:|
//! | `lock/uncontended` | 94 | 200 | `Mutex` | 0.57 |
//! | `lock/smol/64_tasks_yield` | 1741 | 2376 | `Mutex` | 0.63 |
//! | `event/set` | 27 | 641 | `OnceCell` | 0.04 |
//! | `event/wait_on_set` | 42 | 22 | `OnceCell` | 1.71 |
//! | `event/smol/1000_waiters` | 2739 | 2900 | `event_listener::Event` | 0.92 |
//! | `event/smol/1000_waiters` | 2739 | 3033 | `OnceCell` | 0.86 |
//!
//! Its `Mutex` is async-lock's, and it runs its tasks with async-executor, as smol does: the rows
//! on smol count for both. It has no semaphore, no flag and no condition that is stable; `OnceCell`
//! and `Event` are of the crates that it stands on. The lock lets in who comes first after a
//! release, so whatever is put around it, it would not pass the suite (`sync::…`, first come, first
//! served); `tests/primitives.rs` shows why. To wait for a flag that is up is one load in a
//! `OnceCell`; the engine's is the same load, after what an operation does first.

use anyio_core::{Runtime, TaskError};

use crate::AsyncStd;

impl Runtime for AsyncStd {
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
