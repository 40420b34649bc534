//! Who may drop its body, and who has to wait.

use super::{flags::Flags, node::Node};
use crate::{sys::Arc, trace};

/// Whether something beneath `top`, in the same task, holds it back.
///
/// If so, responsibility goes to the plain scopes beneath: each one that nothing holds, but whose
/// parent is held, is told to drop its own body (invariant 6). The region ends at obligations,
/// which look after what is beneath them themselves, and at roots of other tasks.
pub(crate) fn is_held(top: &Arc<Node>) -> bool {
    struct Seen {
        node: Arc<Node>,
        parent: usize,
        held: bool,
    }

    if !top.has_children() {
        return false;
    }
    // Parents come before their children in the list, so one pass backwards tells each parent.
    let mut region = vec![Seen { node: Arc::clone(top), parent: 0, held: false }];
    let mut next = 0;
    while next < region.len() {
        for child in region[next].node.children() {
            let flags = child.flags();
            if flags.any(Flags::TASK_ROOT) {
                continue;
            }
            if flags.any(Flags::OBLIGATION) {
                region[next].held = true;
            } else {
                region.push(Seen { node: child, parent: next, held: false });
            }
        }
        next += 1;
    }
    for index in (1..region.len()).rev() {
        if region[index].held {
            let parent = region[index].parent;
            region[parent].held = true;
        }
    }
    if region[0].held {
        for seen in &region[1..] {
            if !seen.held && region[seen.parent].held {
                seen.node.deliver();
            }
        }
        trace::held(top);
    }
    region[0].held
}
