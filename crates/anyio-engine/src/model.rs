//! What the models share. A model is a small program of a few threads that the checker runs through
//! every order of their steps and every value that a load may see.
//!
//! ```sh
//! RUSTFLAGS='--cfg loom' cargo test -p anyio-engine --lib --release model
//! ```
//!
//! What a model's threads share with each other and not with the code under test (counters, what a
//! thread has seen) is in plain `std` types: the checker runs one thread at a time and does not look.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Instant,
};

/// Runs `model` in all orders in which a thread is interrupted at most `interruptions` times, apart
/// from where it has to wait. Nearly all races show with two.
pub(crate) fn explore(interruptions: usize, model: impl Fn() + Send + Sync + 'static) {
    let runs = Arc::new(AtomicUsize::new(0));
    let mut checker = loom::model::Builder::new();
    checker.preemption_bound = Some(checker.preemption_bound.unwrap_or(interruptions));
    checker.max_branches = 10_000;
    let (began, counted) = (Instant::now(), Arc::clone(&runs));
    checker.check(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        model();
    });
    eprintln!("{} runs in {:?}", runs.load(Ordering::Relaxed), began.elapsed());
}

/// A waker that counts.
#[derive(Default)]
pub(crate) struct Alarm(AtomicUsize);

impl Alarm {
    pub(crate) fn new() -> (Arc<Self>, Waker) {
        let alarm = Arc::new(Self::default());
        (Arc::clone(&alarm), alarm.into())
    }

    /// How often it was woken.
    pub(crate) fn rings(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn has_rung(&self) -> bool {
        self.rings() > 0
    }
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Counts its drops.
pub(crate) struct Counted(pub(crate) Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A future that a model polls by hand.
pub(crate) type Job<T> = Pin<Box<dyn Future<Output = T> + Send>>;

pub(crate) fn poll<T>(job: &mut Job<T>, waker: &Waker) -> Poll<T> {
    job.as_mut().poll(&mut Context::from_waker(waker))
}
