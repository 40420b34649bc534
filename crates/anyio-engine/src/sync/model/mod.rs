//! Models of what tasks wait for each other with, and so of the queue beneath.

mod condition;
mod event;
mod limiter;
mod lock;
mod rw_lock;
mod semaphore;

use loom::thread;

use crate::{
    model::{Alarm, Job, poll},
    sys::{AtomicUsize, Ordering},
};

/// A job that has been polled once and waits, and the alarm that wakes it.
fn waiting<T>(job: impl Future<Output = T> + Send + 'static) -> (Job<T>, std::sync::Arc<Alarm>) {
    let (alarm, waker) = Alarm::new();
    let mut job: Job<T> = Box::pin(job);
    assert!(poll(&mut job, &waker).is_pending());
    (job, alarm)
}

/// Adds one in two steps, as only code that nobody else is in may do.
fn add_one(number: &AtomicUsize) {
    let before = number.load(Ordering::Relaxed);
    thread::yield_now();
    number.store(before + 1, Ordering::Relaxed);
}
