//! smol's threads for code that blocks.

use anyio_core::{Blocking, NoRuntime};

use crate::Smol;

impl Blocking for Smol {
    fn spawn_blocking<J>(job: J) -> Result<(), NoRuntime>
    where
        J: FnOnce() + Send + 'static,
    {
        anyio_async_io::spawn_blocking(job);
        Ok(())
    }
}
