//! Shared memory that nobody else has a share of, at the moment.
//!
//! Who makes something writes it without a lock, and gives it to others when it is ready. That nobody else has it
//! is asked once, and not before each write, as by [`Arc::get_mut`].
#![expect(unsafe_code, reason = "a reference to what is alone; the argument is at `Alone`")]

use std::ops::{Deref, DerefMut};

use super::Arc;

/// An `Arc`, when there is no other to the same memory.
///
/// # Invariant
///
/// As long as this lives, there is no other `Arc` of its memory, and nobody upgrades a `Weak` to one. What others have
/// done with theirs, if there were any, comes before.
pub(crate) struct Alone<T>(Arc<T>);

impl<T> Alone<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(Arc::new(value))
    }

    /// It comes back if others have it, too, or a `Weak` of it: whether they would upgrade that is not asked.
    #[inline]
    pub(crate) fn of(mut shared: Arc<T>) -> Result<Self, Arc<T>> {
        if Arc::get_mut(&mut shared).is_some() { Ok(Self(shared)) } else { Err(shared) }
    }

    /// The same, for who knows.
    ///
    /// # Safety
    ///
    /// The invariant has to hold.
    #[inline]
    pub(crate) const unsafe fn assume(shared: Arc<T>) -> Self {
        Self(shared)
    }

    /// What is in memory that is alone, for who knows.
    ///
    /// # Safety
    ///
    /// The invariant has to hold as long as the reference lives, with `shared` as the one `Arc`.
    #[inline]
    pub(crate) unsafe fn borrow(shared: &mut Arc<T>) -> &mut T {
        // SAFETY: the dereference needs a pointer to a valid `T` that nobody else uses as long as the reference
        // lives. `Arc::as_ptr` gives that of the `T` in the memory, which the `Arc` keeps, with the right to write
        // there. By the invariant nobody else can come to it, and who could has done with it; and who has this one
        // cannot, since the reference borrows it.
        unsafe { &mut *Arc::as_ptr(shared).cast_mut() }
    }

    /// From now on, others may have it, too.
    #[inline]
    pub(crate) fn share(self) -> Arc<T> {
        self.0
    }

    /// What will be shared. Nobody may clone it, nor upgrade what they [downgrade](Arc::downgrade) it to, before it is.
    ///
    /// # Safety
    ///
    /// The invariant has to hold on.
    #[inline]
    pub(crate) const unsafe fn shared(&self) -> &Arc<T> {
        &self.0
    }
}

impl<T> Deref for Alone<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Alone<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the invariant holds as long as this lives, which the reference borrows.
        unsafe { Self::borrow(&mut self.0) }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn what_others_have_is_not_alone() {
        let mut alone = Alone::new(1);
        *alone += 1;
        let ours = alone.share();
        let theirs = Arc::clone(&ours);
        assert!(Alone::of(theirs).is_err());
        let weak = Arc::downgrade(&ours);
        assert!(Alone::of(Arc::clone(&ours)).is_err());
        drop(weak);
        let mut alone = Alone::of(ours).expect("nobody else has it");
        *alone += 1;
        assert_eq!(*alone, 3);
    }
}
