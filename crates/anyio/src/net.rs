//! The network.

use std::{io, net::SocketAddr};

use anyio_core::{ListenOptions, Net};

use crate::{Any, TcpListener, TcpStream};

/// Connects to `remote`; Nagle's algorithm is off.
///
/// The stream reads and writes by `futures_io`'s traits; the methods that wait come from an
/// extension trait, as `futures_lite::AsyncReadExt`. Its addresses come with
/// [`prelude`](crate::prelude).
///
/// # Cancel safety
///
/// Atomic for the caller: cancelled, there is no connection. The other side may have seen one come
/// and go.
///
/// # Errors
///
/// Those of the operating system; of kind `NotConnected` outside of any runtime, `Unsupported` on a
/// backend without network.
///
/// # Examples
///
/// ```
/// use anyio::prelude::*;
/// use futures_lite::{AsyncReadExt as _, AsyncWriteExt as _};
///
/// # anyio::run(async {
/// let listener = anyio::listen_tcp(([127, 0, 0, 1], 0).into()).await?;
/// let remote = listener.local_addr()?;
/// let answer = anyio::task_group(async |tg| -> std::io::Result<String> {
///     tg.spawn(async move {
///         let (mut stream, _) = listener.accept().await?;
///         stream.write_all(b"hello").await
///     });
///     let mut answer = String::new();
///     anyio::connect_tcp(remote).await?.read_to_string(&mut answer).await?;
///     Ok(answer)
/// })
/// .await?;
/// assert_eq!(answer, "hello");
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
#[doc(alias = "open_tcp_stream")]
pub async fn connect_tcp(remote: SocketAddr) -> io::Result<TcpStream> {
    Any::connect_tcp(remote).await
}

/// Listens on `local`, with `SO_REUSEADDR` on Unix. Port 0 takes a free one.
///
/// `accept` and `local_addr` come with [`prelude`](crate::prelude), and so does
/// `Any::listen_tcp`, which takes [`ListenOptions`].
///
/// # Cancel safety
///
/// Atomic: cancelled, nothing listens.
///
/// # Errors
///
/// As [`connect_tcp`].
///
/// # Examples
///
/// ```
/// use anyio::prelude::*;
///
/// # anyio::run(async {
/// let listener = anyio::listen_tcp(([127, 0, 0, 1], 0).into()).await?;
/// assert_ne!(listener.local_addr()?.port(), 0);
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
#[doc(alias = "create_tcp_listener", alias = "open_tcp_listeners", alias = "bind")]
pub async fn listen_tcp(local: SocketAddr) -> io::Result<TcpListener> {
    Any::listen_tcp(local, &ListenOptions::default()).await
}
