//! What a form that never waits says when it would have to.

use std::{error::Error, fmt};

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
