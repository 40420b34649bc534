//! What the ends of a memory stream share.

use std::{collections::VecDeque, task::Waker};

use anyio_core::{ReceiveError, SendError};

use super::{ReceiveStream, SendStream};
use crate::{
    queue::WaitQueue,
    sys::{Arc, Mutex},
    tree::Node,
};

/// A stream inside the process, for objects of any type.
///
/// Up to `capacity` items wait in it when nobody receives; with 0, each send waits for a receive.
/// Both ends can be cloned, and each item goes to one receiver. An end that is dropped is closed.
/// First come, first served on both sides: a receiver that waits owns the next item, a sender that
/// waits owns the next place. It knows no runtime.
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
    let shared = Arc::new(Shared { state: Mutex::from(State::new(capacity)) });
    (SendStream::new(Arc::clone(&shared), 0), ReceiveStream::new(shared, 0))
}

/// What a stream looks like at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StreamStatistics {
    /// How many items are in it.
    pub used: usize,
    /// How many items may wait in it.
    pub capacity: usize,
    /// How many sending ends are open.
    pub senders: usize,
    /// How many receiving ends are open.
    pub receivers: usize,
    /// How many sends wait.
    pub waiting_senders: usize,
    /// How many receives wait.
    pub waiting_receivers: usize,
}

pub(super) struct Shared<T> {
    pub(super) state: Mutex<State<T>>,
}

/// # Invariants
///
/// 1. If a receive waits, the buffer is empty and no send waits: whoever brings an item hands it
///    over at once.
/// 2. If a send waits, the buffer is full. A send whose scope is cancelled does not count, in this
///    as in 1: nobody takes its item, because it could not be taken back. Should the scope stop
///    being cancelled, the send looks for a place again.
/// 3. An item is in one place: with its send (waiting), in the buffer, or with its receive
///    (granted). A granted receive that is dropped puts its item back in front of all others, where
///    a receive that waits takes it over; the buffer may exceed its capacity by such items.
/// 4. After the last receiver has gone the buffer is empty; after the last sender has gone no
///    receive waits.
pub(super) struct State<T> {
    buffer: VecDeque<T>,
    capacity: usize,
    senders: usize,
    receivers: usize,
    /// The number of the next clone, to tell which waiters belong to which end.
    next_end: usize,
    pub(super) sends: WaitQueue<Outgoing<T>>,
    pub(super) receives: WaitQueue<Incoming<T>>,
}

/// A send that waits: its item, until it is taken.
pub(super) struct Outgoing<T> {
    pub(super) item: Option<T>,
    end: usize,
    pub(super) closed: bool,
    /// Where it was polled last.
    scope: Option<Arc<Node>>,
    /// Somebody would have taken its item, but it was cancelled.
    passed_over: bool,
}

impl<T> Outgoing<T> {
    fn is_willing(&mut self) -> bool {
        let cancelled = self.scope.as_ref().is_some_and(|scope| scope.is_surely_effective());
        self.passed_over |= cancelled;
        !cancelled
    }
}

/// A receive that waits: the item, once it has one.
pub(super) struct Incoming<T> {
    pub(super) item: Option<T>,
    end: usize,
    pub(super) closed: bool,
}

/// Why an item could not be handed on at once.
pub(super) enum NoRoom<T> {
    Broken(T),
    Full(T),
}

impl<T> State<T> {
    fn new(capacity: usize) -> Self {
        Self {
            buffer: VecDeque::new(),
            capacity,
            senders: 1,
            receivers: 1,
            next_end: 1,
            sends: WaitQueue::new(),
            receives: WaitQueue::new(),
        }
    }

    /// Puts `item` where it belongs if there is a place; the waker is for the receive that got it.
    pub(super) fn offer(&mut self, item: T) -> Result<Option<Waker>, NoRoom<T>> {
        if self.receivers == 0 {
            return Err(NoRoom::Broken(item));
        }
        let mut item = Some(item);
        if let Some((waker, ())) = self.receives.grant(|slot| slot.item = item.take()) {
            return Ok(Some(waker));
        }
        match item {
            Some(item) if self.buffer.len() < self.capacity => {
                self.buffer.push_back(item);
                Ok(None)
            }
            Some(item) => Err(NoRoom::Full(item)),
            None => Ok(None),
        }
    }

    /// The next item, if there is one; the waker is for the send that has got its place. Those in
    /// `passed` are for sends that nothing was taken from, because they are cancelled: they look
    /// again.
    pub(super) fn next(&mut self, passed: &mut Vec<Waker>) -> Option<(T, Option<Waker>)> {
        let first = self.buffer.pop_front();
        // Items that were put back may leave no room even now.
        let room = first.is_none() || self.buffer.len() < self.capacity;
        let mut take =
            || self.sends.grant_if(Outgoing::is_willing, passed, |slot| slot.item.take());
        let (waker, refill) = match room.then(&mut take).flatten() {
            Some((waker, item)) => (Some(waker), item),
            None => (None, None),
        };
        match (first, refill) {
            (Some(first), refill) => {
                self.buffer.extend(refill);
                Some((first, waker))
            }
            (None, Some(item)) => Some((item, waker)),
            (None, None) => None,
        }
    }

    /// An item comes back that a receive had been granted and did not take.
    pub(super) fn put_back(&mut self, item: T) -> (Option<Waker>, Option<T>) {
        if self.receivers == 0 {
            return (None, Some(item));
        }
        let mut item = Some(item);
        let waker = self.receives.grant(|slot| slot.item = item.take()).map(|(waker, ())| waker);
        if let Some(item) = item {
            self.buffer.push_front(item);
        }
        (waker, None)
    }

    pub(super) const fn has_ended(&self) -> bool {
        self.senders == 0
    }

    pub(super) fn queue_send(
        &mut self,
        waker: Waker,
        item: T,
        end: usize,
        scope: Option<Arc<Node>>,
    ) -> usize {
        let passed_over = false;
        self.sends
            .push(waker, Outgoing { item: Some(item), end, closed: false, scope, passed_over })
    }

    /// A send that waits is polled, in `scope`; the one it was polled in before comes back.
    pub(super) fn moved(&mut self, key: usize, scope: Option<Arc<Node>>) -> Option<Arc<Node>> {
        std::mem::replace(&mut self.sends.value(key).scope, scope)
    }

    /// A send that waits, was passed over, and is cancelled no more: its item goes where there is a
    /// place by now. The waker is for the receive that got it.
    pub(super) fn offer_again(&mut self, key: usize) -> Option<Option<Waker>> {
        let room = !self.receives.is_empty() || self.buffer.len() < self.capacity;
        if self.sends.is_granted(key) || !self.sends.value(key).passed_over || !room {
            return None;
        }
        let item = self.sends.value(key).item.take()?;
        match self.offer(item) {
            Ok(waker) => Some(waker),
            Err(NoRoom::Broken(item) | NoRoom::Full(item)) => {
                self.sends.value(key).item = Some(item);
                None
            }
        }
    }

    pub(super) fn queue_receive(&mut self, waker: Waker, end: usize) -> usize {
        self.receives.push(waker, Incoming { item: None, end, closed: false })
    }

    pub(super) const fn open_sender(&mut self) -> usize {
        self.senders += 1;
        self.next_end += 1;
        self.next_end
    }

    pub(super) const fn open_receiver(&mut self) -> usize {
        self.receivers += 1;
        self.next_end += 1;
        self.next_end
    }

    /// A sending end goes. Its own sends that wait are closed, and with the last sender all
    /// receives that wait.
    pub(super) fn close_sender(&mut self, end: usize) -> Vec<Waker> {
        self.senders -= 1;
        let mut woken: Vec<Waker> = Vec::new();
        for key in self.sends.keys() {
            if self.sends.value(key).end == end {
                self.sends.value(key).closed = true;
                woken.extend(self.sends.grant_at(key));
            }
        }
        if self.senders == 0 {
            while let Some((waker, ())) = self.receives.grant(|_| ()) {
                woken.push(waker);
            }
        }
        woken
    }

    /// A receiving end goes. Its own receives that wait are closed, and with the last receiver all
    /// sends that wait; what was in the buffer is returned, to be dropped.
    pub(super) fn close_receiver(&mut self, end: usize) -> (Vec<Waker>, VecDeque<T>) {
        self.receivers -= 1;
        let mut woken: Vec<Waker> = Vec::new();
        for key in self.receives.keys() {
            if self.receives.value(key).end == end {
                self.receives.value(key).closed = true;
                woken.extend(self.receives.grant_at(key));
            }
        }
        if self.receivers > 0 {
            return (woken, VecDeque::new());
        }
        while let Some((waker, ())) = self.sends.grant(|_| ()) {
            woken.push(waker);
        }
        (woken, std::mem::take(&mut self.buffer))
    }

    pub(super) fn statistics(&self) -> StreamStatistics {
        StreamStatistics {
            used: self.buffer.len(),
            capacity: self.capacity,
            senders: self.senders,
            receivers: self.receivers,
            waiting_senders: self.sends.waiting(),
            waiting_receivers: self.receives.waiting(),
        }
    }
}

impl<T> Outgoing<T> {
    /// What became of a send that was granted.
    pub(super) fn result(self) -> Result<(), SendError<T>> {
        match self.item {
            None => Ok(()),
            Some(item) if self.closed => Err(SendError::closed(item)),
            Some(item) => Err(SendError::broken(item)),
        }
    }
}

impl<T> Incoming<T> {
    /// What became of a receive that was granted.
    pub(super) fn result(self) -> Result<T, ReceiveError> {
        match self.item {
            Some(item) => Ok(item),
            None if self.closed => Err(ReceiveError::closed()),
            None => Err(ReceiveError::end_of_stream()),
        }
    }
}
