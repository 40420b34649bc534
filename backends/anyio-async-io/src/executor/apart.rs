//! Keeping apart who was woken, where a run's own future shares its thread with the tasks.

use std::{
    convert::Infallible,
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
    /// A run's own future, and what runs its tasks. Each is polled only if it has been woken itself.
    pub(super) struct Apart<F, T> {
        of_future: Side,
        of_tasks: Side,
        #[pin]
        future: F,
        #[pin]
        tasks: T,
    }
}

impl<F, T> Apart<F, T> {
    pub(super) fn new(future: F, tasks: T) -> Self {
        Self { of_future: Side::new(), of_tasks: Side::new(), future, tasks }
    }
}

impl<F, T> Future for Apart<F, T>
where
    F: Future,
    T: Future<Output = Infallible>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let ended = this.of_future.poll(this.future, cx);
        if ended.is_pending() {
            // They do not end.
            _ = this.of_tasks.poll(this.tasks, cx);
        }
        ended
    }
}

/// Who was woken, of the two.
struct Side {
    woken: Arc<Woken>,
    waker: Waker,
}

impl Side {
    fn new() -> Self {
        let woken = Arc::new(Woken { flag: AtomicBool::new(true), outer: AtomicWaker::new() });
        Self { waker: Waker::from(Arc::clone(&woken)), woken }
    }

    #[inline]
    fn poll<F: Future>(&self, future: Pin<&mut F>, cx: &Context<'_>) -> Poll<F::Output> {
        self.woken.outer.register(cx.waker());
        if self.woken.flag.swap(false, Ordering::AcqRel) {
            future.poll(&mut Context::from_waker(&self.waker))
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
