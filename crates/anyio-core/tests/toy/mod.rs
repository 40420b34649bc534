// A toy for the examples in this crate's docs: every type has the right shape, none is any good.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use anyio_core::*;
use futures_lite::future::{block_on, or, yield_now};

/// A thread for each task.
#[derive(Clone, Copy, Debug)]
pub struct Toy;

impl Executor for Toy {
    const NAME: &'static str = "toy";
    type Spawner = Self;
    fn spawner() -> Result<Self, NoRuntime> {
        Ok(Self)
    }
}

impl Spawn for Toy {
    fn spawn_task<F: Future<Output = ()> + Send + 'static>(&self, task: F) {
        std::thread::spawn(move || block_on(task));
    }
}

impl Clock for Toy {
    type Timer = std::future::Pending<()>;
    fn now() -> Instant {
        Instant::now()
    }
    fn timer(_: Instant) -> Self::Timer {
        std::future::pending()
    }
}

/// Runs each child inside `spawn`, to its end.
#[derive(Debug)]
pub struct Group<E>(Arc<Mutex<Option<E>>>);

impl<E> Clone for Group<E> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

#[derive(Debug)]
pub struct Done<T>(Mutex<Option<T>>);

impl<T: Send + 'static> TaskHandle<T> for Done<T> {
    async fn join(self) -> Result<T, Cancelled> {
        self.0.into_inner().unwrap().ok_or(Cancelled::new(Cause::explicit()))
    }
    async fn wait(&mut self) {}
    fn cancel(&self) {}
    fn status(&self) -> TaskStatus {
        TaskStatus::Finished
    }
    fn name(&self) -> Option<&str> {
        None
    }
}

/// Keeps what it is told.
pub struct Tell<V>(Arc<Mutex<Option<V>>>);

impl<V: Send + 'static> Ready<V> for Tell<V> {
    fn started(self, value: V) {
        *self.0.lock().unwrap() = Some(value);
    }
}

impl<E: TaskError> TaskGroup<E> for Group<E> {
    type Handle<T: Send + 'static> = Done<T>;
    async fn run<F, Fut>(body: F) -> Result<<Fut::Output as Body<E>>::Value, E>
    where
        F: FnOnce(Self) -> Fut + Send,
        Fut: Future + Send,
        Fut::Output: Body<E> + Send,
        <Fut::Output as Body<E>>::Value: Send,
    {
        let first = Arc::default();
        let value = body(Self(Arc::clone(&first))).await.into_result()?;
        let error = first.lock().unwrap().take();
        error.map_or(Ok(value), Err)
    }
    fn try_spawn<F>(
        &self,
        future: F,
    ) -> Result<Done<<F::Output as Outcome<E>>::Value>, SpawnError<F>>
    where
        F: Future + Send + 'static,
        F::Output: Outcome<E>,
        <F::Output as Outcome<E>>::Value: Send + 'static,
    {
        let result = block_on(future).into_result();
        Ok(Done(Mutex::new(match result {
            Ok(value) => Some(value),
            Err(error) => {
                self.0.lock().unwrap().get_or_insert(error);
                None
            }
        })))
    }
    type Ready<V: Send + 'static> = Tell<V>;
    async fn start<V, F, Fut>(&self, task: F) -> Result<V, E>
    where
        V: Send + 'static,
        F: FnOnce(Tell<V>) -> Fut + Send,
        Fut: Future + Send + 'static,
        Fut::Output: Outcome<E>,
        <Fut::Output as Outcome<E>>::Value: Send + 'static,
    {
        let told = Arc::default();
        self.spawn(task(Tell(Arc::clone(&told))));
        let value = told.lock().unwrap().take();
        value.ok_or_else(|| Cancelled::new(Cause::of(CauseKind::NeverStarted)).into())
    }
    fn cancel(&self) {}
    fn shutdown(&self, _: Duration) {}
    fn cancel_called(&self) -> bool {
        false
    }
}

/// Knows neither deadlines nor shields nor its neighbours.
#[derive(Clone, Debug, Default)]
pub struct Flag(Arc<Mutex<Option<Cause>>>);

impl CancelScope for Flag {
    fn new() -> Self {
        Self::default()
    }
    async fn run<F: Future + Send>(&self, future: F) -> Result<F::Output, Cancelled>
    where
        F::Output: Send,
    {
        let cancelled = async {
            loop {
                if let Some(cause) = self.cause() {
                    return Err(Cancelled::new(cause));
                }
                yield_now().await;
            }
        };
        or(async { Ok(future.await) }, cancelled).await
    }
    fn cancel(&self) {
        self.0.lock().unwrap().get_or_insert(Cause::explicit());
    }
    fn cancel_because(&self, reason: impl Into<Arc<str>>) {
        self.0.lock().unwrap().get_or_insert(Cause::explicit_because(reason));
    }
    fn cancel_with(&self, cause: Cause) {
        self.0.lock().unwrap().get_or_insert(cause);
    }
    fn shutdown(&self, _: Duration) {
        self.cancel();
    }
    fn cancel_called(&self) -> bool {
        self.cause().is_some()
    }
    fn cause(&self) -> Option<Cause> {
        self.0.lock().unwrap().clone()
    }
    fn deadline(&self) -> Option<Instant> {
        None
    }
    fn set_deadline(&self, _: Option<Instant>) {}
    fn deadline_in(&self, _: Duration) {}
    fn is_shielded(&self) -> bool {
        false
    }
    fn set_shielded(&self, _: bool) {}
}

/// Looks again and again.
#[derive(Debug, Default)]
pub struct Spinning(AtomicBool);

impl Event for Spinning {
    fn new() -> Self {
        Self::default()
    }
    fn set(&self) {
        self.0.store(true, SeqCst);
    }
    fn is_set(&self) -> bool {
        self.0.load(SeqCst)
    }
    async fn wait(&self) {
        while !self.is_set() {
            yield_now().await;
        }
    }
}

/// Somebody else's lock, wrapped.
#[derive(Debug)]
pub struct Wrapped<T>(Arc<async_lock::Mutex<T>>);

impl<T: Send + 'static> Lock<T> for Wrapped<T> {
    type Guard<'a> = async_lock::MutexGuard<'a, T>;
    type OwnedGuard = async_lock::MutexGuardArc<T>;
    fn new(value: T) -> Self {
        Self(Arc::new(async_lock::Mutex::new(value)))
    }
    async fn lock(&self) -> Self::Guard<'_> {
        self.0.lock().await
    }
    fn try_lock(&self) -> Result<Self::Guard<'_>, WouldBlock> {
        self.0.try_lock().ok_or(WouldBlock::new())
    }
    async fn lock_owned(self: Arc<Self>) -> Self::OwnedGuard {
        self.0.lock_arc().await
    }
    fn try_lock_owned(self: Arc<Self>) -> Result<Self::OwnedGuard, WouldBlock> {
        self.0.try_lock_arc().ok_or(WouldBlock::new())
    }
    fn blocking_lock(&self) -> Self::Guard<'_> {
        self.0.lock_blocking()
    }
}

/// Wakes up for no reason all the time.
#[derive(Debug)]
pub struct Restless;

impl Condition for Restless {
    fn new() -> Self {
        Self
    }
    async fn wait<'a, T, L>(&self, lock: &'a L, guard: L::Guard<'a>) -> L::Guard<'a>
    where
        T: Send + 'static,
        L: Lock<T>,
    {
        drop(guard);
        yield_now().await;
        lock.lock().await
    }
    fn notify(&self, _: usize) {}
    fn notify_all(&self) {}
}

/// A semaphore that has been closed for good.
#[derive(Debug)]
pub struct Closed;

impl Semaphore for Closed {
    type Permit<'a> = ();
    type OwnedPermit = ();
    fn with_max(_: usize, _: usize) -> Self {
        Self
    }
    async fn acquire_many(&self, _: usize) -> Result<(), AcquireError> {
        Err(AcquireError::closed())
    }
    fn try_acquire_many(&self, _: usize) -> Result<(), TryAcquireError> {
        Err(AcquireError::closed().into())
    }
    async fn acquire_many_owned(self: Arc<Self>, _: usize) -> Result<(), AcquireError> {
        Err(AcquireError::closed())
    }
    fn try_acquire_many_owned(self: Arc<Self>, _: usize) -> Result<(), TryAcquireError> {
        Err(AcquireError::closed().into())
    }
    fn release(&self, _: usize) -> Result<(), ReleaseError> {
        Ok(())
    }
    fn close(&self) {}
    fn is_closed(&self) -> bool {
        true
    }
    fn available(&self) -> usize {
        0
    }
}

/// Lends nothing to anybody.
#[derive(Debug)]
pub struct Shut;

impl CapacityLimiter for Shut {
    type Token<'a> = ();
    type OwnedToken = ();
    fn new(_: usize) -> Self {
        Self
    }
    async fn acquire(&self) {
        std::future::pending().await
    }
    fn try_acquire(&self) -> Result<(), WouldBlock> {
        Err(WouldBlock::new())
    }
    async fn acquire_owned(self: Arc<Self>) {
        std::future::pending().await
    }
    fn try_acquire_owned(self: Arc<Self>) -> Result<(), WouldBlock> {
        Err(WouldBlock::new())
    }
    async fn acquire_on_behalf_of(&self, _: Borrower) -> Result<(), AlreadyBorrowed> {
        std::future::pending().await
    }
    fn try_acquire_on_behalf_of(&self, _: Borrower) -> Result<(), BorrowError> {
        Err(BorrowError::would_block())
    }
    async fn acquire_owned_on_behalf_of(self: Arc<Self>, _: Borrower) -> Result<(), AlreadyBorrowed> {
        std::future::pending().await
    }
    fn try_acquire_owned_on_behalf_of(self: Arc<Self>, _: Borrower) -> Result<(), BorrowError> {
        Err(BorrowError::would_block())
    }
    fn capacity(&self) -> usize {
        0
    }
    fn set_capacity(&self, _: usize) {}
    fn borrowed(&self) -> usize {
        0
    }
}

/// Both ends of a stream that never says that it is full, and ends when one end is left.
#[derive(Debug)]
pub struct Ends<T> {
    items: Arc<Mutex<VecDeque<T>>>,
}

impl<T> Clone for Ends<T> {
    fn clone(&self) -> Self {
        Self { items: Arc::clone(&self.items) }
    }
}

impl<T> Ends<T> {
    pub fn new() -> Self {
        Self { items: Arc::default() }
    }
}

impl<T: Send + 'static> ObjectSendStream<T> for Ends<T> {
    async fn send(&mut self, item: T) -> Result<(), SendError<T>> {
        self.items.lock().unwrap().push_back(item);
        Ok(())
    }
}

impl<T: Send + 'static> MemorySendStream<T> for Ends<T> {
    fn try_send(&self, item: T) -> Result<(), TrySendError<T>> {
        self.items.lock().unwrap().push_back(item);
        Ok(())
    }
}

impl<T: Send + 'static> MemoryReceiveStream<T> for Ends<T> {
    fn try_receive(&self) -> Result<T, TryReceiveError> {
        self.items.lock().unwrap().pop_front().ok_or(TryReceiveError::would_block())
    }
}

impl<T: Send + 'static> ObjectReceiveStream<T> for Ends<T> {
    async fn receive(&mut self) -> Result<T, ReceiveError> {
        loop {
            if let Some(item) = self.items.lock().unwrap().pop_front() {
                return Ok(item);
            }
            if Arc::strong_count(&self.items) == 1 {
                return Err(ReceiveError::end_of_stream());
            }
            yield_now().await;
        }
    }
}
