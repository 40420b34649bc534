//! Processes without their type.

use std::{
    fmt, io,
    pin::Pin,
    process::ExitStatus,
    task::{Context, Poll},
};

use anyio_core::{ByteReceiveStream, ByteSendStream, ChildProcess};
use async_trait::async_trait;
use futures_io::{AsyncRead, AsyncWrite, IoSlice};

#[async_trait]
trait DynChild: Send + Sync {
    fn id(&self) -> u32;
    fn take_stdin(&mut self) -> Option<AnyPipeIn>;
    fn take_stdout(&mut self) -> Option<AnyPipeOut>;
    fn take_stderr(&mut self) -> Option<AnyPipeOut>;
    fn kill(&mut self) -> io::Result<()>;
    async fn wait(&mut self) -> io::Result<ExitStatus>;
}

#[async_trait]
impl<C: ChildProcess> DynChild for C {
    fn id(&self) -> u32 {
        ChildProcess::id(self)
    }

    fn take_stdin(&mut self) -> Option<AnyPipeIn> {
        ChildProcess::take_stdin(self).map(|pipe| AnyPipeIn(Box::new(pipe)))
    }

    fn take_stdout(&mut self) -> Option<AnyPipeOut> {
        ChildProcess::take_stdout(self).map(|pipe| AnyPipeOut(Box::new(pipe)))
    }

    fn take_stderr(&mut self) -> Option<AnyPipeOut> {
        ChildProcess::take_stderr(self).map(|pipe| AnyPipeOut(Box::new(pipe)))
    }

    fn kill(&mut self) -> io::Result<()> {
        ChildProcess::kill(self)
    }

    async fn wait(&mut self) -> io::Result<ExitStatus> {
        ChildProcess::wait(self).await
    }
}

/// A process of any backend.
pub struct AnyChild(Box<dyn DynChild>);

impl AnyChild {
    pub(super) fn new(child: impl ChildProcess) -> Self {
        Self(Box::new(child))
    }
}

impl ChildProcess for AnyChild {
    type Stdin = AnyPipeIn;
    type Stdout = AnyPipeOut;

    fn id(&self) -> u32 {
        self.0.id()
    }

    fn take_stdin(&mut self) -> Option<AnyPipeIn> {
        self.0.take_stdin()
    }

    fn take_stdout(&mut self) -> Option<AnyPipeOut> {
        self.0.take_stdout()
    }

    fn take_stderr(&mut self) -> Option<AnyPipeOut> {
        self.0.take_stderr()
    }

    fn kill(&mut self) -> io::Result<()> {
        self.0.kill()
    }

    async fn wait(&mut self) -> io::Result<ExitStatus> {
        self.0.wait().await
    }
}

impl fmt::Debug for AnyChild {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnyChild").field("id", &self.0.id()).finish()
    }
}

/// The pipe to a process's standard input.
pub struct AnyPipeIn(Box<dyn ByteSendStream>);

impl AsyncWrite for AnyPipeIn {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.0).poll_write(cx, buffer)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.0).poll_write_vectored(cx, buffers)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0).poll_close(cx)
    }
}

impl fmt::Debug for AnyPipeIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AnyPipeIn")
    }
}

/// The pipe from a process's standard output or standard error.
pub struct AnyPipeOut(Box<dyn ByteReceiveStream>);

impl AsyncRead for AnyPipeOut {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.0).poll_read(cx, buffer)
    }
}

impl fmt::Debug for AnyPipeOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AnyPipeOut")
    }
}
