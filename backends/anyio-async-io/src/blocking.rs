//! The threads for code that blocks: one pool in a process.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use crate::executor::current;

/// Runs `job` on a thread that may block, as a part of the run that the calling code is in.
///
/// The pool belongs to the process and not to a run: a job that has not started when the run ends
/// is run all the same.
pub fn spawn_blocking<J, T>(job: J) -> Job<T>
where
    J: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let tasks = current::get();
    let job = move || {
        let _inside = current::enter(tasks);
        job()
    };
    Job(Some(::blocking::unblock(job)))
}

/// A job on one of these threads. Dropped, it lets the job go on alone.
#[derive(Debug)]
pub struct Job<T>(Option<::blocking::Task<T>>);

impl<T> Future for Job<T> {
    type Output = Option<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let Some(task) = &mut self.0 else { panic!("a future was polled after it had ended") };
        let value = ready!(Pin::new(task).poll(cx));
        self.0 = None;
        Poll::Ready(Some(value))
    }
}

impl<T> Drop for Job<T> {
    fn drop(&mut self) {
        if let Some(task) = self.0.take() {
            // Dropping the handle would cancel a job that has not started.
            task.detach();
        }
    }
}
