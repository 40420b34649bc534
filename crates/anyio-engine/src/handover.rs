//! A value on its way from one side to the other, of threads or tasks, either of which may go before.
//!
//! # Invariants
//!
//! 1. The state changes under the lock. Who gives does so first and wakes afterwards; who waits looks
//!    under the lock, a task after it has left its waker. So the value is seen, or the waking finds
//!    somebody.
//! 2. A value is given once, and taken once or given back.
//! 3. Who sleeps has said so under the lock. (Nobody is told of what nobody sleeps for: that would be a
//!    call to the system each time.)

use std::{
    fmt, mem,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use crate::sys::AtomicWaker;

pub(crate) struct Handover<T> {
    state: Mutex<State<T>>,
    /// Wakes a thread.
    given: Condvar,
    /// Wakes a task.
    waker: AtomicWaker,
}

enum State<T> {
    Awaited,
    /// By a thread that sleeps.
    SleptFor,
    There(T),
    Taken,
    /// Nobody waits any more.
    Alone,
}

impl<T> Handover<T> {
    pub(crate) fn new() -> Self {
        Self { state: Mutex::new(State::Awaited), given: Condvar::new(), waker: AtomicWaker::new() }
    }

    /// No panic leaves anything half done under the lock.
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives the value; it comes back if nobody waits any more.
    pub(crate) fn give(&self, value: T) -> Option<T> {
        let sleeps = {
            let mut state = self.lock();
            if matches!(*state, State::Alone) {
                return Some(value);
            }
            matches!(mem::replace(&mut *state, State::There(value)), State::SleptFor)
        };
        if sleeps {
            self.given.notify_all();
        }
        self.waker.wake();
        None
    }

    /// Takes the value if it is there.
    pub(crate) fn take(&self) -> Option<T> {
        Self::take_from(&mut self.lock())
    }

    fn take_from(state: &mut State<T>) -> Option<T> {
        if !matches!(state, State::There(_)) {
            return None;
        }
        match mem::replace(state, State::Taken) {
            State::There(value) => Some(value),
            _ => None,
        }
    }

    /// Waits for the value in a task.
    pub(crate) fn poll_take(&self, cx: &Context<'_>) -> Poll<T> {
        self.waker.register(cx.waker());
        self.take().map_or(Poll::Pending, Poll::Ready)
    }

    /// The same for who may have been woken by the value: looks before it leaves its waker.
    pub(crate) fn poll_again(&self, cx: &Context<'_>) -> Poll<T> {
        self.take().map_or_else(|| self.poll_take(cx), Poll::Ready)
    }

    /// Waits for the value in a thread, for no longer than `limit`. `None` if the time was over, or if
    /// it has been taken.
    pub(crate) fn wait(&self, limit: Option<Duration>) -> Option<T> {
        let mut state = self.lock();
        if matches!(*state, State::Awaited) {
            *state = State::SleptFor;
        }
        let awaited = |state: &mut State<T>| matches!(state, State::SleptFor);
        let mut state = match limit {
            None => self.given.wait_while(state, awaited).unwrap_or_else(PoisonError::into_inner),
            Some(limit) => {
                let waited = self.given.wait_timeout_while(state, limit, awaited);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
        };
        Self::take_from(&mut state)
    }

    /// Whether the value has been given, and not taken.
    pub(crate) fn is_there(&self) -> bool {
        matches!(*self.lock(), State::There(_))
    }

    /// Nobody waits from now on. What had been given comes back.
    pub(crate) fn let_go(&self) -> Option<T> {
        match mem::replace(&mut *self.lock(), State::Alone) {
            State::There(value) => Some(value),
            _ => None,
        }
    }
}

impl<T> fmt::Debug for Handover<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handover").field("there", &self.is_there()).finish()
    }
}
