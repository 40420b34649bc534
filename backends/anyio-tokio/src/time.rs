//! tokio's clock and its timers.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
    time::Instant,
};

use anyio_core::Clock;
use pin_project_lite::pin_project;
use tokio::{
    task::{
        coop::{Unconstrained, unconstrained},
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

    #[track_caller]
    fn timer_from(now: Instant, deadline: Instant) -> TokioTimer {
        new(deadline, deadline <= now)
    }
}

#[track_caller]
fn new(deadline: Instant, unsure: bool) -> TokioTimer {
    // Whoever has an id is in a task; to ask for that takes no share in the runtime.
    if try_id().is_none()
        && let Err(error) = executor::current()
    {
        panic!("{error}");
    }
    TokioTimer { deadline, unsure, sleep: unconstrained(sleep_until(deadline.into())) }
}

pin_project! {
    /// A timer of tokio's. Given by [`Clock::timer`].
    ///
    /// It belongs to the runtime it was made on, and takes no part in tokio's cooperative budget.
    ///
    /// # Cancel safety
    ///
    /// Nothing happens but the waiting.
    #[must_use = "futures do nothing unless you `.await` them"]
    pub struct TokioTimer {
        deadline: Instant,
        // It has not been polled, and may be late already.
        unsure: bool,
        #[pin]
        sleep: Unconstrained<Sleep>,
    }
}

impl Future for TokioTimer {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        // tokio's wheel may be behind the clock: to a timer that is late already it would give the
        // next turn of the driver, and not this one.
        if std::mem::take(this.unsure) && *this.deadline <= Tokio::now() {
            return Poll::Ready(());
        }
        this.sleep.poll(cx)
    }
}

impl fmt::Debug for TokioTimer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokioTimer").field("deadline", &self.deadline).finish_non_exhaustive()
    }
}
