//! tokio's clock, and timers that all stand on one of tokio's.

mod alarm;
mod timer;

pub use timer::TokioTimer;
