//! The outermost frame of a job that blocks a thread, and what is known there about who waits for it.

use std::{cell::OnceCell, pin::Pin};

use anyio_core::NoRuntime;

use super::{
    locals::Locals,
    slot::{self, Entry, Kind, Source},
};
use crate::{
    erased::{AnySpawner, Erased},
    sys::Arc,
    tree::Node,
};

/// A task for the run that a job belongs to.
pub(crate) type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The call that a job belongs to, seen from the job's thread.
pub(crate) trait Host {
    /// The call's place in the tree. It is effective when nobody waits for the job any more, or
    /// when who waits is cancelled.
    fn node(&self) -> &Arc<Node>;

    /// Whether the call may be left alone by who waits. What its thread starts does not belong to it.
    fn abandons(&self) -> bool;

    fn backend(&self) -> Option<&'static Erased>;

    /// The locals of who waits.
    fn locals(&self) -> Option<&Arc<Locals>>;

    /// Spawns `task` in the run.
    fn spawn(&self, task: Task) -> Result<(), NoRuntime>;

    /// What spawns there.
    fn spawner(&self) -> Result<AnySpawner, NoRuntime>;
}

/// Runs `f` as the job of `host`.
pub(crate) fn enter<R>(host: &dyn Host, f: impl FnOnce() -> R) -> R {
    let (cell, kind) = (OnceCell::new(), Kind::Job(host));
    slot::enter(Entry::new(&cell, &kind).with_locals(Source::Own(host.locals())), f)
}

/// Gives `f` the call whose job the running code is in, however deep inside.
pub(crate) fn host<R>(f: impl FnOnce(Option<&dyn Host>) -> R) -> R {
    slot::current(|view| {
        let mut next = view;
        while let Some(view) = next {
            if let Kind::Job(host) = view.kind() {
                return f(Some(host));
            }
            next = view.outer();
        }
        f(None)
    })
}
