//! The runtimes that contenders run on.

use std::{rc::Rc, time::Duration};

use anyio_core::{Run, RunOptions};
use anyio_smol::Smol;
use anyio_tokio::Tokio;
use tokio::runtime::{Builder, Runtime};

use crate::measure::Contender;

/// How many threads a row has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Threads {
    One,
    TwoWorkers,
}

impl Threads {
    pub(super) const BOTH: [Self; 2] = [Self::One, Self::TwoWorkers];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::One => "current_thread",
            Self::TwoWorkers => "2_workers",
        }
    }
}

/// A runtime of tokio's that the contenders of one row share.
#[derive(Clone)]
pub(super) struct OnTokio(Rc<Runtime>);

impl OnTokio {
    pub(super) fn new(threads: Threads) -> Self {
        let mut builder = match threads {
            Threads::One => Builder::new_current_thread(),
            Threads::TwoWorkers => Builder::new_multi_thread(),
        };
        Self(Rc::new(builder.worker_threads(2).enable_all().build().expect("a runtime")))
    }

    /// Work of ours: a task, as work is in use, that knows its backend, as in a run.
    pub(super) fn ours<F, Fut>(&self, name: &'static str, work: F) -> Contender
    where
        F: Fn(u32) -> Fut + 'static,
        Fut: Future<Output: Send + 'static> + Send + 'static,
    {
        self.peer(name, move |calls| anyio_engine::root(Tokio::erased(), work(calls)))
    }

    /// Work of others, in a task.
    pub(super) fn peer<F, Fut>(&self, name: &'static str, work: F) -> Contender
    where
        F: Fn(u32) -> Fut + 'static,
        Fut: Future<Output: Send + 'static> + Send + 'static,
    {
        let runtime = Rc::clone(&self.0);
        Contender::new(name, move |calls| {
            let work = work(calls);
            runtime.block_on(async { tokio::spawn(work).await.expect("no panic") });
        })
    }

    /// Work of ours that says how long the part took that counts.
    pub(super) fn ours_timed<F, Fut>(&self, name: &'static str, work: F) -> Contender
    where
        F: Fn(u32) -> Fut + 'static,
        Fut: Future<Output = Duration> + Send + 'static,
    {
        self.peer_timed(name, move |calls| anyio_engine::root(Tokio::erased(), work(calls)))
    }

    /// Work of others that does.
    pub(super) fn peer_timed<F, Fut>(&self, name: &'static str, work: F) -> Contender
    where
        F: Fn(u32) -> Fut + 'static,
        Fut: Future<Output = Duration> + Send + 'static,
    {
        let runtime = Rc::clone(&self.0);
        Contender::timed(name, move |calls| {
            let work = work(calls);
            runtime.block_on(async { tokio::spawn(work).await.expect("no panic") })
        })
    }
}

/// Work on smol, ours or that of others, all in one thread.
pub(super) fn smol<F, Fut>(name: &'static str, work: F) -> Contender
where
    F: Fn(u32) -> Fut + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    in_one_thread::<Smol, _, _>(name, work)
}

/// Work in a run of this backend.
pub(super) fn in_one_thread<B, F, Fut>(name: &'static str, work: F) -> Contender
where
    B: Run,
    F: Fn(u32) -> Fut + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    Contender::new(name, move |calls| {
        let options = RunOptions::default().current_thread();
        B::run(&options, work(calls)).expect("no run is around it");
    })
}
