//! The model checker's primitives, with the names and methods of the machine's.
//!
//! `Arc` stays the standard one: it is not what is to be checked.

use std::{
    cell::Cell,
    fmt,
    ops::{Deref, DerefMut},
    sync::{OnceLock, PoisonError},
    task::Waker,
};

use loom::{sync::atomic, thread::LocalKey};

pub(crate) use loom::thread::yield_now;

use super::Ordering;

pub(crate) type AtomicBool = Atomic<atomic::AtomicBool>;
pub(crate) type AtomicU8 = Atomic<atomic::AtomicU8>;
pub(crate) type AtomicU32 = Atomic<atomic::AtomicU32>;
pub(crate) type AtomicU64 = Atomic<atomic::AtomicU64>;
pub(crate) type AtomicUsize = Atomic<atomic::AtomicUsize>;

/// One of the checker's atomics, which can be constructed in a `const`: it is made when it is first
/// used, by who does so. A model whose threads share such a one uses it once beforehand.
///
/// Each use is announced first, by a step that says nothing about memory. The checker looks for
/// orders to try between a step and the one access before it that it remembers, and a load in a
/// thread makes it forget the loads of others: it would not try to put their load behind a store
/// that comes next in that thread. It remembers the announcements, none of which is a load.
pub(crate) struct Atomic<A: Primitive> {
    initial: A::Value,
    made: OnceLock<(A, atomic::AtomicUsize)>,
}

pub(crate) trait Primitive {
    type Value: Copy;

    fn make(value: Self::Value) -> Self;
}

/// What comes from `new`, and is made by its first use.
pub(crate) trait Late {
    /// Makes it now.
    fn make(&self);
}

/// Makes what comes from `new`: it is done by the calling thread, which has to publish it.
pub(crate) fn made(late: &impl Late) {
    late.make();
}

impl<A: Primitive> Late for Atomic<A> {
    fn make(&self) {
        self.get();
    }
}

impl<T> Late for Mutex<T> {
    fn make(&self) {
        self.order();
    }
}

impl<A: Primitive> Atomic<A> {
    pub(crate) const fn new(initial: A::Value) -> Self {
        Self { initial, made: OnceLock::new() }
    }

    /// As [`made`] does.
    pub(crate) fn made(self) -> Self {
        made(&self);
        self
    }

    fn get(&self) -> &(A, atomic::AtomicUsize) {
        self.made.get_or_init(|| (A::make(self.initial), atomic::AtomicUsize::new(0)))
    }
}

impl<A: Primitive<Value: Default>> Default for Atomic<A> {
    fn default() -> Self {
        Self::new(A::Value::default()).made()
    }
}

impl<A: Primitive> Deref for Atomic<A> {
    type Target = A;

    fn deref(&self) -> &A {
        let (atomic, announcements) = self.get();
        announcements.fetch_add(1, Ordering::Relaxed);
        atomic
    }
}

impl<A: Primitive> fmt::Debug for Atomic<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("Atomic")
    }
}

macro_rules! primitives {
    ($($name:ident $value:ty)*) => { $(
        impl Primitive for atomic::$name {
            type Value = $value;

            fn make(value: $value) -> Self {
                let made = Self::new(value);
                // To the checker the first value is no `SeqCst` store, so that a `SeqCst` load could
                // find it where it must find a later one.
                made.store(value, Ordering::SeqCst);
                made
            }
        }

        impl From<$value> for Atomic<atomic::$name> {
            fn from(initial: $value) -> Self {
                Self::new(initial).made()
            }
        }
    )* };
}

primitives! { AtomicBool bool  AtomicU8 u8  AtomicU32 u32  AtomicU64 u64  AtomicUsize usize }

/// A mutex that knows no poison. The checker's mutex says who comes when; the value is in another,
/// which never has anybody wait.
#[derive(Debug)]
pub(crate) struct Mutex<T> {
    order: OnceLock<loom::sync::Mutex<()>>,
    value: std::sync::Mutex<T>,
}

impl<T> Mutex<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self { order: OnceLock::new(), value: std::sync::Mutex::new(value) }
    }

    /// As [`made`] does.
    pub(crate) fn made(self) -> Self {
        made(&self);
        self
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        let order = self.order().lock().unwrap_or_else(PoisonError::into_inner);
        let value = self.value.lock().unwrap_or_else(PoisonError::into_inner);
        MutexGuard { value, _order: order }
    }

    pub(crate) fn get_mut(&mut self) -> &mut T {
        self.value.get_mut().unwrap_or_else(PoisonError::into_inner)
    }

    fn order(&self) -> &loom::sync::Mutex<()> {
        self.order.get_or_init(loom::sync::Mutex::default)
    }
}

impl<T> From<T> for Mutex<T> {
    fn from(value: T) -> Self {
        Self::new(value).made()
    }
}

impl<T: Default> Default for Mutex<T> {
    fn default() -> Self {
        T::default().into()
    }
}

/// In this order: the value is let go first.
pub(crate) struct MutexGuard<'a, T> {
    value: std::sync::MutexGuard<'a, T>,
    _order: loom::sync::MutexGuard<'a, ()>,
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

/// As `atomic_waker` has it, step by step: who registers while somebody takes wakes its waker instead of
/// leaving it, and who takes while somebody registers leaves the waking to that one.
#[derive(Debug, Default)]
pub(crate) struct AtomicWaker {
    state: AtomicUsize,
    /// Nobody waits for it: the state says whose it is.
    waker: std::sync::Mutex<Option<Waker>>,
}

/// Nobody does anything.
const WAITING: usize = 0;
const REGISTERING: usize = 1;
const TAKING: usize = 2;

impl AtomicWaker {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn register(&self, waker: &Waker) {
        use Ordering::{AcqRel, Acquire};

        match self.state.compare_exchange(WAITING, REGISTERING, Acquire, Acquire) {
            Ok(_) => {
                let old = self.waker().replace(waker.clone());
                if self.state.compare_exchange(REGISTERING, WAITING, AcqRel, Acquire).is_err() {
                    let waker = self.waker().take();
                    self.state.swap(WAITING, AcqRel);
                    waker.expect("it was left just now").wake();
                }
                drop(old);
            }
            Err(state) => {
                assert_eq!(state, TAKING, "only its owner registers");
                waker.wake_by_ref();
                // The task polls again, and gets no further before that one has taken.
                yield_now();
            }
        }
    }

    pub(crate) fn wake(&self) {
        if let Some(waker) = self.take() {
            waker.wake();
        }
    }

    pub(crate) fn take(&self) -> Option<Waker> {
        if self.state.fetch_or(TAKING, Ordering::AcqRel) != WAITING {
            return None;
        }
        let waker = self.waker().take();
        self.state.fetch_and(!TAKING, Ordering::Release);
        waker
    }

    fn waker(&self) -> std::sync::MutexGuard<'_, Option<Waker>> {
        self.waker.try_lock().expect("two at once have the waker")
    }
}

/// Statics that each run of a model has anew.
macro_rules! global {
    ($($(#[$attribute:meta])* static $name:ident: $type:ty = $value:expr;)*) => {
        loom::lazy_static! { $($(#[$attribute])* static ref $name: $type = $value.made();)* }
    };
}

pub(crate) use global;

/// Thread-locals of a model's threads, which the checker runs on one thread of the machine.
macro_rules! locals {
    ($(static $name:ident: Cell<$type:ty> = const { $value:expr };)*) => { $(
        static $name: $crate::sys::LocalCell<$type> = {
            loom::thread_local! { static CELL: Cell<$type> = $value; }
            $crate::sys::LocalCell(&CELL)
        };
    )* };
}

pub(crate) use locals as thread_local;

pub(crate) struct LocalCell<T: 'static>(pub(crate) &'static LocalKey<Cell<T>>);

impl<T> LocalCell<T> {
    pub(crate) fn get(&self) -> T
    where
        T: Copy,
    {
        self.0.with(Cell::get)
    }

    pub(crate) fn with<R>(&self, f: impl FnOnce(&Cell<T>) -> R) -> R {
        self.0.with(f)
    }

    pub(crate) fn set(&self, value: T) {
        self.0.with(|cell| cell.set(value));
    }

    pub(crate) fn replace(&self, value: T) -> T {
        self.0.with(|cell| cell.replace(value))
    }
}
