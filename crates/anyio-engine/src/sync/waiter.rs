//! A future's side of the wait queue.

use std::task::{Context, Poll};

use crate::{queue::WaitQueue, sys::Mutex};

/// Where an operation stands.
#[derive(Debug)]
pub(crate) enum Place {
    /// It has not been admitted.
    Start,
    /// It is in the queue, with this key.
    Queued(usize),
    /// It has ended.
    Done,
}

impl Place {
    /// Looks whether a queued operation has been granted; `finish` takes its slot out then. The
    /// queue is inside `lock`, where `queue` finds it.
    pub(crate) fn poll_queued<S, T, R>(
        &mut self,
        cx: &Context<'_>,
        key: usize,
        lock: &Mutex<S>,
        queue: impl Fn(&mut S) -> &mut WaitQueue<T>,
        finish: impl FnOnce(&mut S, T) -> R,
    ) -> Poll<R> {
        let mut fresh = None;
        loop {
            let mut state = lock.lock();
            let waiters = queue(&mut state);
            if let Some(value) = waiters.take_granted(key) {
                *self = Self::Done;
                return Poll::Ready(finish(&mut state, value));
            }
            if waiters.will_wake(key, cx.waker()) {
                return Poll::Pending;
            }
            if let Some(waker) = fresh.take() {
                let old = waiters.update(key, waker);
                drop(state);
                drop(old);
                return Poll::Pending;
            }
            drop(state);
            // Cloning is somebody else's code, so it happens between two looks.
            fresh = Some(cx.waker().clone());
        }
    }
}
