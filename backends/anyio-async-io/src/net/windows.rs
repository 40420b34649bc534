//! What is Windows about sockets.

use std::{
    io,
    os::windows::io::{AsRawSocket, AsSocket, BorrowedSocket, RawSocket},
};

use super::{TcpListener, TcpStream};

/// Here `SO_REUSEADDR` would let any program take the port away; restarting needs no option.
pub(super) const REUSE_ADDRESS: bool = false;

/// What remains of an error if it does not say that there is nothing yet.
#[inline]
pub(super) fn not_yet(error: io::Error) -> Option<io::Error> {
    Some(error).filter(|error| error.kind() != io::ErrorKind::WouldBlock)
}

impl AsSocket for TcpStream {
    fn as_socket(&self) -> BorrowedSocket<'_> {
        self.as_async_io().as_socket()
    }
}

impl AsRawSocket for TcpStream {
    fn as_raw_socket(&self) -> RawSocket {
        self.as_async_io().as_raw_socket()
    }
}

impl AsSocket for TcpListener {
    fn as_socket(&self) -> BorrowedSocket<'_> {
        self.as_async_io().as_socket()
    }
}

impl AsRawSocket for TcpListener {
    fn as_raw_socket(&self) -> RawSocket {
        self.as_async_io().as_raw_socket()
    }
}
