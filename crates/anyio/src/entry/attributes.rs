//! The attributes, which are made elsewhere and documented here.

/// Makes an `async fn main` the program: starts a runtime for it, and lets Ctrl-C cancel it.
///
/// ```
/// use std::io;
///
/// #[anyio::main]
/// async fn main() -> io::Result<()> {
///     let manifest = anyio::to_thread(|| std::fs::read_to_string("Cargo.toml")).await?;
///     println!("{} lines", manifest.lines().count());
///     Ok(())
/// }
/// ```
///
/// The function may return whatever a `main` may: nothing, a `Result`, an
/// [`ExitCode`](std::process::ExitCode), `!`. It is short for [`Runner::run_main`]:
///
/// | setting | |
/// |---|---|
/// | `backend = "smol"` | this backend, whatever `ANYIO_BACKEND` says |
/// | `threads = 4` | so many threads beside the main one |
/// | `current_thread` | everything in the main thread |
/// | `grace = "10s"` | upon Ctrl-C, so long to come to an end in peace |
///
/// # Ctrl-C
///
/// ```text
/// main    ─────────────✂ cleanup ─────────┤ exit code 130
/// Ctrl-C   the first ──┘
///
/// main    ─────────────✂ cleanup … ───────✂ exit code 130, whatever was going on
/// Ctrl-C   the first ──┘       the next ──┘
///
/// main    ─────────────┬─ ends in peace ───┤ its own exit code
///                      └─ goes on ────────── 10 s ─✂ cleanup ─┤ exit code 130
/// Ctrl-C   the first ──┘  with grace = "10s" ──────┘ or earlier by the next
/// ```
///
/// The first Ctrl-C cancels `main` with the cause [`Interrupt`](crate::CauseKind::Interrupt). It
/// unwinds as any cancelled work: groups wait for their tasks, [`finally`](crate::finally) cleans
/// up, a [`shield`](crate::shield) is left in peace. Then the process ends with 130. There is no
/// value, so an error type need not know anything of cancellation. If `main` ends by itself
/// nevertheless, since it was about to, or has caught the cancellation
/// ([`catch_cancelled`](crate::catch_cancelled)), what it returns counts.
///
/// With a `grace` the first Ctrl-C is a request: [`until_shutdown`](crate::until_shutdown) and
/// [`shutdown_requested`](crate::shutdown_requested) hear it, and `main` is cancelled when the time is
/// over or Ctrl-C comes again.
///
/// The next Ctrl-C ends the process at once, also with 130, even if the program is stuck. See
/// [`Runner::run_main`] for how, and for what others hear of a Ctrl-C.
///
/// ```no_run
/// use anyio::{finally, sleep_forever, task_group};
///
/// #[anyio::main(backend = "tokio", threads = 2)]
/// async fn main() -> std::io::Result<()> {
///     task_group(async |tg| {
///         tg.spawn(async {
///             let goodbye = async { println!("saved") }; // upon Ctrl-C
///             finally(sleep_forever(), goodbye).await
///         });
///         Ok(())
///     })
///     .await
/// }
/// ```
///
/// # Panics
///
/// As [`run`](crate::run).
///
/// [`Runner::run_main`]: crate::Runner::run_main
pub use anyio_macros::main;
/// Makes an `async fn` a test on each backend that is compiled in, in the thread of the test alone
/// and with two worker threads.
///
/// ```no_run
/// # fn main() {}
/// #[anyio::test]
/// async fn sleeps() {
///     let start = anyio::current_time();
///     anyio::sleep(std::time::Duration::from_millis(3)).await;
///     assert!(anyio::current_time() - start >= std::time::Duration::from_millis(3));
/// }
/// ```
///
/// becomes, with the features `tokio` and `smol`, these tests:
///
/// ```text
/// sleeps::tokio_current_thread
/// sleeps::tokio_multi_thread
/// sleeps::smol_current_thread
/// sleeps::smol_multi_thread
/// ```
///
/// The function may return whatever a test may. `#[ignore]` and `#[should_panic]` belong to each of
/// the tests, other attributes to the function. A test that hangs fails after a minute.
///
/// There are no arguments; an attribute that gives them, as `#[rstest]` does, stands above this one.
///
/// | setting | |
/// |---|---|
/// | `backend = "smol"` | this backend alone |
/// | `threads = 4` | so many worker threads, and no other number |
/// | `current_thread` | only in the thread of the test |
/// | `timeout = "10s"` | hung means this; `"none"` waits for ever |
///
/// ```no_run
/// # fn main() {}
/// #[anyio::test(backend = "tokio", current_thread, timeout = "500ms")]
/// #[should_panic(expected = "it had not ended")]
/// async fn hangs() {
///     anyio::sleep_forever().await
/// }
/// ```
///
/// A backend of your own, and a number of threads that is not known before, are for
/// [`Runner::run_test`](crate::Runner::run_test).
pub use anyio_macros::test;
