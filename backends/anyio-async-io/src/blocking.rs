//! The threads for code that blocks: one pool in a process.

use crate::executor::current;

/// Runs `job` on a thread that may block, as a part of the run that the calling code is in.
///
/// The pool belongs to the process and not to a run: a job that has not started when the run ends
/// is run all the same.
pub fn spawn_blocking<J>(job: J)
where
    J: FnOnce() + Send + 'static,
{
    let tasks = current::get();
    let job = move || {
        let _inside = current::enter(tasks);
        job();
    };
    // Dropping the handle would cancel a job that has not started.
    ::blocking::unblock(job).detach();
}
