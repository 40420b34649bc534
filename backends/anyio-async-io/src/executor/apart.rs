//! Keeping apart who was woken, where a run's own future shares its thread with the tasks.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
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
        let mut this = self.project();
        let sides = match this.sides {
            Some(sides) if sides.both.outer.will_wake(cx.waker()) => sides,
            // Both are polled, and leave the new wakers with whom they wait for.
            sides => sides.insert(Sides::new(cx.waker())),
        };
        let Sides { both, of_future, of_tasks } = sides;
        let mut woken = both.begin();
        for _round in 0..ROUNDS {
            if woken {
                let ended = this.future.as_mut().poll(&mut Context::from_waker(of_future));
                if ended.is_ready() {
                    return ended;
                }
            }
            if both.take(TASKS) {
                // They do not end.
                _ = this.tasks.as_mut().poll(&mut Context::from_waker(of_tasks));
            }
            if both.rest() {
                return Poll::Pending;
            }
            woken = both.take(FUTURE);
        }
        both.yields(woken);
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// How often the two may wake each other before the reactor has its turn.
const ROUNDS: usize = 8;

/// The two, for one waker of the whole.
struct Sides {
    both: Arc<Both>,
    of_future: Waker,
    of_tasks: Waker,
}

impl Sides {
    fn new(outer: &Waker) -> Self {
        let state = AtomicU8::new(FUTURE | TASKS);
        let both = Arc::new(Both { outer: outer.clone(), state });
        let side = |bit| Waker::from(Arc::new(Side { bit, both: Arc::clone(&both) }));
        Self { of_future: side(FUTURE), of_tasks: side(TASKS), both }
    }
}

/// The future has been woken.
const FUTURE: u8 = 1;
/// The tasks have been woken.
const TASKS: u8 = 2;
/// Somebody polls, and looks for the others before it goes: the outer waker need not be woken.
const POLLING: u8 = 4;

/// Who was woken, of the two.
///
/// # Invariants
///
/// Who wakes says so in `state`, and wakes the outer waker unless it finds there that somebody polls or that
/// it was said before. Who polls stops only where nobody has been woken, in the same step; or wakes the outer
/// waker. So a wake is seen by the poll that runs, or there is another poll. What was written before the
/// wake is seen by the poll after it, which takes the bit.
struct Both {
    /// The same always.
    outer: Waker,
    state: AtomicU8,
}

impl Both {
    /// From now on somebody polls. Gives whether the future has been woken, and takes that.
    #[inline]
    fn begin(&self) -> bool {
        let mut state = self.state.load(Ordering::Relaxed);
        loop {
            let begun = (state | POLLING) & !FUTURE;
            let swapped =
                self.state.compare_exchange_weak(state, begun, Ordering::AcqRel, Ordering::Relaxed);
            match swapped {
                Ok(_) => return state & FUTURE != 0,
                Err(now) => state = now,
            }
        }
    }

    /// Whether that one has been woken, which is taken.
    #[inline]
    fn take(&self, bit: u8) -> bool {
        if self.state.load(Ordering::Relaxed) & bit == 0 {
            return false;
        }
        self.state.fetch_and(!bit, Ordering::AcqRel);
        true
    }

    /// Nobody polls any more, unless somebody has been woken.
    #[inline]
    fn rest(&self) -> bool {
        let rested = self.state.compare_exchange(POLLING, 0, Ordering::AcqRel, Ordering::Relaxed);
        rested.is_ok()
    }

    /// Nobody polls any more, though somebody has been woken: the future, if that was taken.
    #[cold]
    fn yields(&self, taken: bool) {
        if taken {
            self.state.fetch_or(FUTURE, Ordering::AcqRel);
        }
        self.state.fetch_and(!POLLING, Ordering::AcqRel);
    }
}

struct Side {
    bit: u8,
    both: Arc<Both>,
}

impl Wake for Side {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let before = self.both.state.fetch_or(self.bit, Ordering::AcqRel);
        if before & (self.bit | POLLING) == 0 {
            self.both.outer.wake_by_ref();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::{pending, poll_fn},
        pin::pin,
        sync::{Mutex, atomic::AtomicUsize},
        thread::{self, Thread},
    };

    use super::*;

    struct Unpark(Thread);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    fn block_on<F: Future>(future: F) -> F::Output {
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let mut future = pin!(future);
        loop {
            match future.as_mut().poll(&mut Context::from_waker(&waker)) {
                Poll::Ready(output) => return output,
                Poll::Pending => thread::park(),
            }
        }
    }

    /// Counts up when it is told to, from whatever thread.
    #[derive(Default)]
    struct Steps {
        made: AtomicUsize,
        waker: Mutex<Option<Waker>>,
    }

    impl Steps {
        fn make(&self, count: usize) {
            self.made.store(count, Ordering::SeqCst);
            let waker = self.waker.lock().unwrap().take();
            if let Some(waker) = waker {
                waker.wake();
            }
        }

        async fn made(&self, count: usize) {
            poll_fn(|cx| {
                *self.waker.lock().unwrap() = Some(cx.waker().clone());
                if self.made.load(Ordering::SeqCst) >= count {
                    Poll::Ready(())
                } else {
                    Poll::Pending
                }
            })
            .await;
        }
    }

    const STEPS: usize = 10_000;

    /// Each of the two is polled after it was woken, by the other one or from elsewhere.
    #[test]
    fn no_wake_is_lost() {
        let [from_elsewhere, there, back]: [Steps; 3] = Default::default();
        let future = async {
            for step in 1..=STEPS {
                from_elsewhere.made(step).await;
                there.make(step);
                back.made(step).await;
            }
        };
        let tasks = async {
            for step in 1..=STEPS {
                there.made(step).await;
                back.make(step);
            }
            pending().await
        };
        thread::scope(|scope| {
            scope.spawn(|| (1..=STEPS).for_each(|step| from_elsewhere.make(step)));
            block_on(Apart::new(future, tasks));
        });
    }

    /// Two that always wake each other let others have a turn.
    #[test]
    fn it_yields() {
        let polls = AtomicUsize::new(0);
        let busy = poll_fn(|cx| {
            polls.fetch_add(1, Ordering::SeqCst);
            cx.waker().wake_by_ref();
            Poll::<Infallible>::Pending
        });
        let mut apart = pin!(Apart::new(pending::<()>(), busy));
        assert!(apart.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        assert_eq!(polls.load(Ordering::SeqCst), ROUNDS);
    }

    /// With another waker around it, both get new ones.
    #[test]
    fn the_outer_waker_can_be_another_one() {
        let steps = Steps::default();
        let mut apart = pin!(Apart::new(steps.made(1), pending()));
        assert!(apart.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        thread::scope(|scope| {
            scope.spawn(|| steps.make(1));
            block_on(apart);
        });
    }
}
