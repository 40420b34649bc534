//! A clock that costs a load, and is as exact as somebody has looked at the real one.
//!
//! It is not among the model checker's primitives: nothing is ordered by it.

#[cfg(not(target_os = "linux"))]
mod elsewhere;
#[cfg(target_os = "linux")]
mod linux;

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

#[cfg(not(target_os = "linux"))]
use self::elsewhere::{cheap, exact};
#[cfg(target_os = "linux")]
use self::linux::{cheap, exact};

/// How many bits of a number of nanoseconds are less than a tick, which is some 17 milliseconds: a
/// division by a rounder number would take as long as the rest of it all.
const TICK: u32 = 24;
/// The clock stands still afterwards, which is after more than a year.
pub(crate) const LAST: u32 = (1 << 31) - 2;

static TICKS: AtomicU32 = AtomicU32::new(0);
static START: OnceLock<u64> = OnceLock::new();

/// The time when somebody looked at the real clock last: never later than it is.
#[inline]
pub(crate) fn coarse() -> u32 {
    TICKS.load(Ordering::Relaxed)
}

/// The time, from the real clock.
pub(crate) fn refresh() -> u32 {
    keep(exact())
}

/// The time of a few milliseconds ago at most, where that is cheaper.
pub(crate) fn glance() -> u32 {
    keep(cheap())
}

fn keep(now: u64) -> u32 {
    let since_start = now.saturating_sub(*START.get_or_init(exact));
    let ticks = u32::try_from(since_start >> TICK).unwrap_or(LAST).min(LAST);
    // It seldom changes, and is read by everybody who spawns.
    if TICKS.load(Ordering::Relaxed) < ticks {
        TICKS.fetch_max(ticks, Ordering::Relaxed);
    }
    ticks
}

/// How long ago that time was, to a tick.
pub(crate) fn age(since: u32, now: u32) -> Duration {
    Duration::from_nanos(u64::from(now.saturating_sub(since)) << TICK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_coarse_clock_is_not_ahead() {
        let coarse = coarse();
        let now = refresh();
        assert!(coarse <= now && self::coarse() >= now);
        assert!(glance() <= refresh());
        assert_eq!(age(now, now + 64).as_millis(), 1_073);
        assert_eq!(age(now + 1, now), Duration::ZERO);
    }
}
