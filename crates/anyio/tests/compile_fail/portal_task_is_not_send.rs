//! A portal's tasks run in other threads than who calls.

use std::rc::Rc;

use anyio::{checkpoint, start_blocking_portal};

fn main() {
    let portal = start_blocking_portal().unwrap();
    _ = portal.call(async {
        let count = Rc::new(1);
        checkpoint().await;
        *count
    });
}
