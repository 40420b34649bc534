//! What is reported to `tracing`: a span for each group and task, and what would be lost otherwise.
//!
//! Without the feature `tracing`, all of it is nothing at all.

#[cfg(not(feature = "tracing"))]
mod disabled;
#[cfg(feature = "tracing")]
mod enabled;
#[cfg(feature = "tracing")]
mod watch;
mod within;

#[cfg(not(feature = "tracing"))]
pub(crate) use disabled::{
    IS_BUILT, PATIENCE, Span, abandoned_panic, borrowing_group_dropped, group_dropped, held, is_on,
    surplus_error, surplus_panic, threads_taken,
};
#[cfg(feature = "tracing")]
pub(crate) use enabled::{
    IS_BUILT, PATIENCE, Span, abandoned_panic, borrowing_group_dropped, group_dropped, is_on,
    surplus_error, surplus_panic, threads_taken,
};
#[cfg(feature = "tracing")]
pub(crate) use watch::held;
pub(crate) use within::Within;
