//! Memory object streams.

#[cfg(all(test, loom))]
mod model;
mod receive;
mod send;
mod shared;

pub use receive::{ReceiveStream, Receiving};
pub use send::{SendStream, Sending};
pub use shared::{StreamStatistics, memory_object_stream};
