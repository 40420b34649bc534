//! The rows, one file for each area.

mod blocking;
mod cancel;
mod conditions;
mod nested;
mod on;
mod rw_lock;
mod scopes;
mod spawn_join;
mod streams;
mod sync;
mod tcp;
mod timers;

use self::on::{OnTokio, Threads};
use crate::measure::{Contender, Row};

pub(crate) fn all() -> Vec<Row> {
    [
        spawn_join::rows,
        cancel::rows,
        nested::rows,
        scopes::rows,
        sync::rows,
        rw_lock::rows,
        conditions::rows,
        streams::rows,
        timers::rows,
        blocking::rows,
        tcp::rows,
    ]
    .into_iter()
    .flat_map(|rows| rows())
    .collect()
}

/// Contenders that spawn this many tasks and join them.
pub(crate) fn spawning(count: u32) -> Vec<Contender> {
    spawn_join::on_tokio(&OnTokio::new(Threads::One), count)
}

/// Contenders that cancel this many tasks.
pub(crate) fn cancelling(count: u32) -> Vec<Contender> {
    cancel::contenders(&OnTokio::new(Threads::One), count)
}

/// Contenders with this many scopes, one in another.
pub(crate) fn nesting(depth: u32) -> Vec<Contender> {
    scopes::whole(depth)
}

/// Contenders with this many tasks that wait for an event.
pub(crate) fn waiting(count: u32) -> Vec<Contender> {
    sync::waiters(&OnTokio::new(Threads::One), count)
}

/// Contenders with this many connections.
pub(crate) fn connecting(count: u32) -> Vec<Contender> {
    tcp::scaling(count)
}
