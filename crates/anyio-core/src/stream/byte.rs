//! Streams of bytes: aliases with the bounds that adapters need.

use futures_io::{AsyncRead, AsyncWrite};

/// A readable stream of bytes: any `AsyncRead` that may move between threads.
///
/// Implemented for all that qualify; do not implement it.
///
/// ```
/// fn reads(_: impl anyio_core::ByteReceiveStream) {}
/// reads(futures_lite::io::empty());
/// ```
pub trait ByteReceiveStream: AsyncRead + Send + Sync + Unpin + 'static {}

impl<T: AsyncRead + Send + Sync + Unpin + 'static> ByteReceiveStream for T {}

/// A writable stream of bytes: any `AsyncWrite` that may move between threads. Closing it tells
/// the other side that no more will come.
///
/// Implemented for all that qualify; do not implement it.
///
/// ```
/// fn writes(_: impl anyio_core::ByteSendStream) {}
/// writes(futures_lite::io::sink());
/// ```
pub trait ByteSendStream: AsyncWrite + Send + Sync + Unpin + 'static {}

impl<T: AsyncWrite + Send + Sync + Unpin + 'static> ByteSendStream for T {}

/// A stream of bytes in both directions.
///
/// Implemented for all that qualify; do not implement it.
///
/// ```
/// fn talks(_: impl anyio_core::ByteStream) {}
/// talks(futures_lite::io::Cursor::new(Vec::new()));
/// ```
pub trait ByteStream: ByteReceiveStream + ByteSendStream {}

impl<T: ByteReceiveStream + ByteSendStream> ByteStream for T {}
