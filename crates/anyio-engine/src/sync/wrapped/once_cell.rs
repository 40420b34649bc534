//! A value that is made once.

use crate::op::admitted;

/// A value that is made when it is first wanted, by one task while others wait for it.
///
/// If the one that makes it fails, is cancelled or panics, the next that waits makes it, in its own
/// way. It knows no runtime; it may be made anywhere, in a `static` too.
///
/// Prefer `std::sync::OnceLock` for what is made without waiting.
///
/// # Examples
///
/// ```
/// use anyio_engine::OnceCell;
///
/// static CONFIG: OnceCell<String> = OnceCell::new();
///
/// # futures_lite::future::block_on(async {
/// let config = CONFIG.get_or_init(async || "from afar".to_owned()).await;
/// assert_eq!(config, "from afar");
/// assert!(CONFIG.get_or_init(async || unreachable!()).await == config);
/// # });
/// ```
#[derive(Debug)]
pub struct OnceCell<T> {
    inner: tokio::sync::OnceCell<T>,
}

impl<T> OnceCell<T> {
    /// One without a value.
    #[must_use]
    pub const fn new() -> Self {
        Self { inner: tokio::sync::OnceCell::const_new() }
    }

    /// The value, if it has been made.
    #[must_use]
    pub fn get(&self) -> Option<&T> {
        self.inner.get()
    }

    /// The value, if it has been made.
    #[must_use]
    pub fn get_mut(&mut self) -> Option<&mut T> {
        self.inner.get_mut()
    }

    /// Gives it a value.
    ///
    /// # Errors
    ///
    /// `value`, if it has one, or somebody is making one.
    pub fn set(&self, value: T) -> Result<(), T> {
        use tokio::sync::SetError::{AlreadyInitializedError, InitializingError};
        self.inner.set(value).map_err(|error| match error {
            AlreadyInitializedError(value) | InitializingError(value) => value,
        })
    }

    /// The value; it is made by `init`, unless somebody has made it or does so in the meantime.
    ///
    /// # Cancel safety
    ///
    /// Cancelled while `init` runs, that one is dropped, and the next who waits makes the value.
    /// Cancelled otherwise, nothing has happened.
    pub async fn get_or_init<F, Fut>(&self, init: F) -> &T
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = T>,
    {
        admitted(self.inner.get_or_init(init)).await
    }

    /// The value; it is made by `init`, unless somebody has made it or does so in the meantime.
    ///
    /// # Cancel safety
    ///
    /// As [`get_or_init`](Self::get_or_init).
    ///
    /// # Errors
    ///
    /// That of `init`, if it ran; the next who waits makes the value then.
    pub async fn get_or_try_init<E, F, Fut>(&self, init: F) -> Result<&T, E>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        admitted(self.inner.get_or_try_init(init)).await
    }

    /// The value, if it has been made.
    pub fn into_inner(self) -> Option<T> {
        self.inner.into_inner()
    }
}

impl<T> Default for OnceCell<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> From<T> for OnceCell<T> {
    fn from(value: T) -> Self {
        Self { inner: tokio::sync::OnceCell::from(value) }
    }
}
