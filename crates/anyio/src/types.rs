//! What the functions of this crate return: futures, guards and settings, for those who have to
//! write their types down.

pub use anyio_engine::{
    Acquire, AcquireOwned, AllErrors, AnyChild, AnyPipeIn, AnyPipeOut, AnySignals, AnySpawner,
    AnyTimer, BarrierStatistics, BarrierWait, BarrierWaitResult, BroadcastStatistics, CallAsync,
    Captured, CatchCancelled, Checkpoint, Child, ConditionStatistics, Either, EnterGuard, ErrInto,
    Errors, EventStatistics, Fail, Finally, FirstError, GroupBuilder, GroupRun, Holding, InScope,
    InUse, Join, LimiterStatistics, LimiterToken, Listed, LocalTaskGroup, LockStatistics, Locking,
    LockingOwned, MoveOn, NestedChild, NestedGroup, NestedHandle, NestedJoin, NestedRun,
    OnceCellStatistics, OneOf, OneshotReceiving, OneshotStatistics, OwnedLimiterToken,
    OwnedRwLockReadGuard, OwnedRwLockWriteGuard, PortalChild, PortalLease, PortalReady, Receiving,
    ReceivingMany, Report, Reserving, ReservingOwned, ResourceGuardStatistics, RwLockReadGuard,
    RwLockStatistics, RwLockWriteGuard, Scoped, ScopedTaskGroup, SemaphoreStatistics, Sending,
    SendingIter, Several, Shield, ShutdownOnSignals, ShutdownRequested, Sleep, Sorted, Started,
    Starting, StreamStatistics, TaskInfo, ToThread, Together, Tupled, UntilShutdown, ValueOnly,
    WatchRef, WatchStatistics, WithHandle, WithLocal, Wrapped,
};
