//! The receiving end of a memory stream.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, Waker, ready},
};

use anyio_core::{ReceiveError, TryReceiveError};

use super::shared::{Shared, StreamStatistics};
use crate::{
    op::{self, Withheld},
    sync::Place,
    sys::{Arc, AtomicBool, Ordering},
};

/// The end of a memory stream that items come out of. Dropping it closes it.
///
/// Given by [`memory_object_stream`](crate::memory_object_stream). A clone is an end of its own;
/// each item goes to one of them.
#[doc(alias = "Receiver", alias = "MemoryObjectReceiveStream")]
pub struct ReceiveStream<T> {
    shared: Arc<Shared<T>>,
    end: usize,
    /// Written once, under the stream's lock; a hint for everybody else.
    closed: AtomicBool,
}

impl<T> ReceiveStream<T> {
    pub(super) fn new(shared: Arc<Shared<T>>, end: usize) -> Self {
        Self { shared, end, closed: AtomicBool::default() }
    }

    /// Takes the next item, waiting until there is one.
    ///
    /// # Cancel safety
    ///
    /// Atomic: cancelled, it has taken nothing. An item that had been handed to it already goes to
    /// the next receive.
    ///
    /// # Errors
    ///
    /// [`ReceiveError`] if this end was closed, or if the stream has ended.
    pub const fn receive(&self) -> Receiving<'_, T> {
        Receiving { stream: self, place: Place::Start, withheld: Withheld::nothing() }
    }

    /// Takes the next item if there is one.
    ///
    /// # Errors
    ///
    /// [`TryReceiveError`] otherwise.
    #[doc(alias = "receive_nowait")]
    pub fn try_receive(&self) -> Result<T, TryReceiveError> {
        let mut passed = Vec::new();
        let next = {
            let mut state = self.shared.state.lock();
            if self.is_closed() {
                return Err(ReceiveError::closed().into());
            }
            match state.next(&mut passed) {
                Some(next) => Ok(next),
                None if state.has_ended() => Err(ReceiveError::end_of_stream().into()),
                None => Err(TryReceiveError::would_block()),
            }
        };
        passed.into_iter().for_each(Waker::wake);
        let (item, waker) = next?;
        waker.into_iter().for_each(Waker::wake);
        Ok(item)
    }

    /// Closes this end. Its receives that wait fail; other clones are not touched. With the last
    /// one, items that nobody has taken are dropped. Closing again does nothing.
    pub fn close(&self) {
        let (woken, items) = {
            let mut state = self.shared.state.lock();
            if self.closed.swap(true, Ordering::Relaxed) {
                return;
            }
            state.close_receiver(self.end)
        };
        woken.into_iter().for_each(Waker::wake);
        drop(items);
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

impl<T> Clone for ReceiveStream<T> {
    /// A clone of a closed end is closed.
    fn clone(&self) -> Self {
        let mut state = self.shared.state.lock();
        let closed = self.is_closed();
        let end = if closed { self.end } else { state.open_receiver() };
        drop(state);
        Self { shared: Arc::clone(&self.shared), end, closed: AtomicBool::from(closed) }
    }
}

impl<T> Drop for ReceiveStream<T> {
    fn drop(&mut self) {
        self.close();
    }
}

impl<T> fmt::Debug for ReceiveStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReceiveStream").field("closed", &self.is_closed()).finish_non_exhaustive()
    }
}

impl<T: Send + 'static> anyio_core::ObjectReceiveStream<T> for ReceiveStream<T> {
    fn receive(&mut self) -> impl Future<Output = Result<T, ReceiveError>> + Send {
        Self::receive(self)
    }
}

/// Given by [`ReceiveStream::receive`].
#[must_use = "futures do nothing unless you `.await` them"]
pub struct Receiving<'a, T> {
    stream: &'a ReceiveStream<T>,
    place: Place,
    withheld: Withheld<ReceiveError>,
}

impl<T> Future for Receiving<'_, T> {
    type Output = Result<T, ReceiveError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        if let Some(again) = this.withheld.again(cx) {
            return again;
        }
        let shared = &this.stream.shared;
        match this.place {
            Place::Start => {}
            Place::Queued(key) => {
                let result = ready!(this.place.poll_queued(
                    cx,
                    key,
                    &shared.state,
                    |state| &mut state.receives,
                    |_, slot| slot.result(),
                ));
                return this.withheld.pass(result, cx);
            }
            Place::Done => panic!("a future was polled after it had ended"),
        }
        ready!(op::admit(cx));
        this.place = Place::Done;
        let mut waker = None;
        let mut passed = Vec::new();
        let (item, sender) = loop {
            let mut state = shared.state.lock();
            if this.stream.is_closed() {
                drop(state);
                return this.withheld.pass(Err(ReceiveError::closed()), cx);
            }
            if let Some(next) = state.next(&mut passed) {
                break next;
            }
            if state.has_ended() {
                drop(state);
                passed.into_iter().for_each(Waker::wake);
                return this.withheld.pass(Err(ReceiveError::end_of_stream()), cx);
            }
            if let Some(waker) = waker.take() {
                this.place = Place::Queued(state.queue_receive(waker, this.stream.end));
                drop(state);
                passed.into_iter().for_each(Waker::wake);
                return Poll::Pending;
            }
            // Cloning is somebody else's code, so it happens between two looks.
            drop(state);
            waker = Some(cx.waker().clone());
        };
        sender.into_iter().chain(passed).for_each(Waker::wake);
        Poll::Ready(Ok(item))
    }
}

impl<T> Drop for Receiving<'_, T> {
    fn drop(&mut self) {
        if let Place::Queued(key) = self.place {
            let (removed, next, lost) = {
                let mut state = self.stream.shared.state.lock();
                let removed = state.receives.remove(key);
                match removed.value.item {
                    Some(item) => {
                        let (next, lost) = state.put_back(item);
                        (removed.waker, next, lost)
                    }
                    None => (removed.waker, None, None),
                }
            };
            next.into_iter().for_each(Waker::wake);
            drop((removed, lost));
        }
    }
}

impl<T> fmt::Debug for Receiving<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiving").field("place", &self.place).finish_non_exhaustive()
    }
}
