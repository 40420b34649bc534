//! What the ends of a memory stream share.

use super::{ReceiveStream, SendStream, state::State};
use crate::{
    queue::Wakers,
    sys::{Arc, AtomicU8, Mutex, MutexGuard, Ordering},
};

/// A stream inside the process, for objects of any type.
///
/// Up to `capacity` items wait in it when nobody receives; with 0, each send waits for a receive, and
/// with `usize::MAX` none ever waits. Both ends can be cloned, and each item goes to one receiver. An
/// end that is dropped is closed. It knows no runtime.
///
/// ```text
/// send ─────┐                                    ┌───── receive
/// send ─────┼─▶  at most `capacity` items  ──────┼───── receive
/// reserve ──┘                                    └───── receive_many
///     those who wait, in order              those who wait, in order
/// ```
///
/// Both ends are used through `&`, so that one end serves several tasks, too. The sending end is also
/// a [`Sink`](futures_sink::Sink) and the receiving end a [`Stream`](futures_core::Stream), for the
/// combinators of the ecosystem.
///
/// # Fairness
///
/// First come, first served on both sides: a receiver that waits owns the next item, a sender that
/// waits owns the next place, and nobody overtakes it. Items come out in the order in which they
/// were given, across the buffer and the sends that wait; those of one sender are never reordered.
///
/// # Blocking
///
/// No operation of a stream blocks its thread. A thread that runs no tasks uses the same ones, in any
/// crate's `block_on`.
///
/// # Allocation
///
/// Making a stream allocates once for what its ends share, and once for the buffer if that takes at
/// most 1 KiB. A larger buffer grows when more items are in it than ever before. Nothing else
/// allocates that does not wait, and waiting does only if more wait on that side than ever before:
/// those who wait are in a slab of the stream's. (Nodes in the waiting futures themselves would need
/// no slab, but unsafe code that relies on each future's destructor being run.)
///
/// # Examples
///
/// ```
/// # futures_lite::future::block_on(async {
/// let (send, receive) = anyio_engine::memory_object_stream(1);
/// send.send("hello").await.unwrap();
/// drop(send);
/// assert_eq!(receive.receive().await, Ok("hello"));
/// assert!(receive.receive().await.is_err()); // the end
/// # });
/// ```
#[must_use]
#[doc(alias = "channel", alias = "create_memory_object_stream", alias = "open_memory_channel")]
pub fn memory_object_stream<T>(capacity: usize) -> (SendStream<T>, ReceiveStream<T>) {
    let shared = Arc::new(Shared::new(capacity));
    (SendStream::new(Arc::clone(&shared), 0), ReceiveStream::new(shared, 0))
}

/// What a stream looks like at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StreamStatistics {
    /// How many items are in it.
    pub used: usize,
    /// How many items were in it at most.
    pub peak: usize,
    /// How many places in it are promised to those who have a permit.
    pub reserved: usize,
    /// How many items may wait in it.
    pub capacity: usize,
    /// How many sending ends are open.
    pub senders: usize,
    /// How many receiving ends are open.
    pub receivers: usize,
    /// How many wait to send, or for a permit.
    pub waiting_senders: usize,
    /// How many receives wait.
    pub waiting_receivers: usize,
}

const FULL: u8 = 1;
const EMPTY: u8 = 2;

pub(super) struct Shared<T> {
    /// What one would find in the state, as it was left: who will have to wait has its waker ready
    /// when it takes the lock, and takes it once. Others may come in between, so it is a guess.
    outlook: AtomicU8,
    pub(super) state: Mutex<State<T>>,
}

impl<T> Shared<T> {
    fn new(capacity: usize) -> Self {
        Self { outlook: AtomicU8::default(), state: Mutex::from(State::new(capacity)) }
    }

    /// Whether a send would have to wait.
    #[inline]
    pub(super) fn looks_full(&self) -> bool {
        self.outlook.load(Ordering::Relaxed) & FULL != 0
    }

    /// Whether a receive would have to wait.
    #[inline]
    pub(super) fn looks_empty(&self) -> bool {
        self.outlook.load(Ordering::Relaxed) & EMPTY != 0
    }

    /// Lets the lock go.
    #[inline]
    pub(super) fn unlock(&self, state: MutexGuard<'_, State<T>>) {
        let full = if state.is_full() { FULL } else { 0 };
        let empty = if state.is_empty() { EMPTY } else { 0 };
        self.outlook.store(full | empty, Ordering::Relaxed);
        drop(state);
    }

    /// Does something under the lock, and wakes whom it has to after that.
    #[inline]
    pub(super) fn change<R>(&self, change: impl FnOnce(&mut State<T>, &mut Wakers) -> R) -> R {
        self.change_locked(self.state.lock(), change)
    }

    /// As [`change`](Self::change), for who has the lock.
    #[inline]
    pub(super) fn change_locked<R>(
        &self,
        mut state: MutexGuard<'_, State<T>>,
        change: impl FnOnce(&mut State<T>, &mut Wakers) -> R,
    ) -> R {
        let mut woken = Wakers::new();
        let result = change(&mut state, &mut woken);
        self.unlock(state);
        woken.wake();
        result
    }

    pub(super) fn statistics(&self) -> StreamStatistics {
        self.state.lock().statistics()
    }
}
