//! The machine's own primitives.

pub(crate) use std::{
    sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize},
    thread::yield_now,
    thread_local,
};

pub(crate) use atomic_waker::AtomicWaker;
pub(crate) use parking_lot::MutexGuard;

/// A static, which the model checker needs anew for each of its runs.
macro_rules! global {
    ($($item:item)*) => { $($item)* };
}

pub(crate) use global;

/// What comes from `new` is there already.
#[inline(always)]
pub(crate) const fn made<T>(_: &T) {}

/// A mutex that knows no poison: what it guards is consistent at every point where a panic of
/// somebody else's code could pass through.
#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(parking_lot::Mutex<T>);

impl<T> Mutex<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(parking_lot::Mutex::new(value))
    }

    #[inline]
    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock()
    }

    pub(crate) fn get_mut(&mut self) -> &mut T {
        self.0.get_mut()
    }
}

impl<T> From<T> for Mutex<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}
