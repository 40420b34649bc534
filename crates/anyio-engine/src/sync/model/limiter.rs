use std::task::Waker;

use anyio_core::Borrower;
use loom::thread;

use super::{super::CapacityLimiter, waiting};
use crate::{
    model::{Alarm, Job, explore, poll},
    sys::{Arc, AtomicUsize, Ordering},
};

/// A limiter, made before there are threads.
fn limiter(capacity: usize) -> Arc<CapacityLimiter> {
    let limiter = Arc::new(CapacityLimiter::new(capacity));
    assert_eq!(limiter.available(), capacity);
    limiter
}

/// Borrows a token and keeps it.
fn borrow(
    limiter: &Arc<CapacityLimiter>,
) -> impl Future<Output = super::super::OwnedLimiterToken> + Send + 'static {
    Arc::clone(limiter).acquire_owned()
}

fn statistics(limiter: &CapacityLimiter) -> (usize, usize, usize) {
    let now = limiter.statistics();
    (now.capacity, now.borrowed, now.waiting)
}

/// A token that comes back as somebody begins to wait for one is lent, or wakes.
#[test]
fn a_token_meets_who_begins_to_wait() {
    explore(3, || {
        let limiter = limiter(1);
        let token = Arc::clone(&limiter).try_acquire_owned().unwrap();
        let holder = thread::spawn(move || drop(token));
        let (alarm, waker) = Alarm::new();
        let mut job: Job<_> = Box::pin(borrow(&limiter));
        let ready = poll(&mut job, &waker).is_ready();
        holder.join().unwrap();
        assert!(ready || alarm.has_rung(), "there is a token and it sleeps");
        assert!(ready || poll(&mut job, &waker).is_ready());
        assert_eq!(statistics(&limiter), (1, 0, 0));
    });
}

/// A token that was lent to one who is dropped at this moment goes to the next, who is woken.
#[test]
fn a_waiter_that_is_dropped_passes_its_token_on() {
    explore(3, || {
        let limiter = limiter(1);
        let token = Arc::clone(&limiter).try_acquire_owned().unwrap();
        let (dropped, _) = waiting(borrow(&limiter));
        let (mut job, alarm) = waiting(borrow(&limiter));
        let holder = thread::spawn(move || drop(token));
        drop(dropped);
        holder.join().unwrap();
        assert!(alarm.has_rung(), "the token is nobody's and the next one sleeps");
        assert!(poll(&mut job, Waker::noop()).is_ready());
        assert_eq!(statistics(&limiter), (1, 0, 0));
    });
}

/// The capacity goes up and down as tokens come back and a waiter is dropped: never is more lent than
/// was allowed at any time, whoever fits in the end is woken, and nobody else.
#[test]
fn a_changing_capacity_lends_what_fits() {
    explore(2, || {
        let limiter = limiter(1);
        let token = Arc::clone(&limiter).try_acquire_owned().unwrap();
        let (dropped, _) = waiting(borrow(&limiter));
        let (mut job, alarm) = waiting(borrow(&limiter));
        let holder = thread::spawn(move || drop(token));
        let changer = {
            let limiter = Arc::clone(&limiter);
            thread::spawn(move || {
                limiter.set_capacity(2);
                assert!(limiter.borrowed() <= 2);
                limiter.set_capacity(1);
            })
        };
        drop(dropped);
        holder.join().unwrap();
        changer.join().unwrap();
        assert!(alarm.has_rung(), "there is room and it sleeps");
        let token = poll(&mut job, Waker::noop());
        assert!(token.is_ready());
        assert_eq!(statistics(&limiter), (1, 1, 0));
        drop(token);
        assert_eq!(statistics(&limiter), (1, 0, 0));
    });
}

/// Two threads take and give back while a third raises the capacity: never are more out than there are.
#[test]
fn no_more_are_out_than_there_are() {
    explore(2, || {
        let (limiter, out) = (limiter(0), Arc::new(AtomicUsize::from(0)));
        let visit = {
            let (limiter, out) = (Arc::clone(&limiter), Arc::clone(&out));
            move || {
                loom::future::block_on(async {
                    let token = limiter.acquire().await;
                    assert_eq!(out.fetch_add(1, Ordering::Relaxed), 0);
                    thread::yield_now();
                    out.fetch_sub(1, Ordering::Relaxed);
                    drop(token);
                });
            }
        };
        let visitors = [thread::spawn(visit.clone()), thread::spawn(visit)];
        limiter.set_capacity(1);
        for visitor in visitors {
            visitor.join().unwrap();
        }
        assert_eq!(statistics(&limiter), (1, 0, 0));
    });
}

/// Two wait for the same borrower, and one is dropped, as tokens come: the one that is left gets
/// one, for good.
#[test]
fn a_borrower_is_free_again() {
    explore(3, || {
        let (limiter, borrower) = (limiter(0), Borrower::new());
        let borrow = || Arc::clone(&limiter).acquire_owned_on_behalf_of(borrower);
        let (dropped, _) = waiting(borrow());
        let changer = {
            let limiter = Arc::clone(&limiter);
            thread::spawn(move || limiter.set_capacity(1))
        };
        drop(dropped);
        changer.join().unwrap();
        let (mut job, _) = (Box::pin(borrow()) as Job<_>, ());
        assert!(matches!(poll(&mut job, Waker::noop()), std::task::Poll::Ready(Ok(_))));
        assert_eq!(statistics(&limiter), (1, 0, 0));
        assert!(limiter.statistics().borrowers.is_empty());
    });
}
