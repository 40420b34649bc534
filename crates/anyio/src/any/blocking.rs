//! The current backend's threads.

use anyio_core::{Blocking, NoRuntime};
use anyio_engine::Job;

use super::{Any, current::backend_for};

impl Blocking for Any {
    type Job<T: Send + 'static> = Job<T>;

    fn spawn_blocking<J, T>(job: J) -> Result<Job<T>, NoRuntime>
    where
        J: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let (job, handle) = Job::of(job);
        backend_for("`to_thread`")?.spawn_blocking(Box::new(job))?;
        Ok(handle)
    }
}
