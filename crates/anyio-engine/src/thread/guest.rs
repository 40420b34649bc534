//! A future that a thread waits for.

use std::{
    panic::resume_unwind,
    pin::Pin,
    sync::mpsc::{SyncSender, sync_channel},
    task::{Context, Poll},
};

use anyio_core::{CallError, Cancelled, NoRuntime};
use pin_project_lite::pin_project;

use crate::{
    context::{Captured, InScope, job::Task},
    scope::catch,
};

/// Has `spawn` run `future` as a task that stands at `place`, and blocks until it has ended.
pub(super) fn block_on<F>(
    spawn: impl FnOnce(Task) -> Result<(), NoRuntime>,
    place: &Captured,
    future: F,
) -> Result<F::Output, CallError>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let (send, receive) = sync_channel(1);
    let body = Some(place.in_scope(future));
    spawn(Box::pin(Guest { body, send }))?;
    match receive.recv() {
        Ok(Ok(result)) => result.map_err(CallError::cancelled),
        Ok(Err(payload)) => resume_unwind(payload),
        // The runtime has dropped it.
        Err(_) => Err(CallError::finished()),
    }
}

type Ended<T> = Result<Result<T, Cancelled>, Box<dyn std::any::Any + Send>>;

pin_project! {
    /// The task. The thread learns of its end when nothing is left of it.
    struct Guest<F: Future> {
        #[pin]
        body: Option<InScope<F>>,
        send: SyncSender<Ended<F::Output>>,
    }
}

impl<F: Future> Future for Guest<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        let Some(body) = this.body.as_mut().as_pin_mut() else { return Poll::Ready(()) };
        let ended = match catch(|| body.poll(cx)) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(result)) => Ok(result),
            Err(payload) => Err(payload),
        };
        let ended = match catch(|| this.body.set(None)) {
            Err(payload) if ended.is_ok() => Err(payload),
            _ => ended,
        };
        // The thread is there: it waits for nothing else.
        _ = this.send.send(ended);
        Poll::Ready(())
    }
}
