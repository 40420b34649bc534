#![doc = include_str!("../README.md")]
//!
//! # What each capability is made of
//!
//! | capability | of tokio |
//! |---|---|
//! | [`Executor`](anyio_core::Executor) | [`Handle::spawn`](tokio::runtime::Handle::spawn) on the runtime that was current when the group was opened |
//! | [`Run`](anyio_core::Run) | a [`Runtime`](tokio::runtime::Runtime) of its own; how it ends is said at [`Tokio`] |
//! | [`Clock`](anyio_core::Clock) | [`tokio::time`], its paused test clock included; the timers of a runtime stand on one of its |
//! | [`Blocking`](anyio_core::Blocking) | [`Handle::spawn_blocking`](tokio::runtime::Handle::spawn_blocking) |
//! | [`Net`](anyio_core::Net) | [`tokio::net`] |
//! | [`Processes`](anyio_core::Processes) | [`tokio::process`] |
//! | [`Signals`](anyio_core::Signals) | on Unix the engine's, which is one for the process; on Windows `tokio::signal` |
//! | [`Runtime`](anyio_core::Runtime) | the engine's groups, scopes, locks and streams |
//!
//! A runtime that somebody else built needs the drivers that are used, as
//! [`enable_all`](tokio::runtime::Builder::enable_all) gives them.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

mod backend;
mod blocking;
mod executor;
mod net;
mod process;
mod signal;
mod sync;
mod time;

pub use backend::Tokio;
pub use blocking::TokioJob;
pub use executor::TokioSpawner;
pub use net::{TcpListener, TcpStream};
pub use process::{Child, PipeIn, PipeOut};
pub use signal::SignalStream;
pub use time::TokioTimer;
