//! Where a port can be shared.

use std::io;

use tokio::net::TcpSocket;

/// Lets other sockets listen on the same port.
pub(super) fn share_port(socket: &TcpSocket) -> io::Result<()> {
    socket.set_reuseport(true)
}
