//! Scopes and deadlines, around work that is ready, that waits once, and that waits for long.

use std::{
    future::{pending, poll_fn, ready},
    hint::black_box,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::Poll,
    time::{Duration, Instant},
};

use anyio_tokio::Tokio;
use futures_lite::future::{poll_once, yield_now};
use tokio::{task::coop::unconstrained, time::timeout};
use tokio_util::sync::CancellationToken;

use super::on::{OnTokio, Threads};
use crate::measure::{Contender, Row};

const LONG: Duration = Duration::from_secs(3600);

type Boxed = Pin<Box<dyn Future<Output = ()> + Send>>;

pub(super) fn rows() -> Vec<Row> {
    let mut rows = vec![
        Row::new("fail_after/ready", 1, fail_after_ready),
        Row::new("fail_after/pending_once", 1, fail_after_pending),
        Row::new("fail_after/among_10000_timers", 1, fail_after_under_load),
    ];
    for depth in [1, 8, 64] {
        rows.push(Row::new(format!("nest/poll/{depth}"), 1, move || per_poll(depth)));
        rows.push(Row::new(format!("nest/whole/{depth}"), 1, move || whole(depth)));
    }
    rows.push(Row::new("checkpoint/budget", 1, budget));
    rows.push(Row::new("checkpoint/yield", 1, yielding));
    rows.push(Row::new("is_cancelled", 1, is_cancelled));
    rows
}

fn fail_after_ready() -> Vec<Contender> {
    let on = OnTokio::new(Threads::One);
    vec![
        on.ours("anyio typed", |calls| async move {
            for _ in 0..calls {
                let work = anyio_engine::fail_after::<Tokio, _>(LONG, ready(()));
                work.await.expect("it is ready");
            }
        }),
        on.ours("anyio ambient", |calls| async move {
            for _ in 0..calls {
                anyio::fail_after(LONG, ready(())).await.expect("it is ready");
            }
        }),
        on.peer("tokio timeout", |calls| async move {
            for _ in 0..calls {
                timeout(LONG, ready(())).await.expect("it is ready");
            }
        }),
        on.peer("limit: ready", |calls| async move {
            for _ in 0..calls {
                black_box(ready(())).await;
            }
        }),
    ]
}

fn fail_after_pending() -> Vec<Contender> {
    let on = OnTokio::new(Threads::One);
    vec![
        on.ours("anyio typed", |calls| async move {
            for _ in 0..calls {
                let work = anyio_engine::fail_after::<Tokio, _>(LONG, yield_now());
                work.await.expect("it is ready at once");
            }
        }),
        on.ours("anyio ambient", |calls| async move {
            for _ in 0..calls {
                anyio::fail_after(LONG, yield_now()).await.expect("it is ready at once");
            }
        }),
        on.peer("tokio timeout", |calls| async move {
            for _ in 0..calls {
                timeout(LONG, yield_now()).await.expect("it is ready at once");
            }
        }),
        // It has no deadline.
        on.peer("limit: run_until_cancelled", |calls| async move {
            for _ in 0..calls {
                let token = CancellationToken::new();
                token.run_until_cancelled(yield_now()).await.expect("nobody cancels");
            }
        }),
        on.peer("limit: yield", |calls| async move {
            for _ in 0..calls {
                yield_now().await;
            }
        }),
    ]
}

/// The same, while so many timers are there that others wait for.
fn fail_after_under_load() -> Vec<Contender> {
    let on = OnTokio::new(Threads::One);
    vec![
        on.ours_timed("anyio typed", |calls| {
            among(anyio_engine::sleep::<Tokio>, async move || {
                for _ in 0..calls {
                    let work = anyio_engine::fail_after::<Tokio, _>(LONG, yield_now());
                    work.await.expect("it is ready at once");
                }
            })
        }),
        on.ours_timed("anyio ambient", |calls| {
            among(anyio::sleep, async move || {
                for _ in 0..calls {
                    anyio::fail_after(LONG, yield_now()).await.expect("it is ready at once");
                }
            })
        }),
        on.peer_timed("tokio timeout", |calls| {
            among(tokio::time::sleep, async move || {
                for _ in 0..calls {
                    timeout(LONG, yield_now()).await.expect("it is ready at once");
                }
            })
        }),
    ]
}

/// How long `work` takes while ten thousand timers are live.
async fn among<T: Future<Output = ()>>(
    timer: impl Fn(Duration) -> T,
    work: impl AsyncFn(),
) -> Duration {
    let mut live = Vec::new();
    for number in 0..10_000 {
        let mut timer = Box::pin(timer(LONG + Duration::from_millis(number % 4096)));
        assert!(poll_once(timer.as_mut()).await.is_none());
        live.push(timer);
        if number % 64 == 0 {
            // For the budgets' sake.
            yield_now().await;
        }
    }
    let start = Instant::now();
    work().await;
    start.elapsed()
}

fn nest(depth: u32, inner: Boxed, around: impl Fn(Boxed) -> Boxed) -> Boxed {
    (0..depth).fold(inner, |inner, _| around(inner))
}

fn ours_around(inner: Boxed) -> Boxed {
    Box::pin(async {
        assert!(anyio_engine::move_on_after::<Tokio, _>(LONG, inner).await.is_some());
    })
}

fn ambient_around(inner: Boxed) -> Boxed {
    Box::pin(async { assert!(anyio::move_on_after(LONG, inner).await.is_some()) })
}

fn handle_around(inner: Boxed) -> Boxed {
    Box::pin(async {
        let scope = anyio_engine::CancelScope::<Tokio>::new();
        assert!(scope.run(inner).await.is_ok());
    })
}

fn timeout_around(inner: Boxed) -> Boxed {
    Box::pin(async { assert!(timeout(LONG, inner).await.is_ok()) })
}

fn token_around(inner: Boxed) -> Boxed {
    Box::pin(async { assert!(CancellationToken::new().run_until_cancelled(inner).await.is_some()) })
}

fn plain_around(inner: Boxed) -> Boxed {
    Box::pin(inner)
}

type Around = fn(Boxed) -> Boxed;

const PEERS: [(&str, Around); 3] = [
    ("tokio timeout", timeout_around),
    ("run_until_cancelled", token_around),
    ("limit: boxes", plain_around),
];

/// One more poll of a nest that goes on waiting.
fn per_poll(depth: u32) -> Vec<Contender> {
    let on = OnTokio::new(Threads::One);
    let polls = move |around: Around| {
        move |calls| {
            // tokio's budget would end the work after 128 polls.
            unconstrained(async move {
                let mut work = nest(depth, Box::pin(pending()), around);
                poll_fn(|cx| {
                    for _ in 0..=calls {
                        assert!(work.as_mut().poll(cx).is_pending());
                    }
                    Poll::Ready(())
                })
                .await;
            })
        }
    };
    let mut contenders = vec![
        on.ours("anyio typed", polls(ours_around)),
        on.ours("anyio typed, CancelScope::run", polls(handle_around)),
        on.ours("anyio ambient", polls(ambient_around)),
    ];
    contenders.extend(PEERS.map(|(name, around)| on.peer(name, polls(around))));
    contenders
}

/// A nest around work that waits once.
pub(super) fn whole(depth: u32) -> Vec<Contender> {
    let on = OnTokio::new(Threads::One);
    let nests = move |around: Around| {
        move |calls| async move {
            for _ in 0..calls {
                nest(depth, Box::pin(yield_now()), around).await;
            }
        }
    };
    let mut contenders = vec![
        on.ours("anyio typed", nests(ours_around)),
        on.ours("anyio typed, CancelScope::run", nests(handle_around)),
        on.ours("anyio ambient", nests(ambient_around)),
    ];
    contenders.extend(PEERS.map(|(name, around)| on.peer(name, nests(around))));
    contenders
}

/// What every operation does before it begins.
fn budget() -> Vec<Contender> {
    let on = OnTokio::new(Threads::One);
    vec![
        on.ours("anyio op::admit", |calls| async move {
            for _ in 0..calls {
                poll_fn(anyio_engine::op::admit).await;
            }
        }),
        on.ours("anyio op::admit, in a scope", |calls| async move {
            let work = async move {
                yield_now().await;
                for _ in 0..calls {
                    poll_fn(anyio_engine::op::admit).await;
                }
            };
            anyio_engine::move_on_after::<Tokio, _>(LONG, work).await.expect("in time");
        }),
        on.peer("tokio consume_budget", |calls| async move {
            for _ in 0..calls {
                tokio::task::consume_budget().await;
            }
        }),
    ]
}

/// Letting others have a turn.
fn yielding() -> Vec<Contender> {
    let on = OnTokio::new(Threads::One);
    vec![
        on.ours("anyio checkpoint", |calls| async move {
            for _ in 0..calls {
                anyio::checkpoint().await;
            }
        }),
        on.peer("tokio yield_now", |calls| async move {
            for _ in 0..calls {
                tokio::task::yield_now().await;
            }
        }),
        on.peer("futures-lite yield_now", |calls| async move {
            for _ in 0..calls {
                yield_now().await;
            }
        }),
    ]
}

fn is_cancelled() -> Vec<Contender> {
    let on = OnTokio::new(Threads::One);
    vec![
        on.ours("anyio is_cancelled, in a scope", |calls| async move {
            let work = async move {
                yield_now().await;
                for _ in 0..calls {
                    black_box(anyio::is_cancelled());
                }
            };
            anyio_engine::move_on_after::<Tokio, _>(LONG, work).await.expect("in time");
        }),
        Contender::new("anyio CancelScope::cancel_called", |calls| {
            let scope = anyio_engine::CancelScope::<Tokio>::new();
            for _ in 0..calls {
                black_box(scope.cancel_called());
            }
        }),
        Contender::new("CancellationToken", |calls| {
            let token = CancellationToken::new();
            for _ in 0..calls {
                black_box(token.is_cancelled());
            }
        }),
        Contender::new("limit: AtomicBool", |calls| {
            let flag = Arc::new(AtomicBool::new(false));
            for _ in 0..calls {
                black_box(flag.load(Ordering::Acquire));
            }
        }),
    ]
}
