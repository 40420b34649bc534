//! Child processes.

use std::{
    io,
    process::{Command, ExitStatus},
};

use crate::{ByteReceiveStream, ByteSendStream, Executor};

/// Starting other programs.
///
/// # For callers
///
/// The bare capability. Draining pipes, checking the status and ending a process gracefully when
/// its scope is cancelled are written once on top of it.
///
/// # For implementors
///
/// A process that is dropped without having been waited for is killed and reaped: no orphan, no
/// zombie. Pipes are there for the standard streams that `command` asks to be piped.
///
/// ```
/// use std::{io, process::{Command, ExitStatus}};
/// use anyio_core::{ChildProcess, Processes};
/// # use anyio_core::{Executor, Spawn, NoRuntime};
/// # #[derive(Clone, Copy)] struct Island;
/// # #[derive(Clone)] struct Nobody;
/// # impl Executor for Island {
/// #     const NAME: &'static str = "island";
/// #     type Spawner = Nobody;
/// #     fn spawner() -> Result<Nobody, NoRuntime> { Ok(Nobody) }
/// # }
/// # impl Spawn for Nobody {
/// #     fn spawn_task<F: Future<Output = ()> + Send + 'static>(&self, task: F) { drop(task); }
/// # }
/// type NoPipe = futures_lite::io::Cursor<Vec<u8>>;
///
/// /// Blocks its thread while it waits; a real backend does not.
/// #[derive(Debug)]
/// struct Child(std::process::Child);
///
/// impl ChildProcess for Child {
///     type Stdin = NoPipe;
///     type Stdout = NoPipe;
///     fn id(&self) -> u32 { self.0.id() }
///     fn take_stdin(&mut self) -> Option<NoPipe> { None }
///     fn take_stdout(&mut self) -> Option<NoPipe> { None }
///     fn take_stderr(&mut self) -> Option<NoPipe> { None }
///     fn kill(&mut self) -> io::Result<()> { self.0.kill() }
///     async fn wait(&mut self) -> io::Result<ExitStatus> { self.0.wait() }
/// }
///
/// impl Drop for Child {
///     fn drop(&mut self) {
///         _ = self.0.kill();
///         _ = self.0.wait();
///     }
/// }
///
/// impl Processes for Island {
///     type Child = Child;
///     fn spawn_process(mut command: Command) -> io::Result<Child> {
///         command.spawn().map(Child)
///     }
/// }
/// ```
pub trait Processes: Executor {
    /// A running process.
    type Child: ChildProcess;

    /// Starts `command`.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    fn spawn_process(command: Command) -> io::Result<Self::Child>;
}

/// A running process. [`Processes`] shows an implementation.
pub trait ChildProcess: Send + Sync + Unpin + 'static {
    /// The pipe to its standard input.
    type Stdin: ByteSendStream;
    /// The pipe from its standard output, and from its standard error.
    type Stdout: ByteReceiveStream;

    /// The process's number.
    fn id(&self) -> u32;

    /// The pipe to its standard input; the first call takes it.
    fn take_stdin(&mut self) -> Option<Self::Stdin>;

    /// The pipe from its standard output; the first call takes it.
    fn take_stdout(&mut self) -> Option<Self::Stdout>;

    /// The pipe from its standard error; the first call takes it.
    fn take_stderr(&mut self) -> Option<Self::Stdout>;

    /// Ends the process at once. That is not waited for: call [`wait`](Self::wait) after it.
    /// Killing a process that has ended does nothing.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    fn kill(&mut self) -> io::Result<()>;

    /// Waits until the process has ended, even if a process it started keeps its pipes open.
    /// May be called again and gives the same status.
    ///
    /// # Cancel safety
    ///
    /// Resumable: a later call goes on waiting.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    fn wait(&mut self) -> impl Future<Output = io::Result<ExitStatus>> + Send;
}
