//! The one clock that there is everywhere.

use std::{sync::OnceLock, time::Instant};

static START: OnceLock<Instant> = OnceLock::new();

/// Nanoseconds.
pub(super) fn exact() -> u64 {
    let now = Instant::now();
    let since_start = now.saturating_duration_since(*START.get_or_init(|| now));
    u64::try_from(since_start.as_nanos()).unwrap_or(u64::MAX)
}

/// The same: there is no cheaper one.
pub(super) fn cheap() -> u64 {
    exact()
}
