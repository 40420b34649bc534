//! One signal, on Windows.

use std::{
    io,
    task::{Context, Poll},
};

use anyio_core::Signal;
use tokio::signal::windows::{self, CtrlBreak, CtrlC};

use super::stream::refused;

/// Ctrl-Break.
const BREAK: Signal = Signal::from_raw(21);

pub(super) enum Source {
    Interrupt(CtrlC),
    Break(CtrlBreak),
}

impl Source {
    pub(super) fn open(signal: Signal) -> io::Result<Self> {
        match signal {
            Signal::INTERRUPT => windows::ctrl_c().map(Self::Interrupt),
            BREAK => windows::ctrl_break().map(Self::Break),
            _ => Err(refused(signal, "Windows has Signal::INTERRUPT and SIGBREAK (21) only")),
        }
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Self::Interrupt(source) => source.poll_recv(cx),
            Self::Break(source) => source.poll_recv(cx),
        }
        .map(drop)
    }
}
