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

use pin_project_lite::pin_project;

pin_project! {
    /// A run's own future, and what runs its tasks. Each is polled only if it has been woken itself.
    pub(super) struct Apart<F, T> {
        // None before the first poll.
        sides: Option<Sides>,
        #[pin]
        future: F,
        #[pin]
        tasks: T,
    }
}

impl<F, T> Apart<F, T> {
    pub(super) const fn new(future: F, tasks: T) -> Self {
        Self { sides: None, future, tasks }
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
        let sides = match this.sides {
            Some(sides) if sides.outer.will_wake(cx.waker()) => sides,
            // Both are polled, and leave the new wakers with whom they wait for.
            sides => sides.insert(Sides::new(cx.waker())),
        };
        let ended = sides.of_future.poll(this.future);
        if ended.is_pending() {
            // They do not end.
            _ = sides.of_tasks.poll(this.tasks);
        }
        ended
    }
}

/// The two, for one waker of the whole.
struct Sides {
    outer: Waker,
    of_future: Side,
    of_tasks: Side,
}

impl Sides {
    fn new(outer: &Waker) -> Self {
        Self { outer: outer.clone(), of_future: Side::new(outer), of_tasks: Side::new(outer) }
    }
}

/// Who was woken, of the two.
struct Side {
    woken: Arc<Woken>,
    waker: Waker,
}

impl Side {
    fn new(outer: &Waker) -> Self {
        let woken = Arc::new(Woken { flag: AtomicBool::new(true), outer: outer.clone() });
        Self { waker: Waker::from(Arc::clone(&woken)), woken }
    }

    #[inline]
    fn poll<F: Future>(&self, future: Pin<&mut F>) -> Poll<F::Output> {
        if self.woken.take() {
            future.poll(&mut Context::from_waker(&self.waker))
        } else {
            Poll::Pending
        }
    }
}

/// # Invariants
///
/// Who wakes sets the flag and then wakes the outer waker, which is the same always. So a wake is either
/// seen by the poll that runs, or there is another poll after it. Release and acquire on the flag carry
/// what was written before the wake to the poll after it.
struct Woken {
    flag: AtomicBool,
    outer: Waker,
}

impl Woken {
    #[inline]
    fn take(&self) -> bool {
        // A wake whose flag is not seen yet has not woken the outer waker yet, either.
        self.flag.load(Ordering::Relaxed) && self.flag.swap(false, Ordering::AcqRel)
    }
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.flag.swap(true, Ordering::AcqRel) {
            self.outer.wake_by_ref();
        }
    }
}
