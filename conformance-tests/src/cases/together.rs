//! Several futures at once: G13.

use std::{future::pending, pin::pin, task::Poll, time::Duration};

use anyio_core::{
    CancelScope as _, Cancelled, Event as _, Runtime, TaskGroup as _, TaskHandle as _,
};
use anyio_engine::{
    Lock, RuntimeExt as _, as_completed, checkpoint, finally, gather, map, race, race_ok, shield,
};
use futures_util::{
    future::{BoxFuture, FutureExt as _},
    select,
};

use super::tools::{Failure, Payload, event};
use crate::{
    suite::Case,
    support::{Counter, Log, Wakes, caught, is_pending, turns},
};

pub(super) fn list<B: Runtime>() -> Vec<Case> {
    list![B, together:
        gather_gives_values_in_order,
        gather_runs_them_together,
        gather_of_nothing,
        gather_fails_with_the_first_error,
        gather_borrows,
        map_is_bounded_and_in_order,
        map_makes_futures_in_their_turn,
        map_stops_at_an_error,
        map_refuses_a_limit_of_zero,
        map_of_nothing,
        as_completed_of_nothing,
        as_completed_gives_values_as_they_come,
        as_completed_ends_early,
        as_completed_fails_with_the_first_error,
        race_gives_the_first,
        race_waits_for_its_losers,
        race_of_one_and_of_none,
        race_passes_a_losers_panic_on,
        race_is_unwound_from_outside,
        race_prefers_the_first_of_several_that_are_ready,
        race_moved_out_panics,
        race_ok_gives_the_first_success,
        race_ok_gives_all_errors,
        race_lets_a_lock_go_where_select_hangs,
        gather_of_a_tuple_gives_a_tuple,
        gather_of_a_tuple_fails_with_the_first_error,
        race_of_a_tuple,
        race_ok_of_a_tuple,
        tuples_run_in_tasks,
    ]
}

type Boxed<T> = BoxFuture<'static, T>;

/// Ends in `value` after this many turns.
async fn after<T>(turns: usize, value: T) -> T {
    for _ in 0..turns {
        checkpoint().await;
    }
    value
}

/// G13: the values come in the order of the futures, in whatever order those end.
/// Covers: anyio/test_gather_results_in_order
async fn gather_gives_values_in_order<B: Runtime>() {
    let futures = [5, 1, 3].map(|turns| after(turns, Ok::<_, Cancelled>(turns)));
    assert_eq!(gather(futures).await, Ok(vec![5, 1, 3]));
}

/// G13: they run at the same time: each waits for the next one.
async fn gather_runs_them_together<B: Runtime>() {
    let events: Vec<_> = (0..5).map(|_| event::<B>()).collect();
    let futures = (0..5).map(|number| {
        let events = &events;
        async move {
            if let Some(next) = events.get(number + 1) {
                next.wait().await;
            }
            events[number].set();
            Ok::<_, Cancelled>(())
        }
    });
    assert_eq!(gather(futures).await.map(|all| all.len()), Ok(5));
}

/// G13: nothing gives nothing.
async fn gather_of_nothing<B: Runtime>() {
    assert_eq!(gather(Vec::<Boxed<Result<u8, Cancelled>>>::new()).await, Ok(vec![]));
}

/// G3, G13: the first error cancels the others, which are waited for.
/// Covers: anyio/test_gather_propagates_exception
async fn gather_fails_with_the_first_error<B: Runtime>() {
    let log = Log::default();
    let (ours, theirs) = (log.clone(), log.clone());
    let futures: [Boxed<Result<(), Failure>>; 2] = [
        async move {
            finally(pending::<()>(), async {
                turns::<B>().await;
                ours.add("cleaned up");
            })
            .await;
            Ok(())
        }
        .boxed(),
        async move {
            checkpoint().await;
            theirs.add("failed");
            Err(Failure::Named("first"))
        }
        .boxed(),
    ];
    assert_eq!(gather(futures).await, Err(Failure::Named("first")));
    assert_eq!(log.take(), ["failed", "cleaned up"]);
}

/// G12, G13: they may borrow.
async fn gather_borrows<B: Runtime>() {
    let words = ["a", "bc", "def"].map(String::from);
    let lengths = words.iter().map(async |word| Ok::<_, Cancelled>(word.len()));
    assert_eq!(gather(lengths).await, Ok(vec![1, 2, 3]));
}

/// G11, G13: no more run at a time than allowed, and the values are in order.
async fn map_is_bounded_and_in_order<B: Runtime>() {
    let (begun, done) = (Counter::default(), Counter::default());
    let doubled = map(0..50, 4, async |number: usize| {
        let running = begun.add() + 1 - done.get();
        assert!(running <= 4, "{running} at a time");
        // The later ones are the quicker ones.
        after(50 - number, ()).await;
        done.add();
        Ok::<_, Cancelled>(2 * number)
    });
    assert_eq!(doubled.await, Ok((0..50).map(|number| 2 * number).collect()));
}

/// G13: a future is made when its turn has come, and not before.
async fn map_makes_futures_in_their_turn<B: Runtime>() {
    let (made, go) = (Counter::default(), event::<B>());
    let mut mapped = Box::pin(map(0..10, 2, |_| {
        made.add();
        async {
            go.wait().await;
            Ok::<_, Cancelled>(())
        }
    }));
    assert!(is_pending(mapped.as_mut()).await);
    assert!(is_pending(mapped.as_mut()).await);
    assert_eq!(made.get(), 2);
    go.set();
    assert_eq!(mapped.await.map(|all| all.len()), Ok(10));
    assert_eq!(made.get(), 10);
}

/// G3, G13: after an error no more items are taken.
/// Covers: anyio/test_map_propagates_exception
async fn map_stops_at_an_error<B: Runtime>() {
    let made = Counter::default();
    let mapped = map(0..1_000, 2, async |number| {
        made.add();
        checkpoint().await;
        if number == 3 { Err(Failure::Named("third")) } else { Ok(()) }
    });
    assert_eq!(mapped.await, Err(Failure::Named("third")));
    assert!(made.get() < 10, "{}", made.get());
}

/// A limit under which nothing could run is refused.
async fn map_refuses_a_limit_of_zero<B: Runtime>() {
    let words = caught(async { drop(map(0..1, 0, async |_| Ok::<_, Cancelled>(()))) }).await;
    assert!(words.unwrap_err().contains("limit of 0"));
}

/// G13: nothing gives nothing, and the function is not called.
/// Covers: anyio/test_map_empty_args
async fn map_of_nothing<B: Runtime>() {
    let mapped = map(std::iter::empty::<u8>(), 3, |_| -> Boxed<Result<u8, Cancelled>> {
        panic!("there is nothing to call it with")
    });
    assert_eq!(mapped.await, Ok(vec![]));
}

/// G13: of nothing, the stream has ended already.
/// Covers: anyio/test_as_completed_no_coroutines
async fn as_completed_of_nothing<B: Runtime>() {
    let none = Vec::<Boxed<Result<u8, Cancelled>>>::new();
    let ended = as_completed(none, async |done| -> Result<_, Cancelled> {
        Ok(done.receive().await.is_err())
    });
    assert_eq!(ended.await, Ok(true));
}

/// G13: the values come as soon as they are there.
async fn as_completed_gives_values_as_they_come<B: Runtime>() {
    let futures = [9, 1, 5].map(|turns| after(turns, Ok(turns)));
    let order = as_completed(futures, async |done| -> Result<_, Cancelled> {
        let mut order = Vec::new();
        while let Ok(value) = done.receive().await {
            order.push(value);
        }
        Ok(order)
    });
    assert_eq!(order.await, Ok(vec![1, 5, 9]));
}

/// G13: a body that has enough cancels the rest, and waits for it.
/// Covers: anyio/test_as_completed_early_exit
async fn as_completed_ends_early<B: Runtime>() {
    let log = Log::default();
    let (quick, slow) = (Box::pin(async { Ok(1) }), log.clone());
    let futures: [Boxed<Result<u8, Cancelled>>; 2] = [
        quick,
        Box::pin(async move {
            finally(pending::<()>(), async {
                turns::<B>().await;
                slow.add("cleaned up");
            })
            .await;
            Ok(2)
        }),
    ];
    let first = as_completed(futures, async |done| -> Result<_, Cancelled> {
        Ok(done.receive().await.unwrap())
    });
    assert_eq!(first.await, Ok(1));
    log.add("went on");
    assert_eq!(log.take(), ["cleaned up", "went on"]);
}

/// G3, G13: an error cancels the others and the body.
/// Covers: anyio/test_as_completed_propagates_exception
async fn as_completed_fails_with_the_first_error<B: Runtime>() {
    let futures: [Boxed<Result<u8, Failure>>; 2] = [
        Box::pin(pending()),
        Box::pin(async {
            checkpoint().await;
            Err(Failure::Named("broke"))
        }),
    ];
    let result = as_completed(futures, async |done| -> Result<_, Failure> {
        Ok(done.receive().await.unwrap())
    });
    assert_eq!(result.await, Err(Failure::Named("broke")));
}

/// G13: the first that ends wins.
async fn race_gives_the_first<B: Runtime>() {
    assert_eq!(race([7, 2, 5].map(|turns| after(turns, turns))).await, 2);
}

/// G13: the losers are cancelled, and their cleanup has run when the race is over.
async fn race_waits_for_its_losers<B: Runtime>() {
    let log = Log::default();
    let (one, two) = (log.clone(), log.clone());
    let futures: [Boxed<&'static str>; 3] = [
        Box::pin(async move {
            finally(pending::<()>(), async {
                turns::<B>().await;
                one.add("cleaned up");
            })
            .await;
            "never"
        }),
        Box::pin(shield(async move {
            turns::<B>().await;
            two.add("shielded part");
            "too late"
        })),
        Box::pin(after(2, "winner")),
    ];
    assert_eq!(race(futures).await, "winner");
    let mut noted = log.take();
    noted.sort_unstable();
    assert_eq!(noted, ["cleaned up", "shielded part"]);
}

/// G13: a race of one is that one; a race of none has no winner, and can be cancelled.
async fn race_of_one_and_of_none<B: Runtime>() {
    assert_eq!(race([async { 1 }]).await, 1);
    let none = race(Vec::<Boxed<u8>>::new());
    assert_eq!(B::move_on_after(Duration::from_millis(2), none).await, None);
}

/// G4, G13: a loser that panics in its cleanup is heard.
async fn race_passes_a_losers_panic_on<B: Runtime>() {
    let payload = Payload::new("in a loser");
    let theirs = payload.clone();
    let futures: [Boxed<u8>; 2] = [
        Box::pin(async move {
            finally(pending::<()>(), async move { theirs.throw() }).await;
            1
        }),
        Box::pin(after(2, 2)),
    ];
    payload.comes_out_of(race(futures)).await;
}

/// C6, G13: cancelled from outside, it unwinds all and gives nothing.
async fn race_is_unwound_from_outside<B: Runtime>() {
    let (scope, log) = (B::CancelScope::new(), Log::default());
    let (one, two) = (log.clone(), log.clone());
    let result = scope
        .run(async {
            let cancelling = scope.clone();
            let futures: [Boxed<()>; 2] = [
                Box::pin(finally(pending::<()>(), async move { one.add("first") })),
                Box::pin(async move {
                    checkpoint().await;
                    cancelling.cancel();
                    finally(pending::<()>(), async move { two.add("second") }).await;
                }),
            ];
            race(futures).await;
            log.add("went on");
        })
        .await;
    assert!(result.is_err());
    let mut noted = log.take();
    noted.sort_unstable();
    assert_eq!(noted, ["first", "second"]);
}

/// Of several that are ready at once the first in order wins.
async fn race_prefers_the_first_of_several_that_are_ready<B: Runtime>() {
    for _ in 0..20 {
        assert_eq!(race([1, 2, 3].map(async |number| number)).await, 1);
    }
}

/// G13: errors do not end the race as long as somebody may succeed.
async fn race_ok_gives_the_first_success<B: Runtime>() {
    let futures = [(1, Err("no")), (4, Ok("yes")), (9, Ok("later"))];
    let futures = futures.map(|(turns, result)| after(turns, result));
    assert_eq!(race_ok(futures).await, Ok("yes"));
}

/// G13: if none succeeds, no error is lost.
async fn race_ok_gives_all_errors<B: Runtime>() {
    let futures = [3, 1, 2].map(|turns| after(turns, Err::<(), _>(turns)));
    assert_eq!(race_ok(futures).await, Err(vec![1, 2, 3]));
    assert_eq!(race_ok(Vec::<Boxed<Result<u8, u8>>>::new()).await, Err(vec![]));
}

/// Waits for the lock, and lets it go at once.
async fn passes(lock: &Lock<()>) -> &'static str {
    drop(lock.lock().await);
    "the lock"
}

/// Polls `future` as long as something wakes it. `None`: it waits, and nothing is left that could wake it.
fn run_dry<F: Future>(future: F) -> Option<F::Output> {
    let (mut future, wakes) = (Box::pin(future), Wakes::default());
    loop {
        let before = wakes.count();
        match wakes.poll(&mut future) {
            Poll::Ready(value) => return Some(value),
            Poll::Pending if wakes.count() == before => return None,
            Poll::Pending => {}
        }
    }
}

/// G13: the trap of `select!` over `&mut future`: the loser is not polled any more, stands first in the
/// queue of a lock, and whoever wants the lock then waits for ever. The same program with `race` ends: what
/// has lost is gone, and with it its place.
async fn race_lets_a_lock_go_where_select_hangs<B: Runtime>() {
    async fn with_select(lock: &Lock<()>) -> &'static str {
        let held = lock.lock().await;
        let (mut passes, mut other) = (pin!(passes(lock).fuse()), pin!(after(2, "other").fuse()));
        let first = select! { name = &mut passes => name, name = &mut other => name };
        assert_eq!(first, "other");
        drop(held);
        drop(lock.lock().await);
        first
    }

    async fn with_race(lock: &Lock<()>) -> &'static str {
        let held = lock.lock().await;
        let first = race((passes(lock), after(2, "other"))).await;
        assert_eq!(first, "other");
        drop(held);
        drop(lock.lock().await);
        first
    }

    let lock = Lock::new(());
    assert_eq!(run_dry(with_select(&lock)), None);
    assert!(lock.try_lock().is_ok(), "it was the program that kept itself from it");
    assert_eq!(run_dry(with_race(&lock)), Some("other"));
    // So it is where a runtime does the waking.
    assert_eq!(with_race(&lock).await, "other");
}

/// C6: a race that was unwound and is polled where nothing is cancelled any more has no value, and says
/// so: neither does it hang, nor does it call the unwound ones failures.
async fn race_moved_out_panics<B: Runtime>() {
    let scope = B::CancelScope::new();
    scope.cancel();
    let mut lent = Box::pin(race([pending::<u8>(), pending()]));
    assert!(scope.run(lent.as_mut()).await.is_err());
    assert!(caught(lent).await.unwrap_err().contains("`race` was unwound"));
    let mut lent = Box::pin(race_ok([pending::<Result<u8, u8>>(), pending()]));
    assert!(scope.run(lent.as_mut()).await.is_err());
    assert!(caught(lent).await.unwrap_err().contains("`race_ok` was unwound"));
}

/// G13: of a tuple, each value comes back in its own type, in its own place.
async fn gather_of_a_tuple_gives_a_tuple<B: Runtime>() {
    let word = String::from("borrowed");
    let one = async { Ok::<_, Cancelled>(word.len()) };
    assert_eq!(gather((one,)).await, Ok((8,)));
    let late = after(5, Ok::<_, Cancelled>("late"));
    let values = gather((late, after(1, Ok(1_u8)), async { Ok(word.as_str()) })).await;
    assert_eq!(values, Ok(("late", 1_u8, "borrowed")));
    let all = gather((
        after(1, Ok::<_, Cancelled>(1_u8)),
        after(8, Ok(2_u16)),
        after(2, Ok(3_u32)),
        after(7, Ok(4_u64)),
        after(3, Ok('5')),
        after(6, Ok("6")),
        after(4, Ok(Some(7))),
        after(5, Ok([8])),
    ));
    assert_eq!(all.await, Ok((1, 2, 3, 4, '5', "6", Some(7), [8])));
}

/// G3, G13: the first error of a tuple cancels the others, which clean up.
async fn gather_of_a_tuple_fails_with_the_first_error<B: Runtime>() {
    let log = Log::default();
    let cleans_up = async {
        finally(pending::<()>(), async {
            turns::<B>().await;
            log.add("cleaned up");
        })
        .await;
        Ok(1)
    };
    let fails = async {
        checkpoint().await;
        Err::<&str, _>(Failure::Named("second"))
    };
    assert_eq!(gather((cleans_up, fails)).await, Err(Failure::Named("second")));
    assert_eq!(log.take(), ["cleaned up"]);
}

/// G13: the futures of a tuple may be of different types; the losers are waited for.
async fn race_of_a_tuple<B: Runtime>() {
    let log = Log::default();
    let loses = async {
        finally(pending::<()>(), async {
            turns::<B>().await;
            log.add("cleaned up");
        })
        .await;
        0
    };
    assert_eq!(race((loses, after(3, 1), Box::pin(after(2, 2)))).await, 2);
    assert_eq!(log.take(), ["cleaned up"]);
    assert_eq!(race((async { 3 }, async { 4 })).await, 3);
    assert_eq!(race((async { 5 },)).await, 5);
}

/// G13: of a tuple, the first success, or all errors.
async fn race_ok_of_a_tuple<B: Runtime>() {
    let (no, yes) = (after(1, Err::<u8, _>("no")), after(2, Ok::<_, &str>(7)));
    assert_eq!(race_ok((no, Box::pin(yes), after(9, Ok(8)))).await, Ok(7));
    let all = race_ok((after(2, Err::<u8, _>("two")), async { Err("one") }));
    assert_eq!(all.await, Err(vec!["one", "two"]));
}

/// They are `Send` where their futures are, also where those borrow.
async fn tuples_run_in_tasks<B: Runtime>() {
    let group = B::task_group(async |tg| -> Result<_, Cancelled> {
        let task = tg.spawn(async {
            let word = String::from("word");
            let (length, first) = gather((async { Ok::<_, Cancelled>(word.len()) }, async {
                Ok(word.chars().next())
            }))
            .await?;
            let list =
                gather([&word, &word].map(async |word| Ok::<_, Cancelled>(word.len()))).await?;
            let raced = race((async { word.len() }, pending())).await;
            let won = race_ok((async { Ok::<_, Cancelled>(word.len()) }, pending())).await;
            Ok((length, first, list, raced, won.unwrap_or(0)))
        });
        task.join().await
    });
    assert_eq!(group.await, Ok((4, Some('w'), vec![4, 4], 4, 4)));
}
