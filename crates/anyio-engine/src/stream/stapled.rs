//! Two ends in one.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use anyio_core::{ObjectReceiveStream, ObjectSendStream, ReceiveError, SendError};
use futures_core::Stream;
use futures_sink::Sink;

/// A sending end and a receiving end, of different streams, as one
/// [`ObjectStream`](anyio_core::ObjectStream): a connection that speaks in messages.
///
/// # Examples
///
/// ```
/// use anyio_core::{ObjectReceiveStream, ObjectSendStream, ObjectStream};
/// use anyio_engine::{StapledObjectStream, memory_object_stream};
///
/// async fn ask(mut server: impl ObjectStream<String>) -> Option<String> {
///     server.send("ping".to_owned()).await.ok()?;
///     server.receive().await.ok()
/// }
///
/// # futures_lite::future::block_on(async {
/// let (questions, inbox) = memory_object_stream(1);
/// let (outbox, answers) = memory_object_stream(1);
/// outbox.send("pong".to_owned()).await.unwrap();
/// let server = StapledObjectStream::new(questions, answers);
/// assert_eq!(ask(server).await.as_deref(), Some("pong"));
/// assert_eq!(inbox.receive().await.as_deref(), Ok("ping"));
/// assert!(inbox.receive().await.is_err()); // `ask` has dropped both ends
/// # });
/// ```
#[derive(Clone, Debug)]
pub struct StapledObjectStream<S, R> {
    /// Until it is closed.
    send: Option<S>,
    receive: R,
}

impl<S, R> StapledObjectStream<S, R> {
    /// Sends on `send` and receives on `receive`.
    pub const fn new(send: S, receive: R) -> Self {
        Self { send: Some(send), receive }
    }

    /// Drops the sending end, which closes it, and goes on receiving. What is sent after that fails
    /// as on an end that was closed.
    #[doc(alias = "send_eof")]
    pub fn close_send(&mut self) {
        self.send = None;
    }

    /// The sending end, unless that was closed, and the receiving end.
    #[must_use = "dropping the ends closes them"]
    pub fn into_inner(self) -> (Option<S>, R) {
        (self.send, self.receive)
    }
}

impl<T: Send, S: ObjectSendStream<T>, R: Send + 'static> ObjectSendStream<T>
    for StapledObjectStream<S, R>
{
    async fn send(&mut self, item: T) -> Result<(), SendError<T>> {
        match &mut self.send {
            Some(send) => send.send(item).await,
            None => Err(SendError::closed(item)),
        }
    }
}

impl<T, S: Send + 'static, R: ObjectReceiveStream<T>> ObjectReceiveStream<T>
    for StapledObjectStream<S, R>
{
    fn receive(&mut self) -> impl Future<Output = Result<T, ReceiveError>> + Send {
        self.receive.receive()
    }
}

impl<S: Unpin, R: Stream + Unpin> Stream for StapledObjectStream<S, R> {
    type Item = R::Item;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<R::Item>> {
        Pin::new(&mut self.get_mut().receive).poll_next(cx)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.receive.size_hint()
    }
}

/// After [`close_send`](StapledObjectStream::close_send) it is closed, and gives
/// [`SendError::closed`] where something is sent all the same.
impl<T, S, R> Sink<T> for StapledObjectStream<S, R>
where
    S: Sink<T, Error = SendError<()>> + Unpin,
    R: Unpin,
{
    type Error = SendError<()>;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SendError<()>>> {
        match &mut self.get_mut().send {
            Some(send) => Pin::new(send).poll_ready(cx),
            None => Poll::Ready(Err(SendError::closed(()))),
        }
    }

    fn start_send(self: Pin<&mut Self>, item: T) -> Result<(), SendError<()>> {
        match &mut self.get_mut().send {
            Some(send) => Pin::new(send).start_send(item),
            None => Err(SendError::closed(())),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SendError<()>>> {
        match &mut self.get_mut().send {
            Some(send) => Pin::new(send).poll_flush(cx),
            None => Poll::Ready(Ok(())),
        }
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SendError<()>>> {
        match &mut self.get_mut().send {
            Some(send) => Pin::new(send).poll_close(cx),
            None => Poll::Ready(Ok(())),
        }
    }
}
