//! Cancellations that do not get through.
//!
//! Who is cancelled and finds that something holds it back says so here, once. A thread looks again
//! after a while, and tells what it is if it still is so. It is there only as long as there is somebody to
//! look after; what is not cancelled, or ends when it is, never comes here.

use std::{
    sync::{Mutex as StdMutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use tracing::{Dispatch, dispatcher, warn};

use super::enabled::TARGET;
use crate::{
    inspect::{ItemKind, Who},
    sys::{Arc, Weak},
    tree::{Flags, Node, Role},
};

/// How long a cancellation may take before somebody should hear of it.
const LONG: Duration = Duration::from_secs(5);

static WATCH: StdMutex<Watch> = StdMutex::new(Watch { held: Vec::new(), watched: false });

struct Watch {
    held: Vec<Held>,
    /// There is a thread.
    watched: bool,
}

/// Somebody who is held back.
struct Held {
    node: Weak<Node>,
    due: Instant,
    /// Who listens where that happened.
    listener: Dispatch,
}

/// The node is cancelled, and is held back by something beneath it.
pub(crate) fn held(node: &Arc<Node>) {
    if !node.begin_watch() {
        return;
    }
    let listener = dispatcher::get_default(Dispatch::clone);
    let held = Held { node: Arc::downgrade(node), due: Instant::now() + LONG, listener };
    let mut watch = WATCH.lock().unwrap_or_else(PoisonError::into_inner);
    watch.held.push(held);
    if !watch.watched {
        let thread = thread::Builder::new().name("anyio-watch".into());
        // Without a thread nobody is told; nothing else depends on it.
        watch.watched = thread.spawn(look_after_them).is_ok();
    }
}

fn look_after_them() {
    loop {
        let (due, next) = {
            let mut watch = WATCH.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            // They have come in the order in which they are due.
            let count = watch.held.partition_point(|held| held.due <= now);
            let due: Vec<_> = watch.held.drain(..count).collect();
            let next = watch.held.first().map(|held| held.due);
            watch.watched = next.is_some() || !due.is_empty();
            (due, next)
        };
        let idle = due.is_empty();
        due.into_iter().for_each(Held::tell);
        match next {
            Some(next) => thread::sleep(next.saturating_duration_since(Instant::now())),
            None if idle => return,
            None => {}
        }
    }
}

impl Held {
    fn tell(self) {
        let Some(node) = self.node.upgrade() else { return };
        let Some((held, holder)) = place(&node) else {
            // Should it be held once more, that counts anew.
            return node.end_watch();
        };
        let cause = node.origin();
        dispatcher::with_default(&self.listener, || {
            warn!(
                target: TARGET,
                cancelled = %words(&held),
                held_by = %words(&holder),
                %cause,
                "a cancellation has waited for {} seconds for what may not be cut short. If nobody polls \
                 that any more, as after a `select!` over `&mut` of it, this will be for ever: drop it, or \
                 go on with it",
                LONG.as_secs(),
            );
        });
    }
}

fn words(node: &Arc<Node>) -> String {
    let look = node.look();
    Who(ItemKind::of(look.role), &look.label).to_string()
}

/// Who is held, and by what, if `node` still is. The same cancellation holds up all that is around it,
/// and only the outermost one in a task counts.
fn place(node: &Arc<Node>) -> Option<(Arc<Node>, Arc<Node>)> {
    let mut held = Arc::clone(node);
    if Role::of(held.flags()) == Role::Boundary {
        held = held.parent()?;
    }
    let look = held.look();
    if look.ended || !look.flags.any(Flags::EFFECTIVE) {
        return None;
    }
    let inner = !look.flags.any(Flags::TASK_ROOT)
        && held.parent().is_some_and(|parent| parent.is_effective());
    let holder = holder(node).filter(|_| !inner)?;
    Some((held, holder))
}

/// What holds `top` back: an outermost obligation beneath it, in the same task.
fn holder(top: &Arc<Node>) -> Option<Arc<Node>> {
    find(top, |flags| flags.any(Flags::OBLIGATION))
}

/// Whether something in a group, in its own task, should be waited for. Inner groups speak for themselves,
/// and are none if there is nothing of that kind in them.
pub(super) fn holds_cleanup(group: &Arc<Node>) -> bool {
    find(group, |flags| flags.any(Flags::OBLIGATION) && Role::of(flags) != Role::Group).is_some()
}

fn find(top: &Arc<Node>, wanted: impl Fn(Flags) -> bool) -> Option<Arc<Node>> {
    let mut todo = vec![Arc::clone(top)];
    while let Some(node) = todo.pop() {
        for child in node.children() {
            let flags = child.flags();
            if wanted(flags) {
                return Some(child);
            }
            if !flags.any(Flags::TASK_ROOT) {
                todo.push(child);
            }
        }
    }
    None
}
