//! The network.

use std::{io, net::SocketAddr};

use crate::{ByteStream, Executor};

/// Sockets, native to the runtime.
///
/// # For callers
///
/// This is the bare capability: one address, one attempt. Names, happy eyeballs, several listeners
/// and the accept loop are written once on top of it.
///
/// # For implementors
///
/// Use the runtime's own sockets. Each operation obeys the ambient scope as every leaf operation
/// does: `anyio_engine::op::admit` at its start, and at each `poll_read` and `poll_write`.
///
/// | backend | sockets |
/// |---|---|
/// | tokio | `tokio::net`: edge-triggered, readiness cached |
/// | smol, async-std | `async-io`: one reactor for both |
///
/// ```
/// use std::{io, net::SocketAddr};
/// use anyio_core::{ListenOptions, Net, TcpListener, TcpStream};
///
/// /// A network with one host, which nobody can reach.
/// # use anyio_core::{Executor, Spawn, NoRuntime};
/// # #[derive(Clone, Copy)] struct Island;
/// # #[derive(Clone)] struct Nobody;
/// # impl Executor for Island {
/// #     const NAME: &'static str = "island";
/// #     type Spawner = Nobody;
/// #     fn spawner() -> Result<Nobody, NoRuntime> { Ok(Nobody) }
/// # }
/// # impl Spawn for Nobody {
/// #     fn spawn_task<F: Future<Output = ()> + Send + 'static>(&self, task: F) { drop(task); }
/// # }
/// # mod wire {
/// #     use std::{io, net::{Shutdown, SocketAddr}, pin::Pin, task::{Context, Poll}};
/// #     #[derive(Debug)] pub enum Wire {}
/// #     impl futures_io::AsyncRead for Wire {
/// #         fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut [u8]) -> Poll<io::Result<usize>> { match *self {} }
/// #     }
/// #     impl futures_io::AsyncWrite for Wire {
/// #         fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> { match *self {} }
/// #         fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> { match *self {} }
/// #         fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> { match *self {} }
/// #     }
/// #     impl anyio_core::TcpStream for Wire {
/// #         fn local_addr(&self) -> io::Result<SocketAddr> { match *self {} }
/// #         fn peer_addr(&self) -> io::Result<SocketAddr> { match *self {} }
/// #         fn set_nodelay(&self, _: bool) -> io::Result<()> { match *self {} }
/// #         fn shutdown(&self, _: Shutdown) -> io::Result<()> { match *self {} }
/// #     }
/// # }
/// # use wire::Wire;
/// #[derive(Debug)]
/// struct Harbour(SocketAddr);
///
/// impl TcpListener for Harbour {
///     type Stream = Wire;
///     fn local_addr(&self) -> io::Result<SocketAddr> {
///         Ok(self.0)
///     }
///     async fn accept(&self) -> io::Result<(Wire, SocketAddr)> {
///         std::future::pending().await
///     }
/// }
///
/// impl Net for Island {
///     type TcpStream = Wire;
///     type TcpListener = Harbour;
///     async fn connect_tcp(_: SocketAddr) -> io::Result<Wire> {
///         Err(io::ErrorKind::NetworkUnreachable.into())
///     }
///     async fn listen_tcp(local: SocketAddr, _: &ListenOptions) -> io::Result<Harbour> {
///         Ok(Harbour(local))
///     }
/// }
/// # let here = SocketAddr::from(([127, 0, 0, 1], 1));
/// # assert!(futures_lite::future::block_on(Island::connect_tcp(here)).is_err());
/// ```
pub trait Net: Executor {
    /// A connected TCP socket.
    type TcpStream: TcpStream;
    /// A listening TCP socket.
    type TcpListener: TcpListener<Stream = Self::TcpStream>;

    /// Connects to `remote`; Nagle's algorithm is off.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    fn connect_tcp(remote: SocketAddr) -> impl Future<Output = io::Result<Self::TcpStream>> + Send;

    /// Listens on `local`, with `SO_REUSEADDR` on Unix. Port 0 takes a free one.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    fn listen_tcp(
        local: SocketAddr,
        options: &ListenOptions,
    ) -> impl Future<Output = io::Result<Self::TcpListener>> + Send;
}

/// A connected TCP socket: a byte stream that knows its addresses.
///
/// Dropping it closes the connection. `poll_close` sends the end of the stream and leaves the
/// reading half open. [`Net`] shows where an implementation stands.
pub trait TcpStream: ByteStream {
    /// The address of this end.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    fn local_addr(&self) -> io::Result<SocketAddr>;

    /// The address of the other end.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    fn peer_addr(&self) -> io::Result<SocketAddr>;

    /// Switches `TCP_NODELAY`.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    fn set_nodelay(&self, on: bool) -> io::Result<()>;

    /// Shuts one or both directions down without waiting.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    fn shutdown(&self, how: std::net::Shutdown) -> io::Result<()>;
}

/// A listening TCP socket. [`Net`] shows an implementation.
pub trait TcpListener: Send + Sync + Unpin + 'static {
    /// What [`accept`](Self::accept) gives.
    type Stream: TcpStream;

    /// The address listened on; after a bind to port 0, the port that was taken.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    fn local_addr(&self) -> io::Result<SocketAddr>;

    /// Waits for the next connection; Nagle's algorithm is off.
    ///
    /// # Cancel safety
    ///
    /// Atomic: cancelled before it is ready, it has accepted nothing.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    fn accept(&self) -> impl Future<Output = io::Result<(Self::Stream, SocketAddr)>> + Send;
}

/// How to listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenOptions {
    backlog: u32,
    reuse_port: bool,
}

impl Default for ListenOptions {
    fn default() -> Self {
        Self { backlog: 1024, reuse_port: false }
    }
}

impl ListenOptions {
    /// How many connections the operating system may queue; 1024 without it.
    #[must_use]
    pub const fn backlog(mut self, connections: u32) -> Self {
        self.backlog = connections;
        self
    }

    /// Lets several listeners share a port, where the system can.
    #[must_use]
    pub const fn reuse_port(mut self, on: bool) -> Self {
        self.reuse_port = on;
        self
    }

    /// The queue length asked for.
    #[must_use]
    pub const fn queue_length(&self) -> u32 {
        self.backlog
    }

    /// Whether sharing was asked for.
    #[must_use]
    pub const fn shares_port(&self) -> bool {
        self.reuse_port
    }
}
