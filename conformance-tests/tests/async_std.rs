//! The suite on async-std. Without its type it is in `erased.rs`.

use std::process::ExitCode;

use anyio::AsyncStd;
use anyio_conformance::Suite;

fn main() -> ExitCode {
    Suite::of::<AsyncStd>("async_std")
        .with_run::<AsyncStd>()
        .with_blocking::<AsyncStd>()
        .with_net::<AsyncStd>()
        .with_processes::<AsyncStd>()
        .with_signals::<AsyncStd>()
        .main()
}
