//! A backend without its type, for the ambient lane.

mod packed;
mod process;
mod spawner;
mod stream;

use std::{fmt, io, net::SocketAddr, pin::Pin, process::Command, time::Instant};

use anyio_core::{
    Blocking, Clock, Executor, ListenOptions, Net, NoRuntime, Processes, Run, RunError, RunOptions,
    Signal, Signals,
};

pub use process::{AnyChild, AnyPipeIn, AnyPipeOut};
pub use spawner::{AnySpawner, AnyTimer};
pub use stream::{AnySignals, AnyTcpListener, AnyTcpStream};

type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;
type Work = Box<dyn FnOnce() + Send>;

/// A table of what a backend can do.
///
/// A backend makes one as a constant; what it lacks is not in it.
///
/// ```
/// # mod mini { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/mini/mod.rs")); }
/// # use mini::Mini as Mine;
/// use anyio_engine::Erased;
///
/// static ERASED: Erased = Erased::of::<Mine>(); // .with_run::<Mine>().with_net::<Mine>() …
/// assert_eq!(ERASED.name(), "mini");
/// ```
pub struct Erased {
    name: &'static str,
    spawner: fn() -> Result<AnySpawner, NoRuntime>,
    now: fn() -> Instant,
    timer: fn(Instant) -> AnyTimer,
    timer_from: fn(Instant, Instant) -> AnyTimer,
    run: Option<fn(&RunOptions, Pin<&mut dyn Future<Output = ()>>) -> Result<(), RunError>>,
    blocking: Option<fn(Work) -> Result<(), NoRuntime>>,
    net: Option<NetTable>,
    processes: Option<fn(Command) -> io::Result<AnyChild>>,
    signals: Option<fn(&[Signal]) -> io::Result<AnySignals>>,
}

#[derive(Clone, Copy)]
struct NetTable {
    connect_tcp: fn(SocketAddr) -> BoxFuture<io::Result<AnyTcpStream>>,
    listen_tcp: fn(SocketAddr, ListenOptions) -> BoxFuture<io::Result<AnyTcpListener>>,
}

impl Erased {
    /// What every backend can do.
    #[must_use]
    pub const fn of<B: Executor + Clock>() -> Self {
        Self {
            name: B::NAME,
            spawner: || B::spawner().map(AnySpawner::new),
            now: B::now,
            timer: |deadline| AnyTimer::new(B::timer(deadline)),
            timer_from: |now, deadline| AnyTimer::new(B::timer_from(now, deadline)),
            run: None,
            blocking: None,
            net: None,
            processes: None,
            signals: None,
        }
    }

    /// Adds starting a runtime.
    #[must_use]
    pub const fn with_run<B: Run>(mut self) -> Self {
        self.run = Some(|options, future| B::run(options, future));
        self
    }

    /// Adds threads for code that blocks.
    #[must_use]
    pub const fn with_blocking<B: Blocking>(mut self) -> Self {
        self.blocking = Some(|job| B::spawn_blocking(job).map(drop));
        self
    }

    /// Adds the network.
    #[must_use]
    pub const fn with_net<B: Net>(mut self) -> Self {
        self.net = Some(NetTable {
            connect_tcp: |remote| {
                Box::pin(async move { B::connect_tcp(remote).await.map(AnyTcpStream::new) })
            },
            listen_tcp: |local, options| {
                Box::pin(
                    async move { B::listen_tcp(local, &options).await.map(AnyTcpListener::new) },
                )
            },
        });
        self
    }

    /// Adds processes.
    #[must_use]
    pub const fn with_processes<B: Processes>(mut self) -> Self {
        self.processes = Some(|command| B::spawn_process(command).map(AnyChild::new));
        self
    }

    /// Adds signals.
    #[must_use]
    pub const fn with_signals<B: Signals>(mut self) -> Self {
        self.signals = Some(|signals| B::open_signals(signals).map(AnySignals::new));
        self
    }

    /// The backend's name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The executor that runs the calling code.
    ///
    /// # Errors
    ///
    /// As [`Executor::spawner`].
    pub fn spawner(&self) -> Result<AnySpawner, NoRuntime> {
        (self.spawner)()
    }

    /// The present moment of the backend's clock.
    #[must_use]
    pub fn now(&self) -> Instant {
        (self.now)()
    }

    /// A timer.
    #[must_use]
    #[track_caller]
    pub fn timer(&self, deadline: Instant) -> AnyTimer {
        (self.timer)(deadline)
    }

    /// A timer, for who has seen that it is `now`.
    #[must_use]
    #[track_caller]
    pub fn timer_from(&self, now: Instant, deadline: Instant) -> AnyTimer {
        (self.timer_from)(now, deadline)
    }

    /// Runs `future` on a runtime of its own.
    ///
    /// # Errors
    ///
    /// As [`Run::run`]; also if the backend cannot start a runtime.
    pub fn run<F: Future>(&self, options: &RunOptions, future: F) -> Result<F::Output, RunError> {
        let Some(run) = self.run else {
            return Err(RunError::build(self.name, self.lacks("start a runtime")));
        };
        let mut output = None;
        run(options, std::pin::pin!(async { output = Some(future.await) }))?;
        output.ok_or_else(|| {
            RunError::build(self.name, io::Error::other("the runtime stopped before the future"))
        })
    }

    /// Runs `job` on a thread that may block.
    ///
    /// # Errors
    ///
    /// As [`Blocking::spawn_blocking`]; also if the backend has no such threads.
    pub fn spawn_blocking(&self, job: Work) -> Result<(), NoRuntime> {
        match self.blocking {
            Some(spawn_blocking) => spawn_blocking(job),
            None => Err(NoRuntime::new("the current backend has no threads for blocking code")),
        }
    }

    /// Connects to `remote`.
    ///
    /// # Errors
    ///
    /// As [`Net::connect_tcp`]; `Unsupported` if the backend has no network.
    pub async fn connect_tcp(&self, remote: SocketAddr) -> io::Result<AnyTcpStream> {
        match self.net {
            Some(net) => (net.connect_tcp)(remote).await,
            None => Err(self.lacks("use the network")),
        }
    }

    /// Listens on `local`.
    ///
    /// # Errors
    ///
    /// As [`Net::listen_tcp`]; `Unsupported` if the backend has no network.
    pub async fn listen_tcp(
        &self,
        local: SocketAddr,
        options: &ListenOptions,
    ) -> io::Result<AnyTcpListener> {
        match self.net {
            Some(net) => (net.listen_tcp)(local, options.clone()).await,
            None => Err(self.lacks("use the network")),
        }
    }

    /// Starts `command`.
    ///
    /// # Errors
    ///
    /// As [`Processes::spawn_process`]; `Unsupported` if the backend has no processes.
    pub fn spawn_process(&self, command: Command) -> io::Result<AnyChild> {
        match self.processes {
            Some(spawn_process) => spawn_process(command),
            None => Err(self.lacks("start processes")),
        }
    }

    /// Listens to `signals`.
    ///
    /// # Errors
    ///
    /// As [`Signals::open_signals`]; `Unsupported` if the backend has no signals.
    pub fn open_signals(&self, signals: &[Signal]) -> io::Result<AnySignals> {
        match self.signals {
            Some(open_signals) => open_signals(signals),
            None => Err(self.lacks("receive signals")),
        }
    }

    fn lacks(&self, what: &str) -> io::Error {
        let message = format!("the backend {:?} cannot {what}", self.name);
        io::Error::new(io::ErrorKind::Unsupported, message)
    }
}

impl fmt::Debug for Erased {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Erased").field(&self.name).finish()
    }
}
