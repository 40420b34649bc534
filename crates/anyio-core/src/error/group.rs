//! All that went wrong in a task group.

use std::{error::Error, fmt, iter, slice, vec};

use super::DynGroupError;

/// Every error of a task group's members, in the order in which they ended. There is at least one.
///
/// Given by a group that collects; a plain one gives its first error alone.
///
/// As an [`Error`] it stands for the first: its text contains that one's, and its `source` is that
/// one's. (`anyhow::Error`, `eyre::Report` and `Box<dyn Error + Send + Sync>` are no `Error`, and so a
/// list of them is none: see [`into_dyn`](Self::into_dyn).)
///
/// ```
/// use anyio_core::GroupError;
///
/// let error = GroupError::new("disk full", vec!["no route to host"]);
/// assert_eq!(error.to_string(), "2 members of a task group failed; the first: disk full");
/// assert_eq!(error.into_iter().collect::<Vec<_>>(), ["disk full", "no route to host"]);
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct GroupError<E> {
    first: E,
    rest: Vec<E>,
}

impl<E> GroupError<E> {
    /// The error. Engines make it; applications receive it.
    #[must_use]
    pub const fn new(first: E, rest: Vec<E>) -> Self {
        Self { first, rest }
    }

    /// What made the group fail.
    #[must_use]
    pub const fn first(&self) -> &E {
        &self.first
    }

    /// What made the group fail, and nothing else.
    #[must_use]
    pub fn into_first(self) -> E {
        self.first
    }

    /// What came after that, most often while the others were cleaning up.
    #[must_use]
    pub fn rest(&self) -> &[E] {
        &self.rest
    }

    /// All of them.
    pub fn iter(&self) -> iter::Chain<iter::Once<&E>, slice::Iter<'_, E>> {
        iter::once(&self.first).chain(&self.rest)
    }
}

impl<E: AsRef<dyn Error + Send + Sync>> GroupError<E> {
    /// As an error, where the members' are `anyhow::Error`, `eyre::Report` or
    /// `Box<dyn Error + Send + Sync>`: `group.await.map_err(GroupError::into_dyn)?`.
    #[must_use]
    pub const fn into_dyn(self) -> DynGroupError<E> {
        DynGroupError::new(self)
    }
}

impl<E> IntoIterator for GroupError<E> {
    type Item = E;
    type IntoIter = iter::Chain<iter::Once<E>, vec::IntoIter<E>>;

    fn into_iter(self) -> Self::IntoIter {
        iter::once(self.first).chain(self.rest)
    }
}

impl<'a, E> IntoIterator for &'a GroupError<E> {
    type Item = &'a E;
    type IntoIter = iter::Chain<iter::Once<&'a E>, slice::Iter<'a, E>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<E: fmt::Debug> fmt::Debug for GroupError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GroupError")?;
        f.debug_list().entries(self).finish()
    }
}

impl<E: fmt::Display> fmt::Display for GroupError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.rest.len() {
            0 => write!(f, "a member of a task group failed: {}", self.first),
            more => {
                write!(f, "{} members of a task group failed; the first: {}", more + 1, self.first)
            }
        }
    }
}

impl<E: Error + 'static> Error for GroupError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.first.source()
    }
}
