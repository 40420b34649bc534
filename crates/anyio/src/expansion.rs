//! What the attributes expand to. No part of the interface: it changes as they do.
//!
//! `#[anyio::test]` writes tests for every backend and cannot know which of them are compiled in:
//! that is for the features of this crate to say, not for those of the crate that is tested. So it
//! puts the tests of each into a macro, which is one of the two below.

pub use crate::available::{on_async_std, on_nothing, on_smol, on_tokio};

/// Gives what it is given.
#[doc(hidden)]
#[macro_export]
macro_rules! __keep {
    ($($tokens:tt)*) => { $($tokens)* };
}

/// Gives nothing.
#[doc(hidden)]
#[macro_export]
macro_rules! __leave_out {
    ($($tokens:tt)*) => {};
}
