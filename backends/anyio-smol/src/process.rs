//! Child processes on smol.

use std::{io, process::Command};

use anyio_async_io::Child;
use anyio_core::Processes;

use crate::Smol;

impl Processes for Smol {
    type Child = Child;

    fn spawn_process(command: Command) -> io::Result<Child> {
        anyio_async_io::spawn_process(command)
    }
}
