//! The one place that says which mutex, atomics, statics and thread-locals this crate is built on:
//! the machine's own, or with `--cfg loom` those of a model checker, which runs the models of this
//! crate (`cargo test … model`) through every order of events and every value a load may see.
//!
//! The two files have the same names. One rule makes that possible: `new` is for constructors that
//! have to be `const`, `from` and `default` for all others. The checker has no `const` constructors,
//! so what comes from `new` is made when it is first used; what comes from the others is made there
//! and then, by the thread that will publish it. A constructor that makes use of a constant says which of
//! its primitives are `made`.

mod alone;
#[cfg(loom)]
mod checked;
mod init;
#[cfg(not(loom))]
mod native;
mod place;
pub(crate) mod ticks;

// Pointers are the machine's own everywhere: nothing is ordered by them.
pub(crate) use std::sync::{
    Arc, Weak,
    atomic::{AtomicPtr, Ordering},
};

pub(crate) use alone::Alone;
#[cfg(loom)]
pub(crate) use checked::*;
pub(crate) use init::init;
#[cfg(not(loom))]
pub(crate) use native::*;
pub(crate) use place::Place;
