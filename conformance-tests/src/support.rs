//! What cases are written with; useful in tests of other crates, too.

use std::{
    cell::Cell,
    marker::PhantomData,
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::{Duration, Instant},
};

use anyio_core::{Cancelled, Cause, Clock, Executor, NoRuntime, Runtime};
use anyio_engine::{RuntimeExt as _, checkpoint, shield};
use futures_util::FutureExt as _;

/// What happened, in order.
///
/// ```
/// let log = anyio_conformance::support::Log::default();
/// log.add("one");
/// assert_eq!(log.take(), ["one"]);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Log(Arc<Mutex<Vec<&'static str>>>);

impl Log {
    /// Notes `what`.
    pub fn add(&self, what: &'static str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(what);
    }

    /// All that was noted so far; the log is empty then.
    #[must_use]
    pub fn take(&self) -> Vec<&'static str> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether `what` was noted.
    #[must_use]
    pub fn has(&self, what: &str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(&what)
    }

    /// Notes `what` when it is dropped.
    #[must_use]
    pub fn on_drop(&self, what: &'static str) -> OnDrop {
        OnDrop { log: self.clone(), what }
    }
}

/// Given by [`Log::on_drop`].
#[derive(Debug)]
pub struct OnDrop {
    log: Log,
    what: &'static str,
}

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.log.add(self.what);
    }
}

/// A number that several tasks count up.
#[derive(Clone, Debug, Default)]
pub struct Counter(Arc<AtomicUsize>);

impl Counter {
    /// One more; gives the number before.
    pub fn add(&self) -> usize {
        self.0.fetch_add(1, Ordering::SeqCst)
    }

    /// The number now.
    #[must_use]
    pub fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// Waits until `condition` holds, however long that takes: a case that waits in vain hangs, and
/// the suite says so. Not for use inside a cancelled scope, where it would not begin.
pub async fn until<B: Runtime>(mut condition: impl FnMut() -> bool) {
    while !condition() {
        B::sleep(Duration::from_millis(1)).await;
    }
}

/// Gives all other tasks many turns.
pub async fn turns<B: Runtime>() {
    shield(async {
        for _ in 0..10 {
            checkpoint().await;
        }
        B::sleep(Duration::from_millis(2)).await;
    })
    .await;
}

/// `most` rounds of a race, or as many as fit into some seconds: where threads have to take turns on
/// one core, a round may have to wait for the other side's turn.
pub fn rounds(most: usize) -> impl Iterator<Item = usize> {
    const LEAST: usize = 20;
    const ENOUGH: Duration = Duration::from_secs(10);
    let begin = Instant::now();
    (0..most).take_while(move |&round| round < LEAST || begin.elapsed() < ENOUGH)
}

/// Counts how often a future is polled.
#[derive(Debug)]
pub struct Polls<F> {
    future: Pin<Box<F>>,
    count: Counter,
}

impl<F: Future> Polls<F> {
    /// Counts in `count` how often `future` is polled.
    pub fn of(future: F, count: &Counter) -> Self {
        Self { future: Box::pin(future), count: count.clone() }
    }
}

impl<F: Future> Future for Polls<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        self.count.add();
        self.future.as_mut().poll(cx)
    }
}

/// Polls `future` once, with a waker that does nothing.
pub fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

/// Polls `future` once, in the task that awaits this: whether it is pending.
pub async fn is_pending<F: Future>(mut future: Pin<&mut F>) -> bool {
    std::future::poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx).is_pending())).await
}

/// Why the work was cancelled.
///
/// # Panics
///
/// If it was not.
#[track_caller]
pub fn cause_of<T>(result: Result<T, Cancelled>) -> Cause {
    match result {
        Ok(_) => panic!("the work ended by itself"),
        Err(cancelled) => cancelled.cause().clone(),
    }
}

/// Runs `future` to its end or its panic, whose words it gives.
///
/// # Errors
///
/// The words of the panic.
pub async fn caught<F: Future>(future: F) -> Result<F::Output, String> {
    let polled = AssertUnwindSafe(future).catch_unwind().await;
    polled.map_err(|payload| match payload.downcast::<String>() {
        Ok(words) => *words,
        Err(payload) => payload.downcast_ref::<&str>().copied().unwrap_or_default().to_owned(),
    })
}

/// A waker that counts, and knows how many copies of it are kept.
///
/// ```
/// let wakes = anyio_conformance::support::Wakes::default();
/// assert!(wakes.poll(&mut std::future::pending::<()>()).is_pending());
/// assert_eq!((wakes.count(), wakes.kept()), (0, 0));
/// ```
#[derive(Debug, Default)]
pub struct Wakes(Arc<Woken>);

#[derive(Debug, Default)]
struct Woken(Counter);

impl Wakes {
    /// Polls `future` once with this waker.
    pub fn poll<F: Future + Unpin>(&self, future: &mut F) -> Poll<F::Output> {
        let waker = Waker::from(Arc::clone(&self.0));
        Pin::new(future).poll(&mut Context::from_waker(&waker))
    }

    /// How often it was woken.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.0.get()
    }

    /// How many copies of the waker somebody has.
    #[must_use]
    pub fn kept(&self) -> usize {
        Arc::strong_count(&self.0) - 1
    }
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.add();
    }
}

thread_local! {
    static LOOKS: Cell<usize> = const { Cell::new(0) };
    static TIMERS: Cell<usize> = const { Cell::new(0) };
    static LIVE_TIMERS: Cell<usize> = const { Cell::new(0) };
}

/// The clock of `B`, which counts what it is asked for by the case's own thread.
#[derive(Debug)]
pub struct Counted<B>(PhantomData<fn() -> B>);

impl<B> Counted<B> {
    /// How often somebody has looked at the clock.
    #[must_use]
    pub fn looks() -> usize {
        LOOKS.get()
    }

    /// How many timers were made.
    #[must_use]
    pub fn timers() -> usize {
        TIMERS.get()
    }

    /// How many of them have not been dropped.
    #[must_use]
    pub fn live_timers() -> usize {
        LIVE_TIMERS.get()
    }
}

impl<B> Clone for Counted<B> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<B> Copy for Counted<B> {}

impl<B: Executor> Executor for Counted<B> {
    const NAME: &'static str = B::NAME;
    type Spawner = B::Spawner;

    fn spawner() -> Result<B::Spawner, NoRuntime> {
        B::spawner()
    }
}

impl<B: Clock> Clock for Counted<B> {
    type Timer = CountedTimer<B::Timer>;

    fn now() -> Instant {
        LOOKS.set(LOOKS.get() + 1);
        B::now()
    }

    fn timer(deadline: Instant) -> Self::Timer {
        TIMERS.set(TIMERS.get() + 1);
        LIVE_TIMERS.set(LIVE_TIMERS.get() + 1);
        CountedTimer(Box::pin(B::timer(deadline)))
    }
}

/// The timer of [`Counted`].
#[derive(Debug)]
pub struct CountedTimer<T>(Pin<Box<T>>);

impl<T: Future<Output = ()>> Future for CountedTimer<T> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().poll(cx)
    }
}

impl<T> Drop for CountedTimer<T> {
    fn drop(&mut self) {
        LIVE_TIMERS.set(LIVE_TIMERS.get() - 1);
    }
}
