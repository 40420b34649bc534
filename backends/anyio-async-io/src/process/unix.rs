//! What is Unix about processes.

use std::{
    io,
    os::fd::AsFd,
    pin::Pin,
    process::Child,
    task::{Context, Poll},
};

use async_io::Async;
use async_signal::{Signal, Signals};
use futures_core::Stream as _;

/// A pipe to or from a process.
pub(super) type Pipe<T> = Async<T>;

pub(super) fn pipe<T: AsFd>(end: T) -> io::Result<Pipe<T>> {
    Async::new(end)
}

/// The news that some process has ended: it may be this one.
#[derive(Debug)]
pub(super) struct News(Signals);

impl News {
    pub(super) fn of(_: &Child) -> io::Result<Self> {
        Signals::new([Signal::Child]).map(Self)
    }

    /// Ready if there was any, since the last time.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_next(cx).map(|news| news.transpose().map(drop))
    }
}
