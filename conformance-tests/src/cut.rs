//! Ending a future early, at each place where that can happen.
//!
//! A library's own future is safe to drop, or to cancel, between any two of its polls. The only
//! way to know is to try them all: [`everywhere`] runs a scenario again and again, and cuts it one
//! place later each time, until it ends by itself. What runs in tasks of its own has places of its own:
//! they are those of what was given to [`Cut::within`].
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
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll, Waker},
};

use anyio_core::{CancelScope, Runtime};
use anyio_engine::checkpoint;

/// More places than any scenario has; one that has them spins.
const TOO_MANY: usize = 10_000;

/// Runs `scenario` with every [`Cut`] there is: dropped by hand at the first place, the second …
/// until the scenario ends before the cut, and then the same with a cancelled scope; both again for the
/// places [within](Cut::within). Gives the number of cuts that were made.
///
/// The scenario gives one future to [`Cut::apply`], and then checks what has to hold however far
/// that one came.
///
/// # Panics
///
/// If a scenario does not come to an end by itself.
pub async fn everywhere(mut scenario: impl AsyncFnMut(&Cut)) -> usize {
    let mut cuts = 0;
    for within in [false, true] {
        for by_hand in [true, false] {
            for place in 0.. {
                assert!(place < TOO_MANY, "the future was still not over after {TOO_MANY} places");
                let cut = Cut { by_hand, within, shared: Arc::new(Shared::new(place)) };
                scenario(&cut).await;
                if !cut.made() {
                    break;
                }
                cuts += 1;
            }
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
    within: bool,
    shared: Arc<Shared>,
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
        let scope = B::CancelScope::new();
        let knife = self.knife(&scope, future);
        if self.by_hand { knife.await } else { scope.run(knife).await.ok().flatten() }
    }

    /// The same for a future that stays in its thread.
    pub async fn apply_local<B, F>(&self, future: F) -> Option<F::Output>
    where
        B: Runtime,
        F: Future,
    {
        // The trait's own takes only what may go to any thread.
        let scope = anyio_engine::CancelScope::<B>::new();
        let knife = self.knife(&scope, future);
        if self.by_hand { knife.await } else { scope.run(knife).await.ok().flatten() }
    }

    fn knife<S: CancelScope, F: Future>(&self, scope: &S, future: F) -> Knife<'_, F> {
        if !self.by_hand {
            let scope = scope.clone();
            self.shared.set(Act::Cancel(Box::new(move || scope.cancel())));
        }
        Knife { cut: self, future: Some(Box::pin(future)), passed: 0 }
    }

    /// Gives `future`, a task of the one that is applied, places of its own. Those of all such futures
    /// are counted together, in the order in which they come to them.
    pub fn within<F: Future>(&self, future: F) -> Within<F> {
        let shared = self.within.then(|| Arc::clone(&self.shared));
        Within { shared, future: Box::pin(future) }
    }

    /// Whether the future is dropped, and not cancelled.
    #[must_use]
    pub const fn by_hand(&self) -> bool {
        self.by_hand
    }

    /// Whether the future got as far as the cut.
    #[must_use]
    pub fn made(&self) -> bool {
        self.shared.made.load(Ordering::SeqCst)
    }
}

impl fmt::Debug for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = if self.by_hand { "dropped" } else { "cancelled" };
        let which = if self.within { "place within" } else { "place" };
        write!(f, "{how} at {which} {}", self.shared.place)
    }
}

/// What a cut and the futures within know of each other.
struct Shared {
    place: usize,
    /// How many places within lie behind.
    passed: AtomicUsize,
    made: AtomicBool,
    /// How to cut, while there is something to be cut.
    act: Mutex<Option<Act>>,
}

enum Act {
    Cancel(Box<dyn Fn() + Send>),
    /// Have the one dropped that is woken by this.
    Drop(Waker),
}

impl Shared {
    const fn new(place: usize) -> Self {
        let (passed, made) = (AtomicUsize::new(0), AtomicBool::new(false));
        Self { place, passed, made, act: Mutex::new(None) }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Act>> {
        self.act.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, act: Act) {
        let before = self.lock().replace(act);
        drop(before);
    }

    /// From now on there is nothing to be cut.
    fn clear(&self) {
        let before = self.lock().take();
        drop(before);
    }

    fn cut(&self) {
        let act = {
            let mut act = self.lock();
            if act.is_some() {
                self.made.store(true, Ordering::SeqCst);
            }
            act.take()
        };
        match act {
            Some(Act::Cancel(cancel)) => cancel(),
            Some(Act::Drop(waker)) => waker.wake(),
            None => {}
        }
    }
}

struct Knife<'a, F> {
    cut: &'a Cut,
    future: Option<Pin<Box<F>>>,
    /// How many places lie behind.
    passed: usize,
}

impl<F: Future> Knife<'_, F> {
    /// Goes over one place; whether the future is gone then.
    fn pass(&mut self, waker: &Waker) -> bool {
        let Cut { by_hand, within, shared } = self.cut;
        if *by_hand && !shared.made.load(Ordering::SeqCst) {
            shared.set(Act::Drop(waker.clone()));
        }
        if !within && self.passed == shared.place {
            shared.cut();
        }
        self.passed += 1;
        if *by_hand && shared.made.load(Ordering::SeqCst) {
            self.future = None;
        }
        self.future.is_none()
    }
}

impl<F: Future> Future for Knife<'_, F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.pass(cx.waker()) {
            return Poll::Ready(None);
        }
        if let Some(future) = &mut self.future
            && let Poll::Ready(value) = future.as_mut().poll(cx)
        {
            return Poll::Ready(Some(value));
        }
        if self.pass(cx.waker()) { Poll::Ready(None) } else { Poll::Pending }
    }
}

impl<F> Drop for Knife<'_, F> {
    fn drop(&mut self) {
        self.cut.shared.clear();
    }
}

/// A future with places of its own. Given by [`Cut::within`].
#[must_use = "futures do nothing unless you `.await` them"]
pub struct Within<F> {
    shared: Option<Arc<Shared>>,
    future: Pin<Box<F>>,
}

impl<F> Within<F> {
    fn pass(&self) {
        if let Some(shared) = &self.shared
            && shared.passed.fetch_add(1, Ordering::SeqCst) == shared.place
        {
            shared.cut();
        }
    }
}

impl<F: Future> Future for Within<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        self.pass();
        let poll = self.future.as_mut().poll(cx);
        if poll.is_pending() {
            self.pass();
        }
        poll
    }
}

impl<F> fmt::Debug for Within<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Within")
    }
}
