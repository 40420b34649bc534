//! Ending a future early, at each place where that can happen.
//!
//! A library's own future is safe to drop, or to cancel, between any two of its polls. The only
//! way to know is to try them all: [`everywhere`] runs a scenario again and again, and cuts it one
//! place later each time, until it ends by itself.
//!
//! ```
//! # use anyio_core::{Lock as _, Runtime};
//! # use anyio_conformance::cut;
//! async fn no_lock_is_lost<B: Runtime>() {
//!     let cuts = cut::everywhere(async |cut| {
//!         let lock = <B::Lock<u32>>::new(0);
//!         cut.apply::<B, _>(async { *lock.lock().await += 1 }).await;
//!         assert!(lock.try_lock().is_ok());
//!     });
//!     assert_ne!(cuts.await, 0);
//! }
//! ```

use std::{
    fmt,
    pin::Pin,
    sync::atomic::{AtomicBool, Ordering},
    task::{Context, Poll},
};

use anyio_core::{CancelScope as _, Runtime};
use anyio_engine::checkpoint;

/// More places than any scenario has; one that has them spins.
const TOO_MANY: usize = 10_000;

/// Runs `scenario` with every [`Cut`] there is: dropped by hand at the first place, the second …
/// until the scenario ends before the cut, and then the same with a cancelled scope. Gives the
/// number of cuts that were made.
///
/// The scenario gives one future to [`Cut::apply`], and then checks what has to hold however far
/// that one came.
///
/// # Panics
///
/// If a scenario does not come to an end by itself.
pub async fn everywhere(mut scenario: impl AsyncFnMut(&Cut)) -> usize {
    let mut cuts = 0;
    for by_hand in [true, false] {
        for place in 0.. {
            assert!(place < TOO_MANY, "the future was still not over after {TOO_MANY} places");
            let cut = Cut { by_hand, place, made: AtomicBool::new(false) };
            scenario(&cut).await;
            if !cut.made() {
                break;
            }
            cuts += 1;
        }
    }
    cuts
}

/// Two turns for others, so that what is cut has places in between.
pub async fn pause() {
    checkpoint().await;
    checkpoint().await;
}

/// One way to end a future early.
///
/// A future's places are numbered: 0 is before its first poll, 1 right after that poll, 2 when it
/// has been woken and is about to be polled again, 3 after that poll, and so on. So a place with
/// an even number is where something may have been handed over that nobody has seen.
pub struct Cut {
    by_hand: bool,
    place: usize,
    made: AtomicBool,
}

impl Cut {
    /// Runs `future` up to the place of this cut, and drops it there or cancels a scope around it.
    /// `None` if it was cut; a value that beats the cancellation is given.
    pub async fn apply<B, F>(&self, future: F) -> Option<F::Output>
    where
        B: Runtime,
        F: Future + Send,
        F::Output: Send,
    {
        if self.by_hand {
            Knife { cut: self, cancel: None, future: Some(Box::pin(future)), passed: 0 }.await
        } else {
            let scope = B::CancelScope::new();
            let cancel: &(dyn Fn() + Sync) = &|| scope.cancel();
            let future = Some(Box::pin(future));
            let result = scope.run(Knife { cut: self, cancel: Some(cancel), future, passed: 0 });
            result.await.ok().flatten()
        }
    }

    /// Whether the future is dropped, and not cancelled.
    #[must_use]
    pub const fn by_hand(&self) -> bool {
        self.by_hand
    }

    /// Whether the future got as far as the cut.
    #[must_use]
    pub fn made(&self) -> bool {
        self.made.load(Ordering::SeqCst)
    }
}

impl fmt::Debug for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = if self.by_hand { "dropped" } else { "cancelled" };
        write!(f, "{how} at place {}", self.place)
    }
}

struct Knife<'a, F> {
    cut: &'a Cut,
    cancel: Option<&'a (dyn Fn() + Sync)>,
    future: Option<Pin<Box<F>>>,
    /// How many places lie behind.
    passed: usize,
}

impl<F: Future> Knife<'_, F> {
    /// Goes over one place; whether the future is gone then.
    fn pass(&mut self) -> bool {
        if self.passed == self.cut.place {
            self.cut.made.store(true, Ordering::SeqCst);
            match self.cancel {
                Some(cancel) => cancel(),
                None => self.future = None,
            }
        }
        self.passed += 1;
        self.future.is_none()
    }
}

impl<F: Future> Future for Knife<'_, F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.pass() {
            return Poll::Ready(None);
        }
        if let Some(future) = &mut self.future
            && let Poll::Ready(value) = future.as_mut().poll(cx)
        {
            return Poll::Ready(Some(value));
        }
        if self.pass() { Poll::Ready(None) } else { Poll::Pending }
    }
}
