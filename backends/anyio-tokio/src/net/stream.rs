//! A connected socket.

use std::{
    io::{self, Read as _},
    net::{Shutdown, SocketAddr},
    pin::Pin,
    task::{Context, Poll, ready},
};

use anyio_engine::op::admit;
use futures_io::{AsyncRead, AsyncWrite, IoSlice};
use socket2::SockRef;
use tokio::io::{AsyncWrite as _, Interest};

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

    /// Takes what has come, if the socket is not known to have nothing.
    ///
    /// As with tokio's own read, what does not fill the buffer was all, and the next read waits for news
    /// before it asks the system again. Its own would also take a share of tokio's budget each
    /// time, and has been given one of ours already.
    #[inline]
    fn receive(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut all = None;
        let result = self.0.try_io(Interest::READABLE, || {
            let count = (&*SockRef::from(&self.0)).read(buffer)?;
            if (1..buffer.len()).contains(&count) {
                all = Some(count);
                return Err(io::ErrorKind::WouldBlock.into());
            }
            Ok(count)
        });
        all.map_or(result, Ok)
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
    #[inline]
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        ready!(admit(cx));
        loop {
            match self.receive(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    ready!(self.0.poll_read_ready(cx)).map_err(explain)?;
                }
                result => return Poll::Ready(result),
            }
        }
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
        Pin::new(&mut self.0).poll_write(cx, buffer).map_err(explain)
    }

    #[inline]
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
