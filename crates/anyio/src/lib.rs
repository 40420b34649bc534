//! Structured concurrency on any runtime: write async code once, and run it on tokio, smol,
//! async-std, or on any other backend, chosen by a feature or at run time.
//!
//! - **Tasks live in groups.** A [`task_group`] returns when all its tasks have ended. If one fails,
//!   the others are cancelled, cleaned up and waited for, and its error is yours, typed and unboxed.
//! - **Cancellation is a scope.** [`move_on_after`], [`fail_after`] and [`CancelScope`] cancel
//!   whatever runs inside them, any future of any crate, and cannot be swallowed.
//! - **Cleanup may await.** [`finally`] and [`bracket`] run it however the work ends, and a
//!   [`shield`] keeps cancellation out of what must not be left half done.
//!
//! # A program
//!
//! Three mirrors are asked at the same time; the first answer counts, and a second is all they get:
//!
//! ```
//! use std::time::Duration;
//!
//! use anyio::{fail_after, memory_object_stream, sleep, task_group};
//!
//! /// Stands for a download; some mirrors are slow.
//! async fn ask(mirror: u64) -> u64 {
//!     sleep(Duration::from_millis(mirror * 10)).await;
//!     mirror
//! }
//!
//! async fn fastest(mirrors: [u64; 3]) -> anyio::Result<u64> {
//!     task_group(async |tg| {
//!         let (answers, first) = memory_object_stream(mirrors.len());
//!         for mirror in mirrors {
//!             let answers = answers.clone();
//!             tg.spawn(async move {
//!                 _ = answers.send(ask(mirror).await).await;
//!             });
//!         }
//!         let answer = first.receive().await.expect("this function has a sender, too");
//!         tg.cancel(); // the others are not needed any more
//!         Ok(answer)
//!     })
//!     .await // here all three have ended, whatever happened
//! }
//!
//! fn main() {
//!     anyio::run(async {
//!         match fail_after(Duration::from_secs(1), fastest([20, 2, 30])).await {
//!             Ok(Ok(mirror)) => println!("mirror {mirror} was the first"),
//!             Ok(Err(cancelled)) => println!("{cancelled}"),
//!             Err(timeout) => println!("{timeout}"),
//!         }
//!     });
//! }
//! ```
//!
//! # I know Trio or AnyIO
//!
//! | there | here |
//! |---|---|
//! | `trio.run`, `anyio.run` | [`run`], with settings: [`Runner`] |
//! | Ctrl-C, `KeyboardInterrupt` | [`#[anyio::main]`](macro@main): the program is cancelled |
//! | `@pytest.mark.anyio` | [`#[anyio::test]`](macro@test) |
//! | `open_nursery`, `create_task_group` | [`task_group`] |
//! | `nursery.start_soon(f)`, `tg.create_task(f())` | `tg.spawn(f())`, which gives a [`TaskHandle`] |
//! | `nursery.start(f)`, `task_status.started(v)` | `tg.start(f)`, [`ready.started(v)`](Ready::started) |
//! | `ExceptionGroup` | [`GroupError`], given by a builder's [`run_collecting`](types::GroupBuilder::run_collecting) |
//! | `gather`, `amap`, `as_completed` | [`gather`], [`map`], [`as_completed`] |
//! | `select`-like races by hand | [`race`], [`race_ok`] |
//! | closures over locals in `start_soon` | [`scoped_task_group`], [`local_task_group`] |
//! | `nursery.cancel_scope.cancel()` | `tg.cancel()` |
//! | `with CancelScope() as scope: …` | `scope.run(…)` of a [`CancelScope`] |
//! | `move_on_after`, `move_on_at`, `fail_after`, `fail_at` | [`move_on_after`], [`move_on_at`], [`fail_after`], [`fail_at`] |
//! | `with CancelScope(shield=True): …` | [`shield`] |
//! | `finally:` with an `await` in it | [`finally`], [`bracket`] |
//! | `except Cancelled: …` | [`catch_cancelled`] |
//! | `checkpoint`, `sleep`, `sleep_until`, `sleep_forever` | [`checkpoint`], [`sleep`], [`sleep_until`], [`sleep_forever`] |
//! | `current_time`, `current_effective_deadline` | [`current_time`], [`current_effective_deadline`] |
//! | `get_running_tasks`, `get_current_task` | [`task_tree`], [`current_task`] |
//! | `contextvars`, `RunVar` | [`tree_local!`], [`run_local!`] |
//! | `Event`, `Lock`, `Semaphore` | [`Event`], [`Lock`] (around a value), [`Semaphore`] |
//! | `CapacityLimiter` | [`CapacityLimiter`], whose tokens are guards; a [`Borrower`] names one |
//! | `Condition`, `ResourceGuard` | [`Condition`], which takes the guard of a [`Lock`]; [`ResourceGuard`] |
//! | `open_memory_channel`, `create_memory_object_stream` | [`memory_object_stream`] |
//! | `to_thread.run_sync` | [`to_thread`], `to_thread(f).abandon_on_cancel()`, [`to_thread_with_stop`] |
//! | `current_default_thread_limiter` | [`default_thread_limiter`] |
//! | `from_thread.run`, `run_sync`, `check_cancelled` | [`from_thread::run`], [`run_sync`](from_thread::run_sync), [`check_cancelled`](from_thread::check_cancelled) |
//! | `current_token`, `current_trio_token` | [`from_thread::current_handle`] |
//! | `BlockingPortal`, `start_blocking_portal` | [`blocking_portal`], [`start_blocking_portal`] |
//! | `BlockingPortalProvider` | [`PortalProvider`] |
//! | `as_safe_channel` around a generator | a task that [reserves](SendStream::reserve) before it makes an item |
//! | `StapledObjectStream` | [`StapledObjectStream`] |
//! | `open_tcp_stream`, `connect_tcp` | [`connect_tcp`] |
//! | `open_tcp_listeners`, `create_tcp_listener` | [`listen_tcp`] |
//! | `open_signal_receiver` | [`open_signal_receiver`]; a server wants [`shutdown_on_signals`] |
//!
//! What is different: a scope is a call around a future and not a `with` block; a group gives one
//! error, the first, instead of a group of errors; and there is nothing to re-raise, since a
//! cancelled future is dropped and its code simply does not go on.
//!
//! # Cancel safety
//!
//! A cancelled future is dropped where it waits, innermost first, and what holds it back (a shield,
//! an open group, a cleanup) is waited for. An *operation* of this crate that would start in a
//! cancelled scope does not: it stays pending, so every one of them is a place where a loop ends.
//! What an operation leaves behind when it was cut short, its documentation says in one word:
//!
//! - **atomic**: it has not happened. No item is lost, no lock taken, no place left in a queue.
//! - **resumable**: it may have happened in part; calling it again goes on from there.
//! - **poisoning**: nobody knows how far it came; its object is good for nothing but dropping.
//!
//! A result that is there when the cancellation comes is kept. Scopes and groups are none of the
//! three: they end when what is in them has.
//!
//! # Backends
//!
//! | feature | backend | |
//! |---|---|---|
//! | `tokio` | [`anyio-tokio`](https://docs.rs/anyio-tokio) | on by default |
//! | `smol` | [`anyio-smol`](https://docs.rs/anyio-smol) | an executor of its own, with as many threads as asked for |
//! | `async-std` | [`anyio-async-std`](https://docs.rs/anyio-async-std) | discontinued upstream: for those who have not left it |
//!
//! A backend's feature compiles it in and changes nothing else; any of them may be on together. One
//! more, `tracing`, reports groups and tasks as spans to the
//! [`tracing`](https://docs.rs/tracing) crate, and as warnings what would be lost otherwise: errors
//! after a group's first, and groups that are dropped while tasks run; also what a cancellation has been
//! waiting for in vain. What runs, and how it stands, [`task_tree`] shows at any time, without a feature.
//!
//! The functions of this crate use the backend that is current ([`Any`] says how that is found):
//! **an application** calls [`run`], begins with [`#[anyio::main]`](macro@main), or stays with its
//! `#[tokio::main]`; with several compiled in, `ANYIO_BACKEND=smol` chooses one from outside and
//! [`run_with`] from inside; the first in the table is taken if nobody chooses. **A library** turns
//! the default features off and leaves the choice to the application: it calls the same functions, or
//! takes a type parameter, `B: `[`Backend`], which costs nothing at run time. A backend of your own
//! is a few small traits, beginning with [`Runtime`].
//!
//! [`task_group`]: fn@task_group
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

mod any;
mod available;
mod blocking;
mod cancel_scope;
mod entry;
mod error;
#[doc(hidden)]
pub mod expansion;
pub mod from_thread;
mod net;
mod portal;
pub mod prelude;
mod runner;
mod signal;
mod task_group;
mod time;
pub mod traits;
pub mod types;

pub use any::{Any, current_backend};
#[cfg(feature = "async-std")]
pub use anyio_async_std::AsyncStd;
pub use anyio_core::{
    AcquireError, AlreadyBorrowed, Backend, Blocking, Body, BorrowError, Borrower, BroadcastError,
    Busy, CallError, Cancelled, Cause, CauseKind, Clock, DynGroupError, Executor, GroupError,
    ListenOptions, Net, NoRuntime, Outcome, Processes, ReceiveError, ReleaseError, Run, RunError,
    RunOptions, Runtime, SendError, Signal, Signals, Spawn, SpawnError, TaskError, TaskStatus,
    TimedOut, TryAcquireError, TryBroadcastError, TryReceiveError, TrySendError, WouldBlock,
};
pub use anyio_engine::{
    AnyTcpListener as TcpListener, AnyTcpStream as TcpStream, Barrier, BroadcastReceiver,
    BroadcastSender, CapacityLimiter, Condition, Erased, Event, FutureExt, ItemKind, ItemState,
    Lock, LockGuard, OnceCell, OneshotReceiver, OneshotSender, OwnedLockGuard, OwnedPermit,
    OwnedSendPermit, Permit, PortalTask, Ready, ReceiveStream, ResourceGuard, RunLocal, RuntimeExt,
    RwLock, Semaphore, SendPermit, SendStream, StapledObjectStream, StopToken, TaskHandle,
    TaskTree, TreeItem, TreeLocal, UnsetLocal, WatchReceiver, WatchSender, WeakSendStream,
    as_completed, bracket, broadcast, capture, catch_cancelled, checkpoint, current_task, enter,
    finally, gather, is_shutdown_requested, local_task_group, map, memory_object_stream, oneshot,
    op::is_cancelled, race, race_ok, run_local, scoped_task_group, shield, shutdown_requested,
    sleep_forever, task_tree, tree_local, watch,
};
#[cfg(feature = "smol")]
pub use anyio_smol::Smol;
#[cfg(feature = "tokio")]
pub use anyio_tokio::Tokio;
pub use available::available_backends;
pub use blocking::{default_thread_limiter, file_thread_limiter, to_thread, to_thread_with_stop};
pub use cancel_scope::{
    CancelScope, current_effective_deadline, fail_after, fail_at, move_on_after, move_on_at,
    until_shutdown,
};
pub use entry::{main, test};
pub use error::Result;
pub use net::{connect_tcp, listen_tcp};
pub use portal::{
    BlockingPortal, PortalProvider, RunningPortal, blocking_portal, start_blocking_portal,
};
pub use runner::{Runner, run, run_with};
pub use signal::{SignalReceiver, open_signal_receiver, shutdown_on_signals};
pub use task_group::{TaskGroup, task_group};
pub use time::{current_time, sleep, sleep_until};
