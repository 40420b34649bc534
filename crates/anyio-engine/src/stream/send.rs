//! The sending end of a memory stream.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use anyio_core::{SendError, TrySendError};

use super::{
    permit::{OwnedSendPermit, Reserving, ReservingOwned, SendPermit},
    send_iter::SendingIter,
    shared::{Shared, StreamStatistics},
    state::{Gone, Refused, State},
    weak::WeakSendStream,
};
use crate::{
    context::ambient,
    op::{self, Withheld},
    queue::Wakers,
    sync::Place,
    sys::{Arc, AtomicBool, MutexGuard, Ordering},
};

/// The end of a memory stream that items go into. Dropping it closes it.
///
/// Given by [`memory_object_stream`](crate::memory_object_stream). A clone is an end of its own: the
/// stream ends when the last one has gone. To hold one without keeping the stream open, see
/// [`downgrade`](Self::downgrade).
///
/// It is a [`Sink`](futures_sink::Sink), too. A combinator's `send` that is cancelled has sent nothing,
/// but cannot say that it has left: a place that becomes free after that is kept for this end, and is
/// used by whatever is sent on it next. Where other ends should have it instead, use
/// [`send`](Self::send), or drop this end.
#[doc(alias = "Sender", alias = "MemoryObjectSendStream")]
pub struct SendStream<T> {
    pub(super) shared: Arc<Shared<T>>,
    pub(super) end: usize,
    /// Written once, under the stream's lock; a hint for everybody else.
    closed: AtomicBool,
    /// As a sink it is ready: it has a place. Used under the stream's lock only.
    pub(super) is_ready: AtomicBool,
    /// As a sink it waits for a place, between two calls. Who has `&self` may take what it has got,
    /// and then leaves the slot behind.
    pub(super) polled: Place,
}

impl<T> SendStream<T> {
    pub(super) fn new(shared: Arc<Shared<T>>, end: usize) -> Self {
        Self {
            shared,
            end,
            closed: AtomicBool::default(),
            is_ready: AtomicBool::default(),
            polled: Place::Start,
        }
    }

    /// Sends one item, waiting until there is room for it or somebody to take it.
    ///
    /// # Cancel safety
    ///
    /// Atomic: cancelled, it has sent nothing; the item is dropped. Where the item must not be lost,
    /// [`reserve`](Self::reserve) a place before there is one. (A future that is dropped by hand, in a
    /// `select!`, may have sent; who drops it cannot know.)
    ///
    /// # Errors
    ///
    /// [`SendError`] with the item, if this end was closed or no receiver is left.
    ///
    /// # Examples
    ///
    /// ```
    /// # futures_lite::future::block_on(async {
    /// let (send, receive) = anyio_engine::memory_object_stream(1);
    /// assert!(send.send("first").await.is_ok());
    /// drop(receive);
    /// let error = send.send("second").await.unwrap_err();
    /// assert_eq!((error.is_broken(), error.into_inner()), (true, "second"));
    /// # });
    /// ```
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
    ///
    /// # Examples
    ///
    /// ```
    /// let (send, receive) = anyio_engine::memory_object_stream(1);
    /// assert!(send.try_send(1).is_ok());
    /// let error = send.try_send(2).unwrap_err();
    /// assert!(error.is_would_block());
    /// assert_eq!(error.into_inner(), 2);
    /// # drop(receive);
    /// ```
    #[doc(alias = "send_nowait")]
    pub fn try_send(&self, item: T) -> Result<(), TrySendError<T>> {
        let sent = self.shared.change(|state, woken| {
            let place = self.try_take_over(state);
            self.put(state, item, place, woken)
        });
        sent.map_err(|refused| match refused {
            Refused::Gone(gone, item) => gone.with(item).into(),
            Refused::Full(item) => TrySendError::would_block(item),
        })
    }

    /// Sends all `items`, one after the other, each as [`send`](Self::send) does.
    ///
    /// Others who send at the same time have their turns in between.
    ///
    /// # Cancel safety
    ///
    /// Resumable: cancelled, the items before some item have been sent, and that item and those
    /// after it have not. The item that it waited with is dropped; those after it are where they
    /// were, if the iterator was lent (`items.by_ref()`).
    ///
    /// # Errors
    ///
    /// [`SendError`] with the first item that was not sent, if this end was closed or no receiver is
    /// left.
    ///
    /// # Examples
    ///
    /// ```
    /// # futures_lite::future::block_on(async {
    /// let (send, receive) = anyio_engine::memory_object_stream(3);
    /// send.send_iter(1..=3).await.unwrap();
    /// let mut items = Vec::new();
    /// assert_eq!(receive.receive_many(&mut items, 10).await, Ok(3));
    /// assert_eq!(items, [1, 2, 3]);
    /// # });
    /// ```
    #[doc(alias = "send_all", alias = "send_many")]
    pub fn send_iter<I: IntoIterator<Item = T>>(&self, items: I) -> SendingIter<'_, I::IntoIter> {
        SendingIter::new(self, items.into_iter())
    }

    /// Waits for a place and takes it, for an item that is still to be made: the permit sends it
    /// without waiting, so nothing can be cancelled between having the item and having sent it.
    ///
    /// A permit is a place, and no position: the item stands where it is sent. While all places are
    /// taken, other sends wait. Without a capacity the place is a receive that waits; so a producer
    /// that reserves first makes each item when it is asked for, and not before.
    ///
    /// # Cancel safety
    ///
    /// Atomic: cancelled, it has taken nothing, and only its place in the queue is lost.
    ///
    /// # Errors
    ///
    /// [`SendError`] if this end was closed or no receiver is left.
    ///
    /// # Examples
    ///
    /// ```
    /// # futures_lite::future::block_on(async {
    /// # async fn take_from_elsewhere() -> u32 { 7 }
    /// let (send, receive) = anyio_engine::memory_object_stream(1);
    /// let permit = send.reserve().await.unwrap();
    /// let item = take_from_elsewhere().await; // cancelled here, only the place is given back
    /// permit.send(item).unwrap();
    /// assert_eq!(receive.receive().await, Ok(7));
    /// # });
    /// ```
    pub const fn reserve(&self) -> Reserving<'_, T> {
        Reserving::new(self)
    }

    /// Takes a place if one is free and nobody waits for it.
    ///
    /// # Errors
    ///
    /// [`TrySendError`] otherwise.
    pub fn try_reserve(&self) -> Result<SendPermit<'_, T>, TrySendError<()>> {
        match self.try_place() {
            Ok(()) => Ok(SendPermit::new(self)),
            Err(Refused::Gone(gone, ())) => Err(gone.with(()).into()),
            Err(Refused::Full(())) => Err(TrySendError::would_block(())),
        }
    }

    /// As [`reserve`](Self::reserve), for a permit that goes into another task: it takes this end
    /// along, and gives it back when the item is sent. Reserve with a clone to keep one here.
    ///
    /// # Cancel safety
    ///
    /// Atomic: cancelled, it has taken no place. The end is dropped with it.
    ///
    /// # Errors
    ///
    /// [`SendError`] with this end, if it was closed or no receiver is left.
    ///
    /// # Examples
    ///
    /// ```
    /// # futures_lite::future::block_on(async {
    /// let (send, receive) = anyio_engine::memory_object_stream(1);
    /// let permit = send.reserve_owned().await.unwrap();
    /// std::thread::spawn(|| permit.send(7)).join().unwrap().unwrap();
    /// assert_eq!(receive.receive().await, Ok(7));
    /// # });
    /// ```
    pub const fn reserve_owned(self) -> ReservingOwned<T> {
        ReservingOwned::new(self)
    }

    /// As [`try_reserve`](Self::try_reserve), for a permit that takes this end along.
    ///
    /// # Errors
    ///
    /// [`TrySendError`] with this end, otherwise.
    pub fn try_reserve_owned(self) -> Result<OwnedSendPermit<T>, TrySendError<Self>> {
        match self.try_place() {
            Ok(()) => Ok(OwnedSendPermit::new(self)),
            Err(Refused::Gone(gone, ())) => Err(gone.with(self).into()),
            Err(Refused::Full(())) => Err(TrySendError::would_block(self)),
        }
    }

    /// A handle that does not keep the stream open, and can be made a sending end again as long as
    /// there is another one.
    pub fn downgrade(&self) -> WeakSendStream<T> {
        WeakSendStream::new(&self.shared)
    }

    /// Closes this end. What waits to send on it fails, and so do permits that were taken from it;
    /// other clones are not touched. Closing again does nothing.
    pub fn close(&self) {
        self.shared.change(|state, woken| {
            if self.closed.swap(true, Ordering::Relaxed) {
                return;
            }
            state.close_sends(self.end, woken);
            if self.try_take_over(state) {
                state.release(woken);
            }
            state.drop_sender(woken);
        });
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

    /// Puts `item` into the stream if nothing else follows from that. Otherwise it comes back, with the
    /// lock.
    #[inline]
    fn put_quietly(&self, item: T) -> Result<(), (T, MutexGuard<'_, State<T>>)> {
        let mut state = self.shared.state.lock();
        let is_sink = self.is_ready.load(Ordering::Relaxed) || !matches!(self.polled, Place::Start);
        if is_sink || self.is_closed() {
            return Err((item, state));
        }
        match state.offer_quietly(item) {
            Ok(()) => {
                self.shared.unlock(state);
                Ok(())
            }
            Err(item) => Err((item, state)),
        }
    }

    /// Puts `item` into the stream; with a `place`, into that one.
    fn put(
        &self,
        state: &mut State<T>,
        item: T,
        place: bool,
        woken: &mut Wakers,
    ) -> Result<(), Refused<T>> {
        if self.is_closed() {
            Err(Refused::Gone(Gone::Closed, item))
        } else if place {
            state.fulfil(item, woken)
        } else {
            state.offer(item, woken)
        }
    }

    /// Takes a place, if there is one.
    pub(super) fn take_place(&self, state: &mut State<T>, place: bool) -> Result<(), Refused<()>> {
        if self.is_closed() {
            Err(Refused::Gone(Gone::Closed, ()))
        } else if place {
            state.keep()
        } else {
            state.reserve()
        }
    }

    fn try_place(&self) -> Result<(), Refused<()>> {
        let mut state = self.shared.state.lock();
        let place = self.try_take_over(&mut state);
        self.take_place(&mut state, place)
    }

    /// Takes the place that this end has as a sink; whether it had one.
    pub(super) fn try_take_over(&self, state: &mut State<T>) -> bool {
        if self.is_ready.load(Ordering::Relaxed) {
            self.is_ready.store(false, Ordering::Relaxed);
            return true;
        }
        match self.polled {
            Place::Queued(key) if state.sends.is_granted(key) => state.sends.value(key).give_up(),
            _ => false,
        }
    }

    /// As [`try_take_over`](Self::try_take_over), for who will wait if there is none: it must not
    /// wait behind its own end, so a sink that waits has to start again.
    pub(super) fn take_over(&self, state: &mut State<T>, woken: &mut Wakers) -> bool {
        if self.try_take_over(state) {
            return true;
        }
        if let Place::Queued(key) = self.polled {
            woken.extend(state.sends.grant_at(key));
        }
        false
    }
}

impl<T> Clone for SendStream<T> {
    /// A clone of a closed end is closed.
    fn clone(&self) -> Self {
        let mut state = self.shared.state.lock();
        let closed = self.is_closed();
        let end = if closed { self.end } else { state.open_sender() };
        drop(state);
        let clone = Self::new(Arc::clone(&self.shared), end);
        clone.closed.store(closed, Ordering::Relaxed);
        clone
    }
}

impl<T> Drop for SendStream<T> {
    fn drop(&mut self) {
        let polled = std::mem::replace(&mut self.polled, Place::Done);
        // Nothing else waits on this end: what does, borrows it.
        let removed = self.shared.change(|state, woken| {
            let removed = match polled {
                Place::Queued(key) => Some(state.sends.remove(key)),
                Place::Start | Place::Done => None,
            };
            let served = removed.as_ref().is_some_and(|removed| removed.value.result().is_ok());
            if served || self.is_ready.load(Ordering::Relaxed) {
                state.release(woken);
            }
            if !self.is_closed() {
                state.drop_sender(woken);
            }
            removed
        });
        drop(removed);
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

impl<T: Send + 'static> anyio_core::MemorySendStream<T> for SendStream<T> {
    fn try_send(&self, item: T) -> Result<(), TrySendError<T>> {
        self.try_send(item)
    }
}

/// Given by [`SendStream::send`].
#[must_use = "futures do nothing unless you `.await` them"]
pub struct Sending<'a, T> {
    stream: &'a SendStream<T>,
    /// Until it is in the stream, or in the queue.
    item: Option<T>,
    place: Place,
    withheld: Withheld<Gone>,
}

impl<T> Sending<'_, T> {
    /// Goes on when it has been admitted.
    #[inline]
    pub(super) fn poll_admitted(&mut self, cx: &Context<'_>) -> Poll<Result<(), SendError<T>>> {
        let Some(item) = self.item.take() else { panic!("a future was polled after it had ended") };
        self.place = Place::Done;
        if self.stream.shared.looks_full() {
            return self.wait(item, cx);
        }
        match self.stream.put_quietly(item) {
            Ok(()) => Poll::Ready(Ok(())),
            Err((item, state)) => self.put_or_wait(item, state, cx),
        }
    }

    #[inline(never)]
    fn put_or_wait(
        &mut self,
        item: T,
        state: MutexGuard<'_, State<T>>,
        cx: &Context<'_>,
    ) -> Poll<Result<(), SendError<T>>> {
        let stream = self.stream;
        let sent = stream.shared.change_locked(state, |state, woken| {
            let place = stream.try_take_over(state);
            stream.put(state, item, place, woken)
        });
        match sent {
            Ok(()) => Poll::Ready(Ok(())),
            Err(Refused::Gone(gone, item)) => self.fail(gone, item, cx),
            Err(Refused::Full(item)) => self.wait(item, cx),
        }
    }

    /// Waits with the item, if there is no place.
    #[inline(never)]
    fn wait(&mut self, item: T, cx: &Context<'_>) -> Poll<Result<(), SendError<T>>> {
        let stream = self.stream;
        // Cloning is somebody else's code, so it happens before the lock is taken; dropping, after it
        // was let go.
        let (waker, scope) = (cx.waker().clone(), ambient::node());
        let mut woken = Wakers::new();
        let mut state = stream.shared.state.lock();
        let place = stream.take_over(&mut state, &mut woken);
        let failed = match stream.put(&mut state, item, place, &mut woken) {
            Err(Refused::Full(item)) => {
                let key = state.queue_send(waker, Some(item), stream.end, scope);
                self.place = Place::Queued(key);
                stream.shared.unlock(state);
                woken.wake();
                return Poll::Pending;
            }
            Err(Refused::Gone(gone, item)) => Some((gone, item)),
            Ok(()) => None,
        };
        stream.shared.unlock(state);
        woken.wake();
        match failed {
            None => Poll::Ready(Ok(())),
            Some((gone, item)) => self.fail(gone, item, cx),
        }
    }

    /// It waits, or has failed and was withheld that.
    #[inline(never)]
    fn poll_later(&mut self, cx: &Context<'_>) -> Poll<Result<(), SendError<T>>> {
        if let Place::Queued(key) = self.place {
            return self.poll_queued(key, cx);
        }
        match (self.item.take(), self.withheld.again::<()>(cx)) {
            (Some(item), Some(failed)) => self.told(failed, item),
            _ => panic!("a future was polled after it had ended"),
        }
    }

    fn poll_queued(&mut self, key: usize, cx: &Context<'_>) -> Poll<Result<(), SendError<T>>> {
        let shared = &self.stream.shared;
        let mut state = shared.state.lock();
        let granted = state.sends.take_granted(key);
        drop(state);
        let Some(mut slot) = granted else { return self.look_again(key, cx) };
        self.place = Place::Done;
        match (slot.result(), slot.withdraw()) {
            (Err(gone), Some(item)) => self.fail(gone, item, cx),
            _ => Poll::Ready(Ok(())),
        }
    }

    /// It is polled while it waits: it may be elsewhere than before, or with another waker, or it was
    /// passed over.
    #[inline(never)]
    fn look_again(&mut self, key: usize, cx: &Context<'_>) -> Poll<Result<(), SendError<T>>> {
        let shared = &self.stream.shared;
        let refused = ambient::refuse(cx.waker());
        let here = ambient::node();
        let (before, removed) = shared.change(|state, woken| {
            let before = state.moved(key, here);
            let again = !refused && state.offer_again(key, woken);
            (before, again.then(|| state.sends.remove(key)))
        });
        drop(before);
        if removed.is_some() {
            self.place = Place::Done;
            return Poll::Ready(Ok(()));
        }
        let mut slot = ready!(self.place.poll_queued(
            cx,
            key,
            &shared.state,
            |state| &mut state.sends,
            |_, slot| slot,
        ));
        match (slot.result(), slot.withdraw()) {
            (Err(gone), Some(item)) => self.fail(gone, item, cx),
            _ => Poll::Ready(Ok(())),
        }
    }

    #[cold]
    fn fail(&mut self, gone: Gone, item: T, cx: &Context<'_>) -> Poll<Result<(), SendError<T>>> {
        self.place = Place::Done;
        let failed = self.withheld.pass(Err(gone), cx);
        self.told(failed, item)
    }

    /// The item comes back with the failure, or waits with it.
    fn told(&mut self, failed: Poll<Result<(), Gone>>, item: T) -> Poll<Result<(), SendError<T>>> {
        match failed {
            Poll::Pending => {
                self.item = Some(item);
                Poll::Pending
            }
            Poll::Ready(result) => Poll::Ready(result.map_err(|gone| gone.with(item))),
        }
    }
}

impl<T> Unpin for Sending<'_, T> {}

impl<T> Future for Sending<'_, T> {
    type Output = Result<(), SendError<T>>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        if !matches!(this.place, Place::Start) {
            return this.poll_later(cx);
        }
        ready!(op::admit(cx));
        this.poll_admitted(cx)
    }
}

impl<T> Drop for Sending<'_, T> {
    #[inline]
    fn drop(&mut self) {
        if let Place::Queued(key) = self.place {
            leave(&self.stream.shared, key);
        }
    }
}

/// An item that was taken has been sent; one that was not goes with its send.
#[cold]
fn leave<T>(shared: &Shared<T>, key: usize) {
    let removed = shared.change(|state, _| state.sends.remove(key));
    drop(removed);
}

impl<T> fmt::Debug for Sending<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sending").field("place", &self.place).finish_non_exhaustive()
    }
}
