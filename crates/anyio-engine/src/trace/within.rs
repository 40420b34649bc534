//! A future in a span.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use pin_project_lite::pin_project;

use super::Span;

pin_project! {
    /// Polls a future in a span, which goes after it. Only what has a span is in one of these, so the rest
    /// pays nothing for it at its polls.
    ///
    /// It is `Send` if the future is, and may live as long: the span is of any thread's and borrows nothing.
    pub(crate) struct Within<F> {
        #[pin]
        future: F,
        span: Span,
    }
}

impl Span {
    /// Polls `future` in the span.
    pub(crate) const fn around<F>(self, future: F) -> Within<F> {
        Within { future, span: self }
    }
}

impl<F: Future> Future for Within<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        this.span.in_scope(|| this.future.poll(cx))
    }
}

/// What is said above.
const _: () = {
    const fn any_thread<T: Send + Sync + 'static>() {}
    any_thread::<Span>();
};
