//! What is in a stream, and who waits for it.

use std::{collections::VecDeque, task::Waker};

use anyio_core::{ReceiveError, SendError};

use super::StreamStatistics;
use crate::{
    queue::{Look, WaitQueue, Wakers},
    sys::Arc,
    tree::Node,
};

/// A buffer that takes at most so many bytes is there from the beginning.
const SMALL: usize = 1024;

/// # Invariants
///
/// A *place* is one in the buffer, or a receive that waits. It is free unless an item is in it, or a
/// permit has it ([`has_place`](Self::has_place)).
///
/// 1. If a receive waits, the buffer is empty: whoever brings an item hands it over at once.
/// 2. If a send waits, for its item to be taken or for a permit, no place is free; places go to those
///    who wait, in order. A send whose scope is cancelled does not count: nobody takes its item,
///    because it could not be taken back. Should the scope stop being cancelled, the send looks for
///    a place again.
/// 3. An item is in one place: with its send (waiting), in the buffer, or with its receive
///    (granted). A granted receive that is dropped puts its item back in front of all others, where
///    a receive that waits takes it over; the buffer may exceed its capacity by such items, and by
///    those of permits whose place was a receive that has gone.
/// 4. After the last receiver has gone the buffer is empty and stays so; after the last sender has
///    gone no receive waits.
/// 5. `reserved` is the number of permits that have neither sent nor been dropped. One whose end was
///    closed, or whose receivers are gone, is good for nothing, but counts until it is dropped.
pub(super) struct State<T> {
    buffer: VecDeque<T>,
    capacity: usize,
    reserved: usize,
    peak: usize,
    senders: usize,
    receivers: usize,
    /// The number of the next clone, to tell which waiters belong to which end.
    next_end: usize,
    pub(super) sends: WaitQueue<Outgoing<T>>,
    pub(super) receives: WaitQueue<Incoming<T>>,
}

/// Who waits to send.
pub(super) struct Outgoing<T> {
    /// What it brings, until that is taken; nothing, if it wants a permit first.
    item: Option<T>,
    /// Its item was taken, or a place is its own.
    served: bool,
    end: usize,
    closed: bool,
    /// Where it was polled last.
    scope: Option<Arc<Node>>,
    /// Somebody would have taken its item, but it was cancelled.
    passed_over: bool,
}

/// A receive that waits: the item, once it has one.
pub(super) struct Incoming<T> {
    pub(super) item: Option<T>,
    end: usize,
    closed: bool,
}

/// Why an item, or the wish for a place, could not be served at once.
pub(super) enum Refused<T> {
    Gone(Gone, T),
    Full(T),
}

/// Why nothing can be sent any more.
#[derive(Clone, Copy, Debug)]
pub(super) enum Gone {
    Closed,
    Broken,
}

impl Gone {
    pub(super) const fn with<T>(self, item: T) -> SendError<T> {
        match self {
            Self::Closed => SendError::closed(item),
            Self::Broken => SendError::broken(item),
        }
    }
}

impl<T> State<T> {
    pub(super) fn new(capacity: usize) -> Self {
        let small = capacity.checked_mul(size_of::<T>()).is_some_and(|size| size <= SMALL);
        let buffer = if small && size_of::<T>() > 0 {
            VecDeque::with_capacity(capacity)
        } else {
            VecDeque::new()
        };
        Self {
            buffer,
            capacity,
            reserved: 0,
            peak: 0,
            senders: 1,
            receivers: 1,
            next_end: 1,
            sends: WaitQueue::new(),
            receives: WaitQueue::new(),
        }
    }

    /// Puts `item` behind all others if there is room and nobody waits for one.
    #[inline]
    pub(super) fn offer_quietly(&mut self, item: T) -> Result<(), T> {
        // With no receiver there is room in the buffer, but for nobody.
        let room = self.receivers > 0 && self.buffer.len() + self.reserved < self.capacity;
        if !room || !self.receives.is_empty() {
            return Err(item);
        }
        self.push(item);
        Ok(())
    }

    /// Puts `item` where it belongs if a place is free.
    pub(super) fn offer(&mut self, item: T, woken: &mut Wakers) -> Result<(), Refused<T>> {
        if self.receivers == 0 {
            return Err(Refused::Gone(Gone::Broken, item));
        }
        if !self.has_place() {
            return Err(Refused::Full(item));
        }
        self.put(item, woken);
        Ok(())
    }

    /// Takes a place for a permit if one is free.
    pub(super) fn reserve(&mut self) -> Result<(), Refused<()>> {
        if self.receivers == 0 {
            return Err(Refused::Gone(Gone::Broken, ()));
        }
        if !self.has_place() {
            return Err(Refused::Full(()));
        }
        self.reserved += 1;
        Ok(())
    }

    /// Keeps a place for a permit that was taken for something else.
    pub(super) const fn keep(&mut self) -> Result<(), Refused<()>> {
        if self.receivers == 0 {
            self.reserved -= 1;
            return Err(Refused::Gone(Gone::Broken, ()));
        }
        Ok(())
    }

    /// Puts `item` into the place of a permit.
    pub(super) fn fulfil(&mut self, item: T, woken: &mut Wakers) -> Result<(), Refused<T>> {
        self.reserved -= 1;
        if self.receivers == 0 {
            return Err(Refused::Gone(Gone::Broken, item));
        }
        self.put(item, woken);
        Ok(())
    }

    /// The place of a permit is free again.
    pub(super) fn release(&mut self, woken: &mut Wakers) {
        self.reserved -= 1;
        self.serve(woken);
    }

    /// The next item, if there is one in the buffer and nobody waits for its place.
    #[inline]
    pub(super) fn next_quietly(&mut self) -> Option<T> {
        if self.sends.is_empty() { self.buffer.pop_front() } else { None }
    }

    /// The next item, if there is one. One that is `patient` waits if there is none, and does not
    /// overtake who waits for a permit.
    pub(super) fn next(&mut self, patient: bool, woken: &mut Wakers) -> Option<T> {
        if let Some(item) = self.buffer.pop_front() {
            self.serve(woken);
            return Some(item);
        }
        if self.sends.is_empty() { None } else { self.next_waiting(patient, woken) }
    }

    /// The item of a send that waits. Who takes something now is a place, too, which is not free if
    /// others wait for an item, nor if somebody has a permit for it.
    #[inline]
    fn next_waiting(&mut self, patient: bool, woken: &mut Wakers) -> Option<T> {
        if !self.receives.is_empty() || self.reserved > self.capacity {
            return None;
        }
        let key = self.sends.search(woken, |slot| {
            if !slot.is_willing() {
                Look::PassOver
            } else if slot.item.is_none() && !patient {
                Look::Next
            } else {
                Look::Found
            }
        })?;
        let slot = self.sends.value(key);
        let item = slot.item.take()?;
        slot.served = true;
        woken.extend(self.sends.grant_at(key));
        Some(item)
    }

    /// An item comes back that a receive had been granted and did not take. What is returned is for
    /// nobody.
    #[must_use]
    pub(super) fn put_back(&mut self, item: T, woken: &mut Wakers) -> Option<T> {
        if self.receivers == 0 {
            return Some(item);
        }
        if let Some(item) = self.hand_over(item, woken) {
            self.buffer.push_front(item);
            self.peak = self.peak.max(self.buffer.len());
        }
        None
    }

    pub(super) const fn has_ended(&self) -> bool {
        self.senders == 0
    }

    pub(super) fn queue_send(
        &mut self,
        waker: Waker,
        item: Option<T>,
        end: usize,
        scope: Option<Arc<Node>>,
    ) -> usize {
        let (served, closed, passed_over) = (false, false, false);
        self.sends.push(waker, Outgoing { item, served, end, closed, scope, passed_over })
    }

    /// A send that waits is polled, in `scope`; the one it was polled in before comes back.
    pub(super) fn moved(&mut self, key: usize, scope: Option<Arc<Node>>) -> Option<Arc<Node>> {
        std::mem::replace(&mut self.sends.value(key).scope, scope)
    }

    /// A send that waits, was passed over, and is cancelled no more: whether its item was put where
    /// there is a place by now.
    pub(super) fn offer_again(&mut self, key: usize, woken: &mut Wakers) -> bool {
        if self.sends.is_granted(key) || !self.sends.value(key).passed_over || !self.has_place() {
            return false;
        }
        let item = self.sends.value(key).item.take();
        item.map(|item| self.put(item, woken)).is_some()
    }

    /// A receive waits, behind others. It may have been granted an item at once.
    pub(super) fn queue_receive(&mut self, waker: Waker, end: usize, woken: &mut Wakers) -> usize {
        let key = self.receives.push(waker, Incoming { item: None, end, closed: false });
        self.serve(woken);
        key
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

    /// Whatever waits to send on one end is told that the end was closed.
    pub(super) fn close_sends(&mut self, end: usize, woken: &mut Wakers) {
        for key in self.sends.keys() {
            let slot = self.sends.value(key);
            if slot.end == end {
                slot.closed = true;
                woken.extend(self.sends.grant_at(key));
            }
        }
    }

    /// As [`close_sends`](Self::close_sends), for receives.
    pub(super) fn close_receives(&mut self, end: usize, woken: &mut Wakers) {
        for key in self.receives.keys() {
            let slot = self.receives.value(key);
            if slot.end == end {
                slot.closed = true;
                woken.extend(self.receives.grant_at(key));
            }
        }
    }

    /// A sending end goes. With the last one, all receives that wait see the end.
    pub(super) fn drop_sender(&mut self, woken: &mut Wakers) {
        self.senders -= 1;
        if self.senders == 0 {
            while let Some((waker, ())) = self.receives.grant(|_| ()) {
                woken.push(waker);
            }
        }
    }

    /// A receiving end goes. With the last one, all sends that wait fail; what was in the buffer is
    /// returned, to be dropped.
    #[must_use]
    pub(super) fn drop_receiver(&mut self, woken: &mut Wakers) -> VecDeque<T> {
        self.receivers -= 1;
        if self.receivers > 0 {
            return VecDeque::new();
        }
        while let Some((waker, ())) = self.sends.grant(|_| ()) {
            woken.push(waker);
        }
        std::mem::take(&mut self.buffer)
    }

    pub(super) fn statistics(&self) -> StreamStatistics {
        StreamStatistics {
            used: self.buffer.len(),
            peak: self.peak,
            reserved: self.reserved,
            capacity: self.capacity,
            senders: self.senders,
            receivers: self.receivers,
            waiting_senders: self.sends.waiting(),
            waiting_receivers: self.receives.waiting(),
        }
    }

    /// Whether a send would have to wait.
    #[inline]
    pub(super) fn is_full(&self) -> bool {
        !self.has_place()
    }

    /// Whether a receive would have to wait.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.buffer.is_empty() && self.sends.is_empty()
    }

    #[inline]
    fn has_place(&self) -> bool {
        let places = self.capacity.saturating_add(self.receives.waiting());
        self.buffer.len() + self.reserved < places
    }

    /// Gives the places that are free to those who wait for one.
    #[inline]
    fn serve(&mut self, woken: &mut Wakers) {
        if !self.sends.is_empty() {
            self.serve_waiting(woken);
        }
    }

    fn serve_waiting(&mut self, woken: &mut Wakers) {
        while self.has_place() {
            let next = self
                .sends
                .search(woken, |slot| if slot.is_willing() { Look::Found } else { Look::PassOver });
            let Some(key) = next else { return };
            let slot = self.sends.value(key);
            slot.served = true;
            let item = slot.item.take();
            woken.extend(self.sends.grant_at(key));
            match item {
                Some(item) => self.put(item, woken),
                None => self.reserved += 1,
            }
        }
    }

    /// Into the hands of the first who waits, or behind all other items.
    #[inline]
    fn put(&mut self, item: T, woken: &mut Wakers) {
        let item = if self.receives.is_empty() { Some(item) } else { self.hand_over(item, woken) };
        if let Some(item) = item {
            self.push(item);
        }
    }

    #[inline]
    fn push(&mut self, item: T) {
        self.buffer.push_back(item);
        self.peak = self.peak.max(self.buffer.len());
    }

    fn hand_over(&mut self, item: T, woken: &mut Wakers) -> Option<T> {
        let mut item = Some(item);
        if let Some((waker, ())) = self.receives.grant(|slot| slot.item = item.take()) {
            woken.push(waker);
        }
        item
    }
}

impl<T> Outgoing<T> {
    fn is_willing(&mut self) -> bool {
        let cancelled = self.scope.as_ref().is_some_and(|scope| scope.is_surely_effective());
        self.passed_over |= cancelled;
        !cancelled
    }

    /// What became of a send that was granted; if it failed, its item is still there.
    pub(super) const fn result(&self) -> Result<(), Gone> {
        match (self.served, self.closed) {
            (true, _) => Ok(()),
            (false, true) => Err(Gone::Closed),
            (false, false) => Err(Gone::Broken),
        }
    }

    /// The item that was not taken.
    pub(super) const fn withdraw(&mut self) -> Option<T> {
        self.item.take()
    }

    /// The place that was its own is given to somebody else; whether it had one.
    pub(super) const fn give_up(&mut self) -> bool {
        std::mem::replace(&mut self.served, false)
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
