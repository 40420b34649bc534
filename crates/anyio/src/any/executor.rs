//! Tasks on the current backend, and which one to start.

use std::{env, ffi::OsStr};

use anyio_core::{Executor, NoRuntime, Run, RunError, RunOptions};
use anyio_engine::{AnySpawner, Erased};

use super::{Any, current::backend_for};
use crate::available;

impl Executor for Any {
    const NAME: &'static str = "any";

    type Spawner = AnySpawner;

    fn spawner() -> Result<AnySpawner, NoRuntime> {
        backend_for("spawning a task")?.spawner()
    }
}

impl Run for Any {
    /// Runs on the backend that [`run`](crate::run) would choose.
    fn run<F: Future>(options: &RunOptions, future: F) -> Result<F::Output, RunError> {
        choose()?.run(options, future)
    }
}

/// The backend to start if the code does not name one.
pub(crate) fn choose() -> Result<&'static Erased, RunError> {
    let wanted = env::var_os("ANYIO_BACKEND").filter(|name| !name.is_empty());
    let wanted = wanted.as_deref().map(OsStr::to_string_lossy);
    let mut backends = available::available_backends().into_iter();
    let (found, what) = match wanted {
        Some(name) => (
            backends.find(|backend| backend.name() == name),
            format!("ANYIO_BACKEND is {name:?}, which this program does not have"),
        ),
        None => (backends.next(), "there is nothing to run on".to_owned()),
    };
    found.ok_or_else(|| {
        RunError::missing(NoRuntime::new(format!("{what}; {}", available::summary())))
    })
}
