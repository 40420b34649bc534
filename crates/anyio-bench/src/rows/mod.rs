//! The rows, one file for each area.

mod spawn_join;

use crate::measure::Row;

pub(crate) fn all() -> Vec<Row> {
    spawn_join::rows()
}
