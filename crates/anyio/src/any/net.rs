//! The current backend's network.

use std::{io, net::SocketAddr};

use anyio_core::{ListenOptions, Net};
use anyio_engine::{AnyTcpListener, AnyTcpStream};

use super::{Any, current::backend_for};

impl Net for Any {
    type TcpStream = AnyTcpStream;
    type TcpListener = AnyTcpListener;

    async fn connect_tcp(remote: SocketAddr) -> io::Result<AnyTcpStream> {
        backend_for("`connect_tcp`")?.connect_tcp(remote).await
    }

    async fn listen_tcp(local: SocketAddr, options: &ListenOptions) -> io::Result<AnyTcpListener> {
        backend_for("`listen_tcp`")?.listen_tcp(local, options).await
    }
}
