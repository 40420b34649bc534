//! A clock that costs a load, and is as exact as somebody has looked at the real one.
//!
//! It is not among the model checker's primitives: nothing is ordered by it.

#[cfg(not(target_os = "linux"))]
mod elsewhere;
#[cfg(target_os = "linux")]
mod linux;

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

#[cfg(not(target_os = "linux"))]
use self::elsewhere::{cheap, exact};
#[cfg(target_os = "linux")]
use self::linux::{cheap, exact};

/// How many bits of a number of nanoseconds are less than a tick, which is some 17 milliseconds: a
/// division by a rounder number would take as long as the rest of it all.
const TICK: u32 = 24;
/// The clock begins anew after more than a year: the uppermost bit of a time says nothing.
const TIMES: u32 = (1 << 31) - 1;
/// Of two times, the one that is later by no more than this, some hours, is taken for that, and not for one
/// of a year ago.
const AHEAD: u32 = 1 << 20;

/// Zero as long as nobody has looked.
static TICKS: AtomicU32 = AtomicU32::new(0);

/// The time when somebody looked at the real clock last, as whoever opens a group does: never later than it is.
#[inline]
pub(crate) fn coarse() -> u32 {
    TICKS.load(Ordering::Relaxed)
}

/// The time, from the real clock.
pub(crate) fn refresh() -> u32 {
    keep(exact())
}

/// The time of a few milliseconds ago at most, where that is cheaper.
#[inline]
pub(crate) fn glance() -> u32 {
    keep(cheap())
}

#[expect(clippy::cast_possible_truncation, reason = "that is where the clock begins anew")]
#[inline]
fn keep(nanoseconds: u64) -> u32 {
    let now = (nanoseconds >> TICK) as u32;
    // It seldom changes, and is read by everybody who spawns.
    if TICKS.load(Ordering::Relaxed) != now {
        advance(now);
    }
    now
}

#[cold]
fn advance(now: u32) {
    let later = |known| (known == 0 || ticks_between(known, now) > 0).then_some(now);
    // Not if somebody else has looked since.
    _ = TICKS.fetch_update(Ordering::Relaxed, Ordering::Relaxed, later);
}

/// Zero if `since` is the later one.
const fn ticks_between(since: u32, now: u32) -> u32 {
    let ticks = now.wrapping_sub(since) & TIMES;
    if ticks > TIMES - AHEAD { 0 } else { ticks }
}

/// How long ago that time was, to a tick.
pub(crate) fn age(since: u32, now: u32) -> Duration {
    Duration::from_nanos(u64::from(ticks_between(since, now)) << TICK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_coarse_clock_is_not_ahead() {
        refresh();
        let coarse = coarse();
        let now = refresh();
        assert!(ticks_between(now, coarse) == 0 && ticks_between(self::coarse(), now) == 0);
        let glanced = glance();
        assert_eq!(ticks_between(refresh(), glanced), 0);
        assert_eq!(age(now, now + 64).as_millis(), 1_073);
        assert_eq!(age(now + 1, now), Duration::ZERO);
    }

    #[test]
    fn the_clock_begins_anew() {
        assert_eq!(age(TIMES, 0), age(0, 1));
        assert_eq!(age(0, TIMES), Duration::ZERO);
        assert_eq!(age(AHEAD, 0), Duration::ZERO);
        assert!(age(AHEAD + 1, 0) > Duration::from_secs(365 * 24 * 60 * 60));
    }
}
