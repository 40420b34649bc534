//! A job for threads that give nothing back.

use std::{
    fmt, mem,
    pin::Pin,
    task::{Context, Poll, ready},
};

use crate::{handover::Handover, scope::hush, sys::Arc};

/// A job's way back, for a backend whose threads have none: see [`Blocking`](anyio_core::Blocking).
///
/// It gives what the job gives; nothing if that is dropped before it has run, or panics.
///
/// # Cancel safety
///
/// Dropped, it lets the job go on alone. What that gives is dropped in the job's thread.
///
/// # Panics
///
/// If it is polled after it has ended.
///
/// # Examples
///
/// ```
/// use std::thread;
/// use anyio_engine::Job;
///
/// let (work, job) = Job::of(|| 7);
/// thread::spawn(work);
/// assert_eq!(futures_lite::future::block_on(job), Some(7));
///
/// let (work, job) = Job::of(|| 7);
/// drop(work); // no thread is to be had
/// assert_eq!(futures_lite::future::block_on(job), None);
///
/// let (work, job) = Job::of(|| -> u8 { panic!("as a job of the engine's never does") });
/// thread::spawn(work);
/// assert_eq!(futures_lite::future::block_on(job), None);
/// ```
pub struct Job<T> {
    /// Nothing when it has been taken.
    result: Option<Arc<Shelf<T>>>,
    waits: bool,
}

/// Where the thread leaves what the job gives. `None`: the job was dropped.
type Shelf<T> = Handover<Option<T>>;

impl<T: Send + 'static> Job<T> {
    /// What is to be run on a thread, or dropped, and what becomes of it.
    pub fn of<J>(job: J) -> (impl FnOnce() + Send + 'static, Self)
    where
        J: FnOnce() -> T + Send + 'static,
    {
        let result = Arc::new(Shelf::new());
        let report = Report(Some(Arc::clone(&result)));
        (move || report.send(job()), Self { result: Some(result), waits: false })
    }
}

impl<T> Future for Job<T> {
    type Output = Option<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let waits = mem::replace(&mut self.waits, true);
        let Some(shelf) = &self.result else { panic!("a future was polled after it had ended") };
        let value = ready!(if waits { shelf.poll_again(cx) } else { shelf.poll_take(cx) });
        self.result = None;
        Poll::Ready(value)
    }
}

impl<T> Drop for Job<T> {
    fn drop(&mut self) {
        let left = self.result.take().and_then(|shelf| shelf.let_go());
        drop(left);
    }
}

impl<T> fmt::Debug for Job<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job")
            .field("done", &self.result.as_ref().is_none_or(|shelf| shelf.is_there()))
            .finish()
    }
}

/// The thread's side: reports, even if it is dropped without having run.
struct Report<T>(Option<Arc<Shelf<T>>>);

impl<T> Report<T> {
    fn send(mut self, value: T) {
        self.finish(Some(value));
    }

    fn finish(&mut self, result: Option<T>) {
        let Some(shelf) = self.0.take() else { return };
        // The task may have gone; what is left must not panic in this thread.
        hush(|| drop((shelf.give(result), shelf)));
    }
}

impl<T> Drop for Report<T> {
    fn drop(&mut self) {
        self.finish(None);
    }
}
