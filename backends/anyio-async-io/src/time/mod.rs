//! Timers.

mod alarm;
mod timer;

pub use timer::Timer;
