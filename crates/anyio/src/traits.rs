//! What objects can do, for code that is generic over the backend: the bounds on the associated
//! types of [`Runtime`](crate::Runtime), [`Net`](crate::Net) and
//! [`Processes`](crate::Processes).
//!
//! Several are called like the types of this crate that implement them, which is why they have a
//! module of their own. For their methods alone, import [`prelude`](crate::prelude).

pub use anyio_core::{
    ByteReceiveStream, ByteSendStream, ByteStream, CancelScope, CapacityLimiter, ChildProcess,
    Condition, Event, Lock, MemoryReceiveStream, MemorySendStream, ObjectReceiveStream,
    ObjectSendStream, ObjectStream, Ready, Semaphore, TaskGroup, TaskHandle, TcpListener,
    TcpStream,
};
