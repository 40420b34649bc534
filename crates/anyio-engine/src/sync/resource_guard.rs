//! One user at a time, or an error.

use std::fmt;

use anyio_core::Busy;

use crate::sys::{AtomicBool, Ordering};

/// Says so if two use at once what only one may use. It never waits: it is for misuse that would be a
/// mistake, such as two tasks that read from one socket.
///
/// Prefer `&mut self`, where the compiler says it.
///
/// # Examples
///
/// ```
/// use anyio_engine::ResourceGuard;
///
/// let guard = ResourceGuard::new("reading from");
/// let reading = guard.try_enter()?;
/// let error = guard.try_enter().unwrap_err();
/// assert_eq!(error.to_string(), "another task is already reading from this resource");
/// drop(reading);
/// assert!(guard.try_enter().is_ok());
/// # Ok::<(), anyio_core::Busy>(())
/// ```
pub struct ResourceGuard {
    action: &'static str,
    used: AtomicBool,
}

/// What a guard looks like at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ResourceGuardStatistics {
    /// Whether somebody uses the resource.
    pub in_use: bool,
}

impl ResourceGuard {
    /// A guard of a resource that nobody uses; `action` says what its users do, as in "reading from".
    #[must_use]
    pub const fn new(action: &'static str) -> Self {
        Self { action, used: AtomicBool::new(false) }
    }

    /// Uses the resource until what is given is dropped.
    ///
    /// # Errors
    ///
    /// [`Busy`] if somebody uses it.
    pub fn try_enter(&self) -> Result<InUse<'_>, Busy> {
        // `Acquire`, for the `Release` of who has used it before: what they did has happened.
        if self.used.swap(true, Ordering::Acquire) {
            Err(Busy::new(self.action))
        } else {
            Ok(InUse { guard: self })
        }
    }

    /// Whether somebody uses it.
    #[must_use]
    pub fn is_in_use(&self) -> bool {
        self.used.load(Ordering::Relaxed)
    }

    /// Everything that can be said of it, at one moment.
    #[must_use]
    pub fn statistics(&self) -> ResourceGuardStatistics {
        ResourceGuardStatistics { in_use: self.is_in_use() }
    }
}

impl Default for ResourceGuard {
    /// Its users are "using" it.
    fn default() -> Self {
        Self::new("using")
    }
}

impl fmt::Debug for ResourceGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResourceGuard")
            .field("action", &self.action)
            .field("in_use", &self.is_in_use())
            .finish()
    }
}

/// Somebody uses a resource. Given by [`ResourceGuard::try_enter`].
#[must_use = "dropping it ends the use at once"]
#[derive(Debug)]
pub struct InUse<'a> {
    guard: &'a ResourceGuard,
}

impl Drop for InUse<'_> {
    fn drop(&mut self) {
        self.guard.used.store(false, Ordering::Release);
    }
}
