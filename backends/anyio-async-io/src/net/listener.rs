//! Connecting and listening.

use std::{future::poll_fn, io, net::SocketAddr};

use anyio_core::ListenOptions;
use anyio_engine::op::admit;
use async_io::Async;
use socket2::{Domain, Protocol, Socket, Type};

use super::{TcpStream, os, share_port::share_port};

/// Connects to `remote`.
///
/// # Cancel safety
///
/// Atomic: cancelled, there is no connection.
///
/// # Errors
///
/// Those of the operating system.
pub async fn connect_tcp(remote: SocketAddr) -> io::Result<TcpStream> {
    poll_fn(admit).await;
    Async::<std::net::TcpStream>::connect(remote).await.map(without_delay)
}

/// Listens on `local`.
///
/// # Cancel safety
///
/// Atomic: cancelled, nobody listens.
///
/// # Errors
///
/// Those of the operating system.
pub async fn listen_tcp(local: SocketAddr, options: &ListenOptions) -> io::Result<TcpListener> {
    poll_fn(admit).await;
    let socket = Socket::new(Domain::for_address(local), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(os::REUSE_ADDRESS)?;
    if options.shares_port() {
        share_port(&socket)?;
    }
    socket.bind(&local.into())?;
    // More than the system can count is as much as it can.
    socket.listen(options.queue_length().try_into().unwrap_or(i32::MAX))?;
    Async::new(std::net::TcpListener::from(socket)).map(TcpListener)
}

/// A listening TCP socket of the reactor's, as one that obeys scopes.
///
/// What `async-io`'s own can do more is at [`as_async_io`](Self::as_async_io) and behind `From`, in
/// both directions.
#[derive(Debug)]
pub struct TcpListener(Async<std::net::TcpListener>);

impl TcpListener {
    /// The reactor's socket.
    #[must_use]
    pub const fn as_async_io(&self) -> &Async<std::net::TcpListener> {
        &self.0
    }
}

impl From<Async<std::net::TcpListener>> for TcpListener {
    fn from(listener: Async<std::net::TcpListener>) -> Self {
        Self(listener)
    }
}

impl From<TcpListener> for Async<std::net::TcpListener> {
    fn from(listener: TcpListener) -> Self {
        listener.0
    }
}

impl anyio_core::TcpListener for TcpListener {
    type Stream = TcpStream;

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.get_ref().local_addr()
    }

    async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        poll_fn(admit).await;
        let (stream, remote) = self.0.accept().await?;
        Ok((without_delay(stream), remote))
    }
}

fn without_delay(stream: Async<std::net::TcpStream>) -> TcpStream {
    // Fails on some systems if the other side has hung up by now; reading is what reports that.
    _ = stream.get_ref().set_nodelay(true);
    stream.into()
}
