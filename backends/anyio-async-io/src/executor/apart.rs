//! Keeping apart who was woken, where a run's own future shares its thread with the tasks.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
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
        sides.both.polling.store(true, Ordering::Relaxed);
        for _round in 0..ROUNDS {
            let ended = sides.of_future.poll(this.future.as_mut());
            if ended.is_ready() {
                return ended;
            }
            // They do not end.
            _ = sides.of_tasks.poll(this.tasks.as_mut());
            if sides.is_woken() {
                continue;
            }
            sides.both.polling.store(false, Ordering::SeqCst);
            if !sides.is_woken() {
                return Poll::Pending;
            }
            sides.both.polling.store(true, Ordering::Relaxed);
        }
        sides.both.polling.store(false, Ordering::SeqCst);
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// How often the two may wake each other before the reactor has its turn.
const ROUNDS: usize = 8;

/// The two, for one waker of the whole.
struct Sides {
    both: Arc<Both>,
    of_future: Side,
    of_tasks: Side,
}

impl Sides {
    fn new(outer: &Waker) -> Self {
        let both = Arc::new(Both { outer: outer.clone(), polling: AtomicBool::new(false) });
        Self { of_future: Side::new(&both), of_tasks: Side::new(&both), both }
    }

    #[inline]
    fn is_woken(&self) -> bool {
        self.of_future.is_woken() || self.of_tasks.is_woken()
    }
}

/// Who was woken, of the two.
struct Side {
    woken: Arc<Woken>,
    waker: Waker,
}

impl Side {
    fn new(both: &Arc<Both>) -> Self {
        let woken = Arc::new(Woken { flag: AtomicBool::new(true), both: Arc::clone(both) });
        Self { waker: Waker::from(Arc::clone(&woken)), woken }
    }

    #[inline]
    fn poll<F: Future>(&self, future: Pin<&mut F>) -> Poll<F::Output> {
        if self.is_woken() {
            self.woken.flag.swap(false, Ordering::SeqCst);
            future.poll(&mut Context::from_waker(&self.waker))
        } else {
            Poll::Pending
        }
    }

    #[inline]
    fn is_woken(&self) -> bool {
        self.woken.flag.load(Ordering::SeqCst)
    }
}

/// What the two have in common.
struct Both {
    /// The same always.
    outer: Waker,
    /// Who polls looks for flags before it goes: the outer waker need not be woken.
    polling: AtomicBool,
}

/// # Invariants
///
/// Who wakes sets the flag and then looks whether somebody polls; who polls says that it does no more and
/// then looks at the flags. All four in one order (`SeqCst`): or else each might not see what the other one
/// did first. (Who has not heard that somebody polls again wakes in vain.) So a wake is seen by the poll that runs, or wakes the outer waker, and there is another
/// poll. What was written before the wake is seen by the poll after it, which takes the flag.
struct Woken {
    flag: AtomicBool,
    both: Arc<Both>,
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let was_woken = self.flag.swap(true, Ordering::SeqCst);
        if !was_woken && !self.both.polling.load(Ordering::SeqCst) {
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
