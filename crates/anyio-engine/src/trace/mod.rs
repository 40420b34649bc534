//! What is reported to `tracing`: a span for each group and task, and what would be lost otherwise.
//!
//! Without the feature `tracing`, all of it is nothing at all.

#[cfg(not(feature = "tracing"))]
mod disabled;
#[cfg(feature = "tracing")]
mod enabled;

#[cfg(not(feature = "tracing"))]
pub(crate) use disabled::{Span, abandoned_panic, group_dropped, surplus_error, surplus_panic};
#[cfg(feature = "tracing")]
pub(crate) use enabled::{Span, abandoned_panic, group_dropped, surplus_error, surplus_panic};
