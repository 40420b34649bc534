//! The conformance suite on the backend of the example, typed and erased: what an author runs.

#[path = "../custom_backend/backend.rs"]
mod backend;

use std::process::ExitCode;

use anyio::{Any, RunOptions};
use anyio_conformance::{Flavour, Suite};
use backend::Solo;

fn main() -> ExitCode {
    // There is one thread, so there is one flavour; and a line for each capability.
    let flavours = || vec![Flavour::new("current_thread", RunOptions::default().current_thread())];
    let typed = Suite::of::<Solo>("solo").with_run::<Solo>().with_blocking::<Solo>();
    // The ambient lane: `Any`, inside of a `Solo` that runs.
    let erased = Suite::driven_by::<Any, Solo>("any_over_solo").with_blocking::<Any>();
    typed.flavours(flavours()).main_with([erased.flavours(flavours())])
}
