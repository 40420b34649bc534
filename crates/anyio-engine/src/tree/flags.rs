//! The bits of a node.

/// What a node is and how it stands, as a set of bits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Flags(pub(super) u32);

impl Flags {
    /// A scope that only passes on what comes from outside.
    pub(crate) const PLAIN: Self = Self(0);
    /// It was cancelled itself.
    pub(crate) const CANCELLED: Self = Self(1);
    /// It keeps outer cancellations out, and with that holds what encloses it.
    pub(crate) const SHIELD: Self = Self(1 << 1);
    /// It is cancelled, itself or from outside.
    pub(crate) const EFFECTIVE: Self = Self(1 << 2);
    /// It holds what encloses it: an open group, a cleanup, a catch.
    pub(crate) const HOLD: Self = Self(1 << 3);
    /// It is the outermost node of its task: nothing beneath it holds what is above.
    pub(crate) const TASK_ROOT: Self = Self(1 << 4);
    /// What encloses it is held, so it has to drop its own body.
    pub(crate) const DELIVER: Self = Self(1 << 5);
    /// It was asked itself to come to an end in peace.
    pub(crate) const SHUTDOWN: Self = Self(1 << 6);
    /// It was asked to, itself or from outside; no shield keeps that out.
    pub(crate) const ASKED: Self = Self(1 << 7);
    /// Its body has ended: it is a borrowing group's that waits for its tasks, or a cleanup's that has begun.
    pub(crate) const CLOSING: Self = Self(1 << 8);
    // The bit after that is `watched`'s.
    /// Its timer has called.
    pub(crate) const DUE: Self = Self(1 << 10);
    /// It is listed, or was put beneath what is found from a node that is, or will be one of the two: a group.
    pub(crate) const FOUND: Self = Self(1 << 11);
    /// What encloses it is cancelled, whether that reaches it or not.
    pub(super) const OUTER: Self = Self(1 << 12);
    /// Where the bits begin that say what it [stands for](super::Role), which never change.
    const ROLE: u32 = 13;
    /// Either reason to hold.
    pub(crate) const OBLIGATION: Self = Self(Self::SHIELD.0 | Self::HOLD.0);

    pub(crate) const fn with(self, more: Self) -> Self {
        Self(self.0 | more.0)
    }

    pub(crate) const fn any(self, of: Self) -> bool {
        self.0 & of.0 != 0
    }

    pub(super) const fn only(self, of: Self) -> Self {
        Self(self.0 & of.0)
    }

    /// A node that stands for this.
    pub(super) const fn of_role(role: u32) -> Self {
        Self(role << Self::ROLE)
    }

    pub(super) const fn to_role(self) -> u32 {
        self.0 >> Self::ROLE
    }
}
