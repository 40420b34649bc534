//! Questions to the frames around the running code.

use std::{any::TypeId, task::Waker, time::Instant};

use super::{
    owner::Verdict,
    slot::{self, Kind, View},
};
use crate::{
    sys::Arc,
    tree::{Flags, Links, Node, Note, Posted, Timer},
};

/// Whether the running code is in a scope that is cancelled, itself or from outside.
#[inline]
pub(crate) fn is_effective() -> bool {
    slot::current(|view| {
        view.is_some_and(|view| match view.deciding() {
            Some(node) => node.is_effective(),
            None => is_effective_without(view),
        })
    })
}

/// For a frame that no node speaks for. In functions of their own, the rarer the further away, so that the
/// question above can be asked in line.
#[inline(never)]
fn is_effective_without(view: View<'_>) -> bool {
    let decisive = view.decisive();
    !decisive.is_outside() && effective_at(decisive)
}

/// How many scopes with handles, none with a node, one asks in turn before it makes their nodes. They
/// are in their first poll all together; without that the cost of each would grow with their number.
const FAR: usize = 32;

#[inline(never)]
fn effective_at(here: View<'_>) -> bool {
    let mut view = here;
    for _ in 0..FAR {
        view = view.decisive();
        if let Some(node) = view.cell().get() {
            return node.is_effective();
        }
        match view.kind() {
            Kind::Scope(flags, _) if flags.any(Flags::SHIELD) => return false,
            Kind::Scope(..) | Kind::Until(..) | Kind::Transparent => {}
            Kind::Owned(owner) => match owner.verdict() {
                Verdict::Cancelled => return true,
                Verdict::Clear => return false,
                Verdict::AskOuter => {}
            },
            Kind::Outside | Kind::Job(_) => return false,
        }
        match view.outer() {
            Some(outer) => view = outer,
            None => return false,
        }
    }
    node_at(here).is_some_and(|node| node.is_effective())
}

/// Leaves `waker` with the scope that is cancelled here, to be woken should it stop being so;
/// false if none is cancelled.
#[inline]
pub(crate) fn refuse(waker: &Waker) -> bool {
    is_effective() && leave_waker(waker)
}

#[cold]
fn leave_waker(waker: &Waker) -> bool {
    node().is_some_and(|node| node.refuse(waker))
}

/// As [`refuse`], also where a cancellation is still on its way here: what it has brought about
/// elsewhere must not get ahead of it. The task is polled again then.
pub(crate) fn refuse_surely(waker: &Waker) -> bool {
    if refuse(waker) {
        return true;
    }
    let coming = node().is_some_and(|node| node.is_surely_effective());
    if coming {
        waker.wake_by_ref();
    }
    coming
}

/// The node of the innermost frame, made now if it has none.
#[inline(never)]
pub(crate) fn node() -> Option<Arc<Node>> {
    slot::current(|view| view.and_then(node_at))
}

fn node_at(view: View<'_>) -> Option<Arc<Node>> {
    if let Some(node) = view.cell().get() {
        return Some(Arc::clone(node));
    }
    // Outwards to the first frame that has a node, then back inwards, making them.
    let mut without = Vec::with_capacity(FAR);
    let mut next = Some(view);
    let mut nearest = None;
    while let Some(view) = next {
        if let Some(node) = view.cell().get() {
            nearest = Some(Arc::clone(node));
            break;
        }
        match view.kind() {
            Kind::Outside | Kind::Job(_) => break,
            Kind::Transparent => {}
            Kind::Scope(..) | Kind::Until(..) | Kind::Owned(_) => without.push(view),
        }
        next = view.outer();
    }
    for view in without.into_iter().rev() {
        let made = make(&view.kind(), &|| nearest.clone(), nearest.as_ref());
        nearest = Some(Arc::clone(view.cell().get_or_init(|| made)));
    }
    nearest
}

/// The node of a frame that has none, in the place where the running code is.
pub(crate) fn make_here(kind: &Kind<'_>) -> Arc<Node> {
    slot::current(|view| match view.and_then(|view| view.cell().get()) {
        Some(parent) => make(kind, &|| Some(parent.clone()), Some(parent)),
        None => {
            let parent = view.filter(|_| !matches!(kind, Kind::Owned(_))).and_then(node_at);
            make(kind, &node, parent.as_ref())
        }
    })
}

/// Gives `f` the node to be beneath for one that begins where the running code is.
#[inline]
pub(crate) fn at_node<R>(f: impl FnOnce(Option<&Arc<Node>>) -> R) -> R {
    slot::current(|view| {
        let made;
        f(match view.and_then(|view| view.cell().get()) {
            Some(node) => Some(node),
            None => {
                made = node();
                made.as_ref()
            }
        })
    })
}

/// Gives `f` the node of the innermost frame, if that has one.
#[inline(always)]
pub(crate) fn at_known_node<R>(f: impl FnOnce(Option<&Arc<Node>>) -> R) -> R {
    slot::current(|view| f(view.and_then(|view| view.cell().get())))
}

/// Takes a node out of the tree whose frame has ended, and is mostly beneath the one where the running code is.
#[inline]
pub(crate) fn retire(node: Arc<Node>) {
    at_known_node(|around| Node::retire(node, around));
}

/// The node of a frame that has none. That of the frame around it is `outer`, and for an
/// [`Owner`](super::Owner), who may not want it, what `find` finds.
#[inline]
fn make(
    kind: &Kind<'_>,
    find: &dyn Fn() -> Option<Arc<Node>>,
    outer: Option<&Arc<Node>>,
) -> Arc<Node> {
    let (flags, site, deadline) = match *kind {
        Kind::Owned(owner) => return owner.make(find),
        Kind::Scope(flags, site) => (flags, site, None),
        Kind::Until(end, site) => (Flags::PLAIN, site, end.map(|(deadline, _)| deadline)),
        Kind::Outside | Kind::Job(_) | Kind::Transparent => {
            return Node::new(Flags::PLAIN, |_| {});
        }
    };
    let fill = |links: &mut Links| {
        links.label.site = site;
        links.deadline = deadline;
    };
    match outer {
        Some(parent) => Node::beneath(parent, flags, fill),
        None => Node::new(flags, fill),
    }
}

/// Puts a note about a scope, which is inside what has the address that `note` is given, on the board of
/// the running task. Nothing if `waker` is not the task's own: somebody in between polls only what was
/// woken, and the task's timer would not wake that. Nothing either if the board is another clock's.
pub(crate) fn post(
    clock: TypeId,
    note: impl FnOnce(usize) -> Note,
    now: Instant,
    waker: &Waker,
    make: impl FnOnce(Instant) -> Timer,
) -> Option<Posted> {
    slot::current(|view| {
        let turn = view?.turn()?;
        turn.waker().filter(|own| own.will_wake(waker))?;
        let task = view?.task()?;
        let root = match task.cell().get() {
            Some(root) => root,
            None => {
                node_at(task)?;
                task.cell().get()?
            }
        };
        let around = view.and_then(View::place).map_or(0, View::address);
        let board = root.board(clock)?;
        if !turn.has_seen(board) {
            board.leave(waker);
        }
        let posted = board.put(note(around), now, make);
        turn.look_at(board, posted.seen());
        Some(posted)
    })
}

/// Moves `node` beneath the innermost frame, if it is not there.
#[inline]
pub(crate) fn follow(node: &Arc<Node>) {
    let stays = slot::current(|view| match view {
        None => node.parent_address() == 0,
        Some(view) => match view.cell().get() {
            Some(parent) => parent.address() == node.parent_address(),
            None => node.parent_address() == 0 && matches!(view.kind(), Kind::Outside),
        },
    });
    if !stays {
        find_parent(node);
    }
}

fn find_parent(node: &Arc<Node>) {
    slot::current(|view| {
        let view = view.and_then(View::place);
        let here = match view {
            None => Some(0),
            Some(view) => match (view.cell().get(), view.kind()) {
                (Some(parent), _) => Some(parent.address()),
                (None, Kind::Outside | Kind::Job(_)) => Some(0),
                (None, _) => None,
            },
        };
        if here != Some(node.parent_address()) {
            node.move_to(view.and_then(node_at));
        }
    });
}
