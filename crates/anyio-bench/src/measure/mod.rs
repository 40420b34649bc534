//! What is measured, and the ways to do it.

mod allocations;
mod heap;
mod instructions;
mod row;
mod times;

pub(crate) use allocations::allocations;
pub(crate) use heap::wear;
pub(crate) use instructions::{calls_for, instructions, valgrind};
pub(crate) use row::{Contender, Row, ratios};
pub(crate) use times::{Times, times};
