//! A backend that is not compiled in.

use anyio_engine::Erased;

/// Its tests are left out.
pub use crate::__leave_out as tests;

pub(super) const fn backend() -> Option<&'static Erased> {
    None
}

pub(super) const fn running() -> Option<&'static Erased> {
    None
}
