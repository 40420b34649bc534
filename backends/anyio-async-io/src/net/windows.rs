//! What is Windows about sockets.

use std::os::windows::io::{AsRawSocket, AsSocket, BorrowedSocket, RawSocket};

use super::{TcpListener, TcpStream};

/// Here `SO_REUSEADDR` would let any program take the port away; restarting needs no option.
pub(super) const REUSE_ADDRESS: bool = false;

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
