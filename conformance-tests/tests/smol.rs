//! The suite on smol. Without its type it is in `erased.rs`.

use std::process::ExitCode;

use anyio::Smol;
use anyio_conformance::Suite;

fn main() -> ExitCode {
    Suite::of::<Smol>("smol")
        .with_run::<Smol>()
        .with_blocking::<Smol>()
        .with_net::<Smol>()
        .with_processes::<Smol>()
        .with_signals::<Smol>()
        .main()
}
