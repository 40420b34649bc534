//! How sending and receiving objects can fail.
//!
//! Two ends are told apart everywhere: *closed* is what we did to our own end, *broken* (or the
//! *end of the stream*) is what the other side did.

use std::{error::Error, fmt, io};

/// Why an item did not go out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NotSent {
    Closed,
    Broken,
    Full,
}

impl fmt::Display for NotSent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "this sending end has been closed",
            Self::Broken => "all receiving ends are gone",
            Self::Full => "the stream is full and nobody is receiving",
        })
    }
}

/// An item was not sent; it is handed back.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SendError<T> {
    item: T,
    why: NotSent,
}

impl<T> SendError<T> {
    /// The sender's own end had been closed.
    #[must_use]
    pub const fn closed(item: T) -> Self {
        Self { item, why: NotSent::Closed }
    }

    /// Nobody can receive any more.
    #[must_use]
    pub const fn broken(item: T) -> Self {
        Self { item, why: NotSent::Broken }
    }

    /// Whether the sender's own end had been closed.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        matches!(self.why, NotSent::Closed)
    }

    /// Whether all receivers are gone.
    #[must_use]
    pub const fn is_broken(&self) -> bool {
        matches!(self.why, NotSent::Broken)
    }

    /// The item that was not sent.
    pub fn into_inner(self) -> T {
        self.item
    }
}

impl<T> fmt::Display for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the item was not sent: {}", self.why)
    }
}

impl<T> fmt::Debug for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SendError").field(&self.why).finish()
    }
}

impl<T> Error for SendError<T> {}

impl<T> From<SendError<T>> for io::Error {
    /// `BrokenPipe`; the item is dropped.
    fn from(error: SendError<T>) -> Self {
        Self::new(io::ErrorKind::BrokenPipe, error.to_string())
    }
}

/// An item was not sent without waiting; it is handed back.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TrySendError<T> {
    item: T,
    why: NotSent,
}

impl<T> TrySendError<T> {
    /// There is no room and nobody is receiving.
    #[must_use]
    pub const fn would_block(item: T) -> Self {
        Self { item, why: NotSent::Full }
    }

    /// Whether sending would have had to wait.
    #[must_use]
    pub const fn is_would_block(&self) -> bool {
        matches!(self.why, NotSent::Full)
    }

    /// Whether the sender's own end had been closed.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        matches!(self.why, NotSent::Closed)
    }

    /// Whether all receivers are gone.
    #[must_use]
    pub const fn is_broken(&self) -> bool {
        matches!(self.why, NotSent::Broken)
    }

    /// The item that was not sent.
    pub fn into_inner(self) -> T {
        self.item
    }
}

impl<T> From<SendError<T>> for TrySendError<T> {
    fn from(error: SendError<T>) -> Self {
        Self { item: error.item, why: error.why }
    }
}

impl<T> fmt::Display for TrySendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the item was not sent: {}", self.why)
    }
}

impl<T> fmt::Debug for TrySendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TrySendError").field(&self.why).finish()
    }
}

impl<T> Error for TrySendError<T> {}

/// Nothing can be received any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReceiveError {
    closed: bool,
}

impl ReceiveError {
    /// The receiver's own end had been closed.
    #[must_use]
    pub const fn closed() -> Self {
        Self { closed: true }
    }

    /// All senders are gone and everything they sent has been received.
    #[must_use]
    pub const fn end_of_stream() -> Self {
        Self { closed: false }
    }

    /// Whether the receiver's own end had been closed.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        self.closed
    }

    /// Whether the stream has ended in an orderly way.
    #[must_use]
    pub const fn is_end_of_stream(&self) -> bool {
        !self.closed
    }
}

impl fmt::Display for ReceiveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.closed {
            "this receiving end has been closed"
        } else {
            "the stream has ended: all sending ends are gone and nothing is left"
        })
    }
}

impl Error for ReceiveError {}

impl From<ReceiveError> for io::Error {
    /// `UnexpectedEof` at the end of the stream; `NotConnected` if this end was closed.
    fn from(error: ReceiveError) -> Self {
        let ended = error.is_end_of_stream();
        let kind = if ended { io::ErrorKind::UnexpectedEof } else { io::ErrorKind::NotConnected };
        Self::new(kind, error)
    }
}

/// Nothing could be received without waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TryReceiveError {
    ended: Option<ReceiveError>,
}

impl TryReceiveError {
    /// Nothing is there yet.
    #[must_use]
    pub const fn would_block() -> Self {
        Self { ended: None }
    }

    /// Whether an item may come later.
    #[must_use]
    pub const fn is_would_block(&self) -> bool {
        self.ended.is_none()
    }

    /// Whether the receiver's own end had been closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.ended.is_some_and(|error| error.is_closed())
    }

    /// Whether the stream has ended in an orderly way.
    #[must_use]
    pub fn is_end_of_stream(&self) -> bool {
        self.ended.is_some_and(|error| error.is_end_of_stream())
    }
}

impl From<ReceiveError> for TryReceiveError {
    fn from(error: ReceiveError) -> Self {
        Self { ended: Some(error) }
    }
}

impl fmt::Display for TryReceiveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.ended {
            Some(error) => error.fmt(f),
            None => f.write_str("nothing is there to be received yet"),
        }
    }
}

impl Error for TryReceiveError {}
