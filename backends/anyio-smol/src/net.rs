//! smol's sockets.

use std::{io, net::SocketAddr};

use anyio_async_io::{TcpListener, TcpStream};
use anyio_core::{ListenOptions, Net};

use crate::Smol;

impl Net for Smol {
    type TcpStream = TcpStream;
    type TcpListener = TcpListener;

    async fn connect_tcp(remote: SocketAddr) -> io::Result<TcpStream> {
        anyio_async_io::connect_tcp(remote).await
    }

    async fn listen_tcp(local: SocketAddr, options: &ListenOptions) -> io::Result<TcpListener> {
        anyio_async_io::listen_tcp(local, options).await
    }
}
