//! The structured types, and what tasks share.
//!
//! All of them are the engine's, on tokio too. Where a primitive of tokio's turns out to be faster
//! and keeps the rules (first come first served, direct hand-over, nothing taken in a cancelled
//! scope), it takes the engine's place here, with the measurement beside it; until there is one,
//! the engine's audited types are what every backend has.

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
