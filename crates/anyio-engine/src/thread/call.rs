//! Code that blocks, from code that must not.

use std::{
    any::Any,
    fmt,
    panic::{Location, resume_unwind},
    pin::Pin,
    sync::{Condvar, Mutex as StdMutex, PoisonError},
    task::{Context, Poll, ready},
    time::Duration,
};

use anyio_core::{Blocking, Clock, Executor, NoRuntime, Spawn};

use super::{
    host::{self, Host, Task},
    limit::Turn,
    stop::StopToken,
};
use crate::{
    context::{Frame, Kind, Locals, RunId, current_backend, in_job},
    erased::{AnySpawner, Erased},
    handover::Handover,
    scope::{call_of, catch},
    sync::{CapacityLimiter, OwnedLimiterToken},
    sys::{Arc, Weak},
    trace,
    tree::{Member, Members, Node},
};

/// Runs `job` on a thread where it may block, and waits for what it gives.
///
/// A job cannot be interrupted. If a scope around the call is cancelled while the job runs, there are
/// three ways to go on:
///
/// ```text
/// to_thread(job)                       waits for the job; its value is kept
/// to_thread(job).abandon_on_cancel()   returns at once; the job goes on alone
/// to_thread_with_stop(|stop| …)        tells the job to stop, and waits for it
/// ```
///
/// The operation after the call does not start, then. So do whatever the value is needed for without
/// waiting, or inside a shield.
///
/// The job owns what it uses: give it a clone, or move a buffer in and have it back as part of the
/// value. It is in no task and in no scope, but it sees the [local values](crate::TreeLocal) of the
/// task, and can have futures run there: see [`from_thread`](crate::from_thread).
///
/// A limiter bounds how many jobs run at once: [`default_thread_limiter`](crate::default_thread_limiter),
/// or [one of your own](ToThread::limiter). A job has its token until it has really ended, whoever still
/// waits for it.
///
/// Going to a thread and back takes some ten microseconds: give it enough to do.
///
/// # Cancel safety
///
/// Cancelled before it has started, the job is not run. Dropping the future by hand lets the job
/// go on alone.
///
/// # Fairness
///
/// Jobs start in the order in which they were first polled.
///
/// # Panics
///
/// With the job's panic. Also outside of a runtime that has such threads, and if the runtime shuts
/// down before it has run the job.
#[track_caller]
pub const fn to_thread<B, F, T>(job: F) -> ToThread<B, F, T>
where
    B: Blocking + Clock,
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    ToThread {
        frame: Frame::new(),
        site: Location::caller(),
        job: Some(job),
        abandons: false,
        turn: Turn::Wanted(None),
        call: None,
    }
}

/// As [`to_thread`], for a job that stops when it is told to: if a scope around the call is cancelled,
/// the [`StopToken`] says so, and the call waits until the job has ended.
///
/// # Cancel safety
///
/// Cancelled before it has started, the job is not run. Dropping the future by hand tells the job to
/// stop, too, but does not wait.
///
/// # Panics
///
/// As [`to_thread`].
#[track_caller]
pub fn to_thread_with_stop<B, F, T>(job: F) -> ToThread<B, impl FnOnce() -> T + Send + 'static, T>
where
    B: Blocking + Clock,
    F: FnOnce(&StopToken) -> T + Send + 'static,
    T: Send + 'static,
{
    to_thread(move || {
        let Some(host) = host::current() else { unreachable!("this is the job of a call") };
        job(&StopToken::new(host))
    })
}

/// Given by [`to_thread`].
#[must_use = "futures do nothing unless you `.await` them"]
pub struct ToThread<B: Clock, F, T> {
    frame: Frame,
    site: &'static Location<'static>,
    // Until it starts.
    job: Option<F>,
    abandons: bool,
    turn: Turn<B>,
    // While the job runs.
    call: Option<Arc<Call<B, T>>>,
}

// The job is moved, and never pinned.
impl<B: Clock, F, T> Unpin for ToThread<B, F, T> {}

impl<B: Blocking + Clock, F, T> ToThread<B, F, T> {
    /// If a scope around the call is cancelled, returns at once and lets the job go on alone. What it
    /// gives is dropped then; a panic of it is reported to `tracing`.
    ///
    /// What the job starts with [`from_thread::run`](crate::from_thread::run) belongs to no scope.
    #[doc(alias = "cancellable")]
    pub const fn abandon_on_cancel(mut self) -> Self {
        self.abandons = true;
        self
    }

    /// Bounds how many jobs run at once by `limiter`, instead of by the default one.
    ///
    /// # Panics
    ///
    /// If the call has been polled.
    pub fn limiter(mut self, limiter: &Arc<CapacityLimiter>) -> Self {
        assert!(
            matches!(self.turn, Turn::Wanted(_)) && self.call.is_none(),
            "a limiter cannot be chosen for a job that has been polled",
        );
        self.turn = Turn::Wanted(Some(Arc::clone(limiter)));
        self
    }
}

impl<B, F, T> ToThread<B, F, T>
where
    B: Blocking + Clock,
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    const fn kind(&self) -> Kind<'static> {
        call_of(self.abandons, self.site)
    }

    #[track_caller]
    fn start(
        &mut self,
        job: F,
        locals: Option<Arc<Locals>>,
        token: OwnedLimiterToken,
    ) -> Arc<Call<B, T>> {
        let call = Arc::new(Call {
            node: Arc::clone(self.frame.need_node(self.kind())),
            abandons: self.abandons,
            backend: current_backend(),
            run: RunId::of(locals.as_ref()),
            spawner: B::spawner(),
            result: Handover::new(),
            cancelled: Alarm::default(),
        });
        let report = Report(Some(Arc::clone(&call)));
        let work = move || {
            let run = || in_job(locals.as_ref(), || catch(job));
            let result = host::during(report.host(), run);
            drop((locals, token));
            report.send(result);
        };
        if let Err(error) = B::spawn_blocking(work) {
            panic!("{error}");
        }
        call
    }
}

impl<B, F, T> Future for ToThread<B, F, T>
where
    B: Blocking + Clock,
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    type Output = T;

    // A missing runtime is reported at the `.await`.
    #[track_caller]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let this = self.get_mut();
        let poll = match &this.call {
            Some(call) => {
                this.frame.follow();
                call.result.poll_again(cx)
            }
            None => {
                if this.job.is_none() {
                    panic!("a future was polled after it had ended");
                }
                let locals = Locals::current();
                let token = ready!(this.turn.poll(cx, locals.as_ref()));
                let Some(job) = this.job.take() else { unreachable!("it was there above") };
                let call = this.start(job, locals, token);
                this.call.insert(call).result.poll_take(cx)
            }
        };
        let Poll::Ready(result) = poll else {
            this.frame.settle(this.kind(), cx);
            return Poll::Pending;
        };
        // What else it has goes last.
        let _call = this.call.take();
        this.frame.leave();
        match result {
            Some(Ok(value)) => Poll::Ready(value),
            Some(Err(payload)) => resume_unwind(payload),
            None => panic!("the runtime shut down before it had run the blocking job"),
        }
    }
}

impl<B: Clock, F, T> Drop for ToThread<B, F, T> {
    fn drop(&mut self) {
        let Some(call) = self.call.take() else { return };
        if call.node.is_effective() {
            // The job shall hear that cause, and not that it was dropped.
            self.frame.leave();
        }
        if let Some(result) = call.result.let_go().flatten() {
            discard(result);
        }
    }
}

impl<B: Clock, F, T> fmt::Debug for ToThread<B, F, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToThread")
            .field("started", &self.job.is_none())
            .field("abandons", &self.abandons)
            .finish_non_exhaustive()
    }
}

type Caught<T> = Result<T, Box<dyn Any + Send>>;

/// What the task and the thread share.
struct Call<B: Executor, T> {
    node: Arc<Node>,
    abandons: bool,
    backend: Option<&'static Erased>,
    run: RunId,
    spawner: Result<B::Spawner, NoRuntime>,
    /// `None`: the job was dropped.
    result: Handover<Option<Caught<T>>>,
    cancelled: Alarm,
}

/// What a job gives to nobody.
fn discard<T>(result: Caught<T>) {
    if let Err(payload) = catch(|| result.map(drop)).and_then(|result| result) {
        trace::abandoned_panic(&*payload);
    }
}

impl<B: Executor, T: Send + 'static> Host for Call<B, T> {
    fn node(&self) -> &Arc<Node> {
        &self.node
    }

    fn abandons(&self) -> bool {
        self.abandons
    }

    fn backend(&self) -> Option<&'static Erased> {
        self.backend
    }

    fn run(&self) -> &RunId {
        &self.run
    }

    fn spawn(&self, task: Task) -> Result<(), NoRuntime> {
        let spawner = self.spawner.as_ref().map_err(Clone::clone)?;
        spawner.spawn_task(task);
        Ok(())
    }

    fn spawner(&self) -> Result<AnySpawner, NoRuntime> {
        self.spawner.clone().map(AnySpawner::new)
    }

    fn listen(self: Arc<Self>) {
        let members: Weak<Self> = Arc::downgrade(&self);
        self.node.set_members(members);
    }

    fn sleep(&self, limit: Option<Duration>) {
        self.cancelled.wait(limit, || self.node.is_effective());
    }
}

/// The node says here that it is effective now.
impl<B: Executor, T: Send + 'static> Members for Call<B, T> {
    fn wake_all(&self) {
        self.cancelled.ring();
    }

    /// A job is no task.
    fn list(&self) -> Vec<Member> {
        Vec::new()
    }
}

/// Ends the sleep of threads.
///
/// # Invariants
///
/// What is waited for becomes true first, and is rung for afterwards, under the lock. Who waits looks
/// under the lock. So either it is seen, or the ringing finds somebody asleep.
#[derive(Default)]
struct Alarm {
    lock: StdMutex<()>,
    rung: Condvar,
}

impl Alarm {
    fn ring(&self) {
        let guard = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        self.rung.notify_all();
        drop(guard);
    }

    /// Blocks until `done`, or until `limit` has passed.
    fn wait(&self, limit: Option<Duration>, done: impl Fn() -> bool) {
        let guard = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        let asleep = |_: &mut ()| !done();
        match limit {
            None => drop(self.rung.wait_while(guard, asleep)),
            Some(limit) => drop(self.rung.wait_timeout_while(guard, limit, asleep)),
        }
    }
}

/// The thread's side: reports, even if it is dropped without having run.
struct Report<B: Executor, T>(Option<Arc<Call<B, T>>>);

impl<B: Executor, T: Send + 'static> Report<B, T> {
    fn host(&self) -> Arc<dyn Host> {
        match &self.0 {
            Some(call) => Arc::clone(call) as _,
            None => unreachable!("it has not been sent"),
        }
    }
}

impl<B: Executor, T> Report<B, T> {
    fn send(mut self, result: Caught<T>) {
        self.finish(Some(result));
    }

    fn finish(&mut self, result: Option<Caught<T>>) {
        let Some(call) = self.0.take() else { return };
        if let Some(result) = call.result.give(result).flatten() {
            discard(result);
        }
        // The task may have gone in between; what is left must not panic in this thread.
        _ = catch(|| drop(call));
    }
}

impl<B: Executor, T> Drop for Report<B, T> {
    fn drop(&mut self) {
        self.finish(None);
    }
}
