//! Threads for code that blocks: there and back.

use anyio_smol::Smol;
use anyio_tokio::Tokio;
use futures_util::{StreamExt as _, stream::FuturesUnordered};

use super::on::{self, OnTokio, Threads};
use crate::measure::{Contender, Row};

pub(super) fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    // Each runtime has a pool of its own, and pools differ by more than what is around them.
    for (runtime, contenders) in [("tokio", on_tokio as fn(u32) -> _), ("smol", on_smol)] {
        for at_once in [1, 64] {
            let name = format!("to_thread/{runtime}/{at_once}_at_once");
            rows.push(Row::new(name, at_once, move || contenders(at_once)).with_threads(true));
        }
    }
    rows
}

/// As [`jobs`], for ours, of which no more than forty block at once if nobody says otherwise. The peers
/// have no such limit.
async fn limited_jobs<F: Future>(calls: u32, at_once: u32, job: impl Fn() -> F) {
    anyio_engine::default_thread_limiter().set_capacity(at_once as usize);
    jobs(calls, at_once, job).await;
}

async fn jobs<F: Future>(calls: u32, at_once: u32, job: impl Fn() -> F) {
    for _ in 0..calls {
        let jobs: FuturesUnordered<_> = (0..at_once).map(|_| job()).collect();
        assert_eq!(jobs.count().await, at_once as usize);
    }
}

fn on_tokio(at_once: u32) -> Vec<Contender> {
    let on = OnTokio::new(Threads::One);
    vec![
        on.ours("anyio to_thread, typed", move |calls| {
            limited_jobs(calls, at_once, || anyio_engine::to_thread::<Tokio, _, _>(|| 7))
        }),
        on.ours("anyio to_thread, ambient", move |calls| {
            limited_jobs(calls, at_once, || anyio::to_thread(|| 7))
        }),
        on.peer("tokio spawn_blocking", move |calls| {
            jobs(calls, at_once, || tokio::task::spawn_blocking(|| 7))
        }),
    ]
}

fn on_smol(at_once: u32) -> Vec<Contender> {
    vec![
        on::smol("anyio to_thread, typed", move |calls| {
            limited_jobs(calls, at_once, || anyio_engine::to_thread::<Smol, _, _>(|| 7))
        }),
        on::smol("anyio to_thread, ambient", move |calls| {
            limited_jobs(calls, at_once, || anyio::to_thread(|| 7))
        }),
        Contender::new("smol unblock", move |calls| {
            smol::block_on(jobs(calls, at_once, || smol::unblock(|| 7)));
        }),
    ]
}
