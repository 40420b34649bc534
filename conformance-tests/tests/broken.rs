//! Backends with one defect each, and the case that catches it: what the suite is for.
//!
//! All of them are tokio, and one type, so that the cases are compiled once: [`Defect`] says what is
//! wrong with it at the moment. Without a defect it passes all those cases.

use std::{
    fmt, io,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    thread,
    time::{Duration, Instant},
};

use anyio::Tokio;
use anyio_conformance::{Flavour, Suite};
use anyio_core::{
    CancelScope, Cancelled, Cause, Clock, Executor, NoRuntime, Run, RunError, RunOptions, Runtime,
    Spawn, TaskError,
};
use futures_lite::future::block_on;

/// What can be wrong with a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Defect {
    /// A task that is woken while it is being polled is not polled again.
    LosesWakeUps,
    /// A timer wakes who polled it first, though it has moved to somebody else since.
    WakesTheWrongTask,
    /// Timers end ten milliseconds too soon.
    IsEarly,
    /// Tasks that are left over when a run ends go on elsewhere, instead of being dropped.
    RunsLeftOversOn,
    /// A task that the runtime will not run any more is forgotten, instead of being dropped.
    ForgetsTasks,
    /// Its own cancel scope lets the work in it go on when it is cancelled.
    RunsCancelledWorkOn,
    /// A panic of the future given to `run` is turned into some error.
    LosesPanics,
    /// A run inside of a run is not refused.
    NestsRuns,
    /// A task is polled for the first time inside of the call that spawns it.
    RunsInsideOfSpawn,
}

use Defect::*;

/// What the suite says of a case that does not end.
const HUNG: &str = "the case hung: it had not ended after 1s";

/// Which case catches it, and what that one says.
const CAUGHT: [(Defect, &str, &str); 9] = [
    (LosesWakeUps, "executor::panics_leave_the_workers_alive", HUNG),
    (WakesTheWrongTask, "executor::timer_moves_between_tasks", HUNG),
    (IsEarly, "time::sleep_until_waits_for_its_moment", "assertion failed: B::now() >= moment"),
    (RunsLeftOversOn, "run::left_over_tasks_are_dropped", HUNG),
    (ForgetsTasks, "run::spawn_after_the_shutdown_is_cancelled", HUNG),
    (RunsCancelledWorkOn, "scope::cancelled_scope_drops_its_work", "the work ended by itself"),
    (LosesPanics, "run::panic_of_the_future_comes_out_of_run", "lost a panic"),
    (NestsRuns, "run::nested_run_is_refused", "this thread drives a runtime"),
    (RunsInsideOfSpawn, "outside::task_does_not_run_inside_of_spawn", "left: Ok(201)"),
];

/// What is wrong now.
static WRONG: Mutex<Option<Defect>> = Mutex::new(None);

fn wrong(defect: Defect) -> bool {
    *WRONG.lock().expect("nobody panics with it") == Some(defect)
}

fn set_wrong(defect: Option<Defect>) {
    *WRONG.lock().expect("nobody panics with it") = defect;
}

/// With each defect the case fails in the expected way, and without it it passes.
#[test]
fn each_defect_is_caught_by_its_case() {
    let flavour = Flavour::new("current_thread", RunOptions::default().current_thread());
    let suite = Suite::of::<Broken>("broken").with_run::<Broken>().flavours(vec![flavour]);
    let mut suite = suite.limit(Duration::from_secs(120));
    for (_, case, _) in CAUGHT {
        assert_eq!(suite.check(case), Ok(()), "{case} without a defect");
    }
    for (defect, case, words) in CAUGHT {
        // What hangs is left behind, and waits there for nothing.
        suite = suite.limit(Duration::from_secs(if words == HUNG { 1 } else { 120 }));
        set_wrong(Some(defect));
        let found = suite.check(case);
        set_wrong(None);
        let found = found.expect_err(&format!("{case} has overlooked {defect:?}"));
        assert!(found.contains(words), "{case} says of {defect:?}: {found}");
        // With what was running, which is at least the run that hangs.
        assert!(words != HUNG || found.contains("\nrun on "), "{case} shows no run: {found}");
    }
}

/// What README.md shows of failures is what these two defects look like.
#[test]
fn readme_shows_real_failures() {
    let readme = include_str!("../README.md");
    for shown in [IsEarly, WakesTheWrongTask] {
        let (_, case, words) = CAUGHT.into_iter().find(|row| row.0 == shown).expect("it is there");
        let report = format!("---- broken::current_thread::{case} ----\n{words}");
        assert!(readme.contains(&report), "README.md does not show this any more:\n{report}");
    }
}

#[derive(Clone, Copy, Debug)]
struct Broken;

impl Executor for Broken {
    const NAME: &'static str = "broken";
    type Spawner = Spawner;

    fn spawner() -> Result<Spawner, NoRuntime> {
        Tokio::spawner().map(Spawner)
    }
}

#[derive(Clone)]
struct Spawner(<Tokio as Executor>::Spawner);

impl Spawn for Spawner {
    fn spawn_task<F: Future<Output = ()> + Send + 'static>(&self, task: F) {
        let mut task = Task { future: Some(Box::pin(task)), polled: false };
        if wrong(RunsInsideOfSpawn) {
            let polled = Pin::new(&mut task).poll(&mut Context::from_waker(Waker::noop()));
            if polled.is_ready() {
                return;
            }
        }
        self.0.spawn_task(task);
    }
}

struct Task {
    /// `None` when it has ended.
    future: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    polled: bool,
}

impl Future for Task {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.polled = true;
        let Some(future) = &mut self.future else { return Poll::Ready(()) };
        let polled = if wrong(LosesWakeUps) {
            let deaf = Arc::new(Deaf { awake: AtomicBool::new(true), waker: cx.waker().clone() });
            let polled = future.as_mut().poll(&mut Context::from_waker(&Arc::clone(&deaf).into()));
            deaf.awake.store(false, Ordering::SeqCst);
            polled
        } else {
            future.as_mut().poll(cx)
        };
        if polled.is_ready() {
            self.future = None;
        }
        polled
    }
}

/// Does not hear a wake while its task is awake.
struct Deaf {
    awake: AtomicBool,
    waker: Waker,
}

impl Wake for Deaf {
    fn wake(self: Arc<Self>) {
        if !self.awake.load(Ordering::SeqCst) {
            self.waker.wake_by_ref();
        }
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        let Some(future) = self.future.take() else { return };
        if wrong(RunsLeftOversOn) {
            thread::spawn(|| block_on(future));
        } else if wrong(ForgetsTasks) && !self.polled {
            std::mem::forget(future);
        }
    }
}

struct Timer {
    timer: Pin<Box<<Tokio as Clock>::Timer>>,
    first: Option<Waker>,
}

impl Future for Timer {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if !wrong(WakesTheWrongTask) {
            return self.timer.as_mut().poll(cx);
        }
        let first = self.first.get_or_insert_with(|| cx.waker().clone()).clone();
        self.timer.as_mut().poll(&mut Context::from_waker(&first))
    }
}

impl Clock for Broken {
    type Timer = Timer;

    fn now() -> Instant {
        Tokio::now()
    }

    #[track_caller]
    fn timer(deadline: Instant) -> Timer {
        let early = Duration::from_millis(if wrong(IsEarly) { 10 } else { 0 });
        let deadline = deadline.checked_sub(early).unwrap_or(deadline);
        Timer { timer: Box::pin(Tokio::timer(deadline)), first: None }
    }
}

impl Run for Broken {
    fn run<F: Future>(options: &RunOptions, future: F) -> Result<F::Output, RunError> {
        if Tokio::spawner().is_ok() {
            let refused = Err(RunError::nested(Self::NAME));
            return if wrong(NestsRuns) { Ok(block_on(future)) } else { refused };
        }
        if wrong(LosesPanics) {
            let run = AssertUnwindSafe(|| Tokio::run(options, future));
            let lost = |_| Err(RunError::build(Self::NAME, io::Error::other("lost a panic")));
            return catch_unwind(run).unwrap_or_else(lost);
        }
        Tokio::run(options, future)
    }
}

impl Runtime for Broken {
    type TaskGroup<E: TaskError> = anyio_engine::TaskGroup<Self, E>;
    type CancelScope = Scope;
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

#[derive(Clone)]
struct Scope(anyio_engine::CancelScope<Broken>);

impl CancelScope for Scope {
    fn new() -> Self {
        Self(anyio_engine::CancelScope::new())
    }

    async fn run<F>(&self, future: F) -> Result<F::Output, Cancelled>
    where
        F: Future + Send,
        F::Output: Send,
    {
        if wrong(RunsCancelledWorkOn) {
            self.0.run(anyio_engine::shield(future)).await
        } else {
            self.0.run(future).await
        }
    }

    #[track_caller]
    fn cancel(&self) {
        self.0.cancel();
    }

    #[track_caller]
    fn cancel_because(&self, reason: impl Into<Arc<str>>) {
        self.0.cancel_because(reason);
    }

    fn cancel_with(&self, cause: Cause) {
        self.0.cancel_with(cause);
    }

    fn shutdown(&self, grace: Duration) {
        self.0.shutdown(grace);
    }

    fn cancel_called(&self) -> bool {
        self.0.cancel_called()
    }

    fn cause(&self) -> Option<Cause> {
        self.0.cause()
    }

    fn deadline(&self) -> Option<Instant> {
        self.0.deadline()
    }

    fn set_deadline(&self, deadline: Option<Instant>) {
        self.0.set_deadline(deadline);
    }

    fn deadline_in(&self, timeout: Duration) {
        self.0.deadline_in(timeout);
    }

    fn is_shielded(&self) -> bool {
        self.0.is_shielded()
    }

    fn set_shielded(&self, on: bool) {
        self.0.set_shielded(on);
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
