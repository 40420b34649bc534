//! Nor must one be what the job gives.

use std::rc::Rc;

use anyio::to_thread;

fn main() {
    anyio::run(async {
        let count = to_thread(|| Rc::new(1));
        drop(count);
    });
}
