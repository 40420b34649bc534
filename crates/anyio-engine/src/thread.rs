//! Code that blocks, from code that must not.

use std::{
    any::Any,
    fmt,
    marker::PhantomData,
    panic::resume_unwind,
    pin::Pin,
    task::{Context, Poll, ready},
};

use anyio_core::Blocking;
use pin_project_lite::pin_project;

use crate::{
    op,
    scope::{Shield, catch, shield},
    sys::{Arc, AtomicWaker, Mutex},
};

/// Runs `job` on a thread where it may block, and waits for what it gives.
///
/// A job cannot be interrupted: if a scope around the call is cancelled while it runs, the scope
/// waits for it and its value is kept; the operation after it does not start. So do whatever the
/// value is needed for without waiting, or inside a shield.
///
/// Going to a thread and back takes some ten microseconds: give it enough to do.
///
/// # Cancel safety
///
/// Cancelled before it has started, the job is not run. Dropping the future by hand lets the job
/// go on alone.
///
/// # Panics
///
/// With the job's panic. Also outside of a runtime that has such threads, and if the runtime shuts
/// down before it has run the job.
pub const fn to_thread<B, F, T>(job: F) -> ToThread<B, F, T>
where
    B: Blocking,
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    ToThread { job: Some(job), wait: None, backend: PhantomData }
}

pin_project! {
    /// Given by [`to_thread`].
    #[must_use = "futures do nothing unless you `.await` them"]
    pub struct ToThread<B, F, T> {
        // Until it starts.
        job: Option<F>,
        #[pin]
        wait: Option<Shield<Wait<T>>>,
        backend: PhantomData<fn() -> B>,
    }
}

impl<B, F, T> Future for ToThread<B, F, T>
where
    B: Blocking,
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    type Output = T;

    // A missing runtime is reported at the `.await`.
    #[track_caller]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let mut this = self.project();
        if this.job.is_some() {
            ready!(op::admit(cx));
        }
        if let Some(job) = this.job.take() {
            let slot = Arc::new(Slot {
                waker: AtomicWaker::new(),
                result: Mutex::from(Progress::Running),
            });
            let report = Report(Some(Arc::clone(&slot)));
            if let Err(error) = B::spawn_blocking(move || report.send(catch(job))) {
                panic!("{error}");
            }
            this.wait.set(Some(shield(Wait(slot))));
        }
        let Some(wait) = this.wait.as_mut().as_pin_mut() else {
            panic!("a future was polled after it had ended")
        };
        let result = ready!(wait.poll(cx));
        this.wait.set(None);
        match result {
            Some(Ok(value)) => Poll::Ready(value),
            Some(Err(payload)) => resume_unwind(payload),
            None => panic!("the runtime shut down before it had run the blocking job"),
        }
    }
}

impl<B, F, T> fmt::Debug for ToThread<B, F, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToThread").field("started", &self.job.is_none()).finish_non_exhaustive()
    }
}

type Caught<T> = Result<T, Box<dyn Any + Send>>;

enum Progress<T> {
    Running,
    /// `None`: the job was dropped.
    Over(Option<Caught<T>>),
}

struct Slot<T> {
    waker: AtomicWaker,
    result: Mutex<Progress<T>>,
}

/// The thread's side: reports, even if it is dropped without having run.
struct Report<T>(Option<Arc<Slot<T>>>);

impl<T> Report<T> {
    fn send(mut self, result: Caught<T>) {
        self.finish(Some(result));
    }

    fn finish(&mut self, result: Option<Caught<T>>) {
        if let Some(slot) = self.0.take() {
            *slot.result.lock() = Progress::Over(result);
            slot.waker.wake();
        }
    }
}

impl<T> Drop for Report<T> {
    fn drop(&mut self) {
        self.finish(None);
    }
}

/// The task's side.
struct Wait<T>(Arc<Slot<T>>);

impl<T> Future for Wait<T> {
    type Output = Option<Caught<T>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.waker.register(cx.waker());
        let mut result = self.0.result.lock();
        match std::mem::replace(&mut *result, Progress::Running) {
            Progress::Running => Poll::Pending,
            Progress::Over(result) => Poll::Ready(result),
        }
    }
}
