//! What the program can be told to do.

mod compare;
mod run;

pub(crate) use compare::{allocations, instructions, list, time};
pub(crate) use run::run;
