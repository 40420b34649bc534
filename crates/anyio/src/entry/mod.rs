//! Where programs and tests begin.

mod attributes;
mod interrupt;
mod program;
mod test_run;

pub use attributes::{main, test};
pub(crate) use program::run_main;
pub(crate) use test_run::run_test;
