//! The current backend, as a backend.

mod blocking;
mod current;
mod executor;
mod net;
mod process;
mod signal;
mod sync;
mod time;

pub use current::current_backend;
pub(crate) use executor::choose;

/// The backend that is current where it is used: the functions of this crate run on it.
///
/// A backend as any other, so code that is generic over `B: Backend` runs on it, too. Choosing at
/// run time costs a box for each task and a virtual call for each poll of a socket. What it opens
/// (groups, sockets, timers) stays with the backend it was opened on.
///
/// Which backend is current: the one whose task runs the code; else the one the thread has
/// [`enter`](crate::enter)ed; else the one of tokio and async-std that the code runs inside; else
/// smol, which is everywhere where it is compiled in. [`current_backend`] tells.
///
/// # Examples
///
/// ```
/// use anyio::{Any, Runtime, prelude::*};
///
/// async fn generic<B: Runtime>() -> &'static str {
///     B::NAME
/// }
///
/// assert_eq!(anyio::run(generic::<Any>()), "any");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a marker is written as a value, too")]
pub struct Any;
