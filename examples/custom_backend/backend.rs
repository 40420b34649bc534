//! A backend in one file: `run` polls all tasks and keeps all timers, in the thread that called it;
//! wakes and new tasks come from any thread. Blocking code gets threads of its own.
//!
//! It has no network, no processes and no signals: their traits are not implemented, so code that
//! needs them does not compile against `Solo`, and gets an error on `anyio::Any`.
//!
//! # Invariants
//!
//! 1. Whatever lives is in `State`, or being polled by `run`; so the end of the run finds it.
//! 2. After the end there is no `State` any more: what is spawned is dropped by who spawns it.
//! 3. A task is `woken` at most once, and not any more while it is polled: a wake that comes then
//!    leads to another poll.
//! 4. No code of others (a poll, a waker, a destructor) runs while the lock is held.

use std::{
    cell::RefCell,
    collections::{BTreeMap, HashMap, VecDeque},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::{Pin, pin},
    sync::{Arc, Condvar, Mutex, atomic::AtomicU64, atomic::Ordering::Relaxed},
    task::{Context, Poll, Wake, Waker},
    time::{Duration, Instant},
};

use anyio_core::{
    Blocking, Clock, Executor, NoRuntime, Run, RunError, RunOptions, Runtime, Spawn, TaskError,
};
use anyio_engine::{Erased, Job};

/// The marker: it holds nothing and stands in type position, as in `Solo::spawner()`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Solo;

/// The backend without its type, for `anyio::Runner`: a word for each capability.
pub(crate) static SOLO: Erased = Erased::of::<Solo>().with_run::<Solo>().with_blocking::<Solo>();

/// The number of the next task or timer; Relaxed is enough, since they only have to differ.
static NEXT: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// The runtime that this thread drives.
    static CURRENT: RefCell<Option<Spawner>> = const { RefCell::new(None) };
}

impl Executor for Solo {
    const NAME: &'static str = "solo";
    type Spawner = Spawner;

    fn spawner() -> Result<Spawner, NoRuntime> {
        let advice = "no solo runtime is running here: run the code with `Solo::run`";
        CURRENT.with_borrow(Option::clone).ok_or_else(|| NoRuntime::new(advice))
    }
}

#[derive(Clone)]
pub(crate) struct Spawner(Arc<Queue>);

impl Spawn for Spawner {
    fn spawn_task<F: Future<Output = ()> + Send + 'static>(&self, task: F) {
        self.0.add(Some(Box::pin(task)));
    }

    fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

type Boxed = Pin<Box<dyn Future<Output = ()> + Send>>;

struct Task {
    future: Option<Boxed>, // `None` while it is polled, and for the one given to `run`
    waker: Waker,
    woken: bool,
}

#[derive(Default)]
struct State {
    tasks: HashMap<u64, Task>,
    woken: VecDeque<u64>,
    timers: BTreeMap<(Instant, u64), Waker>,
}

#[derive(Default)]
struct Queue {
    state: Mutex<Option<State>>,
    changed: Condvar,
}

impl Queue {
    /// Does `f`, unless the run has ended.
    fn change<T>(&self, f: impl FnOnce(&mut State) -> T) -> Option<T> {
        let mut guard = self.state.lock().expect("invariant 4");
        let state = guard.as_mut()?; // what `f` owns is dropped after the guard
        let changed = f(state);
        drop(guard);
        self.changed.notify_one();
        Some(changed)
    }

    fn add(self: &Arc<Self>, future: Option<Boxed>) {
        let (number, queue) = (NEXT.fetch_add(1, Relaxed), Arc::clone(self));
        let waker = Waker::from(Arc::new(WakeUp { number, queue }));
        self.change(|state| {
            state.tasks.insert(number, Task { future, waker, woken: true });
            state.woken.push_back(number);
        });
    }

    /// Wakes those whose time has come, and gives who was woken first, when there is somebody.
    fn next(&self) -> (u64, Waker, Option<Boxed>) {
        loop {
            let mut guard = self.state.lock().expect("invariant 4");
            let state = guard.as_mut().expect("it is taken by the end of the run");
            let (now, first) = (Instant::now(), state.timers.first_entry());
            let pause = first.as_ref().map_or(Duration::MAX, |timer| timer.key().0 - now);
            if let Some(due) = first.filter(|_| pause.is_zero()) {
                let waker = due.remove();
                drop(guard);
                waker.wake();
            } else if let Some(number) = state.woken.pop_front() {
                // One that was woken by its own last poll is not there any more.
                if let Some(task) = state.tasks.get_mut(&number) {
                    task.woken = false;
                    return (number, task.waker.clone(), task.future.take());
                }
            } else {
                drop(self.changed.wait_timeout(guard, pause).expect("invariant 4"));
            }
        }
    }
}

struct WakeUp {
    number: u64,
    queue: Arc<Queue>,
}

impl Wake for WakeUp {
    fn wake(self: Arc<Self>) {
        self.queue.change(|state| {
            let task = state.tasks.get_mut(&self.number);
            let sleeps = task.is_some_and(|task| !std::mem::replace(&mut task.woken, true));
            state.woken.extend(sleeps.then_some(self.number));
        });
    }
}

impl Run for Solo {
    /// In this thread, however many the options ask for.
    fn run<F: Future>(_: &RunOptions, future: F) -> Result<F::Output, RunError> {
        if CURRENT.with_borrow(Option::is_some) {
            return Err(RunError::nested(Self::NAME));
        }
        let queue = Arc::new(Queue::default());
        *queue.state.lock().expect("invariant 4") = Some(State::default());
        CURRENT.set(Some(Spawner(Arc::clone(&queue))));
        // A task that was spawned directly knows no scope; it finds the backend by its thread.
        let _entered = anyio_engine::enter(&SOLO);
        let _end = End(&queue); // after the future is dropped, also by a panic
        let mut main = pin!(anyio_engine::root(&SOLO, future));
        queue.add(None);
        loop {
            let (number, waker, future) = queue.next();
            let mut cx = Context::from_waker(&waker);
            if let Some(mut future) = future {
                let goes_on = future.as_mut().poll(&mut cx).is_pending().then_some(future);
                queue.change(|state| match state.tasks.get_mut(&number) {
                    Some(task) if goes_on.is_some() => task.future = goes_on,
                    _ => drop(state.tasks.remove(&number)),
                });
            } else if let Poll::Ready(output) = main.as_mut().poll(&mut cx) {
                return Ok(output);
            }
        }
    }
}

/// Ends the run when it is dropped.
struct End<'a>(&'a Queue);

impl Drop for End<'_> {
    fn drop(&mut self) {
        let state = self.0.state.lock().expect("invariant 4").take();
        for task in state.into_iter().flat_map(|state| state.tasks.into_values()) {
            _ = catch_unwind(AssertUnwindSafe(|| drop(task))); // a panic does not save the others
        }
        CURRENT.set(None);
    }
}

pub(crate) struct Timer {
    key: (Instant, u64),
    queue: Arc<Queue>,
}

impl Future for Timer {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.key.0 <= Instant::now() {
            return Poll::Ready(());
        }
        let waker = cx.waker().clone();
        let insert = |state: &mut State| state.timers.insert(self.key, waker);
        self.queue.change(insert).expect("the runtime of this timer has ended");
        Poll::Pending
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.queue.change(|state| state.timers.remove(&self.key));
    }
}

impl Clock for Solo {
    type Timer = Timer;

    fn now() -> Instant {
        Instant::now()
    }

    #[track_caller]
    fn timer(deadline: Instant) -> Timer {
        match Self::spawner() {
            Ok(Spawner(queue)) => Timer { key: (deadline, NEXT.fetch_add(1, Relaxed)), queue },
            Err(error) => panic!("{error}"),
        }
    }
}

impl Blocking for Solo {
    type Job<T: Send + 'static> = Job<T>;

    fn spawn_blocking<J, T>(job: J) -> Result<Job<T>, NoRuntime>
    where
        J: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let (work, job) = Job::of(job);
        let thread = std::thread::Builder::new().spawn(work);
        thread.map_err(|error| NoRuntime::new(format!("no thread to be had: {error}")))?;
        Ok(job)
    }
}

impl Runtime for Solo {
    type TaskGroup<E: TaskError> = anyio_engine::TaskGroup<Self, E>;
    type CancelScope = anyio_engine::CancelScope<Self>;
    type Event = anyio_engine::Event;
    type Lock<T: Send + 'static> = anyio_engine::Lock<T>;
    type Condition = anyio_engine::Condition;
    type Semaphore = anyio_engine::Semaphore;
    type CapacityLimiter = anyio_engine::CapacityLimiter;
    type SendStream<T: Send + 'static> = anyio_engine::SendStream<T>;
    type ReceiveStream<T: Send + 'static> = anyio_engine::ReceiveStream<T>;

    fn memory_object_stream<T: Send + 'static>(
        capacity: usize,
    ) -> (Self::SendStream<T>, Self::ReceiveStream<T>) {
        anyio_engine::memory_object_stream(capacity)
    }
}
