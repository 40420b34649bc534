//! What the functions of this crate return: futures, guards and settings, for those who have to
//! write their types down.

pub use anyio_engine::{
    Acquire, AllErrors, AnyChild, AnyPipeIn, AnyPipeOut, AnySignals, AnySpawner, AnyTimer,
    CallAsync, Captured, CatchCancelled, Checkpoint, Child, EnterGuard, ErrInto, Errors, Fail,
    Finally, FirstError, GroupBuilder, GroupRun, Holding, InScope, Join, LimiterStatistics,
    LimiterToken, LocalTaskGroup, Locking, MoveOn, NestedChild, NestedGroup, NestedHandle,
    NestedJoin, NestedRun, OwnedLimiterToken, PortalLease, PortalReady, Receiving, ReceivingMany,
    Report, Reserving, ReservingOwned, Scoped, ScopedTaskGroup, Sending, SendingIter, Shield,
    ShutdownOnSignals, ShutdownRequested, Sleep, Started, Starting, StreamStatistics, TaskInfo,
    ToThread, UntilShutdown, ValueOnly, WithHandle, WithLocal, Wrapped,
};
