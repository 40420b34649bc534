//! The current backend's threads.

use anyio_core::{Blocking, NoRuntime};

use super::{Any, current_backend};

impl Blocking for Any {
    fn spawn_blocking<J>(job: J) -> Result<(), NoRuntime>
    where
        J: FnOnce() + Send + 'static,
    {
        current_backend()?.spawn_blocking(Box::new(job))
    }
}
