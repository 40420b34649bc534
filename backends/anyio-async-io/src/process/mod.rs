//! Child processes.

mod child;
#[cfg_attr(unix, path = "unix.rs")]
#[cfg_attr(windows, path = "windows.rs")]
mod os;
mod pipe;

pub use child::{Child, spawn_process};
pub use pipe::{PipeIn, PipeOut};
