//! A future that nobody awaits does nothing, and a result that nobody looks at is lost.
#![deny(unused_must_use)]

use std::time::Duration;

use anyio::{CancelScope, Lock, checkpoint, fail_after, shield, sleep, task_group, to_thread};

fn main() {
    anyio::run(async {
        sleep(Duration::ZERO);
        checkpoint();
        shield(async {});
        task_group(async |_| {});
        CancelScope::new().run(async {});
        Lock::new(1).lock();
        to_thread(|| ());

        task_group(async |_| {}).await;
        fail_after(Duration::ZERO, async {}).await;
    });
}
