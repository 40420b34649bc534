//! What a backend of anyio builds on: one audited implementation of scopes, groups, locks and
//! memory streams, over any [`Executor`](anyio_core::Executor) and [`Clock`](anyio_core::Clock).
//!
//! Applications use the `anyio` crate. Authors of a backend implement the traits of `anyio_core`,
//! name the types of this crate in [`Runtime`](anyio_core::Runtime), and run the conformance suite.
//!
//! # How it works
//!
//! Rust cancels a future by dropping it. That cannot be swallowed, but it cannot await a cleanup,
//! cannot be kept out for a while, and waits for nobody. Scopes add exactly that: each future of
//! this crate puts a *frame* on the stack while it is polled (a thread-local points at the
//! innermost one), and has a *node* in a tree from the moment something depends on it. Cancelling
//! marks nodes and wakes whoever polls them; each then decides, after its body has been polled and
//! is pending, whether it is the one that drops its body, or whether something beneath (a shield,
//! an open group, a cleanup) holds it back. The rules are numbered at the top of `tree/mod.rs`.
//!
//! Nothing has to be wrapped: any future of any crate that is polled inside a scope is cancelled
//! with it. What *starts* an operation of this crate in a cancelled scope stays pending
//! ([`op::admit`]); a foreign future is dropped when it is pending the next time.
//!
//! # Cancel safety
//!
//! The documentation of each operation uses one of three words. *Atomic*: cancelled, it has not
//! happened. *Resumable*: cancelled, it may have happened in part, and calling it again goes on.
//! *Poisoning*: cancelled in the middle, its object refuses further use.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod context;
mod erased;
mod ext;
mod group;
mod handover;
mod inspect;
#[cfg(all(test, loom))]
mod model;
pub mod op;
mod portal;
mod queue;
mod scope;
#[cfg(unix)]
mod signal;
mod stream;
mod sync;
mod sys;
mod thread;
mod time;
mod timers;
mod trace;
mod tree;

pub use context::{
    Captured, EnterGuard, InScope, Root, RunLocal, TreeLocal, UnsetLocal, WithLocal, capture,
    current_backend, enter, root, running_backend,
};
pub use erased::{
    AnyChild, AnyPipeIn, AnyPipeOut, AnySignals, AnySpawner, AnyTcpListener, AnyTcpStream,
    AnyTimer, Erased,
};
pub use ext::{ErrInto, FutureExt, RuntimeExt};
pub use group::{
    AllErrors, Child, Either, Errors, FirstError, GroupBuilder, GroupRun, Join, Listed,
    LocalTaskGroup, NestedChild, NestedGroup, NestedHandle, NestedJoin, NestedRun, OneOf, Ready,
    ScopedTaskGroup, Several, Sorted, Started, Starting, TaskGroup, TaskHandle, Together, Tupled,
    ValueOnly, WithHandle, as_completed, gather, local_task_group, map, race, race_ok,
    scoped_task_group, task_group,
};
pub use inspect::{ItemKind, ItemState, TaskInfo, TaskTree, TreeItem, current_task, task_tree};
pub use op::{Checkpoint, checkpoint};
pub use portal::{
    BlockingPortal, CallAsync, Holding, PortalChild, PortalLease, PortalProvider, PortalReady,
    PortalTask, RunningPortal, Wrapped, blocking_portal, start_blocking_portal, start_portal_with,
};
pub use scope::{
    CancelScope, CatchCancelled, Ending, Fail, Finally, MoveOn, Report, Scoped, Shield,
    ShutdownOnSignals, ShutdownRequested, UntilShutdown, bracket, catch_cancelled,
    current_effective_deadline, fail_after, fail_at, finally, is_shutdown_requested, move_on_after,
    move_on_at, shield, shutdown_on_signals, shutdown_requested, until_shutdown,
};
#[cfg(unix)]
pub use signal::{SignalStream, open_signals};
pub use stream::{
    OwnedSendPermit, ReceiveStream, Receiving, ReceivingMany, Reserving, ReservingOwned,
    SendPermit, SendStream, Sending, SendingIter, StapledObjectStream, StreamStatistics,
    WeakSendStream, memory_object_stream,
};
pub use sync::{
    Acquire, AcquireOwned, Barrier, BarrierStatistics, BarrierWait, BarrierWaitResult,
    BroadcastReceiver, BroadcastSender, BroadcastStatistics, CapacityLimiter, Condition,
    ConditionStatistics, Event, EventStatistics, InUse, LimiterStatistics, LimiterToken, Lock,
    LockGuard, LockStatistics, Locking, LockingOwned, OnceCell, OnceCellStatistics,
    OneshotReceiver, OneshotReceiving, OneshotSender, OneshotStatistics, OwnedLimiterToken,
    OwnedLockGuard, OwnedPermit, OwnedRwLockReadGuard, OwnedRwLockWriteGuard, Permit,
    ResourceGuard, ResourceGuardStatistics, RwLock, RwLockReadGuard, RwLockStatistics,
    RwLockWriteGuard, Semaphore, SemaphoreStatistics, WatchReceiver, WatchRef, WatchSender,
    WatchStatistics, broadcast, oneshot, watch,
};
pub use thread::{
    Job, StopToken, ToThread, default_thread_limiter, file_thread_limiter, from_thread, to_thread,
    to_thread_with_stop,
};
pub use time::{Sleep, sleep, sleep_forever, sleep_until};
pub use timers::{TimerPlace, TimerQueue};
