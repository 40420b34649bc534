//! The current backend's network.

use std::{io, net::SocketAddr};

use anyio_core::{ListenOptions, Net};
use anyio_engine::{AnyTcpListener, AnyTcpStream};

use super::{Any, current_backend};

impl Net for Any {
    type TcpStream = AnyTcpStream;
    type TcpListener = AnyTcpListener;

    async fn connect_tcp(remote: SocketAddr) -> io::Result<AnyTcpStream> {
        current_backend()?.connect_tcp(remote).await
    }

    async fn listen_tcp(local: SocketAddr, options: &ListenOptions) -> io::Result<AnyTcpListener> {
        current_backend()?.listen_tcp(local, options).await
    }
}
