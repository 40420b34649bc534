//! smol's threads for code that blocks.

use anyio_async_io::Job;
use anyio_core::{Blocking, NoRuntime};

use crate::Smol;

impl Blocking for Smol {
    type Job<T: Send + 'static> = Job<T>;

    fn spawn_blocking<J, T>(job: J) -> Result<Job<T>, NoRuntime>
    where
        J: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        Ok(anyio_async_io::spawn_blocking(job))
    }
}
