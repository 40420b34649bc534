//! One test on one runtime.

use std::{
    convert::Infallible,
    panic::resume_unwind,
    process::{ExitCode, Termination},
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::Duration,
};

use crate::Runner;

/// See [`Runner::run_test`].
#[track_caller]
pub(crate) fn run_test<T, F>(runner: Runner, limit: Option<Duration>, test: T) -> ExitCode
where
    T: FnOnce() -> F + Send + 'static,
    F: Future,
    F::Output: Termination,
{
    let (running, wait) = mpsc::channel::<Infallible>();
    // The thread of a test is named like the test; a panic says that name.
    let name = thread::current().name().unwrap_or("test").to_owned();
    let thread = thread::Builder::new().name(name).spawn(move || {
        let _running = running;
        runner.run(test()).report()
    });
    let thread = thread.unwrap_or_else(|error| panic!("the test's thread did not start: {error}"));
    if let Some(limit) = limit
        && wait.recv_timeout(limit) == Err(RecvTimeoutError::Timeout)
    {
        panic!("the test hung: it had not ended after {limit:?}");
    }
    thread.join().unwrap_or_else(|payload| resume_unwind(payload))
}
