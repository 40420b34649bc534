//! The current backend's clock.

use std::time::Instant;

use anyio_core::Clock;
use anyio_engine::AnyTimer;

use super::{
    Any,
    current::{backend_for, current_backend},
};

impl Clock for Any {
    type Timer = AnyTimer;

    /// The time of the current backend; of the system, if there is none.
    fn now() -> Instant {
        current_backend().map_or_else(|_| Instant::now(), |backend| backend.now())
    }

    #[track_caller]
    fn timer(deadline: Instant) -> AnyTimer {
        match backend_for("waiting for a time") {
            Ok(backend) => backend.timer(deadline),
            Err(error) => panic!("{error}"),
        }
    }
    #[track_caller]
    fn timer_from(now: Instant, deadline: Instant) -> AnyTimer {
        match backend_for("waiting for a time") {
            Ok(backend) => backend.timer_from(now, deadline),
            Err(error) => panic!("{error}"),
        }
    }
}
