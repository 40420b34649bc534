//! All of them, in the order in which they are preferred.

use anyio_engine::Erased;

use super::{async_std, smol, tokio};

/// The backends compiled in, the one [`run`](crate::run) prefers first.
///
/// # Examples
///
/// The same test on each of them:
///
/// ```
/// for backend in anyio::available_backends() {
///     let answer = anyio::Runner::new().backend(backend).run(async { 42 });
///     assert_eq!(answer, 42, "on {}", backend.name());
/// }
/// ```
#[doc(alias = "get_available_backends")]
#[must_use]
pub fn available_backends() -> Vec<&'static Erased> {
    [tokio::backend(), smol::backend(), async_std::backend()].into_iter().flatten().collect()
}

/// The backend inside which the calling code runs. smol is the last that is asked: it says yes
/// wherever it is compiled in.
pub(crate) fn running() -> Option<&'static Erased> {
    tokio::running().or_else(async_std::running).or_else(smol::running)
}

/// What there is, for error messages.
pub(crate) fn summary() -> String {
    let names: Vec<_> = available_backends().iter().map(|backend| backend.name()).collect();
    if names.is_empty() {
        "no backend is compiled in: turn on a feature of the crate `anyio`: `tokio`, `smol` or \
         `async-std`"
            .to_owned()
    } else {
        format!("the backends compiled in are: {}", names.join(", "))
    }
}
