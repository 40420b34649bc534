//! All that went wrong in a task group, where its errors are not of a type of their own.

use std::{error::Error, fmt};

use super::GroupError;

/// A [`GroupError`] of errors that stand for any error: `anyhow::Error`, `eyre::Report`,
/// `Box<dyn Error + Send + Sync>`. Given by [`GroupError::into_dyn`].
///
/// These three are no [`Error`] themselves, so a list of them is none. This one is: its text has
/// the texts of all, and its `source` is the first. Who finds it in a chain of errors has all
/// of them, as they were.
///
/// ```
/// use std::error::Error;
/// use anyio_core::{DynGroupError, GroupError};
///
/// type Boxed = Box<dyn Error + Send + Sync>;
///
/// fn fails() -> Result<(), GroupError<Boxed>> {
///     Err(GroupError::new("disk full".into(), vec!["no route to host".into()]))
/// }
///
/// fn program() -> Result<(), Boxed> {
///     fails().map_err(GroupError::into_dyn)?;
///     Ok(())
/// }
///
/// let error = program().unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "2 members of a task group failed: disk full; no route to host",
/// );
/// let all = error.downcast_ref::<DynGroupError<Boxed>>().unwrap();
/// assert_eq!(all.errors().rest()[0].to_string(), "no route to host");
/// ```
pub struct DynGroupError<E>(GroupError<E>);

impl<E> DynGroupError<E> {
    pub(super) const fn new(errors: GroupError<E>) -> Self {
        Self(errors)
    }

    /// All of them.
    #[must_use]
    pub const fn errors(&self) -> &GroupError<E> {
        &self.0
    }

    /// All of them.
    #[must_use]
    pub fn into_errors(self) -> GroupError<E> {
        self.0
    }
}

impl<E: fmt::Debug> fmt::Debug for DynGroupError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<E: fmt::Display> fmt::Display for DynGroupError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.rest().len() {
            0 => f.write_str("a member of a task group failed")?,
            more => write!(f, "{} members of a task group failed", more + 1)?,
        }
        for (index, error) in self.0.iter().enumerate() {
            write!(f, "{} {error}", if index == 0 { ":" } else { ";" })?;
        }
        Ok(())
    }
}

impl<E> Error for DynGroupError<E>
where
    E: fmt::Debug + fmt::Display + AsRef<dyn Error + Send + Sync>,
{
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self.0.first().as_ref())
    }
}
