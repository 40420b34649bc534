//! The reactor's timers.

use std::{
    fmt, mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    time::Instant,
};

use atomic_waker::AtomicWaker;

/// A timer of the reactor's. It works wherever it is polled: the reactor belongs to the process.
///
/// # Cancel safety
///
/// Nothing happens but the waiting.
#[must_use = "futures do nothing unless you `.await` them"]
pub struct Timer {
    deadline: Instant,
    /// It has not been polled, and was not late when it was made.
    sure: bool,
    timer: async_io::Timer,
    link: Option<Link>,
}

impl Timer {
    /// A timer that ends at `deadline`, and not before. It is registered when it is polled.
    pub fn at(deadline: Instant) -> Self {
        Self { deadline, sure: false, timer: async_io::Timer::at(deadline), link: None }
    }

    /// The same for who has seen that it is `now`: the first poll need not look at the clock.
    pub fn since(now: Instant, deadline: Instant) -> Self {
        Self { sure: now < deadline, ..Self::at(deadline) }
    }
}

impl Future for Timer {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        if !mem::take(&mut this.sure) && Instant::now() >= this.deadline {
            this.link = None;
            return Poll::Ready(());
        }
        let link = this.link.get_or_insert_with(Link::new);
        link.task.0.register(cx.waker());
        Pin::new(&mut this.timer).poll(&mut Context::from_waker(&link.waker)).map(drop)
    }
}

impl fmt::Debug for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timer").field("deadline", &self.deadline).finish_non_exhaustive()
    }
}

/// What the reactor is given in place of the task's waker. It lets go of a timer only at its next
/// turn, which may be long after the timer was dropped; the task is let go of at once.
///
/// It is also the same waker always: a timer that moves between tasks is not registered again.
struct Link {
    task: Arc<Task>,
    waker: Waker,
}

impl Link {
    fn new() -> Self {
        let task = Arc::new(Task(AtomicWaker::new()));
        Self { waker: Waker::from(Arc::clone(&task)), task }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        drop(self.task.0.take());
    }
}

/// The task that waits.
struct Task(AtomicWaker);

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.0.wake();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.wake();
    }
}
