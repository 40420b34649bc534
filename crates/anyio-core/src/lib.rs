//! The traits and errors of [anyio for Rust]: structured concurrency, written once, on any runtime.
//!
//! This crate names no runtime and runs nothing. It says what a backend *is* and which words
//! errors are made of, so that libraries, backends and the conformance suite agree on both.
//! Applications use the `anyio` crate instead; authors of a backend start at [`Runtime`].
//!
//! | trait | one file, one capability |
//! |---|---|
//! | [`Executor`], [`Spawn`], [`Run`] | run a future as a task; enter the runtime |
//! | [`Clock`] | the time, and a future that waits for it |
//! | [`Runtime`] | the two above with groups, scopes, locks and streams: what every backend has |
//! | [`Blocking`], [`Net`], [`Processes`], [`Signals`] | what a backend may lack |
//! | [`Backend`] | all of it |
//!
//! A missing capability is a missing `impl`: a program that needs the network does not compile
//! against a backend that has none.
//!
//! [anyio for Rust]: https://github.com/anyio-rs/anyio
#![cfg_attr(docsrs, feature(doc_cfg))]

mod backend;
mod blocking;
mod cancel_scope;
mod error;
mod executor;
mod net;
mod never;
mod process;
mod signal;
mod stream;
mod sync;
mod task_group;
mod time;

pub use backend::{Backend, Runtime};
pub use blocking::Blocking;
pub use cancel_scope::CancelScope;
pub use error::{
    AcquireError, AlreadyBorrowed, BorrowError, BroadcastError, Busy, CallError, Cancelled, Cause,
    CauseKind, DynGroupError, GroupError, NoRuntime, ReceiveError, ReleaseError, RunError,
    SendError, SpawnError, TimedOut, TryAcquireError, TryBroadcastError, TryReceiveError,
    TrySendError, WouldBlock,
};
pub use executor::{Executor, Run, RunOptions, Spawn};
pub use net::{ListenOptions, Net, TcpListener, TcpStream};
pub use process::{ChildProcess, Processes};
pub use signal::{Signal, Signals};
pub use stream::{
    ByteReceiveStream, ByteSendStream, ByteStream, MemoryReceiveStream, MemorySendStream,
    ObjectReceiveStream, ObjectSendStream, ObjectStream,
};
pub use sync::{Borrower, CapacityLimiter, Condition, Event, Lock, Semaphore};
pub use task_group::{Body, Outcome, Ready, TaskError, TaskGroup, TaskHandle, TaskStatus};
pub use time::Clock;
