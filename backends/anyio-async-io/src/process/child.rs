//! A process, and waiting for it.

use std::{
    future::poll_fn,
    io,
    process::{Command, ExitStatus},
    task::{Context, Poll, ready},
};

use anyio_core::ChildProcess;
use anyio_engine::op::admit;

use super::{
    os::News,
    pipe::{PipeIn, PipeOut},
};

/// Starts `command`.
///
/// # Errors
///
/// Those of the operating system.
pub fn spawn_process(mut command: Command) -> io::Result<Child> {
    let mut process = Process(Some(command.spawn()?));
    let Some(child) = &mut process.0 else { unreachable!("it has just been put there") };
    // Listened for before anybody looks: no end is missed between the two.
    let news = News::of(child)?;
    let stdin = child.stdin.take().map(PipeIn::new).transpose()?;
    let stdout = child.stdout.take().map(PipeOut::stdout).transpose()?;
    let stderr = child.stderr.take().map(PipeOut::stderr).transpose()?;
    Ok(Child { id: child.id(), process, news, stdin, stdout, stderr })
}

/// A process. Given by [`spawn_process`].
///
/// One that is dropped without having been waited for is killed, and reaped on a thread of the
/// pool. To be sure that it has been, kill it and wait for it.
#[derive(Debug)]
pub struct Child {
    id: u32,
    process: Process,
    news: News,
    stdin: Option<PipeIn>,
    stdout: Option<PipeOut>,
    stderr: Option<PipeOut>,
}

impl Child {
    fn poll_wait(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<ExitStatus>> {
        loop {
            if let Some(status) = self.process.get().try_wait()? {
                return Poll::Ready(Ok(status));
            }
            ready!(self.news.poll(cx))?;
        }
    }
}

impl ChildProcess for Child {
    type Stdin = PipeIn;
    type Stdout = PipeOut;

    fn id(&self) -> u32 {
        self.id
    }

    fn take_stdin(&mut self) -> Option<PipeIn> {
        self.stdin.take()
    }

    fn take_stdout(&mut self) -> Option<PipeOut> {
        self.stdout.take()
    }

    fn take_stderr(&mut self) -> Option<PipeOut> {
        self.stderr.take()
    }

    fn kill(&mut self) -> io::Result<()> {
        let process = self.process.get();
        // On Windows it is an error to kill what has ended.
        if process.try_wait()?.is_some() { Ok(()) } else { process.kill() }
    }

    async fn wait(&mut self) -> io::Result<ExitStatus> {
        poll_fn(admit).await;
        poll_fn(|cx| self.poll_wait(cx)).await
    }
}

/// The process; taken by the drop alone.
#[derive(Debug)]
struct Process(Option<std::process::Child>);

impl Process {
    fn get(&mut self) -> &mut std::process::Child {
        let Some(process) = &mut self.0 else { unreachable!("it is taken by the drop alone") };
        process
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let Some(mut process) = self.0.take() else { return };
        if !matches!(process.try_wait(), Ok(Some(_))) {
            _ = process.kill();
            // It ends soon; until it has been waited for, it is a zombie.
            blocking::unblock(move || _ = process.wait()).detach();
        }
    }
}
