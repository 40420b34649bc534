//! One value, from one task to another.

use std::{
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll, ready},
};

use anyio_core::{ReceiveError, SendError, TryReceiveError};
use tokio::sync::oneshot as inner;

use crate::op::{self, Withheld, admitted};

/// A way for one value, once.
///
/// # Examples
///
/// ```
/// # futures_lite::future::block_on(async {
/// let (answer, question) = anyio_engine::oneshot();
/// answer.send(42).unwrap();
/// assert_eq!(question.await, Ok(42));
/// # });
/// ```
#[must_use]
pub fn oneshot<T>() -> (OneshotSender<T>, OneshotReceiver<T>) {
    let (sender, receiver) = inner::channel();
    (OneshotSender { inner: sender }, OneshotReceiver { inner: Some(receiver), closed: false })
}

/// Sends one value. Given by [`oneshot`].
#[derive(Debug)]
pub struct OneshotSender<T> {
    inner: inner::Sender<T>,
}

/// What a oneshot looks like at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OneshotStatistics {
    /// Whether the value was sent, and has not been received yet.
    pub sent: bool,
    /// Whether the value is still wanted: the receiver is there, and has neither received it nor
    /// closed itself.
    pub wanted: bool,
}

impl<T> OneshotSender<T> {
    /// Sends the value. It never waits.
    ///
    /// # Errors
    ///
    /// `value`, if the receiver is gone or has closed itself.
    pub fn send(self, value: T) -> Result<(), SendError<T>> {
        self.inner.send(value).map_err(SendError::broken)
    }

    /// Waits until nobody wants the value any more.
    ///
    /// # Cancel safety
    ///
    /// Atomic: nothing happens but the waiting.
    pub async fn closed(&mut self) {
        admitted(self.inner.closed()).await;
    }

    /// Whether nobody wants the value any more.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.inner.is_closed()
    }

    /// Everything that can be said of it, at one moment. Who has a sender has not sent.
    #[must_use]
    pub fn statistics(&self) -> OneshotStatistics {
        OneshotStatistics { sent: false, wanted: !self.is_closed() }
    }
}

/// Receives one value: await it, or [`receive`](Self::receive) from it. Given by [`oneshot`].
#[derive(Debug)]
pub struct OneshotReceiver<T> {
    /// Until the value, or the end, has been received.
    inner: Option<inner::Receiver<T>>,
    closed: bool,
}

impl<T> OneshotReceiver<T> {
    /// Waits for the value, and leaves the receiver to wait again, should this be cancelled.
    ///
    /// # Cancel safety
    ///
    /// Atomic: cancelled, it has received nothing, and the value is still there.
    ///
    /// # Errors
    ///
    /// [`ReceiveError`] if the sender is gone without having sent, or if the value has been received.
    pub async fn receive(&mut self) -> Result<T, ReceiveError> {
        let mut state = Waiting::default();
        poll_fn(|cx| self.poll(&mut state, cx)).await
    }

    /// The value, if it has been sent.
    ///
    /// # Errors
    ///
    /// [`TryReceiveError`] if it has not been sent yet, or if it never will be, or has been received.
    pub fn try_receive(&mut self) -> Result<T, TryReceiveError> {
        let Some(inner) = &mut self.inner else { return Err(ReceiveError::closed().into()) };
        let received = match inner.try_recv() {
            Ok(value) => Ok(value),
            Err(inner::error::TryRecvError::Empty) => return Err(TryReceiveError::would_block()),
            Err(inner::error::TryRecvError::Closed) => Err(ReceiveError::end_of_stream()),
        };
        self.inner = None;
        Ok(received?)
    }

    /// Wants the value no more. If it has been sent, it is still there.
    pub fn close(&mut self) {
        if let Some(inner) = &mut self.inner {
            inner.close();
            self.closed = true;
        }
    }

    /// Everything that can be said of it, at one moment. That the sender is gone without having sent is
    /// said by a receive, and not by this.
    #[must_use]
    pub fn statistics(&self) -> OneshotStatistics {
        let sent = self.inner.as_ref().is_some_and(|inner| !inner.is_empty());
        OneshotStatistics { sent, wanted: self.inner.is_some() && !self.closed }
    }

    fn poll(&mut self, state: &mut Waiting, cx: &mut Context<'_>) -> Poll<Result<T, ReceiveError>> {
        if !state.admitted {
            ready!(op::admit(cx));
            state.admitted = true;
        }
        if let Some(again) = state.withheld.again(cx) {
            return again;
        }
        let result = match &mut self.inner {
            None => Err(ReceiveError::closed()),
            Some(inner) => {
                let received = ready!(Pin::new(inner).poll(cx));
                self.inner = None;
                received.map_err(|_| ReceiveError::end_of_stream())
            }
        };
        state.withheld.pass(result, cx)
    }
}

impl<T> IntoFuture for OneshotReceiver<T> {
    type Output = Result<T, ReceiveError>;
    type IntoFuture = OneshotReceiving<T>;

    fn into_future(self) -> OneshotReceiving<T> {
        OneshotReceiving { receiver: self, state: Waiting::default() }
    }
}

/// Awaits an [`OneshotReceiver`].
#[must_use = "futures do nothing unless you `.await` them"]
#[derive(Debug)]
pub struct OneshotReceiving<T> {
    receiver: OneshotReceiver<T>,
    state: Waiting,
}

impl<T> Future for OneshotReceiving<T> {
    type Output = Result<T, ReceiveError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        this.receiver.poll(&mut this.state, cx)
    }
}

/// How far a receive has come.
#[derive(Debug, Default)]
struct Waiting {
    admitted: bool,
    withheld: Withheld<ReceiveError>,
}
