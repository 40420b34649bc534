//! Keeping apart who was woken, where a run's own future shares its thread with the tasks.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::{
        Arc,
        atomic::{
            AtomicU8,
            Ordering::{AcqRel, Relaxed},
        },
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
        let state = &sides.both.state;
        for _round in 0..ROUNDS {
            let mut woken = state.swap(POLLING, AcqRel);
            if woken & FUTURE != 0 {
                let ended = this.future.as_mut().poll(&mut Context::from_waker(&sides.of_future));
                if ended.is_ready() {
                    return ended;
                }
                // It may have woken them.
                woken |= state.load(Relaxed);
            }
            if woken & TASKS != 0 {
                state.fetch_and(!TASKS, AcqRel);
                // They do not end.
                _ = this.tasks.as_mut().poll(&mut Context::from_waker(&sides.of_tasks));
            }
            if state.compare_exchange(POLLING, 0, AcqRel, Relaxed).is_ok() {
                return Poll::Pending;
            }
        }
        // Who was woken is polled the next time.
        state.fetch_and(!POLLING, AcqRel);
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// How often the two may wake each other before the reactor has its turn.
const ROUNDS: usize = 8;

/// The future was woken.
const FUTURE: u8 = 1;
/// The tasks were.
const TASKS: u8 = 2;
/// Who polls looks whether somebody was woken before it goes: the outer waker need not be.
const POLLING: u8 = 4;

/// The two, for one waker of the whole.
struct Sides {
    both: Arc<Both>,
    of_future: Waker,
    of_tasks: Waker,
}

impl Sides {
    #[cold]
    fn new(outer: &Waker) -> Self {
        let both = Arc::new(Both { outer: outer.clone(), state: AtomicU8::new(FUTURE | TASKS) });
        Self {
            of_future: Waker::from(Arc::new(Side::<FUTURE>(Arc::clone(&both)))),
            of_tasks: Waker::from(Arc::new(Side::<TASKS>(Arc::clone(&both)))),
            both,
        }
    }
}

/// What the two have in common.
///
/// # Invariants
///
/// Who wakes raises a bit, and sees in the same step whether somebody polls; who polls goes only if, in the
/// same step, no bit is up. So a wake is seen by the poll that runs, or wakes the outer waker, and there is
/// another poll. What was written before the wake is seen by the poll after it: raising a bit releases, and
/// taking it acquires.
struct Both {
    /// The same always.
    outer: Waker,
    state: AtomicU8,
}

/// One of the two.
struct Side<const BIT: u8>(Arc<Both>);

impl<const BIT: u8> Wake for Side<BIT> {
    #[inline]
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    #[inline]
    fn wake_by_ref(self: &Arc<Self>) {
        // Its bit is up as long as nobody has polled since it was woken.
        if self.0.state.fetch_or(BIT, AcqRel) & (BIT | POLLING) == 0 {
            self.0.outer.wake_by_ref();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::{pending, poll_fn},
        pin::pin,
        sync::{
            Mutex,
            atomic::{AtomicUsize, Ordering},
        },
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
