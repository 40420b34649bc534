#![doc = include_str!("../README.md")]
//!
//! # What is here
//!
//! | capability | made of |
//! |---|---|
//! | [`Executor`](anyio_core::Executor) | [`Spawner`]: the executor of the run, else the host's own |
//! | [`Run`](anyio_core::Run) | [`run`]: an [`async_executor::Executor`], driven by the host's workers; without any, a queue |
//! | [`Clock`](anyio_core::Clock) | [`Timer`], all on one [`async_io::Timer`] |
//! | [`Blocking`](anyio_core::Blocking) | [`spawn_blocking`], on the threads of the crate `blocking` |
//! | [`Net`](anyio_core::Net) | [`connect_tcp`], [`listen_tcp`], of [`async_io::Async`] |
//! | [`Processes`](anyio_core::Processes) | [`spawn_process`], of [`std::process`] and [`async_io::Async`] |
//! | [`Signals`](anyio_core::Signals) | [`open_signals`]: on Unix the engine's, on Windows of `async-signal` |
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

mod blocking;
mod executor;
mod net;
mod process;
mod signal;
mod time;

pub use crate::{
    blocking::{Job, spawn_blocking},
    executor::{Host, Spawner, Worker, run},
    net::{TcpListener, TcpStream, connect_tcp, listen_tcp},
    process::{Child, PipeIn, PipeOut, spawn_process},
    signal::{SignalStream, open_signals},
    time::Timer,
};
