//! Which run the running code belongs to: a thread-local, set while a thread works for a run.

use std::{
    cell::RefCell,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use pin_project_lite::pin_project;

use super::tasks::Tasks;

thread_local! {
    static CURRENT: RefCell<Option<Arc<Tasks>>> = const { RefCell::new(None) };
}

/// The tasks of the run that the calling code belongs to.
pub(crate) fn get() -> Option<Arc<Tasks>> {
    // The destructor of another thread-local belongs to no run.
    CURRENT.try_with(|current| current.borrow().clone()).ok().flatten()
}

/// This thread works for the run with these tasks until the guard is dropped.
pub(crate) fn enter(tasks: Option<Arc<Tasks>>) -> Inside {
    Inside { before: CURRENT.replace(tasks) }
}

/// Given by [`enter`].
#[must_use = "the thread works for the run as long as the guard lives"]
pub(crate) struct Inside {
    before: Option<Arc<Tasks>>,
}

impl Drop for Inside {
    fn drop(&mut self) {
        drop(CURRENT.replace(self.before.take()));
    }
}

pin_project! {
    /// A future that works for a run whenever it is polled, on whatever thread.
    pub(super) struct Within<F> {
        pub(super) tasks: Arc<Tasks>,
        #[pin]
        pub(super) future: F,
    }
}

impl<F: Future> Future for Within<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _inside = enter(Some(Arc::clone(this.tasks)));
        this.future.poll(cx)
    }
}
