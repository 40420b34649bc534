//! tokio's threads for code that blocks.

use anyio_core::{Blocking, NoRuntime};

use crate::{Tokio, executor};

impl Blocking for Tokio {
    fn spawn_blocking<J>(job: J) -> Result<(), NoRuntime>
    where
        J: FnOnce() + Send + 'static,
    {
        // tokio detaches a job whose handle is dropped, and drops one that it will not run.
        executor::current().map(|runtime| drop(runtime.spawn_blocking(job)))
    }
}
