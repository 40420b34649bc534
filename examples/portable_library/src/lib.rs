//! A library that leaves the choice of the runtime to its users, written twice: once for each lane.
//!
//! [`generic`] takes the backend as a type parameter, which costs nothing at run time and says in
//! the signature what is needed of it. [`ambient`] has no type parameter, and runs on whatever runs
//! its caller. The code is the same but for the `B::`.
//!
//! A library needs neither a feature nor a `cfg` for that, and no backend: see its `Cargo.toml`.
//! What it does is to ask several servers at the same time, and to take the first answer.

pub mod ambient;
pub mod generic;
