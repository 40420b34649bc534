//! The rows, one file for each area.

mod blocking;
mod cancel;
mod nested;
mod on;
mod scopes;
mod spawn_join;
mod streams;
mod sync;
mod tcp;
mod timers;

use crate::measure::Row;

pub(crate) fn all() -> Vec<Row> {
    [
        spawn_join::rows,
        cancel::rows,
        nested::rows,
        scopes::rows,
        sync::rows,
        streams::rows,
        timers::rows,
        blocking::rows,
        tcp::rows,
    ]
    .into_iter()
    .flat_map(|rows| rows())
    .collect()
}
