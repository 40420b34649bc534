//! Keeping apart who was woken, where a run's own future shares its thread with the tasks.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use atomic_waker::AtomicWaker;
use pin_project_lite::pin_project;

pin_project! {
    /// A future that is polled only if it has been woken itself.
    pub(super) struct Apart<F> {
        woken: Arc<Woken>,
        waker: Waker,
        #[pin]
        future: F,
    }
}

impl<F> Apart<F> {
    pub(super) fn new(future: F) -> Self {
        let woken = Arc::new(Woken { flag: AtomicBool::new(true), outer: AtomicWaker::new() });
        Self { waker: Waker::from(Arc::clone(&woken)), woken, future }
    }
}

impl<F: Future> Future for Apart<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        this.woken.outer.register(cx.waker());
        if this.woken.flag.swap(false, Ordering::AcqRel) {
            this.future.poll(&mut Context::from_waker(this.waker))
        } else {
            Poll::Pending
        }
    }
}

/// # Invariants
///
/// Who wakes sets the flag and then takes the outer waker; who polls leaves the outer waker and then
/// takes the flag. So a wake is either seen by the poll that runs, or makes another one happen.
/// Release and acquire on the flag carry what was written before the wake to the poll after it.
struct Woken {
    flag: AtomicBool,
    outer: AtomicWaker,
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.flag.swap(true, Ordering::AcqRel) {
            self.outer.wake();
        }
    }
}
