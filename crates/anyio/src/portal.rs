//! Async code for programs that are not async.

use anyio_core::{Body, RunError, TaskError};

use crate::{Any, Runner};

/// Runs async code for threads that are not async. Given by [`blocking_portal`] inside of a run, and by
/// [`start_blocking_portal`] with a run of its own.
///
/// # Examples
///
/// A server that goes on in the background, once it listens; and a connection that async code opens and
/// closes, and the thread uses in between:
///
/// ```
/// use std::{error::Error, io, net::SocketAddr};
/// use anyio::{connect_tcp, listen_tcp, start_blocking_portal, types::{Holding, PortalReady}};
///
/// async fn serve(ready: PortalReady<SocketAddr>) -> io::Result<()> {
///     let listener = listen_tcp("127.0.0.1:0".parse().unwrap()).await?;
///     ready.started(listener.local_addr()?);
///     let (_stream, _client) = listener.accept().await?;
///     Ok(())
/// }
///
/// async fn connection(server: SocketAddr, holding: Holding<SocketAddr>) -> io::Result<()> {
///     let stream = connect_tcp(server).await?;
///     holding.hold(stream.local_addr()?).await; // until the thread lets go
///     Ok(()) // it is closed here
/// }
///
/// fn main() -> Result<(), Box<dyn Error>> {
///     let portal = start_blocking_portal()?;
///     let (mut server, address) = portal.child().name("server").start(serve)?;
///     let Some(address) = address else { return Err(server.wait()?.unwrap_err().into()) }; // why it ended
///
///     let held = portal.wrap(move |holding| connection(address, holding))??;
///     assert!(held.ip().is_loopback());
///     held.exit()??;
///     Ok(server.wait()??)
/// }
/// ```
pub type BlockingPortal = anyio_engine::BlockingPortal<Any>;

/// A [portal](BlockingPortal) with a run of its own, which ends with it. Given by
/// [`start_blocking_portal`].
pub type RunningPortal = anyio_engine::RunningPortal<Any>;

/// A portal that is shared: the first who asks starts it, and the last who lets go stops it. Given by
/// [`Runner::portal_provider`].
///
/// # Examples
///
/// A library for programs that know nothing of async code:
///
/// ```
/// use std::{error::Error, sync::LazyLock};
/// use anyio::{PortalProvider, Runner};
///
/// static PORTAL: LazyLock<PortalProvider> = LazyLock::new(|| Runner::new().portal_provider());
///
/// fn answer() -> Result<u32, Box<dyn Error>> {
///     Ok(PORTAL.portal()?.call(async { 42 })?)
/// }
/// assert_eq!(answer()?, 42);
/// # Ok::<(), Box<dyn Error>>(())
/// ```
pub type PortalProvider = anyio_engine::PortalProvider<Any>;

/// Opens a portal into the current run, for threads: `body` gets it, and hands it on.
///
/// When `body` has ended, the portal takes no more calls, and those that run are waited for. If it fails,
/// they are cancelled first. For the rest it is a [`task_group`](fn@crate::task_group): a cancellation from
/// outside reaches the body and the calls.
///
/// # Cancel safety
///
/// As of [`task_group`](fn@crate::task_group).
///
/// # Errors
///
/// The body's error. A call that fails has an error of its own.
///
/// # Panics
///
/// With the body's panic.
///
/// # Examples
///
/// ```
/// use std::thread;
/// use anyio::{blocking_portal, to_thread};
///
/// # anyio::run(async {
/// let sum = blocking_portal(async |portal| -> anyio::Result<u32> {
///     let other = thread::spawn(move || {
///         let slow = portal.spawn(async { 40 });
///         Ok::<_, anyio::CallError>(portal.call(async { 2 })? + slow?.wait()?)
///     });
///     Ok(to_thread(|| other.join().unwrap()).await.unwrap())
/// })
/// .await?;
/// assert_eq!(sum, 42);
/// # anyio::Result::<()>::Ok(())
/// # }).unwrap();
/// ```
pub async fn blocking_portal<E, F, Fut>(body: F) -> Result<<Fut::Output as Body<E>>::Value, E>
where
    E: TaskError,
    F: FnOnce(BlockingPortal) -> Fut,
    Fut: Future,
    Fut::Output: Body<E>,
{
    anyio_engine::blocking_portal(body).await
}

/// Starts a run in a thread of its own, and a portal into it: async code for a program that is not.
/// [`Runner::start_portal`] has settings.
///
/// Dropping the portal ends the run; see [`RunningPortal`].
///
/// # Errors
///
/// [`RunError`] as [`Runner::try_run`].
///
/// # Blocking
///
/// Blocks until the runtime has started.
///
/// # Examples
///
/// ```
/// use std::{error::Error, time::Duration};
/// use anyio::{finally, sleep_forever, start_blocking_portal};
///
/// fn main() -> Result<(), Box<dyn Error>> {
///     let portal = start_blocking_portal()?;
///     assert_eq!(portal.call(async { 7 })?, 7);
///
///     let mut endless = portal.spawn(finally(sleep_forever(), async { println!("bye") }))?;
///     assert!(endless.wait_timeout(Duration::from_millis(1)).unwrap_err().is_timed_out());
///     endless.cancel();
///     assert!(endless.wait().unwrap_err().is_cancelled());
///     Ok(())
/// } // the run ends here
/// ```
pub fn start_blocking_portal() -> Result<RunningPortal, RunError> {
    Runner::new().start_portal()
}
