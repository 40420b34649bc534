//! The reactor's sockets.

mod listener;
#[cfg_attr(unix, path = "unix.rs")]
#[cfg_attr(windows, path = "windows.rs")]
mod os;
#[cfg_attr(
    any(windows, target_os = "solaris", target_os = "illumos", target_os = "cygwin"),
    path = "keep_port.rs"
)]
mod share_port;
mod stream;

pub use listener::{TcpListener, connect_tcp, listen_tcp};
pub use stream::TcpStream;
