//! The value inside a reader-writer lock, and the access to it.
#![expect(unsafe_code, reason = "the value is reached through a shared lock")]

use std::{
    cell::UnsafeCell,
    fmt,
    ops::{Deref, DerefMut},
};

use super::{RwLock, permits::Held, semaphore::Semaphore};
use crate::sys::Arc;

/// The permits of one who reads.
pub(super) const READ: usize = 1;
/// Those of one who writes: all there are.
pub(super) const WRITE: usize = Semaphore::MAX_PERMITS;

/// A value that whoever has permits of `semaphore` may touch.
///
/// # Invariants
///
/// 1. There are [`WRITE`] permits at all times; nothing here adds any, or forgets one.
/// 2. `&T` is given out only by who has a permit, and `&mut T` only by who has all of them. So while
///    there is a `&mut T`, nobody else has either.
pub(super) struct Cell<T> {
    pub(super) semaphore: Semaphore,
    value: UnsafeCell<T>,
}

// SAFETY: sharing a `Cell` gives out `&T` to many threads at once, which is `T: Sync`, and `&mut T`, and by
// it `T` itself, to one at a time, which is `T: Send`. What a holder of permits has done happens before
// what the next one does: giving them back is a `Release` that taking them reads with `Acquire`.
unsafe impl<T: Send + Sync> Sync for Cell<T> {}

impl<T> Cell<T> {
    pub(super) const fn new(value: T) -> Self {
        Self { semaphore: Semaphore::new(WRITE), value: UnsafeCell::new(value) }
    }

    pub(super) const fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }

    pub(super) fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

/// The way to a lock's permits for who borrows it.
pub(super) struct Borrowed<'a, T>(pub(super) &'a Cell<T>);

impl<T> Clone for Borrowed<'_, T> {
    fn clone(&self) -> Self {
        Self(self.0)
    }
}

impl<T> Deref for Borrowed<'_, T> {
    type Target = Semaphore;

    fn deref(&self) -> &Semaphore {
        &self.0.semaphore
    }
}

/// The same for who has a share in it.
pub(super) struct Shared<T>(pub(super) Arc<RwLock<T>>);

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Deref for Shared<T> {
    type Target = Semaphore;

    fn deref(&self) -> &Semaphore {
        &self.0.cell.semaphore
    }
}

/// Access to the value of an [`RwLock`] for one of many who read. Dropping it unlocks.
#[must_use = "dropping the guard unlocks at once"]
pub struct RwLockReadGuard<'a, T> {
    held: Held<Borrowed<'a, T>>,
}

/// Access to the value of an [`RwLock`] for the one who writes. Dropping it unlocks.
#[must_use = "dropping the guard unlocks at once"]
pub struct RwLockWriteGuard<'a, T> {
    held: Held<Borrowed<'a, T>>,
}

/// Access to the value of an [`RwLock`] for one of many who read, with a share in it. Dropping it
/// unlocks.
#[must_use = "dropping the guard unlocks at once"]
pub struct OwnedRwLockReadGuard<T> {
    held: Held<Shared<T>>,
}

/// Access to the value of an [`RwLock`] for the one who writes, with a share in it. Dropping it
/// unlocks.
#[must_use = "dropping the guard unlocks at once"]
pub struct OwnedRwLockWriteGuard<T> {
    held: Held<Shared<T>>,
}

impl<'a, T> RwLockReadGuard<'a, T> {
    /// Of who has a permit.
    pub(super) const fn new(held: Held<Borrowed<'a, T>>) -> Self {
        debug_assert!(held.count() == READ);
        Self { held }
    }
}

impl<T> OwnedRwLockReadGuard<T> {
    /// Of who has a permit.
    pub(super) const fn new(held: Held<Shared<T>>) -> Self {
        debug_assert!(held.count() == READ);
        Self { held }
    }
}

impl<'a, T> RwLockWriteGuard<'a, T> {
    /// Of who has all permits.
    pub(super) const fn new(held: Held<Borrowed<'a, T>>) -> Self {
        debug_assert!(held.count() == WRITE);
        Self { held }
    }

    /// Goes on reading; nobody can have written in between.
    pub fn downgrade(self) -> RwLockReadGuard<'a, T> {
        RwLockReadGuard::new(self.held.reduce(READ))
    }
}

impl<T> OwnedRwLockWriteGuard<T> {
    /// Of who has all permits.
    pub(super) const fn new(held: Held<Shared<T>>) -> Self {
        debug_assert!(held.count() == WRITE);
        Self { held }
    }

    /// Goes on reading; nobody can have written in between.
    pub fn downgrade(self) -> OwnedRwLockReadGuard<T> {
        OwnedRwLockReadGuard::new(self.held.reduce(READ))
    }
}

impl<T> Deref for RwLockReadGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the pointer is valid, since `held` borrows the cell. It has a permit for as long as
        // the guard lives, so that nobody has all of them and by 2 no `&mut T` exists.
        unsafe { &*self.held.share().0.value.get() }
    }
}

impl<T> Deref for OwnedRwLockReadGuard<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the pointer is valid, since `held` has a share in the cell. The rest is as for the
        // guard that borrows.
        unsafe { &*self.held.share().0.cell.value.get() }
    }
}

impl<T> Deref for RwLockWriteGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the pointer is valid, since `held` borrows the cell. It has all permits for as long
        // as the guard lives, so that by 2 this is the only guard, and its `deref_mut` needs `&mut
        // self`.
        unsafe { &*self.held.share().0.value.get() }
    }
}

impl<T> DerefMut for RwLockWriteGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `deref`; and no `&T` exists either, because `self` is borrowed in `&mut`.
        unsafe { &mut *self.held.share().0.value.get() }
    }
}

impl<T> Deref for OwnedRwLockWriteGuard<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the pointer is valid, since `held` has a share in the cell. The rest is as for the
        // guard that borrows.
        unsafe { &*self.held.share().0.cell.value.get() }
    }
}

impl<T> DerefMut for OwnedRwLockWriteGuard<T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `deref`; and no `&T` exists either, because `self` is borrowed in `&mut`.
        unsafe { &mut *self.held.share().0.cell.value.get() }
    }
}

macro_rules! debug {
    ($($guard:ty),*) => { $(
        impl<T: fmt::Debug> fmt::Debug for $guard {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                (**self).fmt(f)
            }
        }
    )* };
}

debug!(
    RwLockReadGuard<'_, T>,
    RwLockWriteGuard<'_, T>,
    OwnedRwLockReadGuard<T>,
    OwnedRwLockWriteGuard<T>
);
