//! The cases, one file for each area, and the lists that the suite is made from.
#![expect(clippy::unwrap_used, reason = "a case that panics has found something")]
#![expect(
    clippy::extra_unused_type_parameters,
    reason = "a case is one of a backend, also where it names only what all backends share"
)]

/// Lists cases as `area::case`, each bound to the backend.
macro_rules! list {
    ($backend:ident, $area:ident: $($case:ident),* $(,)?) => {
        vec![$(crate::suite::Case {
            name: concat!(stringify!($area), "::", stringify!($case)),
            run: |driver, options| {
                driver(options, Box::pin($case::<$backend>())).expect("the runtime starts")
            },
        }),*]
    };
}

mod barrier;
mod blocking;
mod broadcast;
mod budget;
mod catching;
mod cause;
mod checkpoint;
mod cleanup;
mod clock;
mod condition;
mod context;
mod deadline;
mod deadline_moved;
mod deadline_shared;
mod dropping;
mod dropping_groups;
#[cfg(not(unix))]
mod elsewhere;
mod executor;
mod foreign;
mod from_thread;
mod group;
mod group_cancel;
mod group_panic;
mod group_settings;
mod group_spawn;
mod group_stress;
mod handle;
mod limiter;
mod locals;
mod lock_forms;
mod nested;
mod net;
mod normalised;
mod once_cell;
mod oneshot;
mod outside;
mod portal;
mod portal_run;
#[cfg(unix)]
mod process;
mod resource_guard;
mod run;
mod rw_lock;
mod scope;
mod scope_stress;
mod semaphore;
mod shutdown;
#[cfg(unix)]
mod shutdown_signals;
#[cfg(unix)]
mod signal;
mod soak;
mod start;
mod start_elsewhere;
mod start_refused;
mod stream;
mod stream_close;
mod stream_cut;
mod stream_many;
mod stream_permit;
mod stream_poll;
mod stream_producer;
mod sync;
mod sync_cut;
mod task_tree;
mod time;
mod to_thread;
mod together;
mod tools;
mod watch;

use anyio_core::{Blocking, Net, Processes, Run, Runtime, Signals};

#[cfg(not(unix))]
use self::elsewhere::{processes, signals};
#[cfg(unix)]
use self::{process::list as processes, signal::list as signals};
use crate::suite::Case;

/// What every backend has to pass.
pub(crate) fn runtime<B: Runtime>() -> Vec<Case> {
    [
        scope::list::<B>(),
        sync::list::<B>(),
        sync_cut::list::<B>(),
        lock_forms::list::<B>(),
        semaphore::list::<B>(),
        limiter::list::<B>(),
        condition::list::<B>(),
        barrier::list::<B>(),
        resource_guard::list::<B>(),
        rw_lock::list::<B>(),
        once_cell::list::<B>(),
        oneshot::list::<B>(),
        watch::list::<B>(),
        broadcast::list::<B>(),
        stream::list::<B>(),
        stream_close::list::<B>(),
        stream_cut::list::<B>(),
        stream_many::list::<B>(),
        stream_permit::list::<B>(),
        stream_poll::list::<B>(),
        stream_producer::list::<B>(),
        time::list::<B>(),
        together::list::<B>(),
        budget::list::<B>(),
        dropping::list::<B>(),
        dropping_groups::list::<B>(),
        catching::list::<B>(),
        cause::list::<B>(),
        checkpoint::list::<B>(),
        cleanup::list::<B>(),
        deadline::list::<B>(),
        deadline_moved::list::<B>(),
        deadline_shared::list::<B>(),
        clock::list::<B>(),
        context::list::<B>(),
        scope_stress::list::<B>(),
        group::list::<B>(),
        group_cancel::list::<B>(),
        group_panic::list::<B>(),
        group_settings::list::<B>(),
        group_spawn::list::<B>(),
        shutdown::list::<B>(),
        soak::list::<B>(),
        start::list::<B>(),
        start_elsewhere::list::<B>(),
        start_refused::list::<B>(),
        outside::list::<B>(),
        portal::list::<B>(),
        group_stress::list::<B>(),
        handle::list::<B>(),
        locals::list::<B>(),
        nested::list::<B>(),
        task_tree::list::<B>(),
        foreign::list::<B>(),
        executor::list::<B>(),
        normalised::runtime::<B>(),
    ]
    .concat()
}

pub(crate) fn run<B: Runtime + Run>() -> Vec<Case> {
    [
        run::list::<B>(),
        normalised::run::<B>(),
        locals::run::<B>(),
        from_thread::run::<B>(),
        portal_run::list::<B>(),
    ]
    .concat()
}

pub(crate) fn blocking<B: Runtime + Blocking>() -> Vec<Case> {
    [
        blocking::list::<B>(),
        to_thread::list::<B>(),
        from_thread::list::<B>(),
        normalised::blocking::<B>(),
        limiter::blocking::<B>(),
    ]
    .concat()
}

pub(crate) fn net<B: Runtime + Net>() -> Vec<Case> {
    net::list::<B>()
}

pub(crate) fn process<B: Runtime + Processes>() -> Vec<Case> {
    processes::<B>()
}

pub(crate) fn signal<B: Runtime + Signals>() -> Vec<Case> {
    signals::<B>()
}
