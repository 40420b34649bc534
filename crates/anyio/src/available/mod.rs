//! The backends compiled in: where the features of this crate make their difference.

mod list;
#[cfg_attr(feature = "tokio", path = "with_tokio.rs")]
#[cfg_attr(not(feature = "tokio"), path = "without_tokio.rs")]
mod tokio;

pub use list::available_backends;
pub(crate) use list::{running, summary};
