//! Streams of objects and of bytes.

mod byte;
mod object;

pub use byte::{ByteReceiveStream, ByteSendStream, ByteStream};
pub use object::{
    MemoryReceiveStream, MemorySendStream, ObjectReceiveStream, ObjectSendStream, ObjectStream,
};
