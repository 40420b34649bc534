//! What the program can be told to do.

mod check;
mod compare;
mod run;

pub(crate) use check::{check, update};
pub(crate) use compare::{allocations, instructions, list, time};
pub(crate) use run::run;
