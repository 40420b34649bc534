//! tokio, where it is not compiled in.

use anyio_engine::Erased;

pub(super) fn backend() -> Option<&'static Erased> {
    None
}

pub(super) fn running() -> Option<&'static Erased> {
    None
}
