//! Child processes on async-std.

use std::{io, process::Command};

use anyio_async_io::Child;
use anyio_core::Processes;

use crate::AsyncStd;

impl Processes for AsyncStd {
    type Child = Child;

    fn spawn_process(command: Command) -> io::Result<Child> {
        anyio_async_io::spawn_process(command)
    }
}
