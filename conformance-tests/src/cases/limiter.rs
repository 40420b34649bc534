//! Capacity limiters: semaphores that know their borrowers and whose size may change (C7, C8).
//!
//! Who comes first is decided by polling by hand: a future that was polled once is in the queue.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::Poll,
    thread,
};

use anyio_core::{
    Blocking, Borrower, CancelScope as _, Cancelled, CapacityLimiter as _, Event as _, Runtime,
    TaskGroup as _,
};
use anyio_engine::{RuntimeExt as _, checkpoint, to_thread};

use crate::{suite::Case, support::poll_once};

pub(super) fn list<B: Runtime>() -> Vec<Case> {
    list![B, limiter:
        tokens_are_counted,
        bounds_who_is_inside,
        no_capacity_lets_nobody_in,
        no_limit,
        made_outside_of_a_runtime,
        first_come_first_served,
        returned_token_belongs_to_who_waits,
        newcomer_does_not_overtake,
        raised_capacity_lets_in_as_many_as_fit,
        raised_capacity_counts_what_is_still_out,
        lowered_capacity_takes_nothing_away,
        borrower_has_one_token,
        two_wait_for_one_borrower,
        second_of_one_borrower_is_refused_when_its_turn_comes,
        refused_waiter_makes_room,
        refusal_is_kept_in_a_cancelled_scope,
        borrower_is_free_again_however_its_token_ends,
        waiter_cancelled_before_its_turn_leaves_the_queue,
        waiter_dropped_after_its_turn_passes_it_on,
        token_granted_beats_a_cancellation,
        token_is_not_borrowed_in_a_cancelled_scope,
        owned_token_keeps_the_limiter,
        token_is_dropped_on_another_thread,
        limiters_count_their_waiters,
        changes_race_with_borrowers,
    ]
}

pub(super) fn blocking<B: Runtime + Blocking>() -> Vec<Case> {
    list![B, limiter: token_is_held_by_a_blocking_thread]
}

/// As many tokens are lent as there are, and each comes back when it is dropped.
/// Covers: trio/test_CapacityLimiter
async fn tokens_are_counted<B: Runtime>() {
    let limiter = B::CapacityLimiter::new(2);
    assert_eq!((limiter.capacity(), limiter.borrowed(), limiter.available()), (2, 0, 2));
    checkpoint().await;
    let mut one = Box::pin(limiter.acquire());
    let Poll::Ready(one) = poll_once(&mut one) else { panic!("one that is free is there at once") };
    let two = limiter.try_acquire().expect("one is left");
    assert!(limiter.try_acquire().is_err());
    assert_eq!((limiter.capacity(), limiter.borrowed(), limiter.available()), (2, 2, 0));
    drop(one);
    assert_eq!((limiter.borrowed(), limiter.available()), (1, 1));
    let one = limiter.try_acquire().expect("it has come back");
    assert!(limiter.try_acquire().is_err());
    drop((one, two));
    assert_eq!(limiter.borrowed(), 0);
}

/// Never more are inside than there are tokens, and all of them are used.
/// Covers: trio/test_generic_lock_exclusion
async fn bounds_who_is_inside<B: Runtime>() {
    const TOKENS: usize = 3;
    let limiter = Arc::new(B::CapacityLimiter::new(TOKENS));
    let inside = Arc::new(AtomicUsize::new(0));
    let full = Arc::new(B::Event::new());
    let result: Result<(), Cancelled> = B::task_group(async |tg| {
        for _ in 0..8 {
            let (limiter, inside) = (Arc::clone(&limiter), Arc::clone(&inside));
            let full = Arc::clone(&full);
            tg.spawn(async move {
                for _ in 0..50 {
                    let _token = limiter.acquire().await;
                    let now = inside.fetch_add(1, Ordering::SeqCst) + 1;
                    assert!(now <= TOKENS);
                    if now == TOKENS {
                        full.set();
                    }
                    full.wait().await;
                    checkpoint().await;
                    inside.fetch_sub(1, Ordering::SeqCst);
                }
            });
        }
    })
    .await;
    assert_eq!(result, Ok(()));
    assert_eq!(limiter.borrowed(), 0);
}

/// A limiter of no tokens lets nobody in, until it has some.
/// Covers: anyio/test_zero_tokens
/// Covers: trio/test_CapacityLimiter_zero_limit_tokens
async fn no_capacity_lets_nobody_in<B: Runtime>() {
    let limiter = B::CapacityLimiter::new(0);
    assert!(limiter.try_acquire().is_err());
    let mut waits = Box::pin(limiter.acquire());
    assert!(poll_once(&mut waits).is_pending());
    limiter.set_capacity(0);
    assert!(poll_once(&mut waits).is_pending());
    limiter.set_capacity(1);
    assert!(poll_once(&mut waits).is_ready());
    limiter.set_capacity(0);
    assert!(limiter.try_acquire().is_err());
}

/// A limiter without a limit lets everybody in and still counts; a limit can be set later.
/// Covers: trio/test_CapacityLimiter_inf
/// Covers: anyio/test_float_infinity_outside_event_loop
async fn no_limit<B: Runtime>() {
    let limiter = B::CapacityLimiter::new(usize::MAX);
    let tokens: Vec<_> = (0..1000).map(|_| limiter.try_acquire().expect("no limit")).collect();
    assert_eq!((limiter.borrowed(), limiter.capacity()), (1000, usize::MAX));
    limiter.set_capacity(1);
    assert!(limiter.try_acquire().is_err());
    assert_eq!(limiter.available(), 0);
    drop(tokens);
    assert_eq!((limiter.borrowed(), limiter.available()), (0, 1));
}

/// A limiter is an ordinary value: it can be made, changed and asked where no runtime is.
/// Covers: anyio/TestCapacityLimiter::test_instantiate_outside_event_loop
async fn made_outside_of_a_runtime<B: Runtime>() {
    let outside = thread::spawn(|| {
        let limiter = B::CapacityLimiter::new(1);
        limiter.set_capacity(2);
        assert!(limiter.try_acquire().is_ok());
        limiter
    });
    let limiter = outside.join().unwrap();
    let _tokens = [limiter.acquire().await, limiter.acquire().await];
    assert_eq!(limiter.borrowed(), 2);

    let limiter = anyio_engine::CapacityLimiter::new(1);
    limiter.set_capacity(2);
    let statistics = limiter.statistics();
    assert_eq!((statistics.capacity, statistics.borrowed, statistics.waiting), (2, 0, 0));
    assert!(statistics.borrowers.is_empty());
}

/// Tokens go to those who wait in the order in which they came.
/// Covers: anyio/test_ordered_queue
/// Covers: trio/test_generic_lock_fifo_fairness
async fn first_come_first_served<B: Runtime>() {
    let limiter = B::CapacityLimiter::new(1);
    let mut held = Some(limiter.acquire().await);
    let mut waiting: Vec<_> = (0..5).map(|_| Box::pin(limiter.acquire())).collect();
    assert!(waiting.iter_mut().all(|waiter| poll_once(waiter).is_pending()));
    while !waiting.is_empty() {
        drop(held.take());
        assert!(waiting[1..].iter_mut().all(|waiter| poll_once(waiter).is_pending()));
        held = Some(waiting.remove(0).await);
    }
    drop(held);
    assert_eq!(limiter.borrowed(), 0);
}

/// A token that comes back while somebody waits is theirs at once; nobody gets in between.
/// Covers: anyio/test_nowait_acquire_after_release_does_not_oversubscribe
/// Covers: trio/test_generic_lock_acquire_nowait_blocks_acquire
async fn returned_token_belongs_to_who_waits<B: Runtime>() {
    let limiter = B::CapacityLimiter::new(1);
    let held = limiter.try_acquire().expect("it is free");
    let mut waits = Box::pin(limiter.acquire());
    assert!(poll_once(&mut waits).is_pending());
    drop(held);
    assert_eq!(limiter.borrowed(), 1);
    assert!(limiter.try_acquire().is_err());
    let error = limiter.try_acquire_on_behalf_of(Borrower::new()).err().expect("there is none");
    assert!(error.is_would_block());
    drop(waits.await);
    assert!(limiter.try_acquire().is_ok());
}

/// While somebody waits, a newcomer goes behind them.
/// Covers: trio/test_CapacityLimiter
async fn newcomer_does_not_overtake<B: Runtime>() {
    let limiter = B::CapacityLimiter::new(1);
    let held = limiter.acquire().await;
    let mut first = Box::pin(limiter.acquire_on_behalf_of(Borrower::new()));
    assert!(poll_once(&mut first).is_pending());
    drop(held);
    let mut second = Box::pin(limiter.acquire());
    assert!(poll_once(&mut second).is_pending());
    drop(first.await.expect("a new borrower"));
    drop(second.await);
}

/// Raising the capacity lets in as many of those who wait as there is room for, in order, and who
/// comes later takes what is left.
/// Covers: anyio/test_increase_tokens_lets_others_acquire
/// Covers: trio/test_CapacityLimiter_change_total_tokens
async fn raised_capacity_lets_in_as_many_as_fit<B: Runtime>() {
    let limiter = B::CapacityLimiter::new(1);
    let _held = limiter.acquire().await;
    let mut waiting: Vec<_> = (0..4).map(|_| Box::pin(limiter.acquire())).collect();
    assert!(waiting.iter_mut().all(|waiter| poll_once(waiter).is_pending()));
    limiter.set_capacity(3);
    assert_eq!(limiter.borrowed(), 3);
    assert!(waiting[2..].iter_mut().all(|waiter| poll_once(waiter).is_pending()));
    let mut let_in = vec![waiting.remove(0).await, waiting.remove(0).await];
    limiter.set_capacity(6);
    assert_eq!(limiter.borrowed(), 5);
    for waiter in waiting {
        let_in.push(waiter.await);
    }
    let_in.push(limiter.try_acquire().expect("one is left"));
    assert!(limiter.try_acquire().is_err());
}

/// What is still out after the capacity was lowered counts when it is raised again: nobody is let in
/// before there is room.
/// Covers: anyio/test_increase_tokens_does_not_oversubscribe
async fn raised_capacity_counts_what_is_still_out<B: Runtime>() {
    let limiter = B::CapacityLimiter::new(4);
    let mut out = Vec::new();
    for _ in 0..4 {
        out.push(limiter.acquire().await);
    }
    limiter.set_capacity(1);
    let mut waits = Box::pin(limiter.acquire());
    assert!(poll_once(&mut waits).is_pending());
    for capacity in [2, 4] {
        limiter.set_capacity(capacity);
        assert!(poll_once(&mut waits).is_pending(), "with {capacity}");
        assert_eq!(limiter.borrowed(), 4);
    }
    limiter.set_capacity(2);
    for left in [3, 2] {
        out.pop();
        assert!(poll_once(&mut waits).is_pending(), "with {left} out");
        assert_eq!(limiter.borrowed(), left);
    }
    out.pop();
    drop(waits.await);
    assert_eq!(limiter.borrowed(), 1);
}

/// Lowering the capacity takes nothing away; it holds for what is lent from then on.
/// Covers: trio/test_CapacityLimiter_change_total_tokens
async fn lowered_capacity_takes_nothing_away<B: Runtime>() {
    let limiter = B::CapacityLimiter::new(2);
    let (one, two) = (limiter.acquire().await, limiter.acquire().await);
    limiter.set_capacity(1);
    assert_eq!((limiter.capacity(), limiter.borrowed(), limiter.available()), (1, 2, 0));
    drop(one);
    assert!(limiter.try_acquire().is_err());
    drop(two);
    let _one = limiter.try_acquire().expect("there is one");
    assert!(limiter.try_acquire().is_err());
}

/// A borrower that has a token gets no other one, whether it waits for it or not, and the same
/// borrower may have one of another limiter.
/// Covers: anyio/test_borrow_twice
/// Covers: anyio/test_acquire_on_behalf_of_nowait
/// Covers: trio/test_CapacityLimiter
async fn borrower_has_one_token<B: Runtime>() {
    let limiter = B::CapacityLimiter::new(2);
    let (mine, yours) = (Borrower::new(), Borrower::new());
    let token = limiter.acquire_on_behalf_of(mine).await.expect("it has none");
    let error = limiter.acquire_on_behalf_of(mine).await.err().expect("it has one");
    assert_eq!(error.borrower(), mine);
    let error = limiter.try_acquire_on_behalf_of(mine).err().expect("it has one");
    assert!(error.is_already_borrowed() && !error.is_would_block());
    assert_eq!(limiter.borrowed(), 1);

    let other = B::CapacityLimiter::new(1);
    let _there = other.try_acquire_on_behalf_of(mine).expect("there it has none");
    let _yours = limiter.try_acquire_on_behalf_of(yours).expect("another one");
    // None is left, but what is wrong is still the borrower.
    let error = limiter.try_acquire_on_behalf_of(mine).err().expect("it has one");
    assert!(error.is_already_borrowed());
    let error = limiter.try_acquire_on_behalf_of(Borrower::new()).err().expect("none is left");
    assert!(error.is_would_block());

    drop(token);
    assert!(limiter.try_acquire_on_behalf_of(mine).is_ok());
}

/// Two who wait on behalf of the same borrower are two: the second one gets its token when the first
/// has given its own back.
async fn two_wait_for_one_borrower<B: Runtime>() {
    let (limiter, borrower) = (B::CapacityLimiter::new(1), Borrower::new());
    let held = limiter.acquire().await;
    let mut first = Box::pin(limiter.acquire_on_behalf_of(borrower));
    let mut second = Box::pin(limiter.acquire_on_behalf_of(borrower));
    assert!(poll_once(&mut first).is_pending());
    assert!(poll_once(&mut second).is_pending());
    drop(held);
    assert!(poll_once(&mut second).is_pending());
    let token = first.await.expect("it was the first");
    assert!(poll_once(&mut second).is_pending());
    drop(token);
    let token = second.await.expect("the first has come back");
    assert_eq!(limiter.borrowed(), 1);
    drop(token);
    assert_eq!(limiter.borrowed(), 0);
}

/// The second of two who wait on behalf of the same borrower is told so, when it could have had a
/// token and the first still has one.
async fn second_of_one_borrower_is_refused_when_its_turn_comes<B: Runtime>() {
    let (limiter, borrower) = (B::CapacityLimiter::new(0), Borrower::new());
    let mut first = Box::pin(limiter.acquire_on_behalf_of(borrower));
    let mut second = Box::pin(limiter.acquire_on_behalf_of(borrower));
    assert!(poll_once(&mut first).is_pending());
    assert!(poll_once(&mut second).is_pending());
    limiter.set_capacity(2);
    assert_eq!(limiter.borrowed(), 1);
    assert_eq!(second.await.err().expect("the first has one").borrower(), borrower);
    assert!(first.await.is_ok());
    assert_eq!(limiter.borrowed(), 0);
}

/// A waiter that is refused is no hindrance: the token goes to the one behind it.
async fn refused_waiter_makes_room<B: Runtime>() {
    let (limiter, borrower) = (B::CapacityLimiter::new(0), Borrower::new());
    let mut first = Box::pin(limiter.acquire_on_behalf_of(borrower));
    let mut second = Box::pin(limiter.acquire_on_behalf_of(borrower));
    let mut third = Box::pin(limiter.acquire());
    assert!(poll_once(&mut first).is_pending());
    assert!(poll_once(&mut second).is_pending());
    assert!(poll_once(&mut third).is_pending());
    limiter.set_capacity(2);
    assert!(poll_once(&mut third).is_ready());
    drop(second); // it was told nothing, and had nothing
    assert!(first.await.is_ok());
    assert_eq!(limiter.borrowed(), 0);
}

/// In a scope that was cancelled meanwhile a refusal is not given: it may have come of the same
/// cancellation.
async fn refusal_is_kept_in_a_cancelled_scope<B: Runtime>() {
    let (limiter, borrower) = (B::CapacityLimiter::new(0), Borrower::new());
    let mut first = Box::pin(limiter.acquire_on_behalf_of(borrower));
    assert!(poll_once(&mut first).is_pending());
    let scope = B::CancelScope::new();
    let mut second = Box::pin(scope.run(limiter.acquire_on_behalf_of(borrower)));
    assert!(poll_once(&mut second).is_pending());
    limiter.set_capacity(2);
    scope.cancel();
    assert!(second.await.is_err());
    assert!(first.await.is_ok());
}

/// A borrower can borrow again after its token was given back, its wait was dropped, or its grant
/// was dropped unseen.
/// Covers: anyio/test_cancel_during_acquire_on_behalf_of
/// Covers: trio/test_CapacityLimiter_memleak_548
async fn borrower_is_free_again_however_its_token_ends<B: Runtime>() {
    let (limiter, borrower) = (B::CapacityLimiter::new(1), Borrower::new());
    let held = limiter.acquire().await;
    let scope = B::CancelScope::new();
    let mut cut = Box::pin(scope.run(limiter.acquire_on_behalf_of(borrower)));
    assert!(poll_once(&mut cut).is_pending());
    scope.cancel();
    assert!(cut.await.is_err());

    let mut granted = Box::pin(limiter.acquire_on_behalf_of(borrower));
    assert!(poll_once(&mut granted).is_pending());
    drop(held);
    assert!(limiter.try_acquire_on_behalf_of(borrower).is_err_and(|it| it.is_already_borrowed()));
    drop(granted);
    assert_eq!(limiter.borrowed(), 0);
    drop(limiter.try_acquire_on_behalf_of(borrower).expect("it has none"));
    drop(limiter.acquire_on_behalf_of(borrower).await.expect("it has none"));
    assert_eq!(limiter.borrowed(), 0);
}

/// One who waits and is cancelled leaves the queue, and the one behind it gets the token.
/// Covers: anyio/test_acquire_cancelled
async fn waiter_cancelled_before_its_turn_leaves_the_queue<B: Runtime>() {
    let (limiter, scope) = (B::CapacityLimiter::new(1), B::CancelScope::new());
    let held = limiter.acquire().await;
    let mut first = Box::pin(scope.run(limiter.acquire()));
    assert!(poll_once(&mut first).is_pending());
    let mut second = Box::pin(limiter.acquire());
    assert!(poll_once(&mut second).is_pending());
    scope.cancel();
    assert!(first.await.is_err());
    drop(held);
    drop(second.await);
    assert_eq!(limiter.borrowed(), 0);
}

/// A token that was granted to somebody who is dropped before having seen it goes to the next, or
/// comes back.
async fn waiter_dropped_after_its_turn_passes_it_on<B: Runtime>() {
    let limiter = B::CapacityLimiter::new(1);
    let held = limiter.acquire().await;
    let mut waiting: Vec<_> =
        (0..3).map(|_| Box::pin(limiter.acquire_on_behalf_of(Borrower::new()))).collect();
    assert!(waiting.iter_mut().all(|waiter| poll_once(waiter).is_pending()));
    drop(held);
    drop(waiting.remove(0));
    assert!(poll_once(&mut waiting[1]).is_pending());
    drop(waiting.remove(0).await);
    drop(waiting);
    assert_eq!(limiter.borrowed(), 0);
}

/// C7: a token that was granted before the cancellation is kept.
async fn token_granted_beats_a_cancellation<B: Runtime>() {
    let (limiter, scope) = (B::CapacityLimiter::new(1), B::CancelScope::new());
    let held = limiter.acquire().await;
    let mut waits = Box::pin(scope.run(limiter.acquire()));
    assert!(poll_once(&mut waits).is_pending());
    drop(held);
    scope.cancel();
    let token = waits.await.expect("it was granted before");
    assert_eq!(limiter.borrowed(), 1);
    drop(token);
    assert_eq!(limiter.borrowed(), 0);
}

/// C8: in a cancelled scope no token is borrowed, and no complaint is made, though both could be.
async fn token_is_not_borrowed_in_a_cancelled_scope<B: Runtime>() {
    let (limiter, borrower) = (Arc::new(B::CapacityLimiter::new(2)), Borrower::new());
    let _held = limiter.try_acquire_on_behalf_of(borrower).expect("it has none");
    let scope = B::CancelScope::new();
    scope.cancel();
    assert!(scope.run(async { drop(limiter.acquire().await) }).await.is_err());
    let owned = Arc::clone(&limiter);
    assert!(scope.run(async { drop(owned.acquire_owned().await) }).await.is_err());
    let refused = scope.run(async { drop(limiter.acquire_on_behalf_of(borrower).await) });
    assert!(refused.await.is_err());
    assert_eq!(limiter.borrowed(), 1);
}

/// An owned token outlives everybody else's share in its limiter, and counts like any other.
async fn owned_token_keeps_the_limiter<B: Runtime>() {
    let limiter = Arc::new(B::CapacityLimiter::new(2));
    let borrower = Borrower::new();
    let one = Arc::clone(&limiter).acquire_owned().await;
    let two = Arc::clone(&limiter).try_acquire_owned_on_behalf_of(borrower).expect("one is left");
    assert!(Arc::clone(&limiter).try_acquire_owned().is_err());
    let error = Arc::clone(&limiter).acquire_owned_on_behalf_of(borrower).await;
    assert!(error.is_err());
    let mut waits = Box::pin(Arc::clone(&limiter).acquire_owned());
    assert!(poll_once(&mut waits).is_pending());
    drop(one);
    let three = waits.await;
    assert_eq!(limiter.borrowed(), 2);
    drop(two);
    assert!(Arc::clone(&limiter).try_acquire_owned().is_ok());
    let weak = Arc::downgrade(&limiter);
    drop(limiter);
    assert_eq!(weak.upgrade().expect("the token has a share").borrowed(), 1);
    drop(three);
    assert!(weak.upgrade().is_none());
}

/// A token may be dropped on any thread, also on one that knows no runtime, and wakes who waits.
async fn token_is_dropped_on_another_thread<B: Runtime>() {
    let limiter = Arc::new(B::CapacityLimiter::new(1));
    for _ in 0..50 {
        let token = Arc::clone(&limiter).acquire_owned().await;
        let other = thread::spawn(move || drop(token));
        drop(limiter.acquire().await);
        other.join().unwrap();
    }
    assert_eq!(limiter.borrowed(), 0);
}

/// A token that a thread for blocking code has taken along is out until that thread has ended, also
/// if nobody waits for it any more.
async fn token_is_held_by_a_blocking_thread<B: Runtime + Blocking>() {
    let limiter = Arc::new(B::CapacityLimiter::new(1));
    let token = Arc::clone(&limiter).acquire_owned().await;
    let (go, gone) = std::sync::mpsc::channel::<()>();
    let mut job = Box::pin(to_thread::<B, _, _>(move || {
        let _token = token;
        _ = gone.recv();
    }));
    assert!(poll_once(&mut job).is_pending());
    drop(job);
    assert!(limiter.try_acquire().is_err());
    let mut waits = Box::pin(limiter.acquire());
    assert!(poll_once(&mut waits).is_pending());
    drop(go);
    drop(waits.await);
    assert_eq!(limiter.borrowed(), 0);
}

/// A limiter says how much it lends, to whom, and how many wait; those who were granted a token and
/// do not know yet are borrowers, and not among those who wait.
/// Covers: anyio/TestCapacityLimiter::test_statistics
/// Covers: trio/test_CapacityLimiter
async fn limiters_count_their_waiters<B: Runtime>() {
    let limiter = anyio_engine::CapacityLimiter::new(1);
    let (mine, yours) = (Borrower::new(), Borrower::new());
    let statistics = || {
        let now = limiter.statistics();
        (now.capacity, now.borrowed, now.borrowers, now.waiting)
    };
    assert_eq!(statistics(), (1, 0, vec![], 0));
    let token = limiter.acquire_on_behalf_of(mine).await.expect("it has none");
    assert_eq!(statistics(), (1, 1, vec![mine], 0));
    let mut waits = Box::pin(limiter.acquire_on_behalf_of(yours));
    let mut leaves = Box::pin(limiter.acquire());
    assert!(poll_once(&mut waits).is_pending());
    assert!(poll_once(&mut leaves).is_pending());
    assert_eq!(statistics(), (1, 1, vec![mine], 2));
    drop(leaves);
    assert_eq!(statistics(), (1, 1, vec![mine], 1));
    limiter.set_capacity(2);
    assert_eq!(statistics(), (2, 2, vec![mine, yours], 0));
    drop(waits);
    assert_eq!(statistics(), (2, 1, vec![mine], 0));
    drop(token);
    assert_eq!(statistics(), (2, 0, vec![], 0));
}

/// However changes of the capacity, cancellations and drops on other threads race, no token is lost,
/// none is doubled, and never more than the largest capacity are out.
async fn changes_race_with_borrowers<B: Runtime>() {
    let limiter = Arc::new(B::CapacityLimiter::new(1));
    let inside = Arc::new(AtomicUsize::new(0));
    let result: Result<(), Cancelled> = B::task_group(async |tg| {
        for me in 0..4 {
            let (limiter, inside, tasks) = (Arc::clone(&limiter), Arc::clone(&inside), tg.clone());
            tg.spawn(async move {
                let borrower = Borrower::new();
                for round in 0..100 {
                    let scope = B::CancelScope::new();
                    let canceller = scope.clone();
                    let other = Arc::clone(&limiter);
                    tasks.spawn(async move {
                        for _ in 0..(me + round) % 7 {
                            checkpoint().await;
                        }
                        other.set_capacity((me + round) % 3);
                        canceller.cancel();
                    });
                    _ = scope
                        .run(async {
                            let token = limiter.acquire_on_behalf_of(borrower).await;
                            let _token = token.expect("each borrower is one task's");
                            assert!(inside.fetch_add(1, Ordering::SeqCst) < 2, "one was doubled");
                            inside.fetch_sub(1, Ordering::SeqCst);
                        })
                        .await;
                }
            });
        }
    })
    .await;
    assert_eq!(result, Ok(()));
    assert_eq!(limiter.borrowed(), 0);
    limiter.set_capacity(2);
    let tokens = [limiter.try_acquire(), limiter.try_acquire(), limiter.try_acquire()];
    assert_eq!(tokens.map(|token| token.is_ok()), [true, true, false]);
}
