//! What the functions of this crate return: futures, guards and settings, for those who have to
//! write their types down.

pub use anyio_engine::{
    Acquire, AllErrors, AnyChild, AnyPipeIn, AnyPipeOut, AnySignals, AnySpawner, AnyTimer,
    CallAsync, Captured, CatchCancelled, Checkpoint, Child, Either, EnterGuard, ErrInto, Errors,
    Fail, Finally, FirstError, GroupBuilder, GroupRun, Holding, InScope, Join, LimiterStatistics,
    LimiterToken, Listed, LocalTaskGroup, Locking, MoveOn, NestedChild, NestedGroup, NestedHandle,
    NestedJoin, NestedRun, OneOf, OwnedLimiterToken, PortalLease, PortalReady, Receiving,
    ReceivingMany, Report, Reserving, ReservingOwned, Scoped, ScopedTaskGroup, Sending,
    SendingIter, Several, Shield, ShutdownOnSignals, ShutdownRequested, Sleep, Sorted, Started,
    Starting, StreamStatistics, TaskInfo, ToThread, Together, Tupled, UntilShutdown, ValueOnly,
    WithHandle, WithLocal, Wrapped,
};
