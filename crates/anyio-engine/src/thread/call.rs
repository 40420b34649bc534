//! Code that blocks, from code that must not.

use std::{
    fmt,
    panic::{Location, resume_unwind},
    pin::Pin,
    task::{Context, Poll, ready},
};

use anyio_core::{Blocking, Clock};

use super::{
    errand::{Outcome, Shelf, Single, Work},
    host::Origin,
    limit::{Turn, crew_of},
    stop::StopToken,
};
use crate::{
    context::{Frame, Kind, Locals, job},
    scope::call_of,
    sync::{CapacityLimiter, NamelessToken},
    sys::Arc,
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
/// In a run, a thread that has done a job does the next one too, if there is one, and few are woken for many.
/// No job waits for the end of another one because of that.
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
        alone: false,
        turn: Turn::Wanted(None),
        running: None,
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
        let node = job::host(|host| host.map(|host| Arc::clone(host.node())));
        let Some(node) = node else { unreachable!("this is the job of a call") };
        job(&StopToken::new(node))
    })
}

/// Given by [`to_thread`].
#[must_use = "futures do nothing unless you `.await` them"]
pub struct ToThread<B: Blocking + Clock, F, T: Send + 'static> {
    frame: Frame,
    site: &'static Location<'static>,
    // Until it starts.
    job: Option<F>,
    abandons: bool,
    // There was no thread for it among those of the run.
    alone: bool,
    turn: Turn<B>,
    // Until the job has ended.
    running: Option<Arc<Shelf<F, T>>>,
}

// The job is moved, and never pinned.
impl<B: Blocking + Clock, F, T: Send + 'static> Unpin for ToThread<B, F, T> {}

impl<B: Blocking + Clock, F, T: Send + 'static> ToThread<B, F, T> {
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
            matches!(self.turn, Turn::Wanted(_)) && self.running.is_none(),
            "a limiter cannot be chosen for a job that has been polled",
        );
        self.turn = Turn::Wanted(Some(Arc::clone(limiter)));
        self
    }
}

impl<B: Blocking + Clock, F, T: Send + 'static> ToThread<B, F, T> {
    /// The call is dropped while its job runs.
    #[cold]
    fn let_go(&mut self, running: &Shelf<F, T>) {
        if self.frame.node().is_some_and(|node| node.is_effective()) {
            // The job shall hear that cause, and not that it was dropped.
            self.frame.leave();
        }
        running.let_go();
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

    /// All that the job is, now that it may run.
    fn work(&self, job: F, locals: Option<Arc<Locals>>, token: NamelessToken) -> Work<F> {
        // The node is where the job is seen from, and holds what is around it. Nothing in the tree has to wake
        // who waits: a scope that leaves the job alone is woken itself.
        let node = Arc::clone(self.frame.need_node(self.kind()));
        Work { job, origin: Origin::here(node, self.abandons, locals), token }
    }

    /// Has a thread do `work`, and waits for it with `cx`.
    #[track_caller]
    fn start(&mut self, work: Work<F>, cx: &Context<'_>) {
        let spawner = B::spawner();
        let crew = match &spawner {
            Ok(spawner) if !self.alone => crew_of::<B>(work.origin.locals(), spawner),
            _ => None,
        };
        let shelf = Shelf::new(work, cx);
        // Whatever panics from here on: the job is let go of.
        self.running = Some(Arc::clone(&shelf));
        let errand = Arc::clone(&shelf);
        let sent = if let Some(crew) = crew {
            crew.put(errand)
        } else {
            self.alone = true;
            Single::<B>::send(errand, spawner)
        };
        // If others are there for it, they do it.
        if let Err(error) = sent
            && let Some(work) = shelf.take_refused()
        {
            self.running = None;
            drop(work);
            panic!("{error}");
        }
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
        let Some(running) = &this.running else {
            if this.job.is_none() {
                panic!("a future was polled after it had ended");
            }
            let locals = Locals::current();
            let token = ready!(this.turn.poll(cx, locals.as_ref()));
            let Some(job) = this.job.take() else { unreachable!("it was there above") };
            let work = this.work(job, locals, token);
            this.start(work, cx);
            return Poll::Pending;
        };
        this.frame.follow();
        let outcome = ready!(running.poll(cx));
        this.running = None;
        match outcome {
            Outcome::Ended(ended) => {
                this.frame.leave();
                match ended.take() {
                    Ok(value) => Poll::Ready(value),
                    Err(payload) => resume_unwind(payload),
                }
            }
            Outcome::Refused(work) if !this.alone => {
                // The thread that was on its way for all of them does not come.
                this.alone = true;
                this.start(work, cx);
                Poll::Pending
            }
            Outcome::Refused(work) => {
                drop(work);
                this.frame.leave();
                panic!("the runtime shut down before it had run the blocking job");
            }
        }
    }
}

impl<B: Blocking + Clock, F, T: Send + 'static> Drop for ToThread<B, F, T> {
    #[inline]
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            self.let_go(&running);
        }
    }
}

impl<B: Blocking + Clock, F, T: Send + 'static> fmt::Debug for ToThread<B, F, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToThread")
            .field("started", &self.job.is_none())
            .field("abandons", &self.abandons)
            .finish_non_exhaustive()
    }
}
