//! The receiving end of a memory stream.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use anyio_core::{ReceiveError, TryReceiveError};

use super::{
    receive_many::ReceivingMany,
    shared::{Shared, StreamStatistics},
    state::State,
};
use crate::{
    op::{self, Withheld},
    queue::Wakers,
    sync::Place,
    sys::{Arc, AtomicBool, MutexGuard, Ordering},
};

/// The end of a memory stream that items come out of. Dropping it closes it.
///
/// Given by [`memory_object_stream`](crate::memory_object_stream). A clone is an end of its own;
/// each item goes to one of them.
///
/// It is a [`Stream`](futures_core::Stream), too, which ends when the stream has ended or this end was
/// closed. A combinator's `next` that is cancelled loses nothing, but cannot say that it has left: an
/// item that comes after that is kept for this end, and is the next that is received on it. Where other
/// ends should have it instead, use [`receive`](Self::receive), or drop this end.
#[doc(alias = "Receiver", alias = "MemoryObjectReceiveStream")]
pub struct ReceiveStream<T> {
    pub(super) shared: Arc<Shared<T>>,
    end: usize,
    /// Written once, under the stream's lock; a hint for everybody else.
    closed: AtomicBool,
    /// As a `Stream` it waits for an item, between two calls. Who has `&self` may take what it has
    /// got, and then leaves the slot behind.
    pub(super) polled: Place,
    /// As a `Stream` it has said that nothing will come.
    pub(super) has_ended: bool,
}

impl<T> ReceiveStream<T> {
    pub(super) fn new(shared: Arc<Shared<T>>, end: usize) -> Self {
        let closed = AtomicBool::default();
        Self { shared, end, closed, polled: Place::Start, has_ended: false }
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
    ///
    /// # Examples
    ///
    /// ```
    /// # futures_lite::future::block_on(async {
    /// let (send, receive) = anyio_engine::memory_object_stream(2);
    /// send.send_iter(["one", "two"]).await.unwrap();
    /// drop(send);
    /// while let Ok(item) = receive.receive().await {
    ///     println!("{item}");
    /// }
    /// # });
    /// ```
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
        let mut state = match self.take_quietly() {
            Ok(item) => return Ok(item),
            Err(state) => state,
        };
        let mut woken = Wakers::new();
        let found = self.take(&mut state, false, &mut woken);
        let failed = if found.is_none() { self.failure(&state) } else { None };
        self.shared.unlock(state);
        woken.wake();
        match (found, failed) {
            (Some(item), _) => Ok(item),
            (None, Some(error)) => Err(error.into()),
            (None, None) => Err(TryReceiveError::would_block()),
        }
    }

    /// Takes the next items, at most `limit` of them, into `items`, and tells how many; waits until
    /// there is one, and not for more. Without a capacity, the items are those of the sends that
    /// wait.
    ///
    /// One call costs little more than one [`receive`](Self::receive); so does one yield of a task
    /// that never has to wait.
    ///
    /// # Cancel safety
    ///
    /// Atomic: cancelled, it has taken nothing, and `items` is as it was.
    ///
    /// # Errors
    ///
    /// [`ReceiveError`] if this end was closed, or if the stream has ended.
    ///
    /// # Examples
    ///
    /// ```
    /// # futures_lite::future::block_on(async {
    /// let (send, receive) = anyio_engine::memory_object_stream(5);
    /// send.send_iter(1..=5).await.unwrap();
    /// let mut items = Vec::new();
    /// assert_eq!(receive.receive_many(&mut items, 3).await, Ok(3));
    /// assert_eq!(receive.receive_many(&mut items, 3).await, Ok(2));
    /// assert_eq!(items, [1, 2, 3, 4, 5]);
    /// # });
    /// ```
    #[doc(alias = "recv_many")]
    pub const fn receive_many<'a>(
        &'a self,
        items: &'a mut Vec<T>,
        limit: usize,
    ) -> ReceivingMany<'a, T> {
        ReceivingMany::new(self.receive(), items, limit)
    }

    /// Closes this end. Its receives that wait fail; other clones are not touched. With the last
    /// one, items that nobody has taken are dropped. Closing again does nothing.
    pub fn close(&self) {
        let items = self.shared.change(|state, woken| {
            if self.closed.swap(true, Ordering::Relaxed) {
                return None;
            }
            state.close_receives(self.end, woken);
            Some(state.drop_receiver(woken))
        });
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
        self.shared.statistics()
    }

    /// An item that this end has got as a `Stream`.
    fn take_over(&self, state: &mut State<T>) -> Option<T> {
        match self.polled {
            Place::Queued(key) if state.receives.is_granted(key) => {
                state.receives.value(key).item.take()
            }
            _ => None,
        }
    }

    /// Takes an item if nothing else follows from that. Otherwise there is the lock.
    #[inline]
    fn take_quietly(&self) -> Result<T, MutexGuard<'_, State<T>>> {
        let mut state = self.shared.state.lock();
        if !matches!(self.polled, Place::Start) || self.is_closed() {
            return Err(state);
        }
        match state.next_quietly() {
            Some(item) => {
                self.shared.unlock(state);
                Ok(item)
            }
            None => Err(state),
        }
    }

    /// Takes an item, or waits for one at `place`.
    pub(super) fn poll_item(
        &self,
        place: &mut Place,
        cx: &mut Context<'_>,
    ) -> Poll<Result<T, ReceiveError>> {
        match *place {
            Place::Start => {
                ready!(op::admit(cx));
                *place = Place::Done;
                self.take_or_wait(self.shared.state.lock(), place, cx)
            }
            Place::Queued(key) => self.poll_queued(place, key, cx),
            Place::Done => panic!("a future was polled after it had ended"),
        }
    }

    #[inline]
    fn take_or_wait(
        &self,
        mut state: MutexGuard<'_, State<T>>,
        place: &mut Place,
        cx: &Context<'_>,
    ) -> Poll<Result<T, ReceiveError>> {
        let mut woken = Wakers::new();
        let found = self.take(&mut state, true, &mut woken);
        let failed = if found.is_none() { self.failure(&state) } else { None };
        self.shared.unlock(state);
        woken.wake();
        match (found, failed) {
            (Some(item), _) => Poll::Ready(Ok(item)),
            (None, Some(error)) => Poll::Ready(Err(error)),
            (None, None) => self.wait(place, cx),
        }
    }

    /// What there is for somebody who receives on this end.
    #[inline]
    fn take(&self, state: &mut State<T>, patient: bool, woken: &mut Wakers) -> Option<T> {
        if self.is_closed() {
            return None;
        }
        match self.take_over(state) {
            None => state.next(patient, woken),
            item => item,
        }
    }

    /// Why there is nothing, if there will be nothing.
    #[inline]
    fn failure(&self, state: &State<T>) -> Option<ReceiveError> {
        if self.is_closed() {
            Some(ReceiveError::closed())
        } else {
            state.has_ended().then(ReceiveError::end_of_stream)
        }
    }

    /// Waits at `place`, if there is nothing.
    #[inline(never)]
    fn wait(&self, place: &mut Place, cx: &Context<'_>) -> Poll<Result<T, ReceiveError>> {
        // Cloning is somebody else's code, so it happens before the lock is taken; dropping, after it
        // was let go.
        let waker = cx.waker().clone();
        let mut woken = Wakers::new();
        let mut state = self.shared.state.lock();
        let mut found = self.take(&mut state, true, &mut woken);
        let mut failed = None;
        if found.is_none() {
            failed = self.failure(&state);
            if failed.is_none() {
                // It must not wait behind its own end.
                if let Place::Queued(polled) = self.polled {
                    woken.extend(state.receives.grant_at(polled));
                }
                let key = state.queue_receive(waker, self.end, &mut woken);
                if state.receives.is_granted(key) {
                    found = state.receives.remove(key).value.item;
                } else {
                    *place = Place::Queued(key);
                }
                self.shared.unlock(state);
                woken.wake();
                return found.map_or(Poll::Pending, |item| Poll::Ready(Ok(item)));
            }
        }
        self.shared.unlock(state);
        woken.wake();
        match (found, failed) {
            (Some(item), _) => Poll::Ready(Ok(item)),
            (None, Some(error)) => Poll::Ready(Err(error)),
            (None, None) => Poll::Pending,
        }
    }

    fn poll_queued(
        &self,
        place: &mut Place,
        key: usize,
        cx: &Context<'_>,
    ) -> Poll<Result<T, ReceiveError>> {
        let mut state = self.shared.state.lock();
        let granted = state.receives.take_granted(key);
        drop(state);
        if let Some(slot) = granted {
            *place = Place::Done;
            return Poll::Ready(slot.result());
        }
        place.poll_queued(
            cx,
            key,
            &self.shared.state,
            |state| &mut state.receives,
            |_, slot| slot.result(),
        )
    }
}

impl<T> Clone for ReceiveStream<T> {
    /// A clone of a closed end is closed.
    fn clone(&self) -> Self {
        let mut state = self.shared.state.lock();
        let closed = self.is_closed();
        let end = if closed { self.end } else { state.open_receiver() };
        drop(state);
        let clone = Self::new(Arc::clone(&self.shared), end);
        clone.closed.store(closed, Ordering::Relaxed);
        clone
    }
}

impl<T> Drop for ReceiveStream<T> {
    fn drop(&mut self) {
        leave(&self.shared, &self.polled);
        // Nothing else waits on this end: what does, borrows it.
        let items = self.shared.change(|state, woken| {
            if self.is_closed() { None } else { Some(state.drop_receiver(woken)) }
        });
        drop(items);
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

impl<T: Send + 'static> anyio_core::MemoryReceiveStream<T> for ReceiveStream<T> {
    fn try_receive(&self) -> Result<T, TryReceiveError> {
        self.try_receive()
    }
}

/// Given by [`ReceiveStream::receive`].
#[must_use = "futures do nothing unless you `.await` them"]
pub struct Receiving<'a, T> {
    pub(super) stream: &'a ReceiveStream<T>,
    place: Place,
    withheld: Withheld<ReceiveError>,
}

impl<T> Future for Receiving<'_, T> {
    type Output = Result<T, ReceiveError>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        if !matches!(this.place, Place::Start) {
            return this.poll_later(cx);
        }
        ready!(op::admit(cx));
        this.place = Place::Done;
        if this.stream.shared.looks_empty() {
            return this.poll_waiting(cx);
        }
        match this.stream.take_quietly() {
            Ok(item) => Poll::Ready(Ok(item)),
            Err(state) => this.poll_closely(state, cx),
        }
    }
}

// Each in a function of its own, so that the way of who does not wait is short.
impl<T> Receiving<'_, T> {
    #[inline(never)]
    fn poll_closely(
        &mut self,
        state: MutexGuard<'_, State<T>>,
        cx: &Context<'_>,
    ) -> Poll<Result<T, ReceiveError>> {
        match self.stream.take_or_wait(state, &mut self.place, cx) {
            Poll::Ready(Err(error)) => self.withheld.pass(Err(error), cx),
            polled => polled,
        }
    }

    #[inline]
    fn poll_waiting(&mut self, cx: &Context<'_>) -> Poll<Result<T, ReceiveError>> {
        match self.stream.wait(&mut self.place, cx) {
            Poll::Ready(Err(error)) => self.withheld.pass(Err(error), cx),
            polled => polled,
        }
    }

    #[inline(never)]
    fn poll_later(&mut self, cx: &Context<'_>) -> Poll<Result<T, ReceiveError>> {
        if let Place::Queued(key) = self.place {
            return match self.stream.poll_queued(&mut self.place, key, cx) {
                Poll::Ready(Err(error)) => self.withheld.pass(Err(error), cx),
                polled => polled,
            };
        }
        match self.withheld.again(cx) {
            Some(again) => again,
            None => panic!("a future was polled after it had ended"),
        }
    }
}

impl<T> Drop for Receiving<'_, T> {
    #[inline]
    fn drop(&mut self) {
        leave(&self.stream.shared, &self.place);
    }
}

impl<T> fmt::Debug for Receiving<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiving").field("place", &self.place).finish_non_exhaustive()
    }
}

/// Who waits for an item does not want it any more; one that it was given goes to others.
#[inline]
fn leave<T>(shared: &Shared<T>, place: &Place) {
    if let Place::Queued(key) = *place {
        leave_queue(shared, key);
    }
}

#[cold]
fn leave_queue<T>(shared: &Shared<T>, key: usize) {
    let removed = shared.change(|state, woken| {
        let mut removed = state.receives.remove(key);
        let item = removed.value.item.take();
        let lost = item.and_then(|item| state.put_back(item, woken));
        (removed, lost)
    });
    drop(removed);
}
