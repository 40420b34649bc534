//! A backend that is not compiled in.

use anyio_engine::Erased;

pub(super) const fn backend() -> Option<&'static Erased> {
    None
}

pub(super) const fn running() -> Option<&'static Erased> {
    None
}
