//! Permits: a place in a memory stream, before there is an item for it.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use anyio_core::SendError;

use super::{
    SendStream,
    shared::Shared,
    state::{Gone, Refused},
};
use crate::{
    op::{self, Withheld},
    sync::Place,
};

/// A place in a memory stream: what it sends neither waits nor gets lost. Dropping it gives the
/// place back.
///
/// Given by [`SendStream::reserve`] and [`SendStream::try_reserve`].
#[must_use = "dropping the permit gives the place back at once"]
pub struct SendPermit<'a, T> {
    /// Until it has sent.
    stream: Option<&'a SendStream<T>>,
}

impl<'a, T> SendPermit<'a, T> {
    pub(super) const fn new(stream: &'a SendStream<T>) -> Self {
        Self { stream: Some(stream) }
    }

    /// Sends the item, at once.
    ///
    /// # Errors
    ///
    /// [`SendError`] with the item, if the end was closed meanwhile or no receiver is left.
    pub fn send(mut self, item: T) -> Result<(), SendError<T>> {
        match self.stream.take() {
            Some(stream) => fulfil(stream, item),
            None => Err(SendError::closed(item)),
        }
    }
}

impl<T> Drop for SendPermit<'_, T> {
    fn drop(&mut self) {
        if let Some(stream) = self.stream {
            release(stream);
        }
    }
}

impl<T> fmt::Debug for SendPermit<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendPermit").finish_non_exhaustive()
    }
}

/// A [`SendPermit`] that has its end of the stream with it, and can go into another task.
///
/// Given by [`SendStream::reserve_owned`] and [`SendStream::try_reserve_owned`].
#[must_use = "dropping the permit gives the place back at once, and closes the end"]
pub struct OwnedSendPermit<T> {
    /// Until it has sent.
    stream: Option<SendStream<T>>,
}

impl<T> OwnedSendPermit<T> {
    pub(super) const fn new(stream: SendStream<T>) -> Self {
        Self { stream: Some(stream) }
    }

    /// Sends the item, at once, and gives the end back.
    ///
    /// # Errors
    ///
    /// [`SendError`] with the item, if no receiver is left.
    pub fn send(mut self, item: T) -> Result<SendStream<T>, SendError<T>> {
        match self.stream.take() {
            Some(stream) => fulfil(&stream, item).map(|()| stream),
            None => Err(SendError::closed(item)),
        }
    }

    /// Gives the place back, and the end.
    ///
    /// # Panics
    ///
    /// Never: a permit has its end until it is used.
    #[must_use = "dropping the end closes it"]
    pub fn release(mut self) -> SendStream<T> {
        let stream = self.stream.take();
        let stream = stream.expect("a permit has its end until it is used");
        release(&stream);
        stream
    }
}

impl<T> Drop for OwnedSendPermit<T> {
    fn drop(&mut self) {
        if let Some(stream) = &self.stream {
            release(stream);
        }
    }
}

impl<T> fmt::Debug for OwnedSendPermit<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnedSendPermit").finish_non_exhaustive()
    }
}

fn fulfil<T>(stream: &SendStream<T>, item: T) -> Result<(), SendError<T>> {
    let sent = stream.shared.change(|state, woken| {
        if stream.is_closed() {
            state.release(woken);
            return Err(Refused::Gone(Gone::Closed, item));
        }
        state.fulfil(item, woken)
    });
    sent.map_err(|refused| match refused {
        Refused::Gone(gone, item) => gone.with(item),
        // A place is never refused: it is the permit's own.
        Refused::Full(item) => SendError::broken(item),
    })
}

fn release<T>(stream: &SendStream<T>) {
    stream.shared.change(|state, woken| state.release(woken));
}

/// Given by [`SendStream::reserve`].
#[must_use = "futures do nothing unless you `.await` them"]
pub struct Reserving<'a, T> {
    stream: &'a SendStream<T>,
    place: Place,
    withheld: Withheld<Gone>,
}

impl<'a, T> Reserving<'a, T> {
    pub(super) const fn new(stream: &'a SendStream<T>) -> Self {
        Self { stream, place: Place::Start, withheld: Withheld::nothing() }
    }
}

impl<'a, T> Future for Reserving<'a, T> {
    type Output = Result<SendPermit<'a, T>, SendError<()>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let result = match this.withheld.again(cx) {
            Some(again) => ready!(again),
            None => {
                let result = ready!(poll_place(this.stream, &mut this.place, cx));
                ready!(this.withheld.pass(result, cx))
            }
        };
        Poll::Ready(match result {
            Ok(()) => Ok(SendPermit::new(this.stream)),
            Err(gone) => Err(gone.with(())),
        })
    }
}

impl<T> Drop for Reserving<'_, T> {
    fn drop(&mut self) {
        leave(&self.stream.shared, &self.place);
    }
}

impl<T> fmt::Debug for Reserving<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reserving").field("place", &self.place).finish_non_exhaustive()
    }
}

/// Given by [`SendStream::reserve_owned`].
#[must_use = "futures do nothing unless you `.await` them"]
pub struct ReservingOwned<T> {
    /// Until it has ended.
    stream: Option<SendStream<T>>,
    place: Place,
    withheld: Withheld<Gone>,
}

impl<T> ReservingOwned<T> {
    pub(super) const fn new(stream: SendStream<T>) -> Self {
        Self { stream: Some(stream), place: Place::Start, withheld: Withheld::nothing() }
    }
}

impl<T> Future for ReservingOwned<T> {
    type Output = Result<OwnedSendPermit<T>, SendError<SendStream<T>>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let Some(stream) = &this.stream else { panic!("a future was polled after it had ended") };
        let result = match this.withheld.again(cx) {
            Some(again) => ready!(again),
            None => {
                let result = ready!(poll_place(stream, &mut this.place, cx));
                ready!(this.withheld.pass(result, cx))
            }
        };
        Poll::Ready(match (this.stream.take(), result) {
            (Some(stream), Ok(())) => Ok(OwnedSendPermit::new(stream)),
            (Some(stream), Err(gone)) => Err(gone.with(stream)),
            (None, _) => panic!("a future was polled after it had ended"),
        })
    }
}

impl<T> Drop for ReservingOwned<T> {
    fn drop(&mut self) {
        if let Some(stream) = &self.stream {
            leave(&stream.shared, &self.place);
        }
    }
}

impl<T> fmt::Debug for ReservingOwned<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReservingOwned").field("place", &self.place).finish_non_exhaustive()
    }
}

/// Takes a place, or waits for one at `place`.
pub(super) fn poll_place<T>(
    stream: &SendStream<T>,
    place: &mut Place,
    cx: &mut Context<'_>,
) -> Poll<Result<(), Gone>> {
    match *place {
        Place::Start => ready!(op::admit(cx)),
        Place::Queued(key) => {
            let lock = &stream.shared.state;
            return place.poll_queued(
                cx,
                key,
                lock,
                |state| &mut state.sends,
                |_, slot| slot.result(),
            );
        }
        Place::Done => panic!("a future was polled after it had ended"),
    }
    *place = Place::Done;
    let taken = stream.shared.change(|state, _| {
        let own = stream.try_take_over(state);
        stream.take_place(state, own)
    });
    match taken {
        Ok(()) => Poll::Ready(Ok(())),
        Err(Refused::Gone(gone, ())) => Poll::Ready(Err(gone)),
        Err(Refused::Full(())) => wait(stream, place, cx),
    }
}

/// Waits at `place`, if there still is none.
fn wait<T>(stream: &SendStream<T>, place: &mut Place, cx: &Context<'_>) -> Poll<Result<(), Gone>> {
    // Cloning is somebody else's code, so it happens between two looks; dropping, after them.
    let waker = cx.waker().clone();
    let (taken, unused) = stream.shared.change(|state, woken| {
        let own = stream.take_over(state, woken);
        match stream.take_place(state, own) {
            Ok(()) => (Poll::Ready(Ok(())), Some(waker)),
            Err(Refused::Gone(gone, ())) => (Poll::Ready(Err(gone)), Some(waker)),
            Err(Refused::Full(())) => {
                *place = Place::Queued(state.queue_send(waker, None, stream.end, None));
                (Poll::Pending, None)
            }
        }
    });
    drop(unused);
    taken
}

/// Who waits for a place, or was given one that it has not seen, does not want it any more.
fn leave<T>(shared: &Shared<T>, place: &Place) {
    if let Place::Queued(key) = *place {
        let removed = shared.change(|state, woken| {
            let removed = state.sends.remove(key);
            if removed.value.result().is_ok() {
                state.release(woken);
            }
            removed
        });
        drop(removed);
    }
}
