//! What the functions of this crate return: futures, guards and settings, for those who have to
//! write their types down.

pub use anyio_engine::{
    Acquire, AllErrors, AnyChild, AnyPipeIn, AnyPipeOut, AnySignals, AnySpawner, AnyTimer,
    Captured, CatchCancelled, Checkpoint, Child, EnterGuard, ErrInto, Errors, Fail, Finally,
    FirstError, GroupBuilder, GroupRun, InScope, Join, LocalTaskGroup, Locking, MoveOn,
    NestedChild, NestedGroup, NestedHandle, NestedJoin, NestedRun, Receiving, Report, Scoped,
    ScopedTaskGroup, Sending, Shield, ShutdownRequested, Sleep, Started, Starting,
    StreamStatistics, TaskInfo, ToThread, UntilShutdown, ValueOnly, WithHandle, WithLocal,
};
