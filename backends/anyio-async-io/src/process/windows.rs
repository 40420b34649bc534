//! What is Windows about processes.

use std::{
    io,
    os::windows::io::{AsHandle as _, OwnedHandle},
    process::Child,
    task::{Context, Poll},
};

use async_io::os::windows::Waitable;
use blocking::Unblock;

/// A pipe to or from a process. Its end cannot be registered with the reactor: a thread of the pool
/// reads or writes it.
pub(super) type Pipe<T> = Unblock<T>;

pub(super) fn pipe<T>(end: T) -> io::Result<Pipe<T>> {
    Ok(Unblock::new(end))
}

/// The news that the process has ended.
#[derive(Debug)]
pub(super) struct News(Waitable<OwnedHandle>);

impl News {
    pub(super) fn of(process: &Child) -> io::Result<Self> {
        Waitable::new(process.as_handle().try_clone_to_owned()?).map(Self)
    }

    /// Ready if there was any, since the last time.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll_ready(cx)
    }
}
