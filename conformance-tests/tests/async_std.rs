//! The suite on async-std, typed and erased.

use std::process::ExitCode;

use anyio::{Any, AsyncStd};
use anyio_conformance::Suite;

fn main() -> ExitCode {
    let typed = Suite::of::<AsyncStd>("async_std")
        .with_run::<AsyncStd>()
        .with_blocking::<AsyncStd>()
        .with_net::<AsyncStd>()
        .with_processes::<AsyncStd>()
        .with_signals::<AsyncStd>();
    let erased = Suite::driven_by::<Any, AsyncStd>("any_over_async_std")
        .with_blocking::<Any>()
        .with_net::<Any>()
        .with_processes::<Any>()
        .with_signals::<Any>();
    typed.main_with([erased])
}
