//! What is spawned.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Context, Poll},
};

use pin_project_lite::pin_project;

pin_project! {
    /// A future whose destructor may panic without harm. The executor would end the process.
    pub(super) struct Task<F> {
        #[pin]
        future: Option<F>,
    }

    impl<F> PinnedDrop for Task<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut future = this.project().future;
            // Whoever waits for the task learns of it by what the destructors before it did, and
            // the message has been printed.
            drop(catch_unwind(AssertUnwindSafe(|| future.set(None))));
        }
    }
}

impl<F> Task<F> {
    pub(super) const fn new(future: F) -> Self {
        Self { future: Some(future) }
    }
}

impl<F: Future<Output = ()>> Future for Task<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match self.project().future.as_pin_mut() {
            Some(future) => future.poll(cx),
            None => Poll::Ready(()),
        }
    }
}
