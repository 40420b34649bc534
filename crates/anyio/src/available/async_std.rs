//! async-std, where it is compiled in.

use anyio_async_std::AsyncStd;
use anyio_engine::Erased;

/// Its tests stay.
pub use crate::__keep as tests;

pub(super) const fn backend() -> Option<&'static Erased> {
    Some(AsyncStd::erased())
}

/// The backend, if the calling code runs inside it.
pub(super) fn running() -> Option<&'static Erased> {
    AsyncStd::detect()
}
