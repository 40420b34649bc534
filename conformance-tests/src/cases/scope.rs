//! Scopes and the tree they make: C1 to C5.

use std::{
    future::pending,
    pin::Pin,
    sync::{Arc, Mutex, mpsc},
    thread,
};

use anyio_core::{
    CancelScope as _, Cancelled, CauseKind, Event as _, Lock as _, Runtime, TaskGroup as _,
    TaskHandle as _,
};
use anyio_engine::{
    RuntimeExt as _, Shield, capture, catch_cancelled, checkpoint, finally, op, shield,
    sleep_forever,
};
use futures_lite::future::{block_on, poll_once, yield_now};
use futures_util::{
    join,
    stream::{FuturesUnordered, StreamExt as _},
};

use crate::{
    suite::Case,
    support::{Counter, Log, Polls, Wakes, cause_of, is_pending, turns, until},
};

pub(super) fn list<B: Runtime>() -> Vec<Case> {
    list![B, scope:
        cancelled_scope_drops_its_work,
        shield_is_waited_for,
        scopes_nest_by_polling,
        inline_futures_are_beneath,
        one_of_many_scopes_ends_alone,
        scope_follows_its_future,
        scope_is_never_beneath_itself,
        shield_cuts_the_view,
        cancelling_wakes_once,
        lowered_shield_wakes_sleepers,
        waiting_for_a_shield_costs_nothing,
        waiting_for_nested_groups_costs_nothing,
        unwinding_goes_inside_out,
        lent_work_stays_usable,
        plain_scope_in_lent_work_is_untouched,
        cleanup_may_want_what_a_neighbour_holds,
        boundaries_do_not_wait_for_neighbours,
        dropped_obligation_lets_go,
        moved_obligation_lets_go,
        obligation_holds_where_it_goes,
        only_entered_shields_hold,
    ]
}

/// Opens a gate when it is dropped.
struct Opens<'a, E: anyio_core::Event>(&'a E);

impl<E: anyio_core::Event> Drop for Opens<'_, E> {
    fn drop(&mut self) {
        self.0.set();
    }
}

/// C4: a scope that is cancelled drops its work where it waits, and says why.
/// Covers: anyio/test_cancel_twice
async fn cancelled_scope_drops_its_work<B: Runtime>() {
    for _ in 0..2 {
        let log = Log::default();
        let scope = B::CancelScope::new();
        let result = scope
            .run(async {
                let _dropped = log.on_drop("dropped");
                scope.cancel();
                log.add("before");
                checkpoint().await;
                log.add("after");
            })
            .await;
        assert_eq!(cause_of(result).kind(), CauseKind::Explicit);
        assert_eq!(log.take(), ["before", "dropped"]);
    }
}

/// C5: a scope waits for a shield beneath it, and the work after the shield does not run.
/// Covers: anyio/test_shielding
async fn shield_is_waited_for<B: Runtime>() {
    let log = Log::default();
    let (scope, inner) = (B::CancelScope::new(), B::CancelScope::new());
    let result = scope
        .run(async {
            scope.cancel();
            shield(inner.run(async {
                checkpoint().await;
                log.add("shielded");
            }))
            .await
            .unwrap();
            checkpoint().await;
            log.add("after");
        })
        .await;
    assert!(result.is_err() && !inner.cancel_called());
    assert_eq!(log.take(), ["shielded"]);
}

/// C1: a scope belongs where it is polled, not where its handle or its future was made.
async fn scopes_nest_by_polling<B: Runtime>() {
    let log = Log::default();
    let (outer, inner) = (B::CancelScope::new(), B::CancelScope::new());
    let work = inner.run(async {
        let _dropped = log.on_drop("dropped");
        outer.cancel();
        pending::<()>().await;
    });
    let result = outer
        .run(async {
            _ = work.await;
            log.add("between");
        })
        .await;
    assert!(result.is_err() && !inner.cancel_called());
    assert_eq!(log.take(), ["dropped"]);
}

/// C1: futures that are driven inline, by `join!` or by `FuturesUnordered`, are beneath the scope.
async fn inline_futures_are_beneath<B: Runtime>() {
    let (log, scope) = (Log::default(), B::CancelScope::new());
    let result = scope
        .run(async {
            let sleeper = || async {
                let _dropped = log.on_drop("dropped");
                sleep_forever().await;
            };
            let mut many: FuturesUnordered<_> = (0..3).map(|_| sleeper()).collect();
            let cancels = async {
                let _dropped = log.on_drop("dropped");
                checkpoint().await;
                scope.cancel();
                // Cancelled in here, too, and seen as such.
                assert!(op::is_cancelled());
                pending::<()>().await;
            };
            join!(many.next(), cancels);
            log.add("after");
        })
        .await;
    assert!(result.is_err());
    assert_eq!(log.take(), ["dropped"; 4]);
}

/// C3: of many scopes in one `FuturesUnordered`, the one that is cancelled ends, and no other.
async fn one_of_many_scopes_ends_alone<B: Runtime>() {
    let scopes: Vec<_> = (0..3).map(|_| B::CancelScope::new()).collect();
    let run = async |index: usize| (index, scopes[index].run(pending::<()>()).await.is_err());
    let mut many: FuturesUnordered<_> = (0..3).map(run).collect();
    assert_eq!(poll_once(many.next()).await, None);
    for index in [1, 0, 2] {
        let scope = scopes[index].clone();
        let thread = thread::spawn(move || scope.cancel());
        assert_eq!(many.next().await, Some((index, true)));
        thread.join().unwrap();
        if index != 2 {
            assert_eq!(poll_once(many.next()).await, None);
        }
    }
}

/// C1: a scope that is polled under another parent moves there, also to another task; what it has
/// left has no hold on it.
/// Covers: trio/test_cancel_scope_misnesting_3
async fn scope_follows_its_future<B: Runtime>() {
    let log = Log::default();
    let (old, new, lent) = (B::CancelScope::new(), B::CancelScope::new(), B::CancelScope::new());
    let work = Mutex::new(Box::pin(lent.run(async {
        loop {
            log.add(if op::is_cancelled() { "cancelled" } else { "free" });
            yield_now().await;
        }
    })));
    let poll_work = || async {
        std::future::poll_fn(|cx| {
            let pending = work.lock().unwrap().as_mut().poll(cx).is_pending();
            assert!(pending, "nobody has cancelled the scope itself");
            std::task::Poll::Ready(())
        })
        .await;
    };
    let mut in_old = Box::pin(old.run(async {
        poll_work().await;
        pending::<()>().await;
    }));
    assert!(is_pending(in_old.as_mut()).await);
    assert_eq!(log.take(), ["free"]);

    let in_new = new.run(async {
        poll_work().await;
        old.cancel();
        poll_work().await;
        new.cancel();
        poll_work().await;
        pending::<()>().await;
    });
    assert!(in_new.await.is_err());
    assert_eq!(log.take(), ["free", "free", "cancelled"]);
    assert!(in_old.await.is_err());

    thread::scope(|threads| threads.spawn(|| block_on(poll_work())).join().unwrap());
    assert_eq!(log.take(), ["free"]);
    assert!(!lent.cancel_called());
}

/// C1: a scope that is polled beneath itself stays where it is: no cycle, and it can be cancelled.
async fn scope_is_never_beneath_itself<B: Runtime>() {
    let (outer, inner) = (B::CancelScope::new(), B::CancelScope::new());
    let slot = Mutex::new(None);
    let mut work = Box::pin(outer.run(inner.run(async {
        *slot.lock().unwrap() = Some(capture());
        pending::<()>().await;
    })));
    assert!(is_pending(work.as_mut()).await);
    let context = slot.lock().unwrap().take().unwrap();
    // The captured place is beneath `work`, so its own poll there would close a circle.
    assert!(poll_once(context.in_scope(&mut work)).await.is_none());
    assert!(!outer.cancel_called() && !inner.cancel_called());
    let mut beneath = Box::pin(context.in_scope(&mut work));
    assert!(is_pending(beneath.as_mut()).await);
    outer.cancel();
    drop(beneath);
    assert_eq!(cause_of(work.await).kind(), CauseKind::Explicit);
}

/// C2: a scope is cancelled itself or from outside; its shield keeps out what comes from outside,
/// for as long as it is up, and not what comes from within.
/// Covers: trio/test_cancel_shielding
/// Covers: anyio/test_cancel_shielded_scope
async fn shield_cuts_the_view<B: Runtime>() {
    let log = Log::default();
    let (outer, middle) = (B::CancelScope::new(), B::CancelScope::new());
    let (inner, innermost) = (B::CancelScope::new(), B::CancelScope::new());
    let work = inner.run(async {
        assert!(!op::is_cancelled());
        inner.set_shielded(true);
        outer.cancel();
        assert!(!op::is_cancelled() && inner.is_shielded());
        checkpoint().await;
        inner.set_shielded(false);
        assert!(op::is_cancelled());
        inner.set_shielded(true);
        checkpoint().await;
        middle.cancel();
        checkpoint().await;
        // Scopes inside the shield are cancelled as ever.
        let cut = innermost.run(async {
            innermost.cancel();
            checkpoint().await;
            log.add("never");
        });
        assert!(cut.await.is_err() && !op::is_cancelled());
        checkpoint().await;
        log.add("shielded");
        inner.cancel();
        assert!(op::is_cancelled());
        checkpoint().await;
        log.add("never");
    });
    let result = outer.run(middle.run(work)).await;
    assert!(matches!(result, Ok(Ok(Err(_)))), "its own cancellation goes through its own shield");
    assert_eq!(log.take(), ["shielded"]);
}

/// C3: cancelling wakes what waits, once; being cancelled again, or by somebody else, does not.
/// Covers: trio/test_slow_abort_edge_cases
async fn cancelling_wakes_once<B: Runtime>() {
    let (outer, inner, wakes) = (B::CancelScope::new(), B::CancelScope::new(), Wakes::default());
    let mut work = Box::pin(outer.run(inner.run(shield(pending::<()>()))));
    assert!(wakes.poll(&mut work).is_pending());
    outer.cancel();
    let woken = wakes.count();
    assert!((1..=2).contains(&woken), "at most once for each scope: {woken}");
    outer.cancel();
    inner.cancel();
    assert_eq!(wakes.count(), woken);
    // Held now, and knows it.
    assert!(wakes.poll(&mut work).is_pending());
    outer.cancel();
    turns::<B>().await;
    assert_eq!(wakes.count(), woken);
}

/// C3: taking a shield away wakes what sleeps behind it, if there is a cancellation to let in.
async fn lowered_shield_wakes_sleepers<B: Runtime>() {
    let (outer, inner, polls) = (B::CancelScope::new(), B::CancelScope::new(), Counter::default());
    inner.set_shielded(true);
    let thread = {
        let (outer, inner, polls) = (outer.clone(), inner.clone(), polls.clone());
        thread::spawn(move || {
            while polls.get() == 0 {
                thread::yield_now();
            }
            outer.cancel();
            inner.set_shielded(false);
        })
    };
    let result = outer.run(inner.run(Polls::of(pending::<()>(), &polls))).await;
    assert!(result.is_err() && !inner.cancel_called());
    thread.join().unwrap();
}

/// C3: a cancelled scope that waits for a shield beneath it is not polled meanwhile; when the
/// shielded wait is over, it unwinds.
/// Covers: trio/test_failed_abort
async fn waiting_for_a_shield_costs_nothing<B: Runtime>() {
    let (scope, gate) = (B::CancelScope::new(), Arc::new(B::Event::new()));
    let (polls, log) = (Counter::default(), Log::default());
    let work = {
        let (scope, gate, polls, log) = (scope.clone(), gate.clone(), polls.clone(), log.clone());
        async move {
            let work = scope.run(async {
                shield(gate.wait()).await;
                log.add("shielded");
                checkpoint().await;
                log.add("after");
            });
            Ok::<_, Cancelled>(Polls::of(work, &polls).await.is_err())
        }
    };
    let unwound = B::task_group(async |tg| -> Result<bool, Cancelled> {
        let task = tg.spawn(work);
        until::<B>(|| polls.get() > 0).await;
        scope.cancel();
        for _ in 0..5 {
            turns::<B>().await;
        }
        assert!(polls.get() <= 3, "polled {} times while it only waited", polls.get());
        gate.set();
        task.join().await
    })
    .await;
    assert_eq!(unwound, Ok(true));
    assert_eq!(log.take(), ["shielded"]);
}

/// C3: cancelled groups that wait for their shielded tasks are not polled meanwhile either.
/// Covers: anyio/test_cancel_with_nested_task_groups
async fn waiting_for_nested_groups_costs_nothing<B: Runtime>() {
    let (scope, gate) = (B::CancelScope::new(), Arc::new(B::Event::new()));
    let (polls, shielded) = (Counter::default(), Counter::default());
    let task = || {
        let (gate, shielded) = (gate.clone(), shielded.clone());
        async move {
            shield(async {
                shielded.add();
                gate.wait().await;
            })
            .await;
        }
    };
    let groups = B::task_group(async |outer| {
        outer.spawn(task());
        _ = B::task_group(async |inner| {
            inner.spawn(task());
        })
        .await;
    });
    let control = async {
        until::<B>(|| shielded.get() == 2).await;
        scope.cancel();
        let before = polls.get();
        for _ in 0..5 {
            turns::<B>().await;
        }
        assert!(polls.get() - before < 10, "polled {} times", polls.get() - before);
        gate.set();
    };
    let mut both = FuturesUnordered::new();
    both.push(Box::pin(async {
        _ = scope.run(Polls::of(groups, &polls)).await;
    }) as Pin<Box<dyn Future<Output = ()>>>);
    both.push(Box::pin(control));
    while both.next().await.is_some() {}
}

/// C4: unwinding goes from the inside out; each cleanup finds what is inside it gone.
async fn unwinding_goes_inside_out<B: Runtime>() {
    let log = Log::default();
    let (outer, middle, inner) =
        (B::CancelScope::new(), B::CancelScope::new(), B::CancelScope::new());
    let cleanup = async |what| {
        checkpoint().await;
        log.add(what);
    };
    let innermost = inner.run(async {
        let _dropped = log.on_drop("body");
        shield(async {
            outer.cancel();
            checkpoint().await;
            log.add("shield");
        })
        .await;
        sleep_forever().await;
    });
    let result = outer
        .run(finally(
            async {
                _ = middle.run(finally(innermost, cleanup("inner cleanup"))).await;
                log.add("between");
            },
            cleanup("outer cleanup"),
        ))
        .await;
    assert!(result.is_err() && !middle.cancel_called() && !inner.cancel_called());
    assert_eq!(log.take(), ["shield", "body", "inner cleanup", "outer cleanup"]);
}

/// C4: `scope.run(&mut work)` that is cancelled leaves `work` as it is, to go on with.
async fn lent_work_stays_usable<B: Runtime>() {
    let (log, gate) = (Log::default(), B::Event::new());
    let mut work = Box::pin(async {
        let _dropped = log.on_drop("dropped");
        gate.wait().await;
        7
    });
    for _ in 0..3 {
        let scope = B::CancelScope::new();
        let mut timeout = Box::pin(scope.run(&mut work));
        assert!(is_pending(timeout.as_mut()).await);
        scope.cancel();
        assert!(timeout.await.is_err());
    }
    assert!(log.take().is_empty());
    gate.set();
    assert_eq!(work.await, 7);
}

/// C4: a plain scope inside of what was lent to a cancelled scope drops nothing either.
async fn plain_scope_in_lent_work_is_untouched<B: Runtime>() {
    let gate = B::Event::new();
    let (outer, inner) = (B::CancelScope::new(), B::CancelScope::new());
    let mut work = Box::pin(inner.run(async {
        gate.wait().await;
        7
    }));
    let mut timeout = Box::pin(outer.run(&mut work));
    assert!(is_pending(timeout.as_mut()).await);
    outer.cancel();
    assert!(timeout.await.is_err());
    gate.set();
    assert_eq!(work.await, Ok(7));
}

/// C4: a plain scope lets go of its lock when a neighbour's cleanup holds the scope around both, so
/// that the cleanup can have it.
async fn cleanup_may_want_what_a_neighbour_holds<B: Runtime>() {
    let (log, lock) = (Log::default(), <B::Lock<()>>::new(()));
    let (outer, inner) = (B::CancelScope::new(), B::CancelScope::new());
    let holder = inner.run(async {
        let _guard = lock.lock().await;
        outer.cancel();
        pending::<()>().await;
    });
    let cleaner = finally(pending::<()>(), async {
        let _guard = lock.lock().await;
        log.add("cleaned up");
    });
    let result = outer.run(async { join!(holder, cleaner) }).await;
    assert!(result.is_err() && !inner.cancel_called());
    assert_eq!(log.take(), ["cleaned up"]);
}

/// C4: the body of a `finally`, of a `catch_cancelled` and of a scope that is cancelled itself is
/// dropped as soon as nothing beneath *it* holds, whatever a neighbour does.
async fn boundaries_do_not_wait_for_neighbours<B: Runtime>() {
    // Each time, the shield beside it ends when the body is dropped.
    async fn body<E: anyio_core::Event>(gate: &E) {
        let _opens = Opens(gate);
        sleep_forever().await;
    }

    let (gate, scope) = (B::Event::new(), B::CancelScope::new());
    let cancels = async { scope.cancel() };
    let work = async { join!(shield(gate.wait()), finally(body(&gate), async {}), cancels) };
    assert!(scope.run(work).await.is_err());

    let (gate, scope) = (B::Event::new(), B::CancelScope::new());
    let cancels = async { scope.cancel() };
    let work = async { join!(shield(gate.wait()), catch_cancelled(body(&gate)), cancels) };
    assert!(matches!(scope.run(work).await, Ok(((), Err(_), ()))));

    let (gate, scope, inner) = (B::Event::new(), B::CancelScope::new(), B::CancelScope::new());
    let cancels = async {
        scope.cancel();
        inner.cancel();
    };
    let work = async { join!(shield(gate.wait()), inner.run(body(&gate)), cancels) };
    assert!(scope.run(work).await.is_err());
}

type Held = Pin<Box<Shield<std::future::Pending<()>>>>;

/// Runs a scope that is held by a shield, which leaves it for `takes`, in another thread, as soon
/// as the scope is cancelled and has found out that it is held.
async fn held_until<B: Runtime>(takes: impl FnOnce(Held) + Send + 'static) {
    let (scope, polls, waits) = (B::CancelScope::new(), Counter::default(), Counter::default());
    let slot = Arc::new(Mutex::new(None::<Held>));
    let thread = {
        let (scope, polls, slot) = (scope.clone(), polls.clone(), slot.clone());
        let waits = waits.clone();
        thread::spawn(move || {
            // A cancellation during the first poll would be seen by that one, and cause no second.
            while waits.get() == 0 {
                thread::yield_now();
            }
            scope.cancel();
            while polls.get() < 2 {
                thread::yield_now();
            }
            let held = slot.lock().unwrap().take().unwrap();
            takes(held);
        })
    };
    let mut held: Held = Box::pin(shield(pending()));
    let work = scope.run(async {
        assert!(is_pending(held.as_mut()).await);
        *slot.lock().unwrap() = Some(held);
        pending::<()>().await;
    });
    let first_poll_is_over = async { waits.add() };
    let (result, _) = join!(Polls::of(work, &polls), first_poll_is_over);
    assert!(result.is_err());
    until::<B>(|| thread.is_finished()).await;
    thread.join().unwrap();
}

/// C5: an obligation that is dropped elsewhere wakes the scope that it held.
async fn dropped_obligation_lets_go<B: Runtime>() {
    for _ in 0..50 {
        held_until::<B>(drop).await;
    }
}

/// C5: an obligation that is polled elsewhere wakes the scope that it held.
async fn moved_obligation_lets_go<B: Runtime>() {
    for _ in 0..50 {
        let (send, moved) = mpsc::channel();
        held_until::<B>(move |mut held| {
            let elsewhere = B::CancelScope::new();
            let lives_on = block_on(elsewhere.run(is_pending(held.as_mut())));
            assert_eq!(lives_on, Ok(true));
            send.send(held).unwrap();
        })
        .await;
        // It has lived on until here.
        drop(moved.recv().unwrap());
    }
}

/// C5: an obligation that was moved holds the scope it is in now, and not the one it came from.
async fn obligation_holds_where_it_goes<B: Runtime>() {
    let (gate, log) = (B::Event::new(), Log::default());
    let (old, new) = (B::CancelScope::new(), B::CancelScope::new());
    let mut held = Box::pin(shield(gate.wait()));
    assert_eq!(old.run(is_pending(held.as_mut())).await, Ok(true));
    let mut work = Box::pin(new.run(async {
        held.await;
        log.add("shielded");
        checkpoint().await;
        log.add("after");
    }));
    assert!(is_pending(work.as_mut()).await);
    new.cancel();
    assert!(is_pending(work.as_mut()).await);
    gate.set();
    assert!(work.await.is_err());
    assert_eq!(log.take(), ["shielded"]);
}

/// C5: a shield holds from its first poll to its end, neither before nor after.
async fn only_entered_shields_hold<B: Runtime>() {
    let scope = B::CancelScope::new();
    let result = scope
        .run(async {
            let _never_polled = shield(pending::<()>());
            let mut ended = Box::pin(shield(checkpoint()));
            ended.as_mut().await;
            scope.cancel();
            pending::<()>().await;
        })
        .await;
    assert!(result.is_err());
}
