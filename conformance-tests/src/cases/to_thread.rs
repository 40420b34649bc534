//! What a cancellation does to a blocking job, in three ways, and how many of them block at once.

use std::{
    marker::PhantomData,
    sync::{
        Arc, Barrier, Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    task::Poll,
    thread,
    time::{Duration, Instant},
};

use anyio_core::{
    Blocking, CancelScope as _, Cancelled, CauseKind, Clock, Event as _, Executor, NoRuntime,
    Runtime, TaskGroup as _, TaskHandle as _,
};
use anyio_engine::{
    CapacityLimiter, Job, RuntimeExt as _, checkpoint, default_thread_limiter, file_thread_limiter,
    run_local, to_thread, tree_local,
};
use futures_util::future::join_all;

use super::tools::{Payload, ThrowOnDrop, event};
use crate::{
    cut::everywhere,
    suite::Case,
    support::{Counter, Log, Wakes, caught, cause_of, poll_once, until},
};

pub(super) fn list<B: Runtime + Blocking>() -> Vec<Case> {
    list![B, to_thread:
        abandoned_call_returns_at_once,
        abandoned_job_keeps_its_token,
        abandoned_value_and_panic_harm_nobody,
        local_value_that_panics_in_the_job_harms_nobody,
        value_that_is_there_is_not_abandoned,
        abandoned_call_does_not_start_in_a_cancelled_scope,
        job_is_told_to_stop,
        job_hears_why_it_shall_stop,
        job_of_a_dropped_call_is_told_to_stop,
        job_that_is_not_told_to_stop_sleeps,
        threads_of_a_job_may_ask,
        limiter_bounds_jobs,
        jobs_take_turns_in_order,
        job_that_waits_for_its_turn_can_be_cancelled,
        token_is_back_before_the_value_is_there,
        token_comes_back_if_no_thread_is_to_be_had,
        thread_that_does_not_come_costs_no_job,
        thread_that_is_refused_costs_no_other_job,
        jobs_do_not_wait_for_each_other,
        no_token_is_lost,
        default_limiter_has_a_size,
        default_limiter_can_be_changed,
        file_work_and_jobs_do_not_starve_each_other,
        local_values_are_seen_in_the_job,
        calls_left_before_they_began_leave_the_threads_free,
    ]
}

tree_local! {
    static REQUEST: u32;
    static FRAGILE: ThrowOnDrop;
}

/// A job that ends when the case lets it.
struct Blocked {
    go: mpsc::Sender<()>,
    begun: mpsc::Receiver<()>,
}

impl Blocked {
    /// And what the job does.
    fn new() -> (Self, impl FnOnce() + Send + 'static) {
        let ((go, wait), (begins, begun)) = (mpsc::channel(), mpsc::channel());
        let job = move || {
            // Nobody has to be interested.
            _ = begins.send(());
            wait.recv().expect("the case lets it go");
        };
        (Self { go, begun }, job)
    }

    fn has_begun(&self) -> bool {
        self.begun.try_recv().is_ok()
    }

    fn go(&self) {
        self.go.send(()).expect("the job waits");
    }
}

/// Abandoned, a call gives way to the cancellation at once, and the job goes on alone.
/// Covers: anyio/test_cancel_worker_thread
/// Covers: trio/test_run_in_worker_thread_cancellation
async fn abandoned_call_returns_at_once<B: Runtime + Blocking>() {
    let (scope, ended) = (B::CancelScope::new(), event::<B>());
    let (blocked, job) = Blocked::new();
    let tells = Arc::clone(&ended);
    let call = B::to_thread(move || {
        job();
        tells.set();
    });
    let mut work = Box::pin(scope.run(call.abandon_on_cancel()));
    assert!(poll_once(&mut work).is_pending());
    until::<B>(|| blocked.has_begun()).await;
    scope.cancel();
    assert!(matches!(poll_once(&mut work), Poll::Ready(Err(_))));
    assert!(!ended.is_set());
    blocked.go();
    ended.wait().await;
}

/// The token of an abandoned call is out until its thread has really ended: cancelled or dropped.
async fn abandoned_job_keeps_its_token<B: Runtime + Blocking>() {
    for cancelled in [true, false] {
        let (scope, limiter) = (B::CancelScope::new(), Arc::new(CapacityLimiter::new(1)));
        let (blocked, job) = Blocked::new();
        let call = B::to_thread(job).abandon_on_cancel().limiter(&limiter);
        let mut work = Box::pin(scope.run(call));
        assert!(poll_once(&mut work).is_pending());
        until::<B>(|| blocked.has_begun()).await;
        if cancelled {
            scope.cancel();
            assert!(matches!(poll_once(&mut work), Poll::Ready(Err(_))));
        }
        drop(work);
        let mut next = Box::pin(B::to_thread(|| 7).limiter(&limiter));
        assert!(poll_once(&mut next).is_pending());
        let statistics = limiter.statistics();
        assert_eq!((statistics.borrowed, statistics.waiting), (1, 1));
        blocked.go();
        assert_eq!(next.await, 7);
        until::<B>(|| limiter.borrowed() == 0).await;
    }
}

/// What an abandoned job gives is dropped, and its panic kills no thread.
async fn abandoned_value_and_panic_harm_nobody<B: Runtime + Blocking>() {
    let limiter = Arc::new(CapacityLimiter::new(1));
    let payload = Payload::new("job");
    for _ in 0..3 {
        for panics in [true, false] {
            let (blocked, job) = Blocked::new();
            let (value, payload) = (Arc::new(()), payload.clone());
            let theirs = Arc::clone(&value);
            let call = B::to_thread(move || {
                job();
                if panics { payload.throw() } else { theirs }
            });
            let mut call = Box::pin(call.abandon_on_cancel().limiter(&limiter));
            assert!(poll_once(&mut call).is_pending());
            drop(call);
            blocked.go();
            // Its token comes back last.
            until::<B>(|| Arc::strong_count(&value) == 1 && limiter.borrowed() == 0).await;
        }
    }
    assert_eq!(B::to_thread(|| 7).limiter(&limiter).await, 7);
}

/// What was set around an abandoned call goes with its job. If its destructor panics, and that of what the job
/// gives does, too, that kills neither a thread nor the process, and the token comes back.
async fn local_value_that_panics_in_the_job_harms_nobody<B: Runtime + Blocking>() {
    let limiter = Arc::new(CapacityLimiter::new(1));
    let payload = Payload::new("destructor");
    for _ in 0..3 {
        let (blocked, job) = Blocked::new();
        let theirs = payload.clone();
        let call = B::to_thread(move || {
            job();
            ThrowOnDrop(theirs)
        });
        let call = call.abandon_on_cancel().limiter(&limiter);
        let mut work = Box::pin(FRAGILE.scope(ThrowOnDrop(payload.clone()), call));
        assert!(poll_once(&mut work).is_pending());
        drop(work);
        blocked.go();
        until::<B>(|| limiter.borrowed() == 0).await;
    }
    assert_eq!(B::to_thread(|| 7).limiter(&limiter).await, 7);
}

/// C7: a value that is there when the cancellation comes is kept.
async fn value_that_is_there_is_not_abandoned<B: Runtime + Blocking>() {
    let (scope, wakes) = (B::CancelScope::new(), Wakes::default());
    let mut work = Box::pin(scope.run(B::to_thread(|| 7).abandon_on_cancel()));
    if wakes.poll(&mut work).is_pending() {
        until::<B>(|| wakes.count() > 0).await;
        scope.cancel();
        assert_eq!(wakes.poll(&mut work), Poll::Ready(Ok(7)));
    }
}

/// C8: in a cancelled scope the job does not start, abandoned or not.
async fn abandoned_call_does_not_start_in_a_cancelled_scope<B: Runtime + Blocking>() {
    let (scope, ran) = (B::CancelScope::new(), Counter::default());
    scope.cancel();
    let counted = ran.clone();
    let result = scope.run(B::to_thread(move || counted.add()).abandon_on_cancel()).await;
    assert!(result.is_err());
    let counted = ran.clone();
    let result = scope.run(B::to_thread_with_stop(move |_| counted.add())).await;
    assert!(result.is_err());
    assert_eq!(ran.get(), 0);
}

/// A job that can be told to stop is told when its task is cancelled; the call waits for it and keeps its
/// value.
async fn job_is_told_to_stop<B: Runtime + Blocking>() {
    for polls in [true, false] {
        let (scope, log) = (B::CancelScope::new(), Log::default());
        let (begun, notes) = (event::<B>(), log.clone());
        let tells = Arc::clone(&begun);
        let call = B::to_thread_with_stop(move |stop| {
            assert!(!stop.is_stop_requested() && stop.check().is_ok());
            tells.set();
            if polls {
                while !stop.is_stop_requested() {
                    thread::yield_now();
                }
            } else {
                stop.wait();
            }
            notes.add("stops");
            7
        });
        let mut work = Box::pin(scope.run(async {
            let value = call.await;
            log.add("value");
            checkpoint().await;
            value
        }));
        assert!(poll_once(&mut work).is_pending());
        begun.wait().await;
        scope.cancel();
        assert!(work.await.is_err());
        assert_eq!(log.take(), ["stops", "value"]);
    }
}

/// It is told the cause.
async fn job_hears_why_it_shall_stop<B: Runtime + Blocking>() {
    let scope = B::CancelScope::new();
    let begun = event::<B>();
    let tells = Arc::clone(&begun);
    let call = B::to_thread_with_stop(move |stop| {
        tells.set();
        stop.wait();
        stop.check()
    });
    let mut work = Box::pin(scope.run(call));
    assert!(poll_once(&mut work).is_pending());
    begun.wait().await;
    scope.cancel_because("seen enough");
    let told = work.await.expect("a value beats the cancellation");
    assert_eq!(cause_of(told).reason(), Some("seen enough"));

    // A deadline is a cause like any other.
    let call = B::to_thread_with_stop(|stop| {
        stop.wait();
        stop.check()
    });
    let told = B::move_on_after(Duration::from_millis(2), call).await;
    assert_eq!(cause_of(told.expect("it has ended by itself")).kind(), CauseKind::Deadline);
}

/// If the future is dropped by hand, the job is told as well.
async fn job_of_a_dropped_call_is_told_to_stop<B: Runtime + Blocking>() {
    let (send, told) = mpsc::channel();
    let begun = event::<B>();
    let tells = Arc::clone(&begun);
    let mut call = Box::pin(B::to_thread_with_stop(move |stop| {
        tells.set();
        stop.wait();
        send.send(stop.check()).expect("the case waits");
    }));
    assert!(poll_once(&mut call).is_pending());
    begun.wait().await;
    drop(call);
    let mut heard = None;
    until::<B>(|| {
        heard = told.try_recv().ok();
        heard.is_some()
    })
    .await;
    assert_eq!(cause_of(heard.expect("it was heard")).kind(), CauseKind::Dropped);
}

/// Without a cancellation it sleeps as long as it wants to, and not less.
async fn job_that_is_not_told_to_stop_sleeps<B: Runtime + Blocking>() {
    let (stop, slept) = B::to_thread_with_stop(|stop| {
        let start = Instant::now();
        let stop = stop.wait_timeout(Duration::from_millis(5));
        (stop, start.elapsed())
    })
    .await;
    assert!(!stop && slept >= Duration::from_millis(5), "{slept:?}");
}

/// A job may have threads of its own, which are told by the same token.
async fn threads_of_a_job_may_ask<B: Runtime + Blocking>() {
    let (scope, begun) = (B::CancelScope::new(), event::<B>());
    let tells = Arc::clone(&begun);
    let call = B::to_thread_with_stop(move |stop| {
        thread::scope(|threads| {
            let all = [(); 3].map(|()| threads.spawn(|| stop.wait()));
            tells.set();
            all.map(|one| one.join().is_ok())
        })
    });
    let mut work = Box::pin(scope.run(call));
    assert!(poll_once(&mut work).is_pending());
    begun.wait().await;
    scope.cancel();
    assert_eq!(work.await, Ok([true; 3]));
}

/// No more jobs run at once than the limiter has tokens.
/// Covers: anyio/test_run_in_custom_limiter
async fn limiter_bounds_jobs<B: Runtime + Blocking>() {
    const TOKENS: usize = 3;
    let limiter = Arc::new(CapacityLimiter::new(TOKENS));
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    // Each one ends when all the tokens are out, so all of them are used.
    let barrier = Arc::new(Barrier::new(TOKENS));
    let jobs = (0..4 * TOKENS).map(|_| {
        let (running, most) = (Arc::clone(&running), Arc::clone(&most));
        let (barrier, theirs) = (Arc::clone(&barrier), Arc::clone(&limiter));
        let job = move || {
            most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            barrier.wait();
            assert_eq!(theirs.borrowed(), TOKENS);
            barrier.wait();
            running.fetch_sub(1, Ordering::SeqCst);
        };
        B::to_thread(job).limiter(&limiter)
    });
    join_all(jobs).await;
    assert_eq!(most.load(Ordering::SeqCst), TOKENS);
    assert_eq!(limiter.borrowed(), 0);
}

/// W1: jobs that wait for their turn start in the order in which they asked.
async fn jobs_take_turns_in_order<B: Runtime + Blocking>() {
    let limiter = Arc::new(CapacityLimiter::new(1));
    let order = Arc::new(Mutex::new(Vec::new()));
    let jobs = (0..20).map(|number| {
        let order = Arc::clone(&order);
        B::to_thread(move || order.lock().unwrap().push(number)).limiter(&limiter)
    });
    join_all(jobs).await;
    assert_eq!(*order.lock().unwrap(), (0..20).collect::<Vec<_>>());
}

/// A call that waits for its turn leaves the queue when it is cancelled or dropped, and its job never
/// runs: on every backend, since it has not been given to one.
async fn job_that_waits_for_its_turn_can_be_cancelled<B: Runtime + Blocking>() {
    for by_hand in [true, false] {
        let limiter = Arc::new(CapacityLimiter::new(1));
        let (blocked, job) = Blocked::new();
        let mut first = Box::pin(B::to_thread(job).limiter(&limiter));
        assert!(poll_once(&mut first).is_pending());
        let (scope, job) = (B::CancelScope::new(), Arc::new(()));
        let theirs = Arc::clone(&job);
        let mut second = Box::pin(scope.run(B::to_thread(move || drop(theirs)).limiter(&limiter)));
        assert!(poll_once(&mut second).is_pending());
        assert_eq!(limiter.statistics().waiting, 1);
        if !by_hand {
            scope.cancel();
            assert!(matches!(poll_once(&mut second), Poll::Ready(Err(_))));
        }
        drop(second);
        assert_eq!((limiter.statistics().waiting, Arc::strong_count(&job)), (0, 1));
        blocked.go();
        first.await;
        assert_eq!(limiter.borrowed(), 0);
    }
}

/// Who has the value may count on the token, too. No helper has to tell how many jobs are at work.
/// Covers: trio/test_wait_all_threads_completed_no_threads
async fn token_is_back_before_the_value_is_there<B: Runtime + Blocking>() {
    let limiter = default_thread_limiter();
    assert_eq!(limiter.borrowed(), 0);
    for _ in 0..50 {
        let theirs = Arc::clone(&limiter);
        assert_eq!(B::to_thread(move || theirs.borrowed()).await, 1);
        assert_eq!(limiter.borrowed(), 0);
    }
}

/// What becomes of a job that a backend is given.
#[derive(Clone, Copy)]
enum Fate {
    /// There are no threads.
    Refused,
    /// The runtime shuts down before it has run it.
    Dropped,
    /// It is the backend's own.
    Usual,
}

run_local! {
    /// What becomes of the next jobs of [`Unreliable`]; the last of these is for all that come after.
    static FATES: Mutex<Vec<Fate>> = Mutex::default();
}

fn next_jobs_are(fates: &[Fate]) {
    *FATES.get().lock().unwrap() = fates.iter().rev().copied().collect();
}

/// A backend whose threads are not always to be had.
#[derive(Debug)]
struct Unreliable<B>(PhantomData<fn() -> B>);

impl<B> Clone for Unreliable<B> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<B> Copy for Unreliable<B> {}

impl<B: Executor> Executor for Unreliable<B> {
    const NAME: &'static str = B::NAME;
    type Spawner = B::Spawner;

    fn spawner() -> Result<B::Spawner, NoRuntime> {
        B::spawner()
    }
}

impl<B: Clock> Clock for Unreliable<B> {
    type Timer = B::Timer;

    fn now() -> Instant {
        B::now()
    }

    fn timer(deadline: Instant) -> B::Timer {
        B::timer(deadline)
    }
}

impl<B: Blocking> Blocking for Unreliable<B> {
    type Job<T: Send + 'static> = Job<T>;

    fn spawn_blocking<J, T>(job: J) -> Result<Job<T>, NoRuntime>
    where
        J: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let fates = FATES.get();
        let mut fates = fates.lock().unwrap();
        let fate = if fates.len() > 1 { fates.pop() } else { fates.last().copied() };
        drop(fates);
        let (work, job) = Job::of(job);
        match fate.expect("the case says what becomes of it") {
            Fate::Refused => return Err(NoRuntime::new("out of threads")),
            Fate::Dropped => drop(work),
            Fate::Usual => drop(B::spawn_blocking(work)?),
        }
        Ok(job)
    }
}

/// If the backend has no thread for a job, its token comes back, and the call says why.
/// Covers: trio/test_run_in_worker_thread_fail_to_spawn
async fn token_comes_back_if_no_thread_is_to_be_had<B: Runtime + Blocking>() {
    let limiter = Arc::new(CapacityLimiter::new(1));
    for (fate, words) in [
        (Fate::Refused, "out of threads"),
        (Fate::Dropped, "the runtime shut down before it had run the blocking job"),
    ] {
        next_jobs_are(&[fate]);
        let kept = Arc::new(());
        let theirs = Arc::clone(&kept);
        let call = to_thread::<Unreliable<B>, _, _>(move || drop(theirs)).limiter(&limiter);
        assert_eq!(caught(call).await.unwrap_err(), words);
        assert_eq!((limiter.borrowed(), Arc::strong_count(&kept)), (0, 1));
    }
    assert_eq!(B::to_thread(|| 7).limiter(&limiter).await, 7);
}

/// Jobs of a run may be done by few threads. If one that others count on is not to be had, each of them
/// asks for its own.
async fn thread_that_does_not_come_costs_no_job<B: Runtime + Blocking>() {
    for lost in 1..4 {
        let mut fates = vec![Fate::Usual; lost];
        fates.extend([Fate::Dropped, Fate::Usual]);
        for fates in [&fates[..], &fates[lost..]] {
            next_jobs_are(fates);
            let jobs = (0..30).map(|number| to_thread::<Unreliable<B>, _, _>(move || number));
            assert_eq!(join_all(jobs).await, (0..30).collect::<Vec<_>>());
        }
    }
}

/// If a thread is refused, that costs at most the job it was asked for: the others are done, and later ones.
async fn thread_that_is_refused_costs_no_other_job<B: Runtime + Blocking>() {
    let limiter = Arc::new(CapacityLimiter::new(100));
    for number_of_jobs in [2, 9, 12, 30] {
        for came in 1..4 {
            let mut fates = vec![Fate::Usual; came];
            fates.extend([Fate::Refused, Fate::Usual]);
            next_jobs_are(&fates);
            let jobs = (0..number_of_jobs).map(|number| {
                caught(to_thread::<Unreliable<B>, _, _>(move || number).limiter(&limiter))
            });
            let results = join_all(jobs).await;
            let refused = results.iter().filter(|result| result.is_err()).count();
            assert!(refused <= 1, "{results:?}");
            for (number, result) in results.into_iter().enumerate() {
                match result {
                    Ok(value) => assert_eq!(value, number),
                    Err(words) => assert_eq!(words, "out of threads"),
                }
            }
            next_jobs_are(&[Fate::Usual]);
            assert_eq!(to_thread::<Unreliable<B>, _, _>(|| 7).await, 7);
            assert_eq!(limiter.borrowed(), 0);
        }
    }
}

/// No job waits for the end of another one, whatever is between them: the first of these ends when all the
/// others have.
async fn jobs_do_not_wait_for_each_other<B: Runtime + Blocking>() {
    let (mut jobs, mut next) = (Vec::new(), None::<mpsc::Receiver<()>>);
    for _ in 0..40 {
        let (ends, ended) = mpsc::channel();
        let next = next.replace(ended);
        jobs.push(B::to_thread(move || {
            let heard = next.map(|next| next.recv());
            // Nobody waits for the first one.
            _ = ends.send(());
            heard != Some(Err(mpsc::RecvError))
        }));
    }
    jobs.reverse();
    assert_eq!(join_all(jobs).await, [true; 40]);
}

/// W3: wherever a call is cut, its token is back when its job has ended.
async fn no_token_is_lost<B: Runtime + Blocking>() {
    for abandons in [true, false] {
        let cuts = everywhere(async |cut| {
            let limiter = Arc::new(CapacityLimiter::new(1));
            let call = B::to_thread(thread::yield_now).limiter(&limiter);
            let call = if abandons { call.abandon_on_cancel() } else { call };
            let done = cut.apply::<B, _>(call).await;
            if done.is_none() {
                until::<B>(|| limiter.borrowed() == 0).await;
            }
            assert_eq!(B::to_thread(|| 7).limiter(&limiter).await, 7, "{cut:?}");
            assert_eq!(limiter.borrowed(), 0, "{cut:?}");
        })
        .await;
        assert!(cuts >= 2, "{cuts}");
    }
}

/// Without a limiter of its own a job has a token of the default one: forty in each run.
async fn default_limiter_has_a_size<B: Runtime + Blocking>() {
    let limiter = default_thread_limiter();
    assert_eq!(limiter.capacity(), 40);
    let mut calls = Vec::new();
    let all: Vec<_> = (0..41).map(|_| Blocked::new()).collect();
    let (blocked, jobs): (Vec<_>, Vec<_>) = all.into_iter().unzip();
    for job in jobs {
        let mut call = Box::pin(B::to_thread(job));
        assert!(poll_once(&mut call).is_pending());
        calls.push(call);
    }
    let statistics = limiter.statistics();
    assert_eq!((statistics.borrowed, statistics.waiting), (40, 1));
    for blocked in &blocked {
        blocked.go();
    }
    join_all(calls).await;
    assert_eq!(limiter.borrowed(), 0);
}

/// The default limiter is that of the run, and may be changed there at any time.
async fn default_limiter_can_be_changed<B: Runtime + Blocking>() {
    let limiter = default_thread_limiter();
    limiter.set_capacity(1);
    let (blocked, job) = Blocked::new();
    let mut first = Box::pin(B::to_thread(job));
    assert!(poll_once(&mut first).is_pending());
    let mut second = Box::pin(B::to_thread(|| 7));
    assert!(poll_once(&mut second).is_pending());
    assert_eq!(default_thread_limiter().statistics().waiting, 1);
    limiter.set_capacity(2);
    assert_eq!(second.await, 7);
    blocked.go();
    first.await;
    // Jobs and tasks of the run find the same one.
    let theirs = B::to_thread(default_thread_limiter).await;
    assert!(Arc::ptr_eq(&theirs, &limiter));
    let group = B::task_group(async |tg| -> Result<_, Cancelled> {
        tg.spawn(async { Ok(default_thread_limiter()) }).join().await
    });
    assert!(Arc::ptr_eq(&group.await.expect("nobody fails"), &limiter));
}

/// When jobs use up all their threads, the library's own work with files has threads, and vice versa.
async fn file_work_and_jobs_do_not_starve_each_other<B: Runtime + Blocking>() {
    let (jobs, files) = (default_thread_limiter(), file_thread_limiter());
    assert!(!Arc::ptr_eq(&jobs, &files));
    assert_eq!(files.capacity(), 40);
    for (full, other) in [(&jobs, &files), (&files, &jobs)] {
        full.set_capacity(1);
        let (blocked, job) = Blocked::new();
        let mut call = Box::pin(B::to_thread(job).limiter(full));
        assert!(poll_once(&mut call).is_pending());
        assert_eq!(full.available(), 0);
        assert_eq!(B::to_thread(|| 7).limiter(other).await, 7);
        blocked.go();
        call.await;
    }
}

/// A job sees the local values of the task that waits for it.
/// Covers: anyio/test_to_thread::test_contextvar_propagation
/// Covers: trio/test_trio_to_thread_run_sync_contextvars
async fn local_values_are_seen_in_the_job<B: Runtime + Blocking>() {
    assert!(B::to_thread(|| REQUEST.try_get()).await.is_err());
    let seen = REQUEST.scope(7, async {
        let call = B::to_thread(|| REQUEST.get());
        // Those of where it is awaited, as with all that is awaited.
        (call.await, REQUEST.scope(8, B::to_thread(|| REQUEST.get())).await)
    });
    assert_eq!(seen.await, (7, 8));
    // The thread has kept nothing.
    for _ in 0..10 {
        assert!(B::to_thread(|| REQUEST.try_get()).await.is_err());
    }
}

/// Calls that are dropped before a thread has taken them up leave no thread behind: as many as ever can
/// be had at once.
/// Covers: anyio/test_asyncio_worker_reused_after_cancelled_call
async fn calls_left_before_they_began_leave_the_threads_free<B: Runtime + Blocking>() {
    const JOBS: usize = 8;
    for _ in 0..100 {
        let mut call = Box::pin(B::to_thread(|| ()).abandon_on_cancel());
        _ = poll_once(&mut call);
        drop(call);
        checkpoint().await;
    }
    let limiter = default_thread_limiter();
    until::<B>(|| limiter.borrowed() == 0).await;
    let barrier = Arc::new(Barrier::new(JOBS));
    let jobs = (0..JOBS).map(|_| {
        let barrier = Arc::clone(&barrier);
        B::to_thread(move || {
            barrier.wait();
        })
    });
    join_all(jobs).await;
    assert!(caught(B::to_thread(|| 7)).await.is_ok());
}
