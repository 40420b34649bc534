//! Sending many items, one after the other.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use anyio_core::SendError;

use super::{SendStream, Sending};
use crate::op;

/// Given by [`SendStream::send_iter`].
#[must_use = "futures do nothing unless you `.await` them"]
pub struct SendingIter<'a, I: Iterator> {
    stream: &'a SendStream<I::Item>,
    items: I,
    sending: Option<Sending<'a, I::Item>>,
}

impl<'a, I: Iterator> SendingIter<'a, I> {
    pub(super) const fn new(stream: &'a SendStream<I::Item>, items: I) -> Self {
        Self { stream, items, sending: None }
    }
}

// The iterator is never pinned.
impl<I: Iterator> Unpin for SendingIter<'_, I> {}

impl<I: Iterator> Future for SendingIter<'_, I> {
    type Output = Result<(), SendError<I::Item>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        loop {
            if let Some(sending) = &mut this.sending {
                let sent = ready!(Pin::new(sending).poll(cx));
                this.sending = None;
                sent?;
            }
            // Before an item is taken out of the iterator, which cannot be undone.
            ready!(op::admit(cx));
            let Some(item) = this.items.next() else {
                return Poll::Ready(Ok(()));
            };
            let sending = this.sending.insert(this.stream.send(item));
            let sent = ready!(sending.poll_admitted(cx));
            this.sending = None;
            sent?;
        }
    }
}

impl<I: Iterator> fmt::Debug for SendingIter<'_, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendingIter").field("sending", &self.sending).finish_non_exhaustive()
    }
}
