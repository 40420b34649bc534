//! What runs the tasks of a run that has no workers: a queue, emptied by one thread.
//!
//! `async-executor`, which does it for workers, has queues that they can take from each other, and keeps
//! a list of all tasks, as [`Ending`](super::ending::Ending) does. For one thread that is twice the work.

use std::{
    collections::VecDeque,
    convert::Infallible,
    mem,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    thread,
};

use async_task::Runnable;

/// How many tasks have a turn before the run's own future may have one.
const TURNS: usize = 200;

/// The tasks that can go on. They are woken, and spawned, on any thread.
///
/// # Invariants
///
/// 1. Nothing of others' runs under the lock: no task is run or dropped there, no waker woken or dropped.
/// 2. Who drives leaves a waker when there was nothing, under the same lock, and who brings something
///    takes it: as long as a waker is here, there is nothing.
/// 3. Once closed, it stays empty: what is brought is dropped, and the task with it.
pub(super) struct Alone {
    state: Mutex<State>,
}

struct State {
    ready: VecDeque<Runnable>,
    sleeper: Option<Waker>,
    closed: bool,
}

impl Alone {
    pub(super) fn new() -> Arc<Self> {
        let state = State { ready: VecDeque::new(), sleeper: None, closed: false };
        Arc::new(Self { state: Mutex::new(state) })
    }

    /// The task has its first turn after those that are ready. It must not panic.
    #[inline]
    pub(super) fn spawn<F>(self: &Arc<Self>, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let queue = Arc::clone(self);
        let (runnable, handle) = async_task::spawn(task, move |runnable| queue.push(runnable));
        handle.detach();
        // Not by `schedule`, which would keep the task alive for the closure's sake.
        self.push(runnable);
    }

    /// What runs the tasks, in the thread that polls it.
    pub(super) fn drive(self: &Arc<Self>) -> Drive {
        Drive { queue: Arc::clone(self), batch: VecDeque::new() }
    }

    /// Runs what is ready until there is no task any more; from then on, there will be none.
    pub(super) fn close(&self, is_empty: impl Fn() -> bool) {
        while !is_empty() {
            let next = self.lock().ready.pop_front();
            match next {
                Some(runnable) => _ = runnable.run(),
                // Another thread is about to put a task it has woken into the queue.
                None => thread::yield_now(),
            }
        }
        let late = {
            let mut state = self.lock();
            state.closed = true;
            mem::take(&mut state.ready)
        };
        drop(late);
    }

    fn push(&self, runnable: Runnable) {
        let mut state = self.lock();
        if state.closed {
            drop(state);
            drop(runnable);
            return;
        }
        state.ready.push_back(runnable);
        let sleeper = state.sleeper.take();
        drop(state);
        if let Some(sleeper) = sleeper {
            sleeper.wake();
        }
    }

    /// Moves what is ready into `batch`, which is empty; if it is nothing, leaves the waker.
    fn take(&self, batch: &mut VecDeque<Runnable>, cx: &Context<'_>) -> bool {
        let mut state = self.lock();
        if !state.ready.is_empty() {
            mem::swap(&mut state.ready, batch);
            return true;
        }
        let before = state.sleeper.replace(cx.waker().clone());
        drop(state);
        drop(before);
        false
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Given by [`Alone::drive`]. It never ends.
pub(super) struct Drive {
    queue: Arc<Alone>,
    /// Before those in the queue.
    batch: VecDeque<Runnable>,
}

impl Future for Drive {
    type Output = Infallible;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Infallible> {
        let Self { queue, batch } = &mut *self;
        for _turn in 0..TURNS {
            if batch.is_empty() && !queue.take(batch, cx) {
                return Poll::Pending;
            }
            if let Some(runnable) = batch.pop_front() {
                runnable.run();
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Drop for Drive {
    /// Gives back what has not had its turn.
    fn drop(&mut self) {
        let mut state = self.queue.lock();
        self.batch.append(&mut state.ready);
        mem::swap(&mut state.ready, &mut self.batch);
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::{pending, poll_fn},
        sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
        task::Wake,
    };

    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, SeqCst);
        }
    }

    impl Count {
        fn get(&self) -> usize {
            self.0.load(SeqCst)
        }
    }

    fn drive_once(drive: &mut Drive, count: &Arc<Count>) {
        let waker = Waker::from(Arc::clone(count));
        assert!(Pin::new(drive).poll(&mut Context::from_waker(&waker)).is_pending());
    }

    #[test]
    fn tasks_have_their_turns_in_order() {
        let queue = Alone::new();
        let order = Arc::new(Mutex::new(Vec::new()));
        for number in 0..3 {
            let order = Arc::clone(&order);
            queue.spawn(async move {
                for _turn in 0..2 {
                    order.lock().unwrap().push(number);
                    yield_once().await;
                }
            });
        }
        drive_once(&mut queue.drive(), &Arc::default());
        assert_eq!(*order.lock().unwrap(), [0, 1, 2, 0, 1, 2]);
    }

    #[test]
    fn who_sleeps_is_woken_once() {
        let (queue, count) = (Alone::new(), Arc::new(Count::default()));
        let mut drive = queue.drive();
        drive_once(&mut drive, &count);
        assert_eq!(count.get(), 0);
        for _task in 0..3 {
            queue.spawn(async {});
        }
        assert_eq!(count.get(), 1);
        drive_once(&mut drive, &count);
        queue.spawn(async {});
        assert_eq!(count.get(), 2);
    }

    /// Others have a turn though the tasks always could go on.
    #[test]
    fn it_yields() {
        let (queue, count) = (Alone::new(), Arc::new(Count::default()));
        queue.spawn(async {
            loop {
                yield_once().await;
            }
        });
        drive_once(&mut queue.drive(), &count);
        assert_eq!(count.get(), 1);
        let over = AtomicBool::new(false);
        // It is over when the task is dropped, with what is late.
        queue.close(|| over.swap(true, SeqCst));
    }

    #[test]
    fn what_is_late_is_dropped() {
        let (queue, held) = (Alone::new(), Arc::new(()));
        let mut drive = queue.drive();
        let task = |held: &Arc<()>| {
            let held = Arc::clone(held);
            async move {
                pending::<()>().await;
                drop(held);
            }
        };
        queue.spawn(task(&held));
        // Taken up, and given back: not even begun.
        assert!(queue.take(&mut drive.batch, &Context::from_waker(Waker::noop())));
        drop(drive);
        assert_eq!(queue.lock().ready.len(), 1);
        queue.close(|| true);
        assert_eq!(Arc::strong_count(&held), 1);
        queue.spawn(task(&held));
        assert_eq!(Arc::strong_count(&held), 1);
    }

    /// Each wake, from whatever thread, is followed by a poll.
    #[test]
    fn wakes_from_elsewhere_are_not_lost() {
        const ROUNDS: usize = 10_000;
        let queue = Alone::new();
        let flag = Arc::new((AtomicUsize::new(0), Mutex::new(None::<Waker>)));
        let done = Arc::new(AtomicBool::new(false));
        queue.spawn({
            let (flag, done) = (Arc::clone(&flag), Arc::clone(&done));
            async move {
                for round in 1..=ROUNDS {
                    poll_fn(|cx| {
                        *flag.1.lock().unwrap() = Some(cx.waker().clone());
                        if flag.0.load(SeqCst) >= round { Poll::Ready(()) } else { Poll::Pending }
                    })
                    .await;
                }
                done.store(true, SeqCst);
            }
        });
        thread::scope(|scope| {
            scope.spawn(|| {
                for round in 1..=ROUNDS {
                    flag.0.store(round, SeqCst);
                    let waker = flag.1.lock().unwrap().take();
                    if let Some(waker) = waker {
                        waker.wake();
                    }
                }
            });
            struct Unpark(thread::Thread);
            impl Wake for Unpark {
                fn wake(self: Arc<Self>) {
                    self.0.unpark();
                }
            }
            let waker = Waker::from(Arc::new(Unpark(thread::current())));
            let mut drive = queue.drive();
            while !done.load(SeqCst) {
                let poll = Pin::new(&mut drive).poll(&mut Context::from_waker(&waker));
                assert!(poll.is_pending());
                if !done.load(SeqCst) {
                    thread::park();
                }
            }
        });
    }

    async fn yield_once() {
        let mut yielded = false;
        poll_fn(|cx| {
            if mem::replace(&mut yielded, true) {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }
}
