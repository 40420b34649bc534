//! Connecting and listening.

use std::{future::poll_fn, io, net::SocketAddr};

use anyio_core::{ListenOptions, Net};
use anyio_engine::op::admit;
use tokio::net::TcpSocket;

use super::{TcpStream, os, share_port::share_port};
use crate::{Tokio, executor};

impl Net for Tokio {
    type TcpStream = TcpStream;
    type TcpListener = TcpListener;

    async fn connect_tcp(remote: SocketAddr) -> io::Result<TcpStream> {
        executor::current()?;
        poll_fn(admit).await;
        let stream = tokio::net::TcpStream::connect(remote).await?;
        Ok(without_delay(stream))
    }

    async fn listen_tcp(local: SocketAddr, options: &ListenOptions) -> io::Result<TcpListener> {
        executor::current()?;
        poll_fn(admit).await;
        let socket = if local.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.set_reuseaddr(os::REUSE_ADDRESS)?;
        if options.shares_port() {
            share_port(&socket)?;
        }
        socket.bind(local)?;
        socket.listen(options.queue_length()).map(TcpListener)
    }
}

/// A listening TCP socket of tokio's, as one that obeys scopes.
///
/// What tokio's own can do more is at [`as_tokio`](Self::as_tokio) and behind `From`, in both
/// directions; a socket of tokio's must belong to the current runtime.
#[derive(Debug)]
pub struct TcpListener(tokio::net::TcpListener);

impl TcpListener {
    /// tokio's socket.
    #[must_use]
    pub const fn as_tokio(&self) -> &tokio::net::TcpListener {
        &self.0
    }
}

impl From<tokio::net::TcpListener> for TcpListener {
    fn from(listener: tokio::net::TcpListener) -> Self {
        Self(listener)
    }
}

impl From<TcpListener> for tokio::net::TcpListener {
    fn from(listener: TcpListener) -> Self {
        listener.0
    }
}

impl anyio_core::TcpListener for TcpListener {
    type Stream = TcpStream;

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }

    async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        poll_fn(admit).await;
        let (stream, remote) = self.0.accept().await.map_err(executor::explain)?;
        Ok((without_delay(stream), remote))
    }
}

fn without_delay(stream: tokio::net::TcpStream) -> TcpStream {
    // Fails on some systems if the other side has hung up by now; reading is what reports that.
    _ = stream.set_nodelay(true);
    stream.into()
}
