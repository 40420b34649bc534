//! Memory object streams.

mod items;
#[cfg(all(test, loom))]
mod model;
mod permit;
mod receive;
mod receive_many;
mod send;
mod send_iter;
mod shared;
mod sink;
mod stapled;
mod state;
mod weak;

pub use permit::{OwnedSendPermit, Reserving, ReservingOwned, SendPermit};
pub use receive::{ReceiveStream, Receiving};
pub use receive_many::ReceivingMany;
pub use send::{SendStream, Sending};
pub use send_iter::SendingIter;
pub use shared::{StreamStatistics, memory_object_stream};
pub use stapled::StapledObjectStream;
pub use weak::WeakSendStream;
