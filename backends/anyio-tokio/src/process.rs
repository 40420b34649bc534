//! tokio's child processes.

use std::{
    fmt,
    future::poll_fn,
    io,
    pin::Pin,
    process::{Command, ExitStatus},
    task::{Context, Poll, ready},
};

use anyio_core::{ChildProcess, Processes};
use anyio_engine::op::admit;
use futures_io::{AsyncRead, AsyncWrite, IoSlice};
use tokio::{
    io::{AsyncRead as _, AsyncWrite as _, ReadBuf},
    process::{ChildStderr, ChildStdin, ChildStdout},
};

use crate::{
    Tokio,
    executor::{self, explain},
};

impl Processes for Tokio {
    type Child = Child;

    fn spawn_process(command: Command) -> io::Result<Child> {
        executor::current()?;
        let mut child = tokio::process::Command::from(command).kill_on_drop(true).spawn()?;
        let Some(id) = child.id() else { unreachable!("only waiting takes the number away") };
        // tokio's `wait` closes a standard input that is still in its hands, so none is left there.
        let stdin = child.stdin.take().map(|pipe| PipeIn(Some(pipe)));
        let stdout = child.stdout.take().map(|pipe| PipeOut(Output::Stdout(pipe)));
        let stderr = child.stderr.take().map(|pipe| PipeOut(Output::Stderr(pipe)));
        Ok(Child { id, child, stdin, stdout, stderr })
    }
}

/// A process of tokio's. Given by [`Processes::spawn_process`].
///
/// One that is dropped without having been waited for is killed, and reaped by tokio as soon as a
/// runtime of its turns again. To be sure that it has been, kill it and wait for it.
#[derive(Debug)]
pub struct Child {
    id: u32,
    child: tokio::process::Child,
    stdin: Option<PipeIn>,
    stdout: Option<PipeOut>,
    stderr: Option<PipeOut>,
}

impl ChildProcess for Child {
    type Stdin = PipeIn;
    type Stdout = PipeOut;

    fn id(&self) -> u32 {
        self.id
    }

    fn take_stdin(&mut self) -> Option<PipeIn> {
        self.stdin.take()
    }

    fn take_stdout(&mut self) -> Option<PipeOut> {
        self.stdout.take()
    }

    fn take_stderr(&mut self) -> Option<PipeOut> {
        self.stderr.take()
    }

    fn kill(&mut self) -> io::Result<()> {
        // tokio forgets the number when the status is known, and calls killing it then an error.
        if self.child.id().is_some() { self.child.start_kill() } else { Ok(()) }
    }

    async fn wait(&mut self) -> io::Result<ExitStatus> {
        poll_fn(admit).await;
        self.child.wait().await
    }
}

/// The pipe to a process's standard input. Dropping or closing it tells the process that no more
/// will come.
///
/// # Cancel safety
///
/// Each poll is atomic: in a cancelled scope nothing is written or closed.
pub struct PipeIn(Option<ChildStdin>);

impl PipeIn {
    fn open(&mut self) -> io::Result<Pin<&mut ChildStdin>> {
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
        self.open()?.poll_write(cx, buffer).map_err(explain)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(admit(cx));
        self.open()?.poll_write_vectored(cx, buffers).map_err(explain)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(admit(cx));
        self.open()?.poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(admit(cx));
        if let Ok(mut pipe) = self.open() {
            ready!(pipe.as_mut().poll_flush(cx))?;
            ready!(pipe.poll_shutdown(cx))?;
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
    Stdout(ChildStdout),
    Stderr(ChildStderr),
}

impl AsyncRead for PipeOut {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        ready!(admit(cx));
        let mut buffer = ReadBuf::new(buffer);
        ready!(match &mut self.0 {
            Output::Stdout(pipe) => Pin::new(pipe).poll_read(cx, &mut buffer),
            Output::Stderr(pipe) => Pin::new(pipe).poll_read(cx, &mut buffer),
        })
        .map_err(explain)?;
        Poll::Ready(Ok(buffer.filled().len()))
    }
}
