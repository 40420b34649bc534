//! The current backend's threads.

use anyio_core::{Blocking, NoRuntime};

use super::{Any, current::backend_for};

impl Blocking for Any {
    fn spawn_blocking<J>(job: J) -> Result<(), NoRuntime>
    where
        J: FnOnce() + Send + 'static,
    {
        backend_for("`to_thread`")?.spawn_blocking(Box::new(job))
    }
}
