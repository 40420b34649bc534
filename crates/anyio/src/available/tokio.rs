//! tokio, where it is compiled in.

use anyio_engine::Erased;
use anyio_tokio::Tokio;

/// Its tests stay.
pub use crate::__keep as tests;

pub(super) fn backend() -> Option<&'static Erased> {
    Some(Tokio::erased())
}

/// The backend, if the calling code runs inside it.
pub(super) fn running() -> Option<&'static Erased> {
    Tokio::detect()
}
