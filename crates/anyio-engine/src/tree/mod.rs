//! The cancel tree.
//!
//! A [`Node`] stands for a scope, a group, an obligation or a task, from the moment something needs
//! it to be there until that thing has ended; its memory may serve another one afterwards ([`spare`]).
//! Before that there is only a *frame* on the stack of the poll (see [`crate::context`]); a future that
//! is ready on its first poll never has a node. Nor has a scope without a handle that waits with its task's
//! own waker, and in which nothing needs a parent: it has a note on the task's [`Board`], and is polled, and
//! sees what has changed, when the node around it is woken.
//!
//! # Invariants
//!
//! 1. `EFFECTIVE` of a node = `CANCELLED` or (not `SHIELD` and `EFFECTIVE` of its parent), once no
//!    call that changes one of them is under way. Who changes one recomputes downwards; each node
//!    is recomputed from its parent's *present* bit under its own lock, so the last of several
//!    walks leaves the right value behind, in whatever order they meet.
//!    `ASKED` = `SHUTDOWN` or `ASKED` of its parent, and `OUTER` = `EFFECTIVE` of its parent, in the
//!    same manner.
//! 2. A node is in its parent's list before it reads the parent's bit, or else both happen under the
//!    parent's lock, under which the bit changes. So a walk that began earlier either finds the node, or
//!    the node has read the walk's result.
//! 3. Only a node's owner, who has the future it belongs to in `&mut`, attaches, moves or detaches
//!    it. A node whose owner has ended while it had children is a *ghost*: it passes on what comes
//!    from outside, and leaves with its last child. It has neither shield nor deadline, and gets
//!    none from a handle that comes too late. That it is *gone* is decided once, under its lock,
//!    when it has no children; who would become its child then goes to its parent instead. A node that
//!    nobody has but its owner and its parent's list *parts* with that instead, and is nothing any more if
//!    no walk has come to it by then; else it goes back for a moment, to leave as any other.
//! 4. **Lock order: there is none, because at most one node is locked at a time.** Walks copy what
//!    they need out of a node, let go of it, and go on. Under a lock no waker is cloned, woken or
//!    dropped, and no `Arc` that could be the last one is dropped. (Around nodes, moves take one
//!    mutex, so that no two of them close a cycle; inside a node, the state of a scope's handle may
//!    be locked, which never looks at nodes.)
//! 5. A node that something beneath holds (an obligation in the same task) does not drop its body.
//!    Holds are searched for, not counted: only an effective node asks, so that opening and closing
//!    an obligation costs nothing further up. Who lets go of a hold wakes the effective nodes above.
//! 6. Who drops its body: a boundary or a node that is `CANCELLED` itself, when nothing holds it;
//!    a plain node only with `DELIVER`, which the outermost effective node of the task gives it
//!    when that one is held ([`survey`]). Otherwise the plain node goes with the body it is part of.
//! 7. The owner registers its waker first and looks at the flags afterwards; who changes flags does
//!    so first and wakes afterwards. Both meet in the [`bell`]'s count, or its lock, so `Acquire` on the
//!    flags is enough for one of the two to see the other.
//! 8. A cause is written once, before `CANCELLED` is raised.
//! 9. A body is dropped only after a poll that *began* when it was effective. What was given to it
//!    before the cancellation is found by that poll and beats it. What cannot be taken back when the
//!    body is dropped, such as an item that leaves with its receiver, is not given any more to who
//!    is effective; giver and taker meet in the primitive's lock, so one sees the other. A walk may
//!    have reached the node whose poll it was, and not yet the one that the giver asks: while there
//!    are walks, the giver looks further up.

mod bell;
mod board;
mod children;
mod flags;
mod links;
mod listed;
mod look;
mod make;
#[cfg(all(test, loom))]
mod model;
mod node;
mod role;
mod spare;
mod survey;
#[cfg(feature = "tracing")]
mod watched;

pub(crate) use board::{Board, Note, Posted, Timer};
pub(crate) use flags::Flags;
pub(crate) use links::Links;
pub(crate) use listed::listed;
pub(crate) use look::Look;
pub(crate) use node::{ListenerKey, Node};
pub(crate) use role::{Label, Member, Members, Role, Site};
pub(crate) use survey::is_held;
