//! Items that each receiver gets.

use std::sync::Arc;

use anyio_core::{BroadcastError, SendError, TryBroadcastError};
use tokio::sync::broadcast as inner;

use super::counted::Waiting;
use crate::op::fallible;

/// A stream of items each of which every receiver gets.
///
/// At least the last `capacity` items are kept. A sender never waits: a receiver that is slower than
/// that misses some, and is told how many.
///
/// Prefer a memory stream where each item is for one receiver, or senders are to wait.
///
/// # Panics
///
/// If `capacity` is 0, or more than half of `usize::MAX`.
///
/// # Examples
///
/// ```
/// # futures_lite::future::block_on(async {
/// let (news, mut mine) = anyio_engine::broadcast(2);
/// let mut yours = news.subscribe();
/// for item in [1, 2, 3] {
///     assert_eq!(news.send(item), Ok(2));
///     assert_eq!(mine.receive().await, Ok(item));
/// }
/// assert_eq!(yours.receive().await.unwrap_err().missed(), Some(1));
/// assert_eq!(yours.receive().await, Ok(2));
/// # });
/// ```
#[must_use]
#[track_caller]
pub fn broadcast<T: Clone>(capacity: usize) -> (BroadcastSender<T>, BroadcastReceiver<T>) {
    let (sender, receiver) = inner::channel(capacity);
    let waiting = Arc::new(Waiting::new());
    let sender = BroadcastSender { inner: sender, capacity, waiting: Arc::clone(&waiting) };
    (sender, BroadcastReceiver { inner: receiver, waiting })
}

/// Sends items to every receiver. Given by [`broadcast`].
#[derive(Debug)]
pub struct BroadcastSender<T> {
    inner: inner::Sender<T>,
    capacity: usize,
    waiting: Arc<Waiting>,
}

/// What a broadcast looks like at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BroadcastStatistics {
    /// How many senders there are.
    pub senders: usize,
    /// How many receivers there are.
    pub receivers: usize,
    /// How many of them wait for an item.
    pub waiting: usize,
    /// How many items some receiver has not received yet.
    pub buffered: usize,
    /// How many items are kept at least, as was asked for.
    pub capacity: usize,
}

impl<T> BroadcastSender<T> {
    /// Sends `item` to every receiver there is, and says how many those are.
    ///
    /// # Errors
    ///
    /// `item`, if there is none. There may be one again later.
    pub fn send(&self, item: T) -> Result<usize, SendError<T>> {
        self.inner.send(item).map_err(|error| SendError::broken(error.0))
    }

    /// One more receiver, of what is sent from now on.
    #[must_use]
    pub fn subscribe(&self) -> BroadcastReceiver<T> {
        BroadcastReceiver { inner: self.inner.subscribe(), waiting: Arc::clone(&self.waiting) }
    }

    /// How many receivers there are.
    #[must_use]
    pub fn receivers(&self) -> usize {
        self.inner.receiver_count()
    }

    /// How many items some receiver has not received yet.
    #[must_use]
    pub fn len(&self) -> usize {
        self.inner.len()
    }

    /// Whether every receiver has received everything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.inner.is_empty()
    }

    /// Everything that can be said of it. The numbers may be of slightly different moments.
    #[must_use]
    pub fn statistics(&self) -> BroadcastStatistics {
        BroadcastStatistics {
            senders: self.inner.strong_count(),
            receivers: self.inner.receiver_count(),
            waiting: self.waiting.now(),
            buffered: self.inner.len(),
            capacity: self.capacity,
        }
    }
}

impl<T> Clone for BroadcastSender<T> {
    fn clone(&self) -> Self {
        let Self { inner, capacity, waiting } = self;
        Self { inner: inner.clone(), capacity: *capacity, waiting: Arc::clone(waiting) }
    }
}

/// Receives every item that is sent. Given by [`broadcast`].
#[derive(Debug)]
pub struct BroadcastReceiver<T> {
    inner: inner::Receiver<T>,
    waiting: Arc<Waiting>,
}

impl<T: Clone> BroadcastReceiver<T> {
    /// Waits for the next item.
    ///
    /// # Cancel safety
    ///
    /// Atomic: cancelled, it has received nothing, and the item is still there for this receiver.
    ///
    /// # Errors
    ///
    /// [`BroadcastError`] if this receiver was too slow and has missed some, after which it goes on
    /// with the oldest item there is; or if all senders are gone and nothing is left.
    pub async fn receive(&mut self) -> Result<T, BroadcastError> {
        // What was missed is told in a cancelled scope, too: it is told once, and no cancellation has
        // brought it about. The end, which is kept back there, is told again by the next receive.
        let received = async {
            match self.waiting.counted(self.inner.recv()).await {
                Ok(item) => Ok(Ok(item)),
                Err(inner::error::RecvError::Lagged(items)) => {
                    Ok(Err(BroadcastError::missing(items)))
                }
                Err(inner::error::RecvError::Closed) => Err(()),
            }
        };
        fallible(received, |()| BroadcastError::end_of_stream()).await?
    }

    /// The next item, if there is one.
    ///
    /// # Errors
    ///
    /// [`TryBroadcastError`] if there is none yet, and as [`receive`](Self::receive).
    pub fn try_receive(&mut self) -> Result<T, TryBroadcastError> {
        self.inner.try_recv().map_err(|error| match error {
            inner::error::TryRecvError::Empty => TryBroadcastError::would_block(),
            inner::error::TryRecvError::Closed => BroadcastError::end_of_stream().into(),
            inner::error::TryRecvError::Lagged(items) => BroadcastError::missing(items).into(),
        })
    }

    /// One more receiver, of what is sent from now on.
    #[must_use]
    pub fn resubscribe(&self) -> Self {
        Self { inner: self.inner.resubscribe(), waiting: Arc::clone(&self.waiting) }
    }
}

impl<T> BroadcastReceiver<T> {
    /// How many items this one has not received yet, those it has missed included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.inner.len()
    }

    /// Whether it has received everything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.inner.is_empty()
    }
}
