//! What the functions of this crate return: futures, guards and settings, for those who have to
//! write their types down.

pub use anyio_engine::{
    Acquire, AcquireOwned, AllErrors, AnyChild, AnyPipeIn, AnyPipeOut, AnySignals, AnySpawner,
    AnyTimer, BarrierStatistics, BarrierWait, BarrierWaitResult, Captured, CatchCancelled,
    Checkpoint, Child, ConditionStatistics, EnterGuard, ErrInto, Errors, EventStatistics, Fail,
    Finally, FirstError, GroupBuilder, GroupRun, InScope, InUse, Join, LimiterStatistics,
    LimiterToken, LocalTaskGroup, LockStatistics, Locking, LockingOwned, MoveOn, NestedGroup,
    NestedHandle, NestedJoin, NestedRun, OneshotReceiving, OwnedLimiterToken, Receiving, Report,
    RwLockReadGuard, RwLockWriteGuard, Scoped, ScopedTaskGroup, SemaphoreStatistics, Sending,
    Shield, ShutdownRequested, Sleep, Started, Starting, StreamStatistics, ToThread, UntilShutdown,
    ValueOnly, WatchRef, WithHandle, WithLocal,
};
