//! The backends compiled in: where the features of this crate make their difference.

#[cfg_attr(feature = "async-std", path = "with_async_std.rs")]
#[cfg_attr(not(feature = "async-std"), path = "without.rs")]
mod async_std;
mod list;
#[cfg_attr(feature = "smol", path = "with_smol.rs")]
#[cfg_attr(not(feature = "smol"), path = "without.rs")]
mod smol;
#[cfg_attr(feature = "tokio", path = "with_tokio.rs")]
#[cfg_attr(not(feature = "tokio"), path = "without.rs")]
mod tokio;

pub use list::available_backends;
pub(crate) use list::{running, summary};

#[cfg(not(any(feature = "tokio", feature = "smol", feature = "async-std")))]
pub use crate::__keep as on_nothing;
#[cfg(any(feature = "tokio", feature = "smol", feature = "async-std"))]
pub use crate::__leave_out as on_nothing;
pub use async_std::tests as on_async_std;
pub use smol::tests as on_smol;
pub use tokio::tests as on_tokio;
