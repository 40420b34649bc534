//! Many deadlines in one task: C10, C14. Who polls a scope with the task's own waker may share the
//! task's timer; who does not has one of its own, and a scope may go from one to the other.

use std::{future::pending, pin::pin, sync::Arc, thread, time::Duration};

use anyio_core::{
    CancelScope as _, Event as _, Runtime, TaskGroup as _, TaskHandle as _, TimedOut,
};
use anyio_engine::{RuntimeExt as _, checkpoint, fail_after, move_on_after, shield, sleep_forever};
use futures_util::{StreamExt as _, join, stream::FuturesUnordered};

use crate::{
    suite::Case,
    support::{Counted, Log, is_pending},
};

pub(super) fn list<B: Runtime>() -> Vec<Case> {
    list![B, deadline_shared:
        turns_share_a_timer,
        each_ends_in_its_own_time,
        outer_one_outlasts_many_inner_ones,
        earlier_one_comes_after_a_later_one,
        scope_moves_to_another_task,
        scope_is_polled_by_somebody_else,
        scope_comes_back_from_somebody_else,
        scope_is_dropped_in_another_thread,
        group_is_opened_later,
        held_surroundings_do_not_keep_it,
        two_clocks_in_one_task,
    ]
}

const SHORT: Duration = Duration::from_millis(5);
const LONG: Duration = Duration::from_millis(30);
const NEVER: Duration = Duration::from_secs(3600);

/// C10, C14: a loop in which each turn has a deadline that is not reached needs one timer, not one for
/// each turn; and none is left when the task waits for something else.
async fn turns_share_a_timer<B: Runtime>() {
    type Clock<B> = Counted<B>;
    let before = Clock::<B>::timers();
    for _ in 0..100 {
        fail_after::<Clock<B>, _>(NEVER, checkpoint()).await.unwrap();
    }
    assert_eq!(Clock::<B>::timers(), before + 1);
    checkpoint().await;
    assert_eq!(Clock::<B>::live_timers(), 0);
}

/// C10: of several scopes in one task each ends when its own time is over, whatever order they were
/// opened in, and none before.
async fn each_ends_in_its_own_time<B: Runtime>() {
    let (log, start) = (Log::default(), B::now());
    let one = async |name, time| {
        assert!(B::move_on_after(time, sleep_forever()).await.is_none());
        assert!(B::now() >= start + time);
        log.add(name);
    };
    join!(
        one("third", LONG * 3),
        one("first", LONG),
        one("fourth", LONG * 4),
        one("second", LONG * 2)
    );
    assert_eq!(log.take(), ["first", "second", "third", "fourth"]);
}

/// C10: inner deadlines that come and go before it do not make an outer one late or early.
async fn outer_one_outlasts_many_inner_ones<B: Runtime>() {
    let (start, mut turns) = (B::now(), 0);
    let work = async {
        loop {
            turns += 1;
            assert_eq!(B::fail_after(SHORT, sleep_forever()).await, Err(TimedOut::new()));
        }
    };
    assert!(B::move_on_after(LONG, work).await.is_none());
    assert!(B::now() >= start + LONG);
    assert!(turns >= 1);
}

/// C10: the task waits for a far deadline, and then a near one is added.
async fn earlier_one_comes_after_a_later_one<B: Runtime>() {
    let near = async {
        checkpoint().await;
        let start = B::now();
        assert!(B::move_on_after(SHORT, pending::<()>()).await.is_none());
        assert!(B::now() >= start + SHORT);
        "near"
    };
    assert_eq!(B::move_on_after(NEVER, near).await, Some("near"));
}

/// C1, C10: a scope that has waited in one task and goes on in another is timed out there.
async fn scope_moves_to_another_task<B: Runtime>() {
    let start = B::now();
    let mut work = Box::pin(B::fail_after(LONG, sleep_forever()));
    assert!(is_pending(work.as_mut()).await);
    let result = B::task_group(async |tg| {
        let moved = tg.spawn(async move { Ok(work.await) });
        moved.join().await
    });
    assert_eq!(result.await.unwrap(), Err(TimedOut::new()));
    assert!(B::now() >= start + LONG);
}

/// C10: a scope has waited, and then goes among futures that are polled only when they themselves were
/// woken.
async fn scope_is_polled_by_somebody_else<B: Runtime>() {
    let start = B::now();
    let mut work = Box::pin(B::fail_after(LONG, sleep_forever()));
    assert!(is_pending(work.as_mut()).await);
    let mut set = FuturesUnordered::from_iter([work]);
    assert_eq!(set.next().await, Some(Err(TimedOut::new())));
    assert!(B::now() >= start + LONG);
}

/// C10: the other way round.
async fn scope_comes_back_from_somebody_else<B: Runtime>() {
    let start = B::now();
    let mut work = pin!(B::fail_after(LONG, sleep_forever()));
    {
        let mut set = FuturesUnordered::from_iter([work.as_mut()]);
        assert!(is_pending(pin!(set.next())).await);
    }
    assert_eq!(work.await, Err(TimedOut::new()));
    assert!(B::now() >= start + LONG);
}

/// C14: a scope that has waited is dropped while its task does something else: its timer goes when the
/// task comes to rest.
async fn scope_is_dropped_in_another_thread<B: Runtime>() {
    type Clock<B> = Counted<B>;
    let mut work = Box::pin(move_on_after::<Clock<B>, _>(NEVER, sleep_forever()));
    assert!(is_pending(work.as_mut()).await);
    assert_eq!(Clock::<B>::live_timers(), 1);
    thread::spawn(move || drop(work)).join().unwrap();
    checkpoint().await;
    assert_eq!(Clock::<B>::live_timers(), 0);
}

/// C10: a scope waits, and later there is something in it that has a place in the tree. What is in there
/// is cancelled when the time is over, and waited for.
async fn group_is_opened_later<B: Runtime>() {
    let (log, start) = (Log::default(), B::now());
    let theirs = log.clone();
    let work = async {
        checkpoint().await;
        B::task_group(async |tg| {
            tg.spawn(async move {
                let _last = theirs.on_drop("unwound");
                sleep_forever().await
            });
        })
        .await
    };
    assert!(B::move_on_after(LONG, work).await.is_none());
    assert!(B::now() >= start + LONG);
    assert_eq!(log.take(), ["unwound"]);
}

/// C4: a scope in which nothing but a deadline is lets go of what it has when an outer scope is cancelled
/// whose end waits for just that.
async fn held_surroundings_do_not_keep_it<B: Runtime>() {
    struct SetOnDrop<E: anyio_core::Event>(Arc<E>);

    impl<E: anyio_core::Event> Drop for SetOnDrop<E> {
        fn drop(&mut self) {
            self.0.set();
        }
    }

    let outer = B::CancelScope::new();
    let freed = Arc::new(B::Event::new());
    let holder = async {
        let _freed = SetOnDrop(Arc::clone(&freed));
        sleep_forever().await
    };
    let both = async {
        join!(shield(freed.wait()), B::move_on_after(NEVER, holder));
    };
    let canceller = async {
        checkpoint().await;
        outer.cancel();
    };
    let (result, ()) = join!(outer.run(both), canceller);
    assert!(result.is_err());
}

/// C10: deadlines of two clocks are in one task, each with timers of its own.
async fn two_clocks_in_one_task<B: Runtime>() {
    let start = B::now();
    let inner = async {
        let inner = fail_after::<Counted<B>, _>(SHORT, sleep_forever()).await;
        assert_eq!(inner, Err(TimedOut::new()));
        assert!(B::now() >= start + SHORT);
        pending::<()>().await;
    };
    assert!(B::move_on_after(LONG, inner).await.is_none());
    assert!(B::now() >= start + LONG);
}
