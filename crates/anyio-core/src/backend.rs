//! A backend as a whole.

use crate::{
    Blocking, CancelScope, CapacityLimiter, Clock, Condition, Event, Executor, Lock,
    MemoryReceiveStream, MemorySendStream, Net, Processes, Semaphore, Signals, TaskError,
    TaskGroup,
};

/// What every backend has: tasks, time, and the structured types made of them.
///
/// # For callers
///
/// Write `B: Backend` in a library that needs the outside world too, and `B: Runtime` in one that
/// does not. Bring `anyio::prelude` (or `anyio_engine::RuntimeExt`) into scope for the calls:
/// `B::task_group(…)`, `B::sleep(…)`, `B::fail_after(…)`.
///
/// # For implementors
///
/// Implement [`Executor`] and [`Clock`], then name the engine's types here. Name a primitive of
/// your runtime instead where it is faster and passes the conformance suite.
///
/// ```
/// use anyio_core::{Runtime, TaskError};
/// # mod toy { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/toy/mod.rs")); }
/// # use toy::{Closed, Ends, Flag, Group, Restless, Shut, Spinning, Toy, Wrapped};
///
/// impl Runtime for Toy {
///     type TaskGroup<E: TaskError> = Group<E>;        // anyio_engine::TaskGroup<Self, E>
///     type CancelScope = Flag;                        // anyio_engine::CancelScope<Self>
///     type Event = Spinning;                          // anyio_engine::Event, and so on
///     type Lock<T: Send + 'static> = Wrapped<T>;
///     type Condition = Restless;
///     type Semaphore = Closed;
///     type CapacityLimiter = Shut;
///     type SendStream<T: Send + 'static> = Ends<T>;
///     type ReceiveStream<T: Send + 'static> = Ends<T>;
///
///     fn memory_object_stream<T: Send + 'static>(_: usize) -> (Ends<T>, Ends<T>) {
///         let end = Ends::new();
///         (end.clone(), end)
///     }
/// }
/// ```
pub trait Runtime: Executor + Clock {
    /// Tasks that belong together.
    type TaskGroup<E: TaskError>: TaskGroup<E>;
    /// Work that can be cancelled.
    type CancelScope: CancelScope;
    /// A flag that is raised once.
    type Event: Event;
    /// Mutual exclusion around a value.
    type Lock<T: Send + 'static>: Lock<T>;
    /// Waiting for what others bring about.
    type Condition: Condition;
    /// A number of permits.
    type Semaphore: Semaphore;
    /// A number of tokens that can be changed, and who has them.
    type CapacityLimiter: CapacityLimiter;
    /// The end of a memory stream that items go into.
    type SendStream<T: Send + 'static>: MemorySendStream<T>;
    /// The end of a memory stream that items come out of.
    type ReceiveStream<T: Send + 'static>: MemoryReceiveStream<T>;

    /// A stream inside the process that keeps up to `capacity` items nobody has taken yet. With a
    /// capacity of 0, each send waits for a receive.
    fn memory_object_stream<T: Send + 'static>(
        capacity: usize,
    ) -> (Self::SendStream<T>, Self::ReceiveStream<T>);
}

/// Everything: a [`Runtime`] with threads, network, processes and signals.
///
/// Implemented for all that have it; do not implement it.
///
/// ```
/// async fn portable<B: anyio_core::Backend>() -> std::io::Result<B::TcpStream> {
///     B::connect_tcp(([127, 0, 0, 1], 8080).into()).await
/// }
/// ```
pub trait Backend: Runtime + Blocking + Net + Processes + Signals {}

impl<B: Runtime + Blocking + Net + Processes + Signals> Backend for B {}
