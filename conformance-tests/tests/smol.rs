//! The suite on smol, typed and erased.

use std::process::ExitCode;

use anyio::{Any, Smol};
use anyio_conformance::Suite;

fn main() -> ExitCode {
    let typed = Suite::of::<Smol>("smol")
        .with_run::<Smol>()
        .with_blocking::<Smol>()
        .with_net::<Smol>()
        .with_processes::<Smol>()
        .with_signals::<Smol>();
    let erased = Suite::driven_by::<Any, Smol>("any_over_smol")
        .with_blocking::<Any>()
        .with_net::<Any>()
        .with_processes::<Any>()
        .with_signals::<Any>();
    typed.main_with([erased])
}
