//! Where something is in the source, kept where another place may be written over it while it is read.
//!
//! It is not among the model checker's primitives: nothing is ordered by it.
#![expect(unsafe_code, reason = "a reference kept as a pointer; the argument is at `get`")]

use std::{panic::Location, ptr};

use super::{AtomicPtr, Ordering};

pub(crate) struct Place(AtomicPtr<Location<'static>>);

impl Place {
    pub(crate) const fn new(location: &'static Location<'static>) -> Self {
        Self(AtomicPtr::new(ptr::from_ref(location).cast_mut()))
    }

    /// Release: a location that was made at run time is there for who gets it.
    #[inline]
    pub(crate) fn set(&self, location: &'static Location<'static>) {
        self.0.store(ptr::from_ref(location).cast_mut(), Ordering::Release);
    }

    #[inline]
    pub(crate) fn get(&self) -> &'static Location<'static> {
        let location = self.0.load(Ordering::Acquire);
        // SAFETY: the dereference needs a pointer to a `Location` that is valid, and unchanging, for
        // `'static`. Only `new` and `set` write pointers here, each made of a `&'static`, which is just
        // that; the load is atomic, so it is one of them, and its content is visible (Acquire). Nothing
        // is ever written through it.
        unsafe { &*location }
    }
}
