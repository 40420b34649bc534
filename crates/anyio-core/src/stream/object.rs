//! Streams of objects: reliable, ordered, whole items.

use crate::{ReceiveError, SendError, TryReceiveError, TrySendError};

/// The end of a stream that items of type `T` go into.
///
/// Ends are used through `&mut`: two tasks that send each have a clone of their own, where the
/// type offers one, so misuse does not compile.
///
/// # For implementors
///
/// A send that was cancelled has sent nothing. Dropping the end closes it.
///
/// ```
/// use anyio_core::{ObjectSendStream, SendError};
///
/// /// Keeps what it is sent.
/// #[derive(Debug, Default)]
/// struct Shelf<T>(Vec<T>);
///
/// impl<T: Send + 'static> ObjectSendStream<T> for Shelf<T> {
///     async fn send(&mut self, item: T) -> Result<(), SendError<T>> {
///         self.0.push(item);
///         Ok(())
///     }
/// }
/// # let mut shelf = Shelf::default();
/// # futures_lite::future::block_on(shelf.send(1)).unwrap();
/// # assert_eq!(shelf.0, [1]);
/// ```
pub trait ObjectSendStream<T>: Send + 'static {
    /// Sends one item, waiting until there is room for it or somebody to take it.
    ///
    /// # Cancel safety
    ///
    /// Atomic: cancelled, it has sent nothing; the item is dropped.
    ///
    /// # Errors
    ///
    /// [`SendError`] with the item, if this end was closed or no receiver is left.
    fn send(&mut self, item: T) -> impl Future<Output = Result<(), SendError<T>>> + Send;
}

/// The end of a stream that items of type `T` come out of.
///
/// # For implementors
///
/// An item is either returned or still there: a receive that was cancelled has taken nothing.
///
/// ```
/// use anyio_core::{ObjectReceiveStream, ReceiveError};
///
/// /// Counts down to nothing.
/// #[derive(Debug)]
/// struct Countdown(u32);
///
/// impl ObjectReceiveStream<u32> for Countdown {
///     async fn receive(&mut self) -> Result<u32, ReceiveError> {
///         self.0 = self.0.checked_sub(1).ok_or(ReceiveError::end_of_stream())?;
///         Ok(self.0)
///     }
/// }
/// # let mut count = Countdown(1);
/// # assert_eq!(futures_lite::future::block_on(count.receive()), Ok(0));
/// # assert!(futures_lite::future::block_on(count.receive()).is_err());
/// ```
pub trait ObjectReceiveStream<T>: Send + 'static {
    /// Takes the next item, waiting until there is one.
    ///
    /// # Cancel safety
    ///
    /// Atomic: cancelled, it has taken nothing.
    ///
    /// # Errors
    ///
    /// [`ReceiveError`] if this end was closed, or if the stream has ended.
    fn receive(&mut self) -> impl Future<Output = Result<T, ReceiveError>> + Send;
}

/// Both ends in one, as a connection that speaks in messages.
///
/// Implemented for all that qualify; do not implement it.
///
/// ```
/// fn speaks<T>(_: impl anyio_core::ObjectStream<T>) {}
/// ```
pub trait ObjectStream<T>: ObjectSendStream<T> + ObjectReceiveStream<T> {}

impl<T, S: ObjectSendStream<T> + ObjectReceiveStream<T>> ObjectStream<T> for S {}

/// The end of a memory stream that items go into: what
/// [`Runtime::memory_object_stream`](crate::Runtime::memory_object_stream) gives.
///
/// Items stay in the process, so it can be said at once whether there is room, and any number of tasks
/// may have an end each. The ends of other streams cannot promise either.
///
/// # For implementors
///
/// ```
/// use std::sync::mpsc;
/// use anyio_core::{MemorySendStream, ObjectSendStream, SendError, TrySendError};
///
/// /// A channel without a bound: there always is room.
/// #[derive(Clone, Debug)]
/// struct Endless<T>(mpsc::Sender<T>);
///
/// impl<T: Send + 'static> ObjectSendStream<T> for Endless<T> {
///     async fn send(&mut self, item: T) -> Result<(), SendError<T>> {
///         self.0.send(item).map_err(|error| SendError::broken(error.0))
///     }
/// }
///
/// impl<T: Clone + Send + 'static> MemorySendStream<T> for Endless<T> {
///     fn try_send(&self, item: T) -> Result<(), TrySendError<T>> {
///         self.0.send(item).map_err(|error| SendError::broken(error.0).into())
///     }
/// }
/// # let (send, receive) = mpsc::channel();
/// # Endless(send).try_send(1).unwrap();
/// # assert_eq!(receive.recv(), Ok(1));
/// ```
#[doc(alias = "MemoryObjectSendStream")]
pub trait MemorySendStream<T>: ObjectSendStream<T> + Clone + Sync {
    /// Sends one item if there is room for it, or somebody who waits to receive.
    ///
    /// # Errors
    ///
    /// [`TrySendError`] with the item, if it would have to wait, or as
    /// [`send`](ObjectSendStream::send).
    #[doc(alias = "send_nowait")]
    fn try_send(&self, item: T) -> Result<(), TrySendError<T>>;
}

/// The end of a memory stream that items come out of.
///
/// Items stay in the process, so it can be said at once whether there is one, and any number of tasks
/// may have an end each: each item goes to one of them.
///
/// # For implementors
///
/// ```
/// use anyio_core::{MemoryReceiveStream, ObjectReceiveStream, ReceiveError, TryReceiveError};
///
/// /// The simple case: the sender has been gone from the beginning.
/// #[derive(Clone, Debug)]
/// struct Ended;
///
/// impl ObjectReceiveStream<u32> for Ended {
///     async fn receive(&mut self) -> Result<u32, ReceiveError> {
///         Err(ReceiveError::end_of_stream())
///     }
/// }
///
/// impl MemoryReceiveStream<u32> for Ended {
///     fn try_receive(&self) -> Result<u32, TryReceiveError> {
///         Err(ReceiveError::end_of_stream().into())
///     }
/// }
/// # assert!(Ended.clone().try_receive().is_err());
/// ```
#[doc(alias = "MemoryObjectReceiveStream")]
pub trait MemoryReceiveStream<T>: ObjectReceiveStream<T> + Clone + Sync {
    /// Takes the next item if there is one, or somebody who waits to send one.
    ///
    /// # Errors
    ///
    /// [`TryReceiveError`] if it would have to wait, or as [`receive`](ObjectReceiveStream::receive).
    #[doc(alias = "receive_nowait")]
    fn try_receive(&self) -> Result<T, TryReceiveError>;
}
