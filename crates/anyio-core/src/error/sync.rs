//! What a form that never waits says when it would have to.

use std::{error::Error, fmt};

use crate::Borrower;

/// A `try_` form would have had to wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WouldBlock {
    _private: (),
}

impl WouldBlock {
    /// The error.
    #[must_use]
    pub const fn new() -> Self {
        Self { _private: () }
    }
}

impl fmt::Display for WouldBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the call would have had to wait")
    }
}

impl Error for WouldBlock {}

/// Two tasks use a resource at once that only one may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Busy {
    action: &'static str,
}

impl Busy {
    /// The error; `action` says what the other task is doing, as in "reading from".
    #[must_use]
    pub const fn new(action: &'static str) -> Self {
        Self { action }
    }
}

impl fmt::Display for Busy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "another task is already {} this resource", self.action)
    }
}

impl Error for Busy {}

/// A limiter has nothing for a borrower that has a token of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlreadyBorrowed {
    borrower: Borrower,
}

impl AlreadyBorrowed {
    /// The error.
    #[must_use]
    pub const fn new(borrower: Borrower) -> Self {
        Self { borrower }
    }

    /// Who has one.
    #[must_use]
    pub const fn borrower(&self) -> Borrower {
        self.borrower
    }
}

impl fmt::Display for AlreadyBorrowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} has a token of this limiter and can have one at a time", self.borrower)
    }
}

impl Error for AlreadyBorrowed {}

/// A limiter lends nothing without waiting, or nothing to this borrower.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BorrowError {
    already: Option<AlreadyBorrowed>,
}

impl BorrowError {
    /// There is no token, or somebody waits for one.
    #[must_use]
    pub const fn would_block() -> Self {
        Self { already: None }
    }

    /// Whether a token may be there later.
    #[must_use]
    pub const fn is_would_block(&self) -> bool {
        self.already.is_none()
    }

    /// Whether the borrower has a token.
    #[must_use]
    pub const fn is_already_borrowed(&self) -> bool {
        self.already.is_some()
    }
}

impl From<AlreadyBorrowed> for BorrowError {
    fn from(error: AlreadyBorrowed) -> Self {
        Self { already: Some(error) }
    }
}

impl From<WouldBlock> for BorrowError {
    fn from(_: WouldBlock) -> Self {
        Self::would_block()
    }
}

impl fmt::Display for BorrowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.already {
            Some(already) => already.fmt(f),
            None => WouldBlock::new().fmt(f),
        }
    }
}

impl Error for BorrowError {}

/// A semaphore gives no permit, and never will.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AcquireError {
    too_many: bool,
}

impl AcquireError {
    /// It has been closed.
    #[must_use]
    pub const fn closed() -> Self {
        Self { too_many: false }
    }

    /// More permits were asked for than it can ever have.
    #[must_use]
    pub const fn too_many() -> Self {
        Self { too_many: true }
    }

    /// Whether the semaphore has been closed.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        !self.too_many
    }

    /// Whether more permits were asked for than it can ever have.
    #[must_use]
    pub const fn is_too_many(&self) -> bool {
        self.too_many
    }
}

impl fmt::Display for AcquireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.too_many {
            "more permits were asked for than this semaphore can ever have"
        } else {
            "this semaphore has been closed"
        })
    }
}

impl Error for AcquireError {}

/// A semaphore gives no permit without waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TryAcquireError {
    never: Option<AcquireError>,
}

impl TryAcquireError {
    /// There are not enough permits now, or somebody waits for some.
    #[must_use]
    pub const fn would_block() -> Self {
        Self { never: None }
    }

    /// Whether the permits may be there later.
    #[must_use]
    pub const fn is_would_block(&self) -> bool {
        self.never.is_none()
    }

    /// Whether the semaphore has been closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.never.is_some_and(|error| error.is_closed())
    }

    /// Whether more permits were asked for than it can ever have.
    #[must_use]
    pub fn is_too_many(&self) -> bool {
        self.never.is_some_and(|error| error.is_too_many())
    }
}

impl From<AcquireError> for TryAcquireError {
    fn from(error: AcquireError) -> Self {
        Self { never: Some(error) }
    }
}

impl From<WouldBlock> for TryAcquireError {
    fn from(_: WouldBlock) -> Self {
        Self::would_block()
    }
}

impl fmt::Display for TryAcquireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.never {
            Some(error) => error.fmt(f),
            None => WouldBlock::new().fmt(f),
        }
    }
}

impl Error for TryAcquireError {}

/// A semaphore takes no more permits than it may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReleaseError {
    max: usize,
}

impl ReleaseError {
    /// There would have been more than `max`.
    #[must_use]
    pub const fn new(max: usize) -> Self {
        Self { max }
    }

    /// How many there may be in all, those that are taken included.
    #[must_use]
    pub const fn max(&self) -> usize {
        self.max
    }
}

impl fmt::Display for ReleaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "this semaphore may have {} permits in all, those that are taken included; dropping a \
             permit gives it back, and `release` is for new ones",
            self.max
        )
    }
}

impl Error for ReleaseError {}

/// A receiver of a broadcast has missed something, or there will be nothing any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BroadcastError {
    missed: Option<u64>,
}

impl BroadcastError {
    /// The receiver was too slow: so many items are gone.
    #[must_use]
    pub const fn missing(items: u64) -> Self {
        Self { missed: Some(items) }
    }

    /// All senders are gone and everything they sent has been received.
    #[must_use]
    pub const fn end_of_stream() -> Self {
        Self { missed: None }
    }

    /// How many items were missed, if that is what has happened.
    #[must_use]
    pub const fn missed(&self) -> Option<u64> {
        self.missed
    }

    /// Whether the stream has ended in an orderly way.
    #[must_use]
    pub const fn is_end_of_stream(&self) -> bool {
        self.missed.is_none()
    }
}

impl fmt::Display for BroadcastError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.missed {
            Some(items) => write!(
                f,
                "{items} items were sent faster than they were received, and are gone; the next \
                 receive goes on with what is left"
            ),
            None => f.write_str("the stream has ended: all senders are gone and nothing is left"),
        }
    }
}

impl Error for BroadcastError {}

/// A receiver of a broadcast got nothing without waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TryBroadcastError {
    failed: Option<BroadcastError>,
}

impl TryBroadcastError {
    /// Nothing is there yet.
    #[must_use]
    pub const fn would_block() -> Self {
        Self { failed: None }
    }

    /// Whether an item may come later.
    #[must_use]
    pub const fn is_would_block(&self) -> bool {
        self.failed.is_none()
    }

    /// How many items were missed, if that is what has happened.
    #[must_use]
    pub fn missed(&self) -> Option<u64> {
        self.failed.and_then(|error| error.missed())
    }

    /// Whether the stream has ended in an orderly way.
    #[must_use]
    pub fn is_end_of_stream(&self) -> bool {
        self.failed.is_some_and(|error| error.is_end_of_stream())
    }
}

impl From<BroadcastError> for TryBroadcastError {
    fn from(error: BroadcastError) -> Self {
        Self { failed: Some(error) }
    }
}

impl fmt::Display for TryBroadcastError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.failed {
            Some(error) => error.fmt(f),
            None => f.write_str("nothing is there to be received yet"),
        }
    }
}

impl Error for TryBroadcastError {}
