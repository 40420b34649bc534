//! The receiving end as a stream.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use anyio_core::ReceiveError;
use futures_core::{FusedStream, Stream};

use super::ReceiveStream;
use crate::{op::Withheld, sync::Place};

/// The items, up to the end of the stream or of this end.
impl<T> Stream for ReceiveStream<T> {
    type Item = T;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let this = self.get_mut();
        let result = ready!(this.poll_own_item(cx));
        // What is withheld need not be kept: it stays so, and is found again.
        let item = ready!(Withheld::nothing().pass(result, cx)).ok();
        this.has_ended = item.is_none();
        Poll::Ready(item)
    }
}

impl<T> FusedStream for ReceiveStream<T> {
    fn is_terminated(&self) -> bool {
        // Not what the other side does meanwhile, on another thread: who looks and then polls must not
        // be surprised.
        self.has_ended || (matches!(self.polled, Place::Start) && self.is_closed())
    }
}

impl<T> ReceiveStream<T> {
    fn poll_own_item(&mut self, cx: &mut Context<'_>) -> Poll<Result<T, ReceiveError>> {
        if let Place::Queued(key) = self.polled {
            let mut place = Place::Queued(key);
            let result = ready!(self.poll_item(&mut place, cx));
            self.polled = Place::Start;
            if result.is_ok() {
                return Poll::Ready(result);
            }
            // It has got nothing: because its end was closed or the stream has ended, which shows,
            // or because somebody else has used this end.
        }
        let mut place = Place::Start;
        let result = self.poll_item(&mut place, cx);
        if result.is_pending() {
            self.polled = place;
        }
        result
    }
}
