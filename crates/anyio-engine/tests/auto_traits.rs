//! Pins what is `Send`, `Sync` and `Unpin`: part of the API, and not written anywhere else.

mod mini;

use std::{cell::Cell, future::Ready, rc::Rc, time::Duration};

use anyio_core::{
    AcquireError, AlreadyBorrowed, Blocking, BorrowError, Borrower, BroadcastError, Busy,
    CallError, Cancelled, NoRuntime, ReceiveError, ReleaseError, RunError, SendError, SpawnError,
    TimedOut, TryAcquireError, TryBroadcastError, TryReceiveError, TrySendError, WouldBlock,
};
use anyio_engine::*;
use mini::Mini;

/// `type => both` (`Send` and `Sync`), `=> send`, `=> neither`; a wrong answer does not compile.
macro_rules! pin_down {
    ($($type:ty => $answer:ident;)*) => {
        $(const _: fn() = || { pin_down!(@ $answer $type) };)*
    };
    (@ send $type:ty) => { send::<$type>() };
    (@ both $type:ty) => {{ send::<$type>(); sync::<$type>() }};
    (@ neither $type:ty) => {{
        // Ambiguous, and so an error, if the type is `Send`.
        trait AmbiguousIfSend<A> { fn some() {} }
        impl<T: ?Sized> AmbiguousIfSend<()> for T {}
        impl<T: ?Sized + Send> AmbiguousIfSend<u8> for T {}
        <$type as AmbiguousIfSend<_>>::some()
    }};
}

/// For what needs threads that may block.
impl Blocking for Mini {
    type Job<T: Send + 'static> = anyio_engine::Job<T>;

    fn spawn_blocking<J, T>(job: J) -> Result<anyio_engine::Job<T>, NoRuntime>
    where
        J: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let (work, job) = anyio_engine::Job::of(job);
        std::thread::spawn(work);
        Ok(job)
    }
}

const fn send<T: Send>() {}
const fn sync<T: Sync>() {}

type Job<T> = Box<dyn FnOnce() -> T + Send>;
type Local = Ready<Rc<()>>;
type Sendable = Ready<Cell<u8>>;

pin_down! {
    Scoped<Mini, Sendable, Report> => send;
    Scoped<Mini, Sendable, MoveOn> => send;
    Scoped<Mini, Sendable, Fail> => send;
    Scoped<Mini, Local, MoveOn> => neither;
    Shield<Sendable> => send;
    Shield<Local> => neither;
    Finally<Sendable, Ready<()>> => send;
    Finally<Sendable, Local> => neither;
    CatchCancelled<Sendable> => send;
    InScope<Sendable> => send;
    Root<Sendable> => send;
    Root<Local> => neither;
    Checkpoint => both;
    Sleep<Mini> => both;
    CancelScope<Mini> => both;
    Captured => both;
    EnterGuard => neither;
    TaskGroup<Mini, Cancelled> => both;
    TaskGroup<Mini, Cell<u8>> => both;
    TaskHandle<Cell<u8>> => both;
    Join<Cell<u8>> => both;
    Event => both;
    Lock<Cell<u8>> => both;
    Lock<Rc<()>> => neither;
    LockGuard<'static, Cell<u8>> => send;
    LockGuard<'static, u8> => both;
    LockGuard<'static, Rc<()>> => neither;
    Locking<'static, Cell<u8>> => send;
    Semaphore => both;
    Permit<'static> => both;
    Acquire<'static> => both;
    AcquireOwned => both;
    OwnedPermit => both;
    OwnedLockGuard<Cell<u8>> => send;
    OwnedLockGuard<u8> => both;
    OwnedLockGuard<Rc<()>> => neither;
    LockingOwned<Cell<u8>> => send;
    Condition => both;
    ResourceGuard => both;
    InUse<'static> => both;
    Barrier => both;
    BarrierWait<'static> => both;
    RwLock<u8> => both;
    RwLock<Cell<u8>> => send;
    RwLock<Rc<()>> => neither;
    RwLockReadGuard<'static, u8> => both;
    RwLockWriteGuard<'static, u8> => both;
    OwnedRwLockReadGuard<u8> => both;
    OwnedRwLockReadGuard<Rc<()>> => neither;
    OwnedRwLockWriteGuard<u8> => both;
    OnceCell<u8> => both;
    OneshotSender<Cell<u8>> => both;
    OneshotReceiver<Cell<u8>> => both;
    OneshotReceiving<Cell<u8>> => send;
    WatchSender<u8> => both;
    WatchReceiver<u8> => both;
    WatchRef<'static, Rc<()>> => neither;
    BroadcastSender<Cell<u8>> => both;
    BroadcastReceiver<Cell<u8>> => both;
    CapacityLimiter => both;
    LimiterToken<'static> => both;
    OwnedLimiterToken => both;
    LimiterStatistics => both;
    SendStream<Cell<u8>> => both;
    ReceiveStream<Cell<u8>> => both;
    Sending<'static, Cell<u8>> => send;
    Receiving<'static, Cell<u8>> => send;
    SendStream<Rc<()>> => neither;
    ReceiveStream<Rc<()>> => neither;
    WeakSendStream<Cell<u8>> => both;
    WeakSendStream<Rc<()>> => neither;
    SendPermit<'static, Cell<u8>> => both;
    SendPermit<'static, Rc<()>> => neither;
    OwnedSendPermit<Cell<u8>> => both;
    OwnedSendPermit<Rc<()>> => neither;
    Reserving<'static, Cell<u8>> => both;
    ReservingOwned<Cell<u8>> => both;
    ReservingOwned<Rc<()>> => neither;
    SendingIter<'static, std::ops::Range<u8>> => both;
    SendingIter<'static, std::vec::IntoIter<Rc<()>>> => neither;
    ReceivingMany<'static, u8> => both;
    ReceivingMany<'static, Cell<u8>> => send;
    StapledObjectStream<SendStream<u8>, ReceiveStream<u8>> => both;
    StreamStatistics => both;
    EventStatistics => both;
    LockStatistics => both;
    SemaphoreStatistics => both;
    ConditionStatistics => both;
    BarrierStatistics => both;
    BarrierWaitResult => both;
    anyio_engine::Job<Cell<u8>> => both;
    ToThread<Mini, Job<u8>, u8> => send;
    ToThread<Mini, Job<Cell<u8>>, Cell<u8>> => send;
    ToThread<Mini, Box<dyn FnOnce()>, ()> => neither;
    StopToken => both;
    from_thread::Handle => both;
    BlockingPortal<Mini> => both;
    RunningPortal<Mini> => both;
    PortalProvider<Mini> => both;
    PortalLease<'static, Mini> => both;
    PortalChild<'static, Mini> => both;
    PortalTask<Cell<u8>> => both;
    PortalTask<Rc<()>> => neither;
    PortalReady<Cell<u8>> => both;
    PortalReady<Rc<()>> => neither;
    Holding<Cell<u8>> => both;
    Holding<Rc<()>> => neither;
    Wrapped<u8, Cell<u8>> => both;
    Wrapped<Cell<u8>, u8> => send;
    Wrapped<Rc<()>, u8> => neither;
    Wrapped<u8, Rc<()>> => neither;
    CallAsync<Mini, Sendable> => send;
    CallAsync<Mini, Local> => neither;
    Either<Sendable, Sendable> => send;
    Either<Sendable, Local> => neither;
    Sorted<Sendable, Sendable> => send;
    NestedJoin<Cell<u8>> => both;
    NestedJoin<Rc<()>> => neither;
    TaskTree => both;
    TreeItem => both;
    TaskInfo => both;
    NestedChild<'static, (), Cancelled> => both;
    AnySpawner => both;
    AnyTimer => both;
    AnyTcpStream => both;
    AnyTcpListener => both;
    AnyChild => both;
    AnySignals => both;
    Cancelled => both;
    TimedOut => both;
    NoRuntime => both;
    RunError => both;
    SendError<u8> => both;
    SpawnError<Ready<u8>> => both;
    TrySendError<u8> => both;
    ReceiveError => both;
    TryReceiveError => both;
    AcquireError => both;
    TryAcquireError => both;
    ReleaseError => both;
    BroadcastError => both;
    TryBroadcastError => both;
    WouldBlock => both;
    Busy => both;
    CallError => both;
    AlreadyBorrowed => both;
    BorrowError => both;
    Borrower => both;
}

/// A future that must not be moved.
type Pinned = Root<std::future::Pending<std::marker::PhantomPinned>>;

const fn unpin<T: Unpin>() {}
const _: () = {
    unpin::<Scoped<Mini, Ready<u8>, MoveOn>>();
    unpin::<Shield<Ready<u8>>>();
    unpin::<Locking<'static, std::marker::PhantomPinned>>();
    unpin::<Sending<'static, std::marker::PhantomPinned>>();
    unpin::<Receiving<'static, std::marker::PhantomPinned>>();
    unpin::<SendStream<std::marker::PhantomPinned>>();
    unpin::<ReceiveStream<std::marker::PhantomPinned>>();
    unpin::<Reserving<'static, std::marker::PhantomPinned>>();
    unpin::<ReservingOwned<std::marker::PhantomPinned>>();
    unpin::<ReceivingMany<'static, std::marker::PhantomPinned>>();
    unpin::<SendingIter<'static, std::vec::IntoIter<std::marker::PhantomPinned>>>();
    unpin::<Join<std::marker::PhantomPinned>>();
    unpin::<ToThread<Mini, std::marker::PhantomPinned, std::marker::PhantomPinned>>();
    unpin::<PortalTask<std::marker::PhantomPinned>>();
    unpin::<CallAsync<Mini, Pinned>>();
};

/// The futures that have no name.
fn nameless(limiter: std::sync::Arc<CapacityLimiter>) -> impl Send {
    fn of<F: Send + Unpin + 'static>(future: F) -> F {
        future
    }
    static LIMITER: CapacityLimiter = CapacityLimiter::new(1);
    (
        of(LIMITER.acquire()),
        of(LIMITER.acquire_on_behalf_of(Borrower::new())),
        of(std::sync::Arc::clone(&limiter).acquire_owned()),
        of(limiter.acquire_owned_on_behalf_of(Borrower::new())),
    )
}

/// Those of a lock for many readers are of a task's own.
#[expect(dead_code, reason = "that it compiles is the test")]
fn reading(lock: &RwLock<u8>, shared: std::sync::Arc<RwLock<u8>>) -> impl Send {
    (lock.read(), lock.write(), shared.write_owned())
}

/// A generic caller gets `Send` futures without writing it anywhere.
fn generic<B: anyio_core::Runtime>() -> impl Send {
    (
        B::sleep(Duration::ZERO),
        B::move_on_after(Duration::ZERO, async {}),
        B::fail_after(Duration::ZERO, B::sleep(Duration::ZERO)),
        B::task_group(async |_: B::TaskGroup<Cancelled>| {}),
    )
}

/// Also those that need more of a backend.
#[expect(dead_code, reason = "that it compiles is the test")]
fn more<B: anyio_core::Backend>() -> impl Send {
    (
        B::to_thread(|| ()),
        B::to_thread_with_stop(|_| ()).abandon_on_cancel(),
        B::shutdown_on_signals(Duration::ZERO, B::sleep(Duration::ZERO)),
    )
}

/// A group can be opened in a task even if its error has a lifetime in its type, as a boxed one has.
fn nested() -> impl Send {
    type Boxed = Box<dyn std::error::Error + Send + Sync>;
    async { task_group(async |_: TaskGroup<Mini, Boxed>| Ok(())).await }
}

#[test]
fn compiles() {
    mini::run(async {
        assert!(mini::task_group(async |_| {}).await.is_ok());
    });
    drop(generic::<Mini>());
    drop(nested());
    drop(nameless(CapacityLimiter::new(1).into()));
}
