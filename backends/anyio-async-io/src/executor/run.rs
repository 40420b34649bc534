//! A run: its workers, its future, its end.

use std::{
    io,
    sync::{
        Arc,
        mpsc::{self, RecvTimeoutError},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use anyio_core::{RunError, RunOptions};
use anyio_engine::Event;
use async_executor::Executor;

use super::{
    apart::Apart,
    current::{self, Inside, Within},
    host::{Host, Worker},
    tasks::Tasks,
};

/// What workers have whose task does not yield, when a run ends.
const PATIENCE: Duration = Duration::from_secs(1);

/// Runs `future` in the calling thread, and its tasks on workers of `H`, or in the calling thread as
/// well if `options` ask for no worker.
///
/// Before it returns, also by a panic, the workers have ended and the tasks that are left over have
/// been dropped. A worker whose task computes without ever yielding is given one second; then it is
/// left to itself, with those tasks that it had taken up, and they are dropped when it yields.
///
/// # Errors
///
/// [`RunError`] if the thread belongs to a run, or to a runtime that somebody else started, as far as
/// that can be told; also if the system refuses to start a thread.
///
/// # Panics
///
/// With the panic of `future`.
pub fn run<H: Host, F: Future>(options: &RunOptions, future: F) -> Result<F::Output, RunError> {
    if current::get().is_some() || anyio_engine::running_backend().is_some() || H::is_running() {
        return Err(RunError::nested(H::NAME));
    }
    let running = Running::start::<H>(options).map_err(|error| RunError::build(H::NAME, error))?;
    let future = anyio_engine::root(H::erased(), future);
    Ok(match running.tasks.drive() {
        Some(drive) => H::block_on(Apart::new(future, drive)),
        None => H::block_on(future),
    })
}

/// The end of the run, when it is dropped.
struct Running {
    tasks: Arc<Tasks>,
    stop: Arc<Event>,
    /// Hangs up when the last worker has ended.
    ended: mpsc::Receiver<()>,
    threads: Vec<JoinHandle<()>>,
    /// Dropped last: the destructors of tasks are still part of the run.
    _inside: Inside,
}

impl Running {
    fn start<H: Host>(options: &RunOptions) -> io::Result<Self> {
        let workers = options.worker_threads().unwrap_or_else(cores);
        let tasks = Arc::new(Tasks::new(H::NAME, workers > 0));
        let (alive, ended) = mpsc::channel();
        let mut running = Self {
            tasks: Arc::clone(&tasks),
            stop: Arc::new(Event::new()),
            ended,
            threads: Vec::new(),
            _inside: current::enter(Some(tasks)),
        };
        // If one cannot be started, the drop ends those before it.
        running.start_workers::<H>(workers, options, alive)?;
        Ok(running)
    }

    fn start_workers<H: Host>(
        &mut self,
        workers: usize,
        options: &RunOptions,
        alive: mpsc::Sender<()>,
    ) -> io::Result<()> {
        let default = format!("{}-worker", H::NAME);
        let name = options.worker_name().unwrap_or(&default);
        for _worker in 0..workers {
            let Some(executor) = self.tasks.executor() else { break };
            let share = Share { executor, _alive: alive.clone() };
            let future = work(share, Arc::clone(&self.stop));
            let worker = Worker::new(Within { tasks: Arc::clone(&self.tasks), future });
            self.threads.extend(H::start_worker(name, worker)?);
        }
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.set();
        let at_work = matches!(self.ended.recv_timeout(PATIENCE), Err(RecvTimeoutError::Timeout));
        if !at_work {
            for thread in self.threads.drain(..) {
                // A worker cannot panic: its tasks do not.
                _ = thread.join();
            }
        }
        self.tasks.close(at_work);
    }
}

/// What a worker has of its run. The executor goes first.
struct Share {
    executor: Arc<Executor<'static>>,
    _alive: mpsc::Sender<()>,
}

async fn work(share: Share, stop: Arc<Event>) {
    share.executor.run(stop.wait()).await;
    drop(share);
}

fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}
