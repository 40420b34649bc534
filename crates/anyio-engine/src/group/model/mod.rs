//! Models of a group's slots, of its roster, and of what keeps both. That of a task's start is a part of
//! `start.rs`.

mod lease;
mod roster;
mod slot;
mod whole;

use std::{ops::Deref, panic::Location};

use super::{
    lease::{Handle, Owner, Seat, Shared, Stub, enter},
    slot::End,
};
use crate::{
    model::Counted,
    sys::Arc,
    tree::{Flags, Node},
};

/// A group whose future is there, and a handle on it.
pub(super) struct Group<C = Arc<Node>> {
    owner: Owner<C>,
    handle: Handle<C>,
}

impl<C> Deref for Group<C> {
    type Target = Handle<C>;

    fn deref(&self) -> &Handle<C> {
        &self.handle
    }
}

/// A group that shares its node alone.
pub(super) fn group() -> Group {
    group_of(Node::new(Flags::HOLD, |_| {}))
}

fn group_of<C: Send + Sync + 'static>(core: C) -> Group<C> {
    let owner = Owner::of(Arc::new(Shared::new(core)));
    let handle = owner.handle();
    Group { owner, handle }
}

/// A task that has been spawned.
pub(super) struct Task<C> {
    pub(super) seat: Seat<C>,
    pub(super) index: u32,
    service: bool,
}

/// A task and its handle, if the group is open.
pub(super) fn spawn<C: Send + Sync + 'static>(
    group: &Handle<C>,
    service: bool,
) -> Option<(Task<C>, Stub)> {
    let (seat, stub, index) = enter(group, None, Location::caller(), service)?;
    Some((Task { seat, index, service }, stub))
}

/// A task whose handle has been dropped, in a group that is open.
fn alone<C: Send + Sync + 'static>(group: &Handle<C>, service: bool) -> Task<C> {
    let (task, stub) = spawn(group, service).expect("the group is open");
    drop(stub);
    task
}

impl<C> Task<C> {
    /// It ends without a look at its slot, as one does whose handle has gone.
    fn leave(self, node: impl Fn(&C) -> &Arc<Node>) {
        self.seat.leave(Some(self.index), self.service, node);
    }

    /// It ends well, as in `child.rs`.
    pub(super) fn finish(self, value: Counted, node: impl Fn(&C) -> &Arc<Node>) {
        let slot = self.seat.slot();
        let standing = slot.standing();
        let free = if standing.is_released() {
            drop(value);
            if standing.has_remains() {
                drop(slot.end_alone());
            }
            true
        } else {
            self.seat.leave_handle(self.index);
            let remains = slot.end(End::Value(Box::new(value)));
            if remains.is_some() {
                self.seat.handle_gone();
            }
            remains.map(drop).is_some()
        };
        self.seat.leave(free.then_some(self.index), self.service, node);
    }
}

pub(super) const fn own(node: &Arc<Node>) -> &Arc<Node> {
    node
}
