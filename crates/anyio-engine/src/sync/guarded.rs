//! The value inside a lock, and the access to it.
#![expect(unsafe_code, reason = "the value is reached through a shared lock")]

use std::{
    cell::UnsafeCell,
    fmt,
    marker::PhantomData,
    ops::{Deref, DerefMut},
};

use super::lock::{Lock, RawLock};
use crate::sys::Arc;

/// A value that only the holder of a [`RawLock`] may touch.
pub(super) struct Guarded<T: ?Sized> {
    raw: RawLock,
    value: UnsafeCell<T>,
}

// SAFETY: sharing a `Guarded` gives out `&mut T`, and by it `T` itself, to whichever thread has
// the lock, one at a time: that is sending `T`, so `T: Send` is enough. `RawLock` is `Sync`, and
// its unlock is a `Release` that the next lock reads with `Acquire`, or goes through its mutex.
unsafe impl<T: ?Sized + Send> Sync for Guarded<T> {}

impl<T> Guarded<T> {
    pub(super) const fn new(value: T) -> Self {
        Self { raw: RawLock::new(), value: UnsafeCell::new(value) }
    }

    pub(super) const fn raw(&self) -> &RawLock {
        &self.raw
    }

    pub(super) const fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }

    pub(super) fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

/// Access to the value of a [`Lock`]. Dropping it unlocks, and hands the lock over to the first who
/// waits.
#[must_use = "dropping the guard unlocks at once"]
pub struct LockGuard<'a, T> {
    lock: &'a Lock<T>,
    /// Like `&mut T`: invariant in `T`, and `Send` and `Sync` as that is.
    _value: PhantomData<&'a mut T>,
}

/// Access to the value of a [`Lock`], with a share in it. Dropping it unlocks, and hands the lock over
/// to the first who waits.
#[must_use = "dropping the guard unlocks at once"]
pub struct OwnedLockGuard<T> {
    lock: Arc<Lock<T>>,
    /// `Send` and `Sync` as `T` is.
    _value: PhantomData<T>,
}

impl<'a, T> LockGuard<'a, T> {
    /// To be called by who has just taken the lock, once.
    pub(super) const fn new(lock: &'a Lock<T>) -> Self {
        Self { lock, _value: PhantomData }
    }

    /// The lock that this is of. To be written `LockGuard::lock(&guard)`, since the value may have a
    /// method of that name.
    #[must_use]
    pub const fn lock(guard: &Self) -> &'a Lock<T> {
        guard.lock
    }
}

impl<T> OwnedLockGuard<T> {
    /// To be called by who has just taken the lock, once.
    pub(super) const fn new(lock: Arc<Lock<T>>) -> Self {
        Self { lock, _value: PhantomData }
    }

    /// The lock that this is of. To be written `OwnedLockGuard::lock(&guard)`, since the value may have
    /// a method of that name.
    #[must_use]
    pub const fn lock(guard: &Self) -> &Arc<Lock<T>> {
        &guard.lock
    }
}

impl<T> Deref for LockGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the pointer is valid, since `lock` borrows the cell. No `&mut T` exists: a guard,
        // of either kind, is made only by who has taken the lock and there is one per taking, so
        // this is the only guard, and its `deref_mut` needs `&mut self`.
        unsafe { &*self.lock.guarded.value.get() }
    }
}

impl<T> DerefMut for LockGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `deref`; and no `&T` exists either, because `self` is borrowed in `&mut`.
        unsafe { &mut *self.lock.guarded.value.get() }
    }
}

impl<T> Deref for OwnedLockGuard<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the pointer is valid, since `lock` has a share in the cell. The rest is as for
        // the guard that borrows.
        unsafe { &*self.lock.guarded.value.get() }
    }
}

impl<T> DerefMut for OwnedLockGuard<T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `deref`; and no `&T` exists either, because `self` is borrowed in `&mut`.
        unsafe { &mut *self.lock.guarded.value.get() }
    }
}

impl<T> Drop for LockGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.lock.guarded.raw.unlock();
    }
}

impl<T> Drop for OwnedLockGuard<T> {
    #[inline]
    fn drop(&mut self) {
        self.lock.guarded.raw.unlock();
    }
}

impl<T: fmt::Debug> fmt::Debug for LockGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: fmt::Debug> fmt::Debug for OwnedLockGuard<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: fmt::Display> fmt::Display for LockGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: fmt::Display> fmt::Display for OwnedLockGuard<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
