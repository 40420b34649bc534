//! Which backend is current.

use anyio_core::NoRuntime;
use anyio_engine::Erased;

use crate::available;

/// The backend that the functions of this crate use here.
///
/// It is the first of these that there is: the one whose task runs the code; the one this thread has
/// [`enter`](crate::enter)ed; tokio, if the code runs inside one; async-std, if it runs in a task of
/// its; smol, whose reactor and executor are the process's and start by themselves. Backends whose
/// feature is off are left out.
///
/// # Errors
///
/// [`NoRuntime`] if there is none. The message says which backends there could be, and how to come
/// by one. The functions that cannot return it panic with the same words.
///
/// # Examples
///
/// ```
/// let first = anyio::available_backends()[0].name();
/// let name = anyio::run(async { anyio::current_backend().map(|backend| backend.name()) });
/// assert_eq!(name, Ok(first));
/// ```
pub fn current_backend() -> Result<&'static Erased, NoRuntime> {
    backend_for("anyio")
}

/// The same, for `call`, which the error names.
pub(super) fn backend_for(call: &'static str) -> Result<&'static Erased, NoRuntime> {
    anyio_engine::current_backend().or_else(available::running).ok_or_else(|| {
        NoRuntime::new(format!(
            "{call} needs a runtime, and no runtime is running here: run the code with \
             `anyio::run`, call it inside a runtime that is running, or choose a backend for this \
             thread with `anyio::enter`; {}",
            available::summary(),
        ))
    })
}
