//! The backends compiled in: where the features of this crate make their difference.

#[cfg(feature = "async-std")]
mod async_std;
mod list;
#[cfg(feature = "smol")]
mod smol;
#[cfg(feature = "tokio")]
mod tokio;
#[cfg(not(all(feature = "tokio", feature = "smol", feature = "async-std")))]
mod without;

pub use list::available_backends;
pub(crate) use list::{running, summary};
#[cfg(not(feature = "async-std"))]
use without as async_std;
#[cfg(not(feature = "smol"))]
use without as smol;
#[cfg(not(feature = "tokio"))]
use without as tokio;

#[cfg(not(any(feature = "tokio", feature = "smol", feature = "async-std")))]
pub use crate::__keep as on_nothing;
#[cfg(any(feature = "tokio", feature = "smol", feature = "async-std"))]
pub use crate::__leave_out as on_nothing;
pub use async_std::tests as on_async_std;
pub use smol::tests as on_smol;
pub use tokio::tests as on_tokio;
