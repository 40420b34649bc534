//! Timers.

mod alarm;
mod queue;
mod timer;

pub use timer::Timer;
