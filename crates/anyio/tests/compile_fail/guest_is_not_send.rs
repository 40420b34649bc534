//! The other way round it is the same: what a thread has run in the run crosses over.

use std::rc::Rc;

use anyio::from_thread;

fn job() {
    let count = Rc::new(1);
    _ = from_thread::run_sync(move || *count);
}

fn main() {}
