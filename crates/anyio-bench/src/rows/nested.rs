//! Tasks inside of the caller's own.

use std::future::ready;

use anyio_core::Cancelled;
use futures_buffered::FuturesUnorderedBounded;
use futures_util::{StreamExt as _, stream::FuturesUnordered};

use super::on::{OnTokio, Threads};
use crate::measure::{Contender, Row};

pub(super) fn rows() -> Vec<Row> {
    [1, 100, 10_000]
        .map(|count| Row::new(format!("join_in_task/{count}"), count, move || contenders(count)))
        .into()
}

fn contenders(count: u32) -> Vec<Contender> {
    let on = OnTokio::new(Threads::One);
    vec![
        on.ours("anyio scoped_task_group", move |calls| async move {
            for _ in 0..calls {
                let group = anyio_engine::scoped_task_group::<Cancelled, _, _>(async |tg| {
                    for _ in 0..count {
                        tg.spawn(ready(()));
                    }
                });
                group.await.expect("nobody cancels");
            }
        }),
        on.peer("FuturesUnordered", move |calls| async move {
            for _ in 0..calls {
                let set: FuturesUnordered<_> = (0..count).map(|_| ready(())).collect();
                assert_eq!(set.count().await, count as usize);
            }
        }),
        on.peer("FuturesUnordered, boxed", move |calls| async move {
            for _ in 0..calls {
                let set: FuturesUnordered<_> = (0..count).map(|_| boxed()).collect();
                assert_eq!(set.count().await, count as usize);
            }
        }),
        on.peer("limit: futures-buffered", move |calls| async move {
            for _ in 0..calls {
                let mut set = FuturesUnorderedBounded::new(count as usize);
                (0..count).for_each(|_| set.push(ready(())));
                assert_eq!(set.count().await, count as usize);
            }
        }),
    ]
}

fn boxed() -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>> {
    Box::pin(ready(()))
}
