//! What is written into `docs/`.

mod plot;
mod scaling;
mod table;
mod when;

use std::path::PathBuf;

pub(crate) use scaling::scaling;
pub(crate) use table::table;

/// Where it goes.
fn docs() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs")
}
