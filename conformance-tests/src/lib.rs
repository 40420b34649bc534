//! The conformance suite of anyio: what every backend has to do, as a library.
//!
//! A backend runs it in a test target of its own (with `harness = false`):
//!
//! ```no_run
//! # use anyio_core::*;
//! # fn main_of<Mine: Runtime + Run + Blocking + Net>() -> std::process::ExitCode {
//! anyio_conformance::Suite::of::<Mine>("mine").with_blocking::<Mine>().with_net::<Mine>().main()
//! # }
//! ```
//!
//! The guide for authors, with the list of the guarantees, is the README of this crate. A backend in
//! one file that runs the suite is among the project's examples.
//!
//! Each case is one generic async function whose documentation begins with the guarantee it
//! protects, and becomes one separately named test per flavour: `mine::current_thread::scope::…`.
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(unix)]
mod again;
mod cases;
pub mod cut;
mod suite;
pub mod support;

pub use suite::{Flavour, Suite};
