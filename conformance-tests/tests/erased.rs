//! The suite on the erased backend, over each of ours. One target for all of them: the cases are of one
//! type, and to compile them takes longer than to run them.

use std::process::ExitCode;

use anyio::{Any, AsyncStd, Smol, Tokio};
use anyio_conformance::Suite;
use anyio_core::Run;

fn main() -> ExitCode {
    over::<Tokio>("any_over_tokio")
        .main_with([over::<Smol>("any_over_smol"), over::<AsyncStd>("any_over_async_std")])
}

fn over<D: Run>(name: &'static str) -> Suite {
    Suite::driven_by::<Any, D>(name)
        .with_blocking::<Any>()
        .with_net::<Any>()
        .with_processes::<Any>()
        .with_signals::<Any>()
}
