//! smol's clock, the system's, and its timers.

use std::time::Instant;

use anyio_async_io::Timer;
use anyio_core::Clock;

use crate::Smol;

impl Clock for Smol {
    type Timer = Timer;

    fn now() -> Instant {
        Instant::now()
    }

    fn timer(deadline: Instant) -> Timer {
        Timer::at(deadline)
    }

    fn timer_from(now: Instant, deadline: Instant) -> Timer {
        Timer::since(now, deadline)
    }
}
