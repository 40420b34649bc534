//! Timers: many that are live and never end, and many that do.

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    task::Poll,
    time::Duration,
};

use anyio_core::Clock as _;
use anyio_smol::Smol;
use anyio_tokio::Tokio;

use super::on::{self, OnTokio, Threads};
use crate::measure::{Contender, Row};

const LONG: Duration = Duration::from_secs(3600);

pub(super) fn rows() -> Vec<Row> {
    let live = |count| {
        let make = move || live(count);
        Row::new(format!("timer/live/{count}"), count, make)
    };
    vec![
        Row::new("timer/one", 1, one),
        live(1_000),
        live(1_000_000),
        Row::new("timer/expiring/100000", 100_000, || expiring(100_000)),
    ]
}

/// Registers a timer, as the first poll does.
async fn poll_once<T: Future<Output = ()>>(mut timer: Pin<&mut T>) {
    poll_fn(|cx| {
        assert!(timer.as_mut().poll(cx).is_pending());
        Poll::Ready(())
    })
    .await;
}

/// Makes a timer, polls it once and drops it, with an earlier one running.
async fn once<T: Future<Output = ()>>(calls: u32, make: impl Fn() -> T) {
    let earlier = pin!(make());
    poll_once(earlier).await;
    for _ in 0..calls {
        poll_once(pin!(make())).await;
    }
}

fn one() -> Vec<Contender> {
    let on = OnTokio::new(Threads::One);
    vec![
        on.ours("anyio sleep, tokio, typed", |calls| {
            once(calls, || anyio_engine::sleep::<Tokio>(LONG))
        }),
        on.ours("anyio sleep, tokio, ambient", |calls| once(calls, || anyio::sleep(LONG))),
        on::smol("anyio sleep, smol, typed", |calls| {
            once(calls, || anyio_engine::sleep::<Smol>(LONG))
        }),
        on.peer("tokio sleep", |calls| once(calls, || tokio::time::sleep(LONG))),
        Contender::new("smol Timer", |calls| {
            smol::block_on(once(calls, || async {
                smol::Timer::after(LONG).await;
            }));
        }),
    ]
}

/// Makes so many timers that all are live at once, and drops them.
async fn many<T: Future<Output = ()>>(calls: u32, count: u32, make: impl Fn(Duration) -> T) {
    for _ in 0..calls {
        let mut timers = Vec::with_capacity(count as usize);
        for number in 0..count {
            timers.push(Box::pin(make(LONG + Duration::from_millis((number % 4096).into()))));
            let timer = timers.last_mut().expect("one was pushed").as_mut();
            poll_once(timer).await;
            if number % 64 == 0 {
                // For the budgets' sake.
                futures_lite::future::yield_now().await;
            }
        }
    }
}

fn live(count: u32) -> Vec<Contender> {
    let on = OnTokio::new(Threads::One);
    vec![
        on.ours("anyio timer, tokio, typed", move |calls| {
            // As whatever waits makes it.
            many(calls, count, |after| {
                let now = Tokio::now();
                Tokio::timer_from(now, now + after)
            })
        }),
        on.ours("anyio sleep, tokio, typed", move |calls| {
            many(calls, count, anyio_engine::sleep::<Tokio>)
        }),
        on.ours("anyio sleep, tokio, ambient", move |calls| many(calls, count, anyio::sleep)),
        on::smol("anyio sleep, smol, typed", move |calls| {
            many(calls, count, anyio_engine::sleep::<Smol>)
        }),
        on.peer("tokio sleep", move |calls| many(calls, count, tokio::time::sleep)),
        Contender::new("smol Timer", move |calls| {
            smol::block_on(many(calls, count, |after| async move {
                smol::Timer::after(after).await;
            }));
        }),
    ]
}

/// Makes so many timers that end within a few milliseconds, and waits for all.
async fn all<T>(calls: u32, count: u32, make: impl Fn(Duration) -> T)
where
    T: Future<Output = ()>,
{
    for _ in 0..calls {
        let timers = futures_util::stream::FuturesUnordered::new();
        for number in 0..count {
            timers.push(make(Duration::from_millis((1 + number % 8).into())));
        }
        assert_eq!(futures_util::StreamExt::count(timers).await, count as usize);
    }
}

fn expiring(count: u32) -> Vec<Contender> {
    let on = OnTokio::new(Threads::One);
    vec![
        on.ours("anyio sleep, tokio, typed", move |calls| {
            all(calls, count, anyio_engine::sleep::<Tokio>)
        }),
        on.ours("anyio sleep, tokio, ambient", move |calls| all(calls, count, anyio::sleep)),
        on::smol("anyio sleep, smol, typed", move |calls| {
            all(calls, count, anyio_engine::sleep::<Smol>)
        }),
        on.peer("tokio sleep", move |calls| all(calls, count, tokio::time::sleep)),
        Contender::new("smol Timer", move |calls| {
            smol::block_on(all(calls, count, |after| async move {
                smol::Timer::after(after).await;
            }));
        }),
    ]
}
