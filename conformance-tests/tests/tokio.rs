//! The suite on tokio, typed and erased.

use std::process::ExitCode;

use anyio::{Any, Tokio};
use anyio_conformance::Suite;

fn main() -> ExitCode {
    let typed = Suite::of::<Tokio>("tokio")
        .with_run::<Tokio>()
        .with_blocking::<Tokio>()
        .with_net::<Tokio>()
        .with_processes::<Tokio>()
        .with_signals::<Tokio>();
    let erased = Suite::driven_by::<Any, Tokio>("any_over_tokio")
        .with_blocking::<Any>()
        .with_net::<Any>()
        .with_processes::<Any>()
        .with_signals::<Any>();
    typed.main_with([erased])
}
