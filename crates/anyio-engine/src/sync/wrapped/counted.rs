//! Counting who waits.

use std::{
    future::poll_fn,
    pin::pin,
    sync::atomic::{AtomicUsize, Ordering},
};

/// How many wait in futures that were [`counted`](Waiting::counted).
#[derive(Debug)]
pub(super) struct Waiting(AtomicUsize);

impl Waiting {
    pub(super) const fn new() -> Self {
        Self(AtomicUsize::new(0))
    }

    pub(super) fn now(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// One more waits, until what is given is dropped.
    pub(super) fn enter(&self) -> One<'_> {
        self.0.fetch_add(1, Ordering::Relaxed);
        One(self)
    }

    /// Runs `future`; as soon as it has to wait, it is counted.
    pub(super) async fn counted<F: Future>(&self, future: F) -> F::Output {
        let (mut future, mut one) = (pin!(future), None);
        poll_fn(|cx| {
            let poll = future.as_mut().poll(cx);
            if poll.is_pending() {
                one.get_or_insert_with(|| self.enter());
            }
            poll
        })
        .await
    }
}

/// One of those who wait.
pub(super) struct One<'a>(&'a Waiting);

impl Drop for One<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}
