//! The current backend's processes.

use std::{io, process::Command};

use anyio_core::Processes;
use anyio_engine::AnyChild;

use super::{Any, current_backend};

impl Processes for Any {
    type Child = AnyChild;

    fn spawn_process(command: Command) -> io::Result<AnyChild> {
        current_backend()?.spawn_process(command)
    }
}
