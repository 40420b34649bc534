//! What a portal's task gives comes from another thread.

use std::rc::Rc;

use anyio::start_blocking_portal;

fn main() {
    let portal = start_blocking_portal().unwrap();
    _ = portal.call(async { Rc::new(1) });
}
