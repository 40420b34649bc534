//! How many jobs may block at once.

use std::{
    pin::Pin,
    sync::OnceLock,
    task::{Context, Poll, ready},
    time::Instant,
};

use anyio_core::{Blocking, Clock};

use super::crew::{Crew, Crews};
use crate::{
    context::{Locals, with_jobs},
    op, run_local,
    sync::{CapacityLimiter, NamelessToken},
    sys::{Arc, Mutex},
    trace,
};

/// How many jobs of each kind block at once, if nobody says otherwise. AnyIO and Trio have the same.
const CAPACITY: usize = 40;

/// A limiter that everybody shares, what has been said about it, and who does the jobs.
pub(crate) struct Shared {
    limiter: Arc<CapacityLimiter>,
    crews: Crews,
    /// When it was last reported that there are too few threads.
    reported: Mutex<Option<Instant>>,
}

impl Shared {
    pub(crate) fn new() -> Self {
        let limiter = Arc::new(CapacityLimiter::new(CAPACITY));
        Self { limiter, crews: Crews::default(), reported: Mutex::default() }
    }
}

run_local! {
    static FILES: Shared = Shared::new();
}

/// Those of all that is in no run of ours.
static JOBS_ELSEWHERE: OnceLock<Arc<Shared>> = OnceLock::new();
static FILES_ELSEWHERE: OnceLock<Arc<Shared>> = OnceLock::new();

fn jobs_elsewhere() -> &'static Arc<Shared> {
    JOBS_ELSEWHERE.get_or_init(|| Arc::new(Shared::new()))
}

/// What is shared where these locals are.
fn jobs(locals: Option<&Arc<Locals>>) -> Arc<Shared> {
    with_jobs(locals, Arc::clone).unwrap_or_else(|| Arc::clone(jobs_elsewhere()))
}

fn limiter_of_jobs(locals: Option<&Arc<Locals>>) -> Arc<CapacityLimiter> {
    let known = with_jobs(locals, |shared| Arc::clone(&shared.limiter));
    known.unwrap_or_else(|| Arc::clone(&jobs_elsewhere().limiter))
}

/// Who does the jobs of the run with these locals, on the executor of `spawner`. None if they are no run's, or
/// if its first call was made on another one: code of a run may be on other runtimes, and their threads are not to
/// be mixed up.
pub(super) fn crew_of<B: Blocking>(
    locals: Option<&Arc<Locals>>,
    spawner: &B::Spawner,
) -> Option<Arc<Crew<B>>> {
    with_jobs(locals, |shared| shared.crews.of::<B>(spawner).cloned()).flatten()
}

/// The limiter of those calls of [`to_thread`](crate::to_thread) that name no other: 40 jobs at once.
///
/// Each run has its own, and all that is in no run share one. It may be changed at any time
/// (`default_thread_limiter().set_capacity(100)`), and looked at. If a call has waited for its turn for
/// ten seconds, because all the jobs before it block, `tracing` is told.
#[must_use]
#[doc(alias = "current_default_thread_limiter")]
pub fn default_thread_limiter() -> Arc<CapacityLimiter> {
    limiter_of_jobs(Locals::current().as_ref())
}

/// The limiter of what this library does in threads itself, as the work with files: also 40 at once,
/// and none of those of [`default_thread_limiter`]. So jobs that block for long do not keep files from
/// being read, nor the other way round.
#[must_use]
pub fn file_thread_limiter() -> Arc<CapacityLimiter> {
    let elsewhere = || Arc::clone(FILES_ELSEWHERE.get_or_init(|| Arc::new(Shared::new())));
    Arc::clone(&FILES.try_get().unwrap_or_else(|_| elsewhere()).limiter)
}

/// The way of a call to its turn.
pub(super) enum Turn<B: Clock> {
    /// To be asked for, of this limiter or of the default one.
    Wanted(Option<Arc<CapacityLimiter>>),
    /// In a box: few have to wait, and all are as large as those.
    Awaited(Box<Waiting<B>>),
}

/// What has been asked for.
pub(super) struct Waiting<B: Clock> {
    token: Pin<Box<dyn Future<Output = NamelessToken> + Send>>,
    patience: Option<Patience<B>>,
}

impl<B: Clock> Turn<B> {
    /// Ready with what has to be kept until the job has ended. `locals` are those of the call.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        locals: Option<&Arc<Locals>>,
    ) -> Poll<NamelessToken> {
        if let Self::Wanted(limiter) = self {
            ready!(op::admit(cx));
            let own = limiter.take();
            let is_own = own.is_some();
            let limiter = match own.unwrap_or_else(|| limiter_of_jobs(locals)).try_lend_nameless() {
                Ok(token) => return Poll::Ready(token),
                Err(limiter) => limiter,
            };
            let patience = if is_own { None } else { Patience::new(jobs(locals)) };
            let token = Box::pin(limiter.acquire_nameless());
            *self = Self::Awaited(Box::new(Waiting { token, patience }));
        }
        let Self::Awaited(waiting) = self else { unreachable!("it was made above") };
        let Waiting { token, patience } = &mut **waiting;
        let poll = token.as_mut().poll(cx);
        if let (Poll::Pending, Some(patience)) = (&poll, patience) {
            patience.poll(cx);
        }
        poll
    }
}

/// Reports, now and then, that a call has been waiting for long.
pub(super) struct Patience<B: Clock> {
    shared: Arc<Shared>,
    timer: Pin<Box<B::Timer>>,
}

impl<B: Clock> Patience<B> {
    /// None if nobody would hear the report.
    fn new(shared: Arc<Shared>) -> Option<Self> {
        let timer = Box::pin(B::timer(B::now().checked_add(trace::PATIENCE?)?));
        Some(Self { shared, timer })
    }

    fn poll(&mut self, cx: &mut Context<'_>) {
        let Some(patience) = trace::PATIENCE else { return };
        while self.timer.as_mut().poll(cx).is_ready() {
            let now = B::now();
            {
                let mut reported = self.shared.reported.lock();
                // One report speaks for all who wait.
                if reported
                    .is_none_or(|reported| now.saturating_duration_since(reported) >= patience)
                {
                    *reported = Some(now);
                    drop(reported);
                    trace::threads_taken(&self.shared.limiter.statistics());
                }
            }
            let Some(next) = now.checked_add(patience) else { return };
            self.timer.set(B::timer(next));
        }
    }
}
