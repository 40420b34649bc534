//! A job runs in another thread, where an `Rc` must not be.

use std::rc::Rc;

use anyio::to_thread;

fn main() {
    anyio::run(async {
        let count = Rc::new(1);
        to_thread(move || *count).await;
    });
}
