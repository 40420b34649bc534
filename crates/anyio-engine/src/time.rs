//! Waiting for time to pass.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use anyio_core::Clock;
use pin_project_lite::pin_project;

use crate::op::{self, Checkpoint, checkpoint};

/// Waits for `duration`, which counts from the first poll. Zero is a [`checkpoint`].
///
/// # Cancel safety
///
/// Atomic: nothing happens but the waiting.
///
/// # Panics
///
/// Outside of the backend's runtime.
pub const fn sleep<C: Clock>(duration: Duration) -> Sleep<C> {
    Sleep { until: Until::After(duration), checkpoint: None, timer: None }
}

/// Waits until `deadline`. One that has passed is a [`checkpoint`].
///
/// # Cancel safety
///
/// Atomic: nothing happens but the waiting.
///
/// # Panics
///
/// Outside of the backend's runtime.
pub const fn sleep_until<C: Clock>(deadline: Instant) -> Sleep<C> {
    Sleep { until: Until::At(deadline), checkpoint: None, timer: None }
}

/// Waits until it is cancelled.
///
/// # Cancel safety
///
/// Atomic: nothing happens but the waiting.
pub async fn sleep_forever() -> ! {
    std::future::poll_fn(op::admit).await;
    std::future::pending().await
}

#[derive(Clone, Copy, Debug)]
enum Until {
    After(Duration),
    At(Instant),
}

pin_project! {
    /// Given by [`sleep`] and [`sleep_until`].
    #[must_use = "futures do nothing unless you `.await` them"]
    pub struct Sleep<C: Clock> {
        until: Until,
        checkpoint: Option<Checkpoint>,
        #[pin]
        timer: Option<C::Timer>,
    }
}

impl<C: Clock> Future for Sleep<C> {
    type Output = ();

    // A missing runtime is reported at the `.await`.
    #[track_caller]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        if let Some(timer) = this.timer.as_mut().as_pin_mut() {
            return timer.poll(cx);
        }
        if let Some(checkpoint) = this.checkpoint {
            return Pin::new(checkpoint).poll(cx);
        }
        ready!(op::admit(cx));
        let now = C::now();
        let deadline = match *this.until {
            Until::After(duration) => now.checked_add(duration),
            Until::At(deadline) => Some(deadline),
        };
        // Further away than the clock can tell: a year is as good, and then again.
        let deadline = deadline.unwrap_or_else(|| now + Duration::from_secs(31_536_000));
        if deadline <= now {
            return Pin::new(this.checkpoint.insert(checkpoint())).poll(cx);
        }
        this.timer.set(Some(C::timer_from(now, deadline)));
        match this.timer.as_pin_mut() {
            Some(timer) => timer.poll(cx),
            None => unreachable!("it has just been made"),
        }
    }
}

impl<C: Clock> fmt::Debug for Sleep<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sleep").field("until", &self.until).finish_non_exhaustive()
    }
}
