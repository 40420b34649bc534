#![doc = include_str!("../README.md")]
//!
//! # What each capability is made of
//!
//! | capability | of async-std |
//! |---|---|
//! | [`Executor`](anyio_core::Executor) | the tasks of the run, on async-std's threads; outside of runs [`async_std::task::spawn`] |
//! | [`Run`](anyio_core::Run) | [`async_std::task::block_on`]; how it ends is said at [`AsyncStd`] |
//! | [`Runtime`](anyio_core::Runtime) | the engine's groups, scopes, locks and streams |
//! | all others | what is beneath async-std, shared with the backend on smol: [`anyio_async_io`] |
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
    Child, PipeIn, PipeOut, SignalStream, TcpListener, TcpStream, Timer as AsyncStdTimer,
};
pub use backend::AsyncStd;
pub use executor::AsyncStdSpawner;
