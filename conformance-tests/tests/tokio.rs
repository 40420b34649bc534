//! The suite on tokio. Without its type it is in `erased.rs`.

use std::process::ExitCode;

use anyio::Tokio;
use anyio_conformance::Suite;

fn main() -> ExitCode {
    Suite::of::<Tokio>("tokio")
        .with_run::<Tokio>()
        .with_blocking::<Tokio>()
        .with_net::<Tokio>()
        .with_processes::<Tokio>()
        .with_signals::<Tokio>()
        .main()
}
