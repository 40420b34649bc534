//! The current backend's processes.

use std::{io, process::Command};

use anyio_core::Processes;
use anyio_engine::AnyChild;

use super::{Any, current::backend_for};

impl Processes for Any {
    type Child = AnyChild;

    fn spawn_process(command: Command) -> io::Result<AnyChild> {
        backend_for("starting a process")?.spawn_process(command)
    }
}
