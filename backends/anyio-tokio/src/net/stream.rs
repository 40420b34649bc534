//! A connected socket.

use std::{
    io,
    net::{Shutdown, SocketAddr},
    pin::Pin,
    task::{Context, Poll, ready},
};

use anyio_engine::op::admit;
use futures_io::{AsyncRead, AsyncWrite, IoSlice};
use socket2::SockRef;
use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};

use crate::executor::explain;

/// A connected TCP socket of tokio's, as a byte stream that obeys scopes.
///
/// Reads and writes are `futures_io`'s; the methods that wait come from an extension trait, as
/// `futures_lite::AsyncReadExt`. What tokio's own socket can do more is at [`as_tokio`] and behind
/// `From`, in both directions; a socket of tokio's must belong to the current runtime.
///
/// # Cancel safety
///
/// Each poll is atomic: in a cancelled scope nothing is read, written or closed. What is made of
/// several polls is as safe as its author made it; `write_all` and `read_exact`, cancelled, do not
/// say how far they got, and are poisoning.
///
/// # Errors
///
/// A socket belongs to the tokio runtime it was opened on. It may be used elsewhere as long as that
/// runtime lives; when it has ended, a read or write that would wait gives an error that holds an
/// [`anyio_core::NoRuntime`].
///
/// [`as_tokio`]: Self::as_tokio
#[derive(Debug)]
pub struct TcpStream(tokio::net::TcpStream);

impl TcpStream {
    /// tokio's socket.
    #[must_use]
    pub const fn as_tokio(&self) -> &tokio::net::TcpStream {
        &self.0
    }
}

impl From<tokio::net::TcpStream> for TcpStream {
    fn from(stream: tokio::net::TcpStream) -> Self {
        Self(stream)
    }
}

impl From<TcpStream> for tokio::net::TcpStream {
    fn from(stream: TcpStream) -> Self {
        stream.0
    }
}

impl anyio_core::TcpStream for TcpStream {
    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }

    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.peer_addr()
    }

    fn set_nodelay(&self, on: bool) -> io::Result<()> {
        self.0.set_nodelay(on)
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        SockRef::from(&self.0).shutdown(how)
    }
}

impl AsyncRead for TcpStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        ready!(admit(cx));
        let mut buffer = ReadBuf::new(buffer);
        ready!(Pin::new(&mut self.0).poll_read(cx, &mut buffer)).map_err(explain)?;
        Poll::Ready(Ok(buffer.filled().len()))
    }
}

impl AsyncWrite for TcpStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(admit(cx));
        Pin::new(&mut self.0).poll_write(cx, buffer).map_err(explain)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(admit(cx));
        Pin::new(&mut self.0).poll_write_vectored(cx, buffers).map_err(explain)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(admit(cx));
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(admit(cx));
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
