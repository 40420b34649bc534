//! tokio's clock and its timers.

use std::{
    fmt,
    pin::{Pin, pin},
    task::{Context, Poll},
    time::Instant,
};

use anyio_core::Clock;
use pin_project_lite::pin_project;
use tokio::{
    task::{
        coop::{has_budget_remaining, unconstrained},
        try_id,
    },
    time::{Sleep, sleep_until},
};

use crate::{Tokio, executor};

impl Clock for Tokio {
    type Timer = TokioTimer;

    fn now() -> Instant {
        tokio::time::Instant::now().into_std()
    }

    #[track_caller]
    fn timer(deadline: Instant) -> TokioTimer {
        new(deadline, true)
    }

    #[inline]
    #[track_caller]
    fn timer_from(now: Instant, deadline: Instant) -> TokioTimer {
        new(deadline, deadline <= now)
    }
}

#[inline]
#[track_caller]
fn new(deadline: Instant, unsure: bool) -> TokioTimer {
    // Whoever has an id is in a task; to ask for that takes no share in the runtime.
    if try_id().is_none() {
        check();
    }
    TokioTimer { sleep: sleep_until(deadline.into()), unsure }
}

/// Panics if there is no runtime.
#[cold]
#[track_caller]
fn check() {
    if let Err(error) = executor::current() {
        panic!("{error}");
    }
}

pin_project! {
    /// A timer of tokio's. Given by [`Clock::timer`].
    ///
    /// It belongs to the runtime it was made on. When tokio's cooperative budget is used up, it is as good
    /// as before.
    ///
    /// # Cancel safety
    ///
    /// Nothing happens but the waiting.
    #[must_use = "futures do nothing unless you `.await` them"]
    pub struct TokioTimer {
        #[pin]
        sleep: Sleep,
        // It has not been polled, and may be late already.
        unsure: bool,
    }
}

impl Future for TokioTimer {
    type Output = ();

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        if std::mem::take(this.unsure) && is_late(&this.sleep) {
            return Poll::Ready(());
        }
        if has_budget_remaining() { this.sleep.poll(cx) } else { poll_without(this.sleep, cx) }
    }
}

/// Whether it is late already. tokio's wheel may be behind the clock: to such a timer it would give the
/// next turn of the driver, and not this one.
#[cold]
fn is_late(sleep: &Sleep) -> bool {
    sleep.deadline().into_std() <= Tokio::now()
}

/// Polls it though the budget is used up.
#[cold]
fn poll_without(sleep: Pin<&mut Sleep>, cx: &mut Context<'_>) -> Poll<()> {
    pin!(unconstrained(sleep)).poll(cx)
}

impl fmt::Debug for TokioTimer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokioTimer")
            .field("deadline", &self.sleep.deadline().into_std())
            .finish_non_exhaustive()
    }
}
