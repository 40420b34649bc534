//! Models of what the clones of a scope's handle do at the same time. The numbers are those of
//! [`Control`]'s invariants.

use std::time::{Duration, Instant};

use anyio_core::{Cause, CauseKind};
use loom::thread;

use super::control::Control;
use crate::{
    model::explore,
    sys::Arc,
    tree::{Flags, Node},
};

/// The node of a run, as the run makes it.
fn made(control: &Control) -> Arc<Node> {
    let node = control.make_node(None);
    node.attach(None);
    node
}

/// The handle of a scope, and the node of its one run.
fn one_run() -> (Arc<Control>, Arc<Node>) {
    let control = Arc::new(Control::new(None, None, false));
    // What all walks share is made before there are threads.
    control.set_shielded(false);
    let node = made(&control);
    node.set_shielded(|| false);
    (control, node)
}

/// 2: two threads set the shield. The node ends up as the handle says, not as the slower one wanted.
#[test]
fn a_run_is_shielded_as_its_handle_says() {
    explore(3, || {
        let (control, node) = one_run();
        let other = {
            let control = Arc::clone(&control);
            thread::spawn(move || control.set_shielded(true))
        };
        control.set_shielded(false);
        other.join().unwrap();
        assert_eq!(node.flags().any(Flags::SHIELD), control.is_shielded());
    });
}

/// 2: two threads set the deadline. The node ends up with the handle's.
#[test]
fn a_run_has_the_deadline_of_its_handle() {
    let now = Instant::now();
    explore(3, move || {
        let (control, node) = one_run();
        let other = {
            let control = Arc::clone(&control);
            thread::spawn(move || control.set_deadline(Some(now)))
        };
        control.set_deadline(Some(now + Duration::from_secs(1)));
        other.join().unwrap();
        assert_eq!(node.effective_deadline(), control.deadline());
    });
}

/// 1: a run that begins as its handle is cancelled and shielded misses neither.
#[test]
fn a_new_run_misses_no_change() {
    explore(3, || {
        let (control, _) = one_run();
        let other = {
            let control = Arc::clone(&control);
            thread::spawn(move || {
                control.set_shielded(true);
                control.cancel(Cause::of(CauseKind::Shutdown));
            })
        };
        let node = made(&control);
        other.join().unwrap();
        assert!(node.flags().any(Flags::SHIELD));
        assert!(node.flags().any(Flags::CANCELLED));
        assert_eq!(node.own_cause(), Some(Cause::of(CauseKind::Shutdown)));
        control.forget(&node);
        node.detach();
    });
}

/// 2, and 8 of the tree: two threads cancel by the handle. The handle and its run name the same
/// cause, and who sees the handle cancelled sees that cause.
#[test]
fn a_run_has_the_cause_of_its_handle() {
    explore(3, || {
        let (control, node) = one_run();
        let other = {
            let control = Arc::clone(&control);
            thread::spawn(move || control.cancel(Cause::of(CauseKind::Shutdown)))
        };
        control.cancel(Cause::of(CauseKind::Interrupt));
        assert!(control.is_cancelled());
        let cause = control.cause();
        other.join().unwrap();
        assert!(cause.is_some());
        assert_eq!(control.cause(), cause);
        assert_eq!(node.own_cause(), cause);
    });
}
