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
