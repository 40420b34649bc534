//! What the functions of this crate return: futures, guards and settings, for those who have to
//! write their types down.

pub use anyio_engine::{
    Acquire, AllErrors, AnyChild, AnyPipeIn, AnyPipeOut, AnySignals, AnySpawner, AnyTimer,
    Captured, CatchCancelled, Checkpoint, Child, Either, EnterGuard, ErrInto, Errors, Fail,
    Finally, FirstError, GroupBuilder, GroupRun, InScope, Join, Listed, LocalTaskGroup, Locking,
    MoveOn, NestedChild, NestedGroup, NestedHandle, NestedJoin, NestedRun, OneOf, Receiving,
    Report, Scoped, ScopedTaskGroup, Sending, Several, Shield, ShutdownRequested, Sleep, Sorted,
    Started, Starting, StreamStatistics, TaskInfo, ToThread, Together, Tupled, UntilShutdown,
    ValueOnly, WithHandle, WithLocal,
};
