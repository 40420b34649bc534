//! smol, where it is compiled in.

use anyio_engine::Erased;
use anyio_smol::Smol;

/// Its tests stay.
pub use crate::__keep as tests;

pub(super) const fn backend() -> Option<&'static Erased> {
    Some(Smol::erased())
}

/// The backend: smol is everywhere.
pub(super) const fn running() -> Option<&'static Erased> {
    Smol::detect()
}
