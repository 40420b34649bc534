//! What is spawned.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use pin_project_lite::pin_project;

use super::ending::{Ending, Place};

pin_project! {
    /// A future that ends with its run, and whose destructor may panic without harm. (The executor
    /// would end the process.)
    pub(super) struct Task<F> {
        #[pin]
        future: Option<F>,
        // Where it is found at the end of its run; none if it belongs to no run.
        place: Option<Place>,
    }

    impl<F> PinnedDrop for Task<F> {
        fn drop(this: Pin<&mut Self>) {
            this.clear();
        }
    }
}

impl<F> Task<F> {
    /// A task of the run that has this `ending`.
    pub(super) const fn within(ending: Arc<Ending>, future: F) -> Self {
        Self { future: Some(future), place: Some(Place::new(ending)) }
    }

    /// A task of no run.
    pub(super) const fn without(future: F) -> Self {
        Self { future: Some(future), place: None }
    }

    /// Drops the future.
    #[inline(always)]
    fn clear(self: Pin<&mut Self>) {
        let mut future = self.project().future;
        // Whoever waits for the task learns of it by what the destructors before it did, and the
        // message has been printed.
        drop(catch_unwind(AssertUnwindSafe(|| future.set(None))));
    }

    /// The same before it has ended.
    #[cold]
    fn give_up(self: Pin<&mut Self>) {
        self.clear();
    }
}

impl<F: Future<Output = ()>> Future for Task<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.as_mut().project();
        if this.place.as_ref().is_some_and(Place::is_over) {
            self.give_up();
            return Poll::Ready(());
        }
        let Some(future) = this.future.as_pin_mut() else { return Poll::Ready(()) };
        match catch_unwind(AssertUnwindSafe(|| future.poll(cx))) {
            Ok(Poll::Ready(())) => Poll::Ready(()),
            Ok(Poll::Pending) => {
                if let Some(place) = this.place {
                    place.take(cx.waker());
                }
                Poll::Pending
            }
            // Groups catch their tasks' panics. This one belongs to nobody; it has been printed, and the
            // worker goes on.
            Err(payload) => {
                drop(catch_unwind(AssertUnwindSafe(|| drop(payload))));
                self.give_up();
                Poll::Ready(())
            }
        }
    }
}
