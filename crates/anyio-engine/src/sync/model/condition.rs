use std::{pin::pin, task::Waker};

use loom::{future::block_on, thread};

use super::{
    super::{Condition, Lock},
    waiting,
};
use crate::{
    model::{explore, poll},
    sys::Arc,
};

/// Jobs, and whether there are some; made before there are threads.
struct Board {
    jobs: Lock<usize>,
    more: Condition,
}

fn board() -> Arc<Board> {
    let board = Arc::new(Board { jobs: Lock::new(0), more: Condition::new() });
    assert!(!board.jobs.is_locked());
    assert_eq!((board.jobs.waiting(), board.more.waiting()), (0, 0));
    board
}

/// Takes a job.
fn take(board: &Arc<Board>) -> impl Future<Output = ()> + Send + 'static {
    let board = Arc::clone(board);
    async move {
        let mut jobs = board.more.wait_for(board.jobs.lock().await, |jobs| *jobs > 0).await;
        *jobs -= 1;
    }
}

/// Waits once, for whatever it is.
fn wait(board: &Arc<Board>) -> impl Future<Output = ()> + Send + 'static {
    let board = Arc::clone(board);
    async move { drop(board.more.wait(board.jobs.lock().await).await) }
}

/// What is changed under the lock, and notified after it, is missed by nobody who looks under the lock.
#[test]
fn a_change_is_not_missed() {
    explore(2, || {
        let board = board();
        let bringer = {
            let board = Arc::clone(&board);
            thread::spawn(move || {
                block_on(async { *board.jobs.lock().await += 1 });
                board.more.notify(1);
            })
        };
        block_on(take(&board));
        bringer.join().unwrap();
        assert_eq!(*board.jobs.try_lock().unwrap(), 0);
        assert_eq!(board.more.waiting(), 0);
    });
}

/// A notification for one who is dropped at this moment goes to the next, who is woken.
#[test]
fn a_waiter_that_is_dropped_passes_its_notification_on() {
    explore(3, || {
        let board = board();
        let (dropped, _) = waiting(wait(&board));
        let (mut job, alarm) = waiting(wait(&board));
        let notifier = {
            let board = Arc::clone(&board);
            thread::spawn(move || board.more.notify(1))
        };
        drop(dropped);
        notifier.join().unwrap();
        assert!(alarm.has_rung(), "the notification is nobody's and the next one sleeps");
        assert!(poll(&mut job, Waker::noop()).is_ready());
        assert_eq!(board.more.waiting(), 0);
        assert!(!board.jobs.is_locked());
    });
}

/// The same for one who was notified and is dropped while it waits for the lock, which is let go at
/// this moment.
#[test]
fn a_waiter_that_is_dropped_before_it_has_the_lock_passes_both_on() {
    explore(3, || {
        let board = board();
        let (mut dropped, _) = waiting(wait(&board));
        let (mut job, alarm) = waiting(wait(&board));
        // Held by nobody in particular, so that a thread can let it go.
        let (holder, _) = {
            let board = Arc::clone(&board);
            waiting(async move {
                let _jobs = board.jobs.lock().await;
                std::future::pending::<()>().await;
            })
        };
        board.more.notify(1);
        assert!(poll(&mut dropped, Waker::noop()).is_pending(), "the lock is held");
        let holder = thread::spawn(move || drop(holder));
        drop(dropped);
        holder.join().unwrap();
        assert!(alarm.has_rung(), "the notification is nobody's and the next one sleeps");
        assert!(poll(&mut job, Waker::noop()).is_ready());
        assert_eq!((board.more.waiting(), board.jobs.waiting()), (0, 0));
        assert!(!board.jobs.is_locked());
    });
}

/// Everybody is told while one of them is dropped: the other one hears of it, and there is nothing left
/// for who comes later.
#[test]
fn what_everybody_is_told_is_not_passed_on() {
    explore(3, || {
        let board = board();
        let (dropped, _) = waiting(wait(&board));
        let (mut job, alarm) = waiting(wait(&board));
        let notifier = {
            let board = Arc::clone(&board);
            thread::spawn(move || board.more.notify_all())
        };
        drop(dropped);
        notifier.join().unwrap();
        assert!(alarm.has_rung(), "everybody was told and it sleeps");
        assert!(poll(&mut job, Waker::noop()).is_ready());
        let mut late = pin!(wait(&board));
        let mut cx = std::task::Context::from_waker(Waker::noop());
        assert!(late.as_mut().poll(&mut cx).is_pending());
        assert_eq!(board.more.waiting(), 1);
    });
}
