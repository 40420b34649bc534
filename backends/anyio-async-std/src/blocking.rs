//! async-std's threads for code that blocks.

use anyio_core::{Blocking, NoRuntime};

use crate::AsyncStd;

impl Blocking for AsyncStd {
    fn spawn_blocking<J>(job: J) -> Result<(), NoRuntime>
    where
        J: FnOnce() + Send + 'static,
    {
        anyio_async_io::spawn_blocking(job);
        Ok(())
    }
}
