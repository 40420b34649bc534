//! One timer.

use std::{
    fmt, mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Instant,
};

use anyio_core::Clock;
use anyio_engine::TimerPlace;
use tokio::runtime::Handle;

use super::alarm::{self, Alarm};
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
    let Ok(runtime) = Handle::try_current() else { missing() };
    TokioTimer { deadline, unsure, place: None, alarm: alarm::of(&runtime), runtime }
}

/// Panics, since there is no runtime.
#[cold]
#[track_caller]
fn missing() -> ! {
    match executor::current() {
        Err(error) => panic!("{error}"),
        Ok(_) => unreachable!("there was none a moment ago"),
    }
}

/// A timer of a tokio runtime. Given by [`Clock::timer`].
///
/// It belongs to the runtime it was made on. tokio's cooperative budget is not asked, and not spent.
///
/// # Cancel safety
///
/// Nothing happens but the waiting.
///
/// # Panics
///
/// If its runtime ends before its time has come.
#[must_use = "futures do nothing unless you `.await` them"]
pub struct TokioTimer {
    deadline: Instant,
    /// It has not been polled, and may be late already.
    unsure: bool,
    /// Where it waits, since it was polled.
    place: Option<TimerPlace>,
    alarm: Arc<Alarm>,
    runtime: Handle,
}

impl Future for TokioTimer {
    type Output = ();

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        if mem::take(&mut this.unsure) && this.is_late() {
            return Poll::Ready(());
        }
        if let Some(place) = &this.place {
            return this.poll_again(place, cx);
        }
        this.place = this.alarm.wait(&this.runtime, this.deadline, cx.waker().clone());
        if this.place.is_none() {
            this.end();
            return Poll::Ready(());
        }
        Poll::Pending
    }
}

impl TokioTimer {
    fn poll_again(&self, place: &TimerPlace, cx: &Context<'_>) -> Poll<()> {
        if self.alarm.wake(place, cx.waker()) {
            return Poll::Pending;
        }
        if self.alarm.has_ended() {
            self.end();
        }
        Poll::Ready(())
    }

    /// Whether it is late already. tokio's wheel may be behind the clock: it would give the next turn of the
    /// driver, and not this one.
    #[cold]
    fn is_late(&self) -> bool {
        self.deadline <= Tokio::now()
    }

    /// Panics if it is early, and its runtime has ended.
    #[cold]
    fn end(&self) {
        assert!(
            self.is_late(),
            "a timer was waited for whose tokio runtime has ended: wait where that runtime runs, or keep it \
             running",
        );
    }
}

impl Drop for TokioTimer {
    #[inline]
    fn drop(&mut self) {
        if let Some(place) = &self.place {
            self.alarm.leave(&self.runtime, place);
        }
    }
}

impl fmt::Debug for TokioTimer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokioTimer").field("deadline", &self.deadline).finish_non_exhaustive()
    }
}
