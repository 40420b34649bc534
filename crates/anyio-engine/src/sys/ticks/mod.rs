//! A clock that costs a load, and is as exact as somebody has looked at the real one.
//!
//! It is not among the model checker's primitives: nothing is ordered by it.

#[cfg(not(target_os = "linux"))]
mod elsewhere;
#[cfg(target_os = "linux")]
mod linux;

use std::{
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
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
/// When somebody looked for the first time; zero before that.
static START: AtomicU64 = AtomicU64::new(0);

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

#[expect(
    clippy::cast_possible_truncation,
    reason = "the smaller of the two is no larger than `LAST`"
)]
#[inline]
fn keep(now: u64) -> u32 {
    let start = match START.load(Ordering::Relaxed) {
        0 => begin(),
        start => start,
    };
    let ticks = (now.saturating_sub(start) >> TICK).min(u64::from(LAST)) as u32;
    // It seldom changes, and is read by everybody who spawns.
    if TICKS.load(Ordering::Relaxed) < ticks {
        TICKS.fetch_max(ticks, Ordering::Relaxed);
    }
    ticks
}

/// Whoever is first says what it is.
#[cold]
fn begin() -> u64 {
    let now = exact().max(1);
    match START.compare_exchange(0, now, Ordering::Relaxed, Ordering::Relaxed) {
        Ok(_) => now,
        Err(start) => start,
    }
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
