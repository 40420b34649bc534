//! The pipes to and from a process.

use std::{
    fmt, io,
    pin::Pin,
    process::{ChildStderr, ChildStdin, ChildStdout},
    task::{Context, Poll, ready},
};

use anyio_engine::op::admit;
use futures_io::{AsyncRead, AsyncWrite, IoSlice};

use super::os::{Pipe, pipe};

/// The pipe to a process's standard input. Dropping or closing it tells the process that no more
/// will come.
///
/// # Cancel safety
///
/// Each poll is atomic: in a cancelled scope nothing is written or closed.
pub struct PipeIn(Option<Pipe<ChildStdin>>);

impl PipeIn {
    pub(super) fn new(end: ChildStdin) -> io::Result<Self> {
        pipe(end).map(|pipe| Self(Some(pipe)))
    }

    fn open(&mut self) -> io::Result<Pin<&mut Pipe<ChildStdin>>> {
        let closed = || io::Error::new(io::ErrorKind::BrokenPipe, "this pipe has been closed");
        self.0.as_mut().map(Pin::new).ok_or_else(closed)
    }
}

impl AsyncWrite for PipeIn {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(admit(cx));
        self.open()?.poll_write(cx, buffer)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(admit(cx));
        self.open()?.poll_write_vectored(cx, buffers)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(admit(cx));
        self.open()?.poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(admit(cx));
        if let Ok(mut pipe) = self.open() {
            ready!(pipe.as_mut().poll_flush(cx))?;
            ready!(pipe.poll_close(cx))?;
        }
        // A pipe has no half to shut down: it is closed by letting it go.
        self.0 = None;
        Poll::Ready(Ok(()))
    }
}

impl fmt::Debug for PipeIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "PipeIn(open)" } else { "PipeIn(closed)" })
    }
}

/// The pipe from a process's standard output, or from its standard error.
///
/// # Cancel safety
///
/// Each poll is atomic: in a cancelled scope nothing is read.
#[derive(Debug)]
pub struct PipeOut(Output);

#[derive(Debug)]
enum Output {
    Stdout(Pipe<ChildStdout>),
    Stderr(Pipe<ChildStderr>),
}

impl PipeOut {
    pub(super) fn stdout(end: ChildStdout) -> io::Result<Self> {
        pipe(end).map(|pipe| Self(Output::Stdout(pipe)))
    }

    pub(super) fn stderr(end: ChildStderr) -> io::Result<Self> {
        pipe(end).map(|pipe| Self(Output::Stderr(pipe)))
    }
}

impl AsyncRead for PipeOut {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        ready!(admit(cx));
        match &mut self.0 {
            Output::Stdout(pipe) => Pin::new(pipe).poll_read(cx, buffer),
            Output::Stderr(pipe) => Pin::new(pipe).poll_read(cx, buffer),
        }
    }
}
