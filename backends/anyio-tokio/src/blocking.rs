//! tokio's threads for code that blocks.

use std::{
    pin::{Pin, pin},
    task::{Context, Poll},
};

use anyio_core::{Blocking, NoRuntime};
use tokio::task::{JoinHandle, coop::unconstrained};

use crate::{Tokio, executor};

impl Blocking for Tokio {
    type Job<T: Send + 'static> = TokioJob<T>;

    fn spawn_blocking<J, T>(job: J) -> Result<TokioJob<T>, NoRuntime>
    where
        J: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        executor::current().map(|runtime| TokioJob(runtime.spawn_blocking(job)))
    }
}

/// A job on one of tokio's threads. tokio detaches a job whose handle is dropped, and drops one that it
/// will not run.
#[derive(Debug)]
pub struct TokioJob<T>(JoinHandle<T>);

impl<T> Future for TokioJob<T> {
    type Output = Option<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let mut poll = Pin::new(&mut self.0).poll(cx);
        if poll.is_pending() && self.0.is_finished() {
            // A value that is there is given, however much else the task has done in its turn.
            poll = pin!(unconstrained(&mut self.0)).poll(cx);
        }
        poll.map(Result::ok)
    }
}
