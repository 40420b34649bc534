//! What is Unix about sockets.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

use super::{TcpListener, TcpStream};

/// `SO_REUSEADDR` lets a server start again while connections of the one before are timing out.
pub(super) const REUSE_ADDRESS: bool = true;

impl AsFd for TcpStream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.as_async_io().as_fd()
    }
}

impl AsRawFd for TcpStream {
    fn as_raw_fd(&self) -> RawFd {
        self.as_async_io().as_raw_fd()
    }
}

impl AsFd for TcpListener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.as_async_io().as_fd()
    }
}

impl AsRawFd for TcpListener {
    fn as_raw_fd(&self) -> RawFd {
        self.as_async_io().as_raw_fd()
    }
}
