//! Which backend is current.

use anyio_core::NoRuntime;
use anyio_engine::Erased;

use crate::available;

/// The backend that the functions of this crate use here.
///
/// It is the one whose task runs the code; else the one this thread has
/// [`enter`](crate::enter)ed; else tokio, if the code runs inside one and the feature is on.
///
/// # Errors
///
/// [`NoRuntime`] if there is none. The message says which backends there could be, and how to come
/// by one. The functions that cannot return it panic with the same words.
///
/// # Examples
///
/// ```
/// assert!(anyio::current_backend().is_err());
/// let name = anyio::run(async { anyio::current_backend().map(|backend| backend.name()) });
/// assert_eq!(name, Ok("tokio"));
/// ```
pub fn current_backend() -> Result<&'static Erased, NoRuntime> {
    anyio_engine::current_backend().or_else(available::running).ok_or_else(|| {
        NoRuntime::new(format!(
            "no runtime is running here: run the code with `anyio::run`, call it inside a \
                 runtime that is running, or choose a backend for this thread with \
                 `anyio::enter`; {}",
            available::summary(),
        ))
    })
}
