//! One contender and nothing else, for a profiler.

use std::io::{Error, Result};

use crate::rows;

/// Has the contender do the row's operations `calls` times.
pub(crate) fn run(row: &str, contender: &str, calls: &str) -> Result<()> {
    let calls = calls.parse().map_err(Error::other)?;
    let missing =
        || Error::other(format!("there is no row {row:?} with a contender {contender:?}"));
    let row = rows::all().into_iter().find(|known| known.name == row).ok_or_else(missing)?;
    let mut contenders = row.contenders();
    let found = contenders.iter_mut().find(|known| known.name == contender).ok_or_else(missing)?;
    found.call(calls);
    Ok(())
}
