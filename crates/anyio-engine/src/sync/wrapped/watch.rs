//! A value that many look at, and wait for its changes.

use std::{ops::Deref, sync::Arc};

use anyio_core::{ReceiveError, SendError};
use tokio::sync::watch as inner;

use super::counted::Waiting;
use crate::op::{admitted, fallible};

/// A value that some set and others look at: they wait for its changes, and see the latest one.
///
/// Prefer [`broadcast`](super::broadcast()) or a memory stream where each change counts.
///
/// # Examples
///
/// ```
/// # futures_lite::future::block_on(async {
/// let (level, mut seen) = anyio_engine::watch(1);
/// assert_eq!(*seen.borrow(), 1);
/// level.send(2)?;
/// level.send(3)?;
/// seen.changed().await.unwrap();
/// assert_eq!(*seen.borrow_and_update(), 3);
/// # Ok::<(), anyio_core::SendError<i32>>(())
/// # }).unwrap();
/// ```
#[must_use]
pub fn watch<T>(value: T) -> (WatchSender<T>, WatchReceiver<T>) {
    let (sender, receiver) = inner::channel(value);
    let waiting = Arc::new(Waiting::new());
    let sender = WatchSender { inner: sender, waiting: Arc::clone(&waiting) };
    (sender, WatchReceiver { inner: receiver, waiting })
}

/// Sets a value that others look at. Given by [`watch`].
#[derive(Debug)]
pub struct WatchSender<T> {
    inner: inner::Sender<T>,
    waiting: Arc<Waiting>,
}

/// What a watched value looks like at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WatchStatistics {
    /// How many senders there are.
    pub senders: usize,
    /// How many receivers there are.
    pub receivers: usize,
    /// How many of them wait for a change.
    pub waiting: usize,
}

impl<T> WatchSender<T> {
    /// Sets the value and wakes those who wait for a change.
    ///
    /// # Errors
    ///
    /// `value`, if all receivers are gone; nothing is set then.
    pub fn send(&self, value: T) -> Result<(), SendError<T>> {
        self.inner.send(value).map_err(|error| SendError::broken(error.0))
    }

    /// Sets the value, whether or not there are receivers, and gives the one before.
    pub fn send_replace(&self, value: T) -> T {
        self.inner.send_replace(value)
    }

    /// Changes the value where it is. Should `change` panic, nobody is told of a change.
    pub fn send_modify(&self, change: impl FnOnce(&mut T)) {
        self.inner.send_modify(change);
    }

    /// Changes the value where it is; receivers hear of it if `change` says that it changed something.
    pub fn send_if_modified(&self, change: impl FnOnce(&mut T) -> bool) -> bool {
        self.inner.send_if_modified(change)
    }

    /// The value. Do not keep this for long, nor across an `await`: setting waits for it, with its
    /// whole thread.
    pub fn borrow(&self) -> WatchRef<'_, T> {
        WatchRef { inner: self.inner.borrow() }
    }

    /// One more receiver, to which the present value is no change.
    #[must_use]
    pub fn subscribe(&self) -> WatchReceiver<T> {
        WatchReceiver { inner: self.inner.subscribe(), waiting: Arc::clone(&self.waiting) }
    }

    /// Waits until all receivers are gone.
    ///
    /// # Cancel safety
    ///
    /// Atomic: nothing happens but the waiting.
    pub async fn closed(&self) {
        admitted(self.inner.closed()).await;
    }

    /// Whether all receivers are gone.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.inner.is_closed()
    }

    /// How many receivers there are.
    #[must_use]
    pub fn receivers(&self) -> usize {
        self.inner.receiver_count()
    }

    /// Everything that can be said of it. The numbers may be of slightly different moments.
    #[must_use]
    pub fn statistics(&self) -> WatchStatistics {
        WatchStatistics {
            senders: self.inner.sender_count(),
            receivers: self.inner.receiver_count(),
            waiting: self.waiting.now(),
        }
    }
}

impl<T> Clone for WatchSender<T> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), waiting: Arc::clone(&self.waiting) }
    }
}

/// Looks at a value that others set. Given by [`watch`]. A clone has seen what this one has seen.
#[derive(Debug)]
pub struct WatchReceiver<T> {
    inner: inner::Receiver<T>,
    waiting: Arc<Waiting>,
}

impl<T> WatchReceiver<T> {
    /// The value. Do not keep this for long, nor across an `await`: setting waits for it, with its
    /// whole thread.
    pub fn borrow(&self) -> WatchRef<'_, T> {
        WatchRef { inner: self.inner.borrow() }
    }

    /// The value, which counts as seen: [`changed`](Self::changed) waits for the next one.
    pub fn borrow_and_update(&mut self) -> WatchRef<'_, T> {
        WatchRef { inner: self.inner.borrow_and_update() }
    }

    /// Whether the value was set since it was last seen.
    ///
    /// # Errors
    ///
    /// [`ReceiveError`] if all senders are gone.
    pub fn has_changed(&self) -> Result<bool, ReceiveError> {
        self.inner.has_changed().map_err(|_| ReceiveError::end_of_stream())
    }

    /// Waits until the value was set since it was last seen. It counts as seen then.
    ///
    /// # Cancel safety
    ///
    /// Atomic: cancelled, nothing counts as seen.
    ///
    /// # Errors
    ///
    /// [`ReceiveError`] if all senders are gone and the last value has been seen.
    pub async fn changed(&mut self) -> Result<(), ReceiveError> {
        let changed = self.waiting.counted(self.inner.changed());
        fallible(changed, |_| ReceiveError::end_of_stream()).await
    }

    /// Waits until `wanted` says that the value is, and gives that one. The present one may be.
    ///
    /// # Cancel safety
    ///
    /// Atomic: nothing happens but the waiting.
    ///
    /// # Errors
    ///
    /// [`ReceiveError`] if all senders are gone and the last value is not what is wanted.
    pub async fn wait_for(
        &mut self,
        wanted: impl FnMut(&T) -> bool,
    ) -> Result<WatchRef<'_, T>, ReceiveError> {
        let found = self.waiting.counted(self.inner.wait_for(wanted));
        let found = fallible(found, |_| ReceiveError::end_of_stream()).await;
        found.map(|inner| WatchRef { inner })
    }
}

impl<T> Clone for WatchReceiver<T> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), waiting: Arc::clone(&self.waiting) }
    }
}

/// A look at the value of a [`watch`]. While it lasts, nobody can set another one.
#[derive(Debug)]
pub struct WatchRef<'a, T> {
    inner: inner::Ref<'a, T>,
}

impl<T> WatchRef<'_, T> {
    /// Whether the receiver that looks has not seen this one before.
    #[must_use]
    pub fn has_changed(&self) -> bool {
        self.inner.has_changed()
    }
}

impl<T> Deref for WatchRef<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.inner
    }
}
