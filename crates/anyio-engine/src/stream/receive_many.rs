//! Receiving what is there, all at once.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use anyio_core::ReceiveError;

use super::Receiving;

/// Given by [`ReceiveStream::receive_many`](super::ReceiveStream::receive_many).
#[must_use = "futures do nothing unless you `.await` them"]
pub struct ReceivingMany<'a, T> {
    first: Receiving<'a, T>,
    items: &'a mut Vec<T>,
    limit: usize,
}

impl<'a, T> ReceivingMany<'a, T> {
    pub(super) const fn new(first: Receiving<'a, T>, items: &'a mut Vec<T>, limit: usize) -> Self {
        Self { first, items, limit }
    }
}

impl<T> Future for ReceivingMany<'_, T> {
    type Output = Result<usize, ReceiveError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        if this.limit == 0 {
            return Poll::Ready(Ok(0));
        }
        let first = ready!(Pin::new(&mut this.first).poll(cx))?;
        let before = this.items.len();
        this.items.push(first);
        let stream = this.first.stream;
        stream.shared.change(|state, woken| {
            while this.items.len() - before < this.limit
                && let Some(item) = state.next(false, woken)
            {
                this.items.push(item);
            }
        });
        Poll::Ready(Ok(this.items.len() - before))
    }
}

impl<T> fmt::Debug for ReceivingMany<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReceivingMany").field("limit", &self.limit).finish_non_exhaustive()
    }
}
