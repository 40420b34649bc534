//! The way of a thread that was sent for.

use crate::sys::{AtomicU8, Ordering};

/// How far a thread has come that was sent for. Whoever finds first that it does not come says so, but not
/// while the pool is sending: it may have its locks then.
#[derive(Default)]
pub(super) struct Way(AtomicU8);

impl Way {
    const SENDING: u8 = 0;
    const SENT: u8 = 1;
    const THERE: u8 = 2;
    const LOST: u8 = 3;

    /// It has been sent for. Whether it will not come, as the sender has to say.
    pub(super) fn is_lost_when_sent(&self) -> bool {
        self.step(Self::SENDING, Self::SENT) == Err(Self::LOST)
    }

    /// It counts as lost from now on, if it has not come. Whether the sender has to say so.
    pub(super) fn give_up(&self) -> bool {
        let lost = |way| (way != Self::THERE).then_some(Self::LOST);
        self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, lost).is_ok()
    }

    /// It has come. Whether it is counted on.
    pub(super) fn come(&self) -> bool {
        self.0.swap(Self::THERE, Ordering::AcqRel) != Self::LOST
    }

    /// It does not come, or goes while it is counted on. Whether it has to say so itself.
    pub(super) fn lose(&self) -> bool {
        matches!(self.step(Self::SENDING, Self::LOST), Err(Self::SENT | Self::THERE))
    }

    fn step(&self, from: u8, to: u8) -> Result<u8, u8> {
        self.0.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire)
    }
}
