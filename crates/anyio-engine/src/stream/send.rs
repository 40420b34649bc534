//! The sending end of a memory stream.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, Waker, ready},
};

use anyio_core::{SendError, TrySendError};

use super::shared::{NoRoom, Shared, StreamStatistics};
use crate::{
    context::ambient,
    op::{self, Withheld},
    sync::Place,
    sys::{Arc, AtomicBool, Ordering},
};

/// The end of a memory stream that items go into. Dropping it closes it.
///
/// Given by [`memory_object_stream`](crate::memory_object_stream). A clone is an end of its own.
#[doc(alias = "Sender", alias = "MemoryObjectSendStream")]
pub struct SendStream<T> {
    shared: Arc<Shared<T>>,
    end: usize,
    /// Written once, under the stream's lock; a hint for everybody else.
    closed: AtomicBool,
}

impl<T> SendStream<T> {
    pub(super) fn new(shared: Arc<Shared<T>>, end: usize) -> Self {
        Self { shared, end, closed: AtomicBool::default() }
    }

    /// Sends one item, waiting until there is room for it or somebody to take it.
    ///
    /// # Cancel safety
    ///
    /// Atomic: cancelled, it has sent nothing; the item is dropped.
    ///
    /// # Errors
    ///
    /// [`SendError`] with the item, if this end was closed or no receiver is left.
    pub const fn send(&self, item: T) -> Sending<'_, T> {
        Sending {
            stream: self,
            item: Some(item),
            place: Place::Start,
            withheld: Withheld::nothing(),
        }
    }

    /// Sends one item if that needs no waiting.
    ///
    /// # Errors
    ///
    /// [`TrySendError`] with the item, otherwise.
    #[doc(alias = "send_nowait")]
    pub fn try_send(&self, item: T) -> Result<(), TrySendError<T>> {
        let waker = {
            let mut state = self.shared.state.lock();
            if self.is_closed() {
                return Err(SendError::closed(item).into());
            }
            match state.offer(item) {
                Ok(waker) => waker,
                Err(NoRoom::Broken(item)) => return Err(SendError::broken(item).into()),
                Err(NoRoom::Full(item)) => return Err(TrySendError::would_block(item)),
            }
        };
        waker.into_iter().for_each(Waker::wake);
        Ok(())
    }

    /// Closes this end. Its sends that wait fail; other clones are not touched. Closing again does
    /// nothing.
    pub fn close(&self) {
        let woken = {
            let mut state = self.shared.state.lock();
            if self.closed.swap(true, Ordering::Relaxed) {
                return;
            }
            state.close_sender(self.end)
        };
        woken.into_iter().for_each(Waker::wake);
    }

    /// Whether this end was closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    /// What the stream looks like now.
    #[must_use]
    pub fn statistics(&self) -> StreamStatistics {
        self.shared.state.lock().statistics()
    }
}

impl<T> Clone for SendStream<T> {
    /// A clone of a closed end is closed.
    fn clone(&self) -> Self {
        let mut state = self.shared.state.lock();
        let closed = self.is_closed();
        let end = if closed { self.end } else { state.open_sender() };
        drop(state);
        Self { shared: Arc::clone(&self.shared), end, closed: AtomicBool::from(closed) }
    }
}

impl<T> Drop for SendStream<T> {
    fn drop(&mut self) {
        self.close();
    }
}

impl<T> fmt::Debug for SendStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendStream").field("closed", &self.is_closed()).finish_non_exhaustive()
    }
}

impl<T: Send + 'static> anyio_core::ObjectSendStream<T> for SendStream<T> {
    fn send(&mut self, item: T) -> impl Future<Output = Result<(), SendError<T>>> + Send {
        Self::send(self, item)
    }
}

/// Given by [`SendStream::send`].
#[must_use = "futures do nothing unless you `.await` them"]
pub struct Sending<'a, T> {
    stream: &'a SendStream<T>,
    item: Option<T>,
    place: Place,
    withheld: Withheld<SendError<T>>,
}

impl<T> Unpin for Sending<'_, T> {}

impl<T> Future for Sending<'_, T> {
    type Output = Result<(), SendError<T>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        if let Some(again) = this.withheld.again(cx) {
            return again;
        }
        let shared = &this.stream.shared;
        if let Place::Queued(key) = this.place {
            let refused = ambient::refuse(cx.waker());
            let here = ambient::node();
            let mut state = shared.state.lock();
            let before = state.moved(key, here);
            let again = if refused { None } else { state.offer_again(key) };
            let removed = again.is_some().then(|| state.sends.remove(key));
            drop(state);
            if let Some(receiver) = again {
                this.place = Place::Done;
                receiver.into_iter().for_each(Waker::wake);
                drop((before, removed));
                return Poll::Ready(Ok(()));
            }
            drop(before);
            let slot = ready!(this.place.poll_queued(
                cx,
                key,
                &shared.state,
                |state| &mut state.sends,
                |_, slot| slot,
            ));
            return this.withheld.pass(slot.result(), cx);
        }
        ready!(op::admit(cx));
        let Some(mut item) = this.item.take() else {
            panic!("a future was polled after it had ended")
        };
        this.place = Place::Done;
        let mut place = None;
        let receiver = loop {
            let mut state = shared.state.lock();
            if this.stream.is_closed() {
                drop(state);
                return this.withheld.pass(Err(SendError::closed(item)), cx);
            }
            match state.offer(item) {
                Ok(receiver) => break receiver,
                Err(NoRoom::Broken(item)) => {
                    drop(state);
                    return this.withheld.pass(Err(SendError::broken(item)), cx);
                }
                Err(NoRoom::Full(back)) => item = back,
            }
            if let Some((waker, scope)) = place.take() {
                let key = state.queue_send(waker, item, this.stream.end, scope);
                this.place = Place::Queued(key);
                return Poll::Pending;
            }
            // Cloning is somebody else's code, so it happens between two looks.
            drop(state);
            place = Some((cx.waker().clone(), ambient::node()));
        };
        receiver.into_iter().for_each(Waker::wake);
        Poll::Ready(Ok(()))
    }
}

impl<T> Drop for Sending<'_, T> {
    fn drop(&mut self) {
        if let Place::Queued(key) = self.place {
            // An item that was taken has been sent; one that was not goes with its send.
            let removed = self.stream.shared.state.lock().sends.remove(key);
            drop(removed);
        }
    }
}

impl<T> fmt::Debug for Sending<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sending").field("place", &self.place).finish_non_exhaustive()
    }
}
