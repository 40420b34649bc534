//! A value that is made once.

use super::counted::Waiting;
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
    /// Who makes the value is among those who wait for it.
    waiting: Waiting,
    making: Waiting,
}

/// What a cell looks like at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OnceCellStatistics {
    /// Whether the value has been made.
    pub initialized: bool,
    /// Whether somebody makes it.
    pub initializing: bool,
    /// How many tasks wait for the one that makes it.
    pub waiting: usize,
}

impl<T> OnceCell<T> {
    /// One without a value.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            inner: tokio::sync::OnceCell::const_new(),
            waiting: Waiting::new(),
            making: Waiting::new(),
        }
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
        let init = || self.make(init);
        admitted(self.waiting.counted(self.inner.get_or_init(init))).await
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
        let init = || self.make(init);
        admitted(self.waiting.counted(self.inner.get_or_try_init(init))).await
    }

    async fn make<Fut: Future>(&self, init: impl FnOnce() -> Fut) -> Fut::Output {
        self.making.counted(init()).await
    }

    /// Everything that can be said of it. The numbers may be of slightly different moments.
    #[must_use]
    pub fn statistics(&self) -> OnceCellStatistics {
        let making = self.making.now();
        OnceCellStatistics {
            initialized: self.inner.initialized(),
            initializing: making > 0,
            waiting: self.waiting.now().saturating_sub(making),
        }
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
        Self { inner: tokio::sync::OnceCell::from(value), ..Self::new() }
    }
}
