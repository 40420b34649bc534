//! What is around few tasks.

use std::{future::poll_fn, pin::Pin};

use crate::{
    context::poll_unwound,
    sync::{Permit, Semaphore},
    sys::Arc,
    trace::Span,
};

/// A span, or that the task has to wait for its turn, or both.
pub(super) struct Wrap {
    span: Span,
    limit: Option<Arc<Semaphore>>,
}

impl Wrap {
    /// Nothing, if it is neither.
    pub(super) fn of(span: Span, limit: Option<Arc<Semaphore>>) -> Option<Self> {
        (limit.is_some() || !span.is_nothing()).then_some(Self { span, limit })
    }

    /// The task with that around it. It is boxed, for there is no need that this be fast.
    #[cold]
    pub(super) fn around<F>(self, future: F) -> Pin<Box<dyn Future<Output = F::Output> + Send>>
    where
        F: Future + Send + 'static,
    {
        let Self { span, limit } = self;
        Box::pin(span.around(async move {
            let _turn = match &limit {
                Some(limit) => Some(turn(limit).await),
                None => None,
            };
            future.await
        }))
    }
}

/// Waits until a task may run.
async fn turn(limit: &Semaphore) -> Permit<'_> {
    let turn = limit.acquire().await.expect("it is never closed");
    // It may have got its turn from a sibling that was cancelled with it.
    poll_fn(|cx| poll_unwound(cx)).await;
    turn
}
