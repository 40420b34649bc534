//! A connected socket.

use std::{
    io::{self, Read as _, Write as _},
    net::{Shutdown, SocketAddr},
    pin::Pin,
    task::{Context, Poll, ready},
};

use anyio_engine::op::admit;
use async_io::Async;
use futures_io::{AsyncRead, AsyncWrite, IoSlice, IoSliceMut};

use super::os;

/// A connected TCP socket of the reactor's, as a byte stream that obeys scopes.
///
/// Reads and writes are `futures_io`'s; the methods that wait come from an extension trait, as
/// `futures_lite::AsyncReadExt`. What `async-io`'s own socket can do more is at [`as_async_io`] and
/// behind `From`, in both directions.
///
/// # Cancel safety
///
/// Each poll is atomic: in a cancelled scope nothing is read, written or closed. What is made of
/// several polls is as safe as its author made it; `write_all` and `read_exact`, cancelled, do not
/// say how far they got, and are poisoning.
///
/// [`as_async_io`]: Self::as_async_io
#[derive(Debug)]
pub struct TcpStream {
    socket: Async<std::net::TcpStream>,
    reads: Awaited,
    writes: Awaited,
}

impl TcpStream {
    /// The reactor's socket.
    #[must_use]
    pub const fn as_async_io(&self) -> &Async<std::net::TcpStream> {
        &self.socket
    }
}

impl From<Async<std::net::TcpStream>> for TcpStream {
    fn from(stream: Async<std::net::TcpStream>) -> Self {
        Self { socket: stream, reads: Awaited::default(), writes: Awaited::default() }
    }
}

impl From<TcpStream> for Async<std::net::TcpStream> {
    fn from(stream: TcpStream) -> Self {
        stream.socket
    }
}

impl anyio_core::TcpStream for TcpStream {
    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.get_ref().local_addr()
    }

    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.socket.get_ref().peer_addr()
    }

    fn set_nodelay(&self, on: bool) -> io::Result<()> {
        self.socket.get_ref().set_nodelay(on)
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.socket.get_ref().shutdown(how)
    }
}

impl AsyncRead for TcpStream {
    #[inline]
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        ready!(admit(cx));
        let Self { socket, reads, .. } = &mut *self;
        let mut end = socket.get_ref();
        reads.poll(|| socket.poll_readable(cx), || end.read(buffer))
    }

    #[inline]
    fn poll_read_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(admit(cx));
        let Self { socket, reads, .. } = &mut *self;
        let mut end = socket.get_ref();
        reads.poll(|| socket.poll_readable(cx), || end.read_vectored(buffers))
    }
}

impl AsyncWrite for TcpStream {
    #[inline]
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(admit(cx));
        let Self { socket, writes, .. } = &mut *self;
        let mut end = socket.get_ref();
        writes.poll(|| socket.poll_writable(cx), || end.write(buffer))
    }

    #[inline]
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(admit(cx));
        let Self { socket, writes, .. } = &mut *self;
        let mut end = socket.get_ref();
        writes.poll(|| socket.poll_writable(cx), || end.write_vectored(buffers))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(admit(cx));
        Poll::Ready(self.socket.get_ref().flush())
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(admit(cx));
        // The reactor's own would close nothing.
        match self.socket.get_ref().shutdown(Shutdown::Write) {
            // The peer has hung up: there is nothing left to close.
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Poll::Ready(Ok(())),
            result => Poll::Ready(result),
        }
    }
}

/// Whether the reactor owes news of one direction.
///
/// Then they come first. To try before that would be a call to the system in vain; and the news, which
/// nobody would have taken, would answer the next question at once, and wrongly: one more call.
#[derive(Debug, Default)]
struct Awaited(bool);

impl Awaited {
    #[inline]
    fn poll<T>(
        &mut self,
        mut news: impl FnMut() -> Poll<io::Result<()>>,
        mut attempt: impl FnMut() -> io::Result<T>,
    ) -> Poll<io::Result<T>> {
        loop {
            if self.0 {
                ready!(news())?;
                self.0 = false;
            }
            match attempt().map_err(os::not_yet) {
                Err(None) => self.0 = true,
                Err(Some(error)) => return Poll::Ready(Err(error)),
                Ok(done) => return Poll::Ready(Ok(done)),
            }
        }
    }
}
