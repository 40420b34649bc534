//! Sockets and signals without their type.

use std::{
    fmt, io,
    net::{Shutdown, SocketAddr},
    pin::Pin,
    task::{Context, Poll},
};

use anyio_core::{Signal, TcpListener, TcpStream};
use async_trait::async_trait;
use futures_core::Stream;
use futures_io::{AsyncRead, AsyncWrite, IoSlice, IoSliceMut};

/// A connected TCP socket of any backend.
pub struct AnyTcpStream(Box<dyn TcpStream>);

impl AnyTcpStream {
    pub(super) fn new(stream: impl TcpStream) -> Self {
        Self(Box::new(stream))
    }

    /// The address of this end.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }

    /// The address of the other end.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.peer_addr()
    }

    /// Switches `TCP_NODELAY`.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub fn set_nodelay(&self, on: bool) -> io::Result<()> {
        self.0.set_nodelay(on)
    }

    /// Shuts one or both directions down without waiting.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.0.shutdown(how)
    }
}

impl TcpStream for AnyTcpStream {
    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.local_addr()
    }

    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.peer_addr()
    }

    fn set_nodelay(&self, on: bool) -> io::Result<()> {
        self.set_nodelay(on)
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.shutdown(how)
    }
}

impl AsyncRead for AnyTcpStream {
    #[inline]
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.0).poll_read(cx, buffer)
    }

    #[inline]
    fn poll_read_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.0).poll_read_vectored(cx, buffers)
    }
}

impl AsyncWrite for AnyTcpStream {
    #[inline]
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.0).poll_write(cx, buffer)
    }

    #[inline]
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.0).poll_write_vectored(cx, buffers)
    }

    #[inline]
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0).poll_flush(cx)
    }

    #[inline]
    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0).poll_close(cx)
    }
}

impl fmt::Debug for AnyTcpStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnyTcpStream")
            .field("local", &self.local_addr().ok())
            .field("peer", &self.peer_addr().ok())
            .finish()
    }
}

#[async_trait]
trait DynTcpListener: Send + Sync {
    fn local_addr(&self) -> io::Result<SocketAddr>;
    async fn accept(&self) -> io::Result<(AnyTcpStream, SocketAddr)>;
}

#[async_trait]
impl<L: TcpListener> DynTcpListener for L {
    fn local_addr(&self) -> io::Result<SocketAddr> {
        TcpListener::local_addr(self)
    }

    async fn accept(&self) -> io::Result<(AnyTcpStream, SocketAddr)> {
        let (stream, peer) = TcpListener::accept(self).await?;
        Ok((AnyTcpStream::new(stream), peer))
    }
}

/// A listening TCP socket of any backend.
pub struct AnyTcpListener(Box<dyn DynTcpListener>);

impl AnyTcpListener {
    pub(super) fn new(listener: impl TcpListener) -> Self {
        Self(Box::new(listener))
    }

    /// The address listened on; after a bind to port 0, the port that was taken.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }

    /// Waits for the next connection.
    ///
    /// # Cancel safety
    ///
    /// Atomic: cancelled before it is ready, it has accepted nothing.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub async fn accept(&self) -> io::Result<(AnyTcpStream, SocketAddr)> {
        self.0.accept().await
    }
}

impl TcpListener for AnyTcpListener {
    type Stream = AnyTcpStream;

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.local_addr()
    }

    async fn accept(&self) -> io::Result<(AnyTcpStream, SocketAddr)> {
        self.accept().await
    }
}

impl fmt::Debug for AnyTcpListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnyTcpListener").field("local", &self.0.local_addr().ok()).finish()
    }
}

/// The signals of any backend.
pub struct AnySignals(Box<dyn Stream<Item = Signal> + Send + Sync + Unpin>);

impl AnySignals {
    pub(super) fn new(signals: impl Stream<Item = Signal> + Send + Sync + Unpin + 'static) -> Self {
        Self(Box::new(signals))
    }
}

impl Stream for AnySignals {
    type Item = Signal;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Signal>> {
        Pin::new(&mut *self.0).poll_next(cx)
    }
}

impl fmt::Debug for AnySignals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AnySignals")
    }
}
