//! One timer.

use std::{
    fmt, mem,
    pin::Pin,
    task::{Context, Poll, Waker},
    time::Instant,
};

use anyio_engine::TimerPlace;

use super::alarm;

/// A timer. It works wherever it is polled: the reactor, which watches the time, belongs to the process.
///
/// # Cancel safety
///
/// Nothing happens but the waiting.
#[must_use = "futures do nothing unless you `.await` them"]
pub struct Timer {
    deadline: Instant,
    /// It has not been polled, and was not late when it was made.
    sure: bool,
    waiting: Option<Waiting>,
}

/// Its place among those that wait, and whom to wake.
struct Waiting {
    place: TimerPlace,
    waker: Waker,
}

impl Timer {
    /// A timer that ends at `deadline`, and not before. It is registered when it is polled.
    pub const fn at(deadline: Instant) -> Self {
        Self { deadline, sure: false, waiting: None }
    }

    /// The same for who has seen that it is `now`: the first poll need not look at the clock.
    pub fn since(now: Instant, deadline: Instant) -> Self {
        Self { deadline, sure: now < deadline, waiting: None }
    }

    fn leave(&mut self) {
        if let Some(waiting) = self.waiting.take() {
            alarm::leave(&waiting.place);
        }
    }
}

impl Future for Timer {
    type Output = ();

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        if !mem::take(&mut this.sure) && Instant::now() >= this.deadline {
            this.leave();
            return Poll::Ready(());
        }
        match &mut this.waiting {
            None => {
                let place = alarm::wait(this.deadline, cx.waker().clone());
                this.waiting = Some(Waiting { place, waker: cx.waker().clone() });
            }
            Some(waiting) if waiting.waker.will_wake(cx.waker()) => {}
            Some(waiting) => {
                if !alarm::wake_another(&waiting.place, cx.waker().clone()) {
                    // It has become late since.
                    this.waiting = None;
                    return Poll::Ready(());
                }
                waiting.waker.clone_from(cx.waker());
            }
        }
        Poll::Pending
    }
}

impl Drop for Timer {
    #[inline]
    fn drop(&mut self) {
        self.leave();
    }
}

impl fmt::Debug for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timer").field("deadline", &self.deadline).finish_non_exhaustive()
    }
}
