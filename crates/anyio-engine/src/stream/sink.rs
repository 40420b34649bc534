//! The sending end as a sink.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use anyio_core::SendError;
use futures_sink::Sink;

use super::{SendStream, permit::poll_place, state::Gone};
use crate::{op::Withheld, sync::Place, sys::Ordering};

/// Ready means that this end has a place, as with [`reserve`](SendStream::reserve); an item is sent
/// when it is given, so there is nothing to flush. Closing closes this end.
impl<T> Sink<T> for SendStream<T> {
    type Error = SendError<()>;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SendError<()>>> {
        let result = ready!(self.get_mut().poll_own_place(cx)).map_err(|gone| gone.with(()));
        // What is withheld need not be kept: it stays so, and is found again.
        Withheld::nothing().pass(result, cx)
    }

    /// # Panics
    ///
    /// If the sink was not ready, and has no room either.
    fn start_send(self: Pin<&mut Self>, item: T) -> Result<(), SendError<()>> {
        self.try_send(item).map_err(|error| {
            assert!(!error.is_would_block(), "a sink was given an item before it was ready");
            if error.is_closed() { SendError::closed(()) } else { SendError::broken(()) }
        })
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), SendError<()>>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), SendError<()>>> {
        self.close();
        Poll::Ready(Ok(()))
    }
}

impl<T> SendStream<T> {
    fn poll_own_place(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Gone>> {
        if self.is_ready.load(Ordering::Relaxed) {
            return Poll::Ready(Ok(()));
        }
        let mut result = Poll::Pending;
        if let Place::Queued(key) = self.polled {
            let mut place = Place::Queued(key);
            result = poll_place(self, &mut place, cx);
            if result.is_pending() {
                return Poll::Pending;
            }
            self.polled = Place::Start;
        }
        if !matches!(result, Poll::Ready(Ok(()))) {
            // It begins; or it was in the queue and has got nothing: because its end was closed or
            // its receivers are gone, which shows, or because somebody else has used this end.
            let mut place = Place::Start;
            result = poll_place(self, &mut place, cx);
            if result.is_pending() {
                self.polled = place;
                return Poll::Pending;
            }
        }
        self.is_ready.store(matches!(result, Poll::Ready(Ok(()))), Ordering::Relaxed);
        result
    }
}
