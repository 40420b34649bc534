//! One signal, on Unix.

use std::{
    io,
    task::{Context, Poll},
};

use anyio_core::Signal;
use tokio::signal::unix::{self, SignalKind};

use super::stream::refused;

pub(super) struct Source(unix::Signal);

impl Source {
    pub(super) fn open(signal: Signal) -> io::Result<Self> {
        let opened = unix::signal(SignalKind::from_raw(signal.as_raw()));
        opened.map(Self).map_err(|error| match error.raw_os_error() {
            // What tokio refuses by itself: the system does not let it be caught, or it is not
            // wise to, or there is no such number.
            None => refused(signal, error),
            Some(_) => error,
        })
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.0.poll_recv(cx).map(drop)
    }
}
