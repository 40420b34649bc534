//! Where a port can be shared.

use std::io;

use socket2::Socket;

/// Lets other sockets listen on the same port.
pub(super) fn share_port(socket: &Socket) -> io::Result<()> {
    socket.set_reuse_port(true)
}
