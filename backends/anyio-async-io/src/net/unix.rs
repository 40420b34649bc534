//! What is Unix about sockets.

use std::{
    io, mem,
    os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd},
};

use super::{TcpListener, TcpStream};

/// `SO_REUSEADDR` lets a server start again while connections of the one before are timing out.
pub(super) const REUSE_ADDRESS: bool = true;

/// What remains of an error if it does not say that there is nothing yet.
///
/// Each wait begins with one that does. So it is known by its number: its kind is a call, and to find that
/// there is nothing in it to drop is another.
#[inline]
pub(super) fn not_yet(error: io::Error) -> Option<io::Error> {
    match error.raw_os_error() {
        // Nearly everywhere they are the same.
        Some(number) if number == libc::EAGAIN || number == libc::EWOULDBLOCK => {
            mem::forget(error);
            None
        }
        _ => Some(error),
    }
}

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
