//! Where a port has one listener: the wish to share it is heard and cannot be met.

use std::io;

use tokio::net::TcpSocket;

pub(super) fn share_port(_: &TcpSocket) -> io::Result<()> {
    Ok(())
}
