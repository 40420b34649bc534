#![doc = include_str!("../README.md")]
//!
//! # What each capability is made of
//!
//! | capability | of smol |
//! |---|---|
//! | [`Executor`](anyio_core::Executor) | the executor of the run; outside of runs [`smol::spawn`] |
//! | [`Run`](anyio_core::Run) | an executor of its own and its threads; how it ends is said at [`Smol`] |
//! | [`Clock`](anyio_core::Clock) | [`SmolTimer`], all on one [`async_io::Timer`] |
//! | [`Blocking`](anyio_core::Blocking) | [`smol::unblock`] |
//! | [`Net`](anyio_core::Net) | [`async_io::Async`] |
//! | [`Processes`](anyio_core::Processes) | [`std::process`], with [`async_io::Async`] pipes |
//! | [`Signals`](anyio_core::Signals) | `async-signal` |
//! | [`Runtime`](anyio_core::Runtime) | the engine's groups, scopes, locks and streams |
//!
//! All but the first two are shared with the backend on async-std, in [`anyio_async_io`].
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

pub use anyio_async_io::{
    Child, PipeIn, PipeOut, SignalStream, TcpListener, TcpStream, Timer as SmolTimer,
};
pub use backend::Smol;
pub use executor::SmolSpawner;
