//! A future that nobody awaits does nothing, and a result that nobody looks at is lost.
#![deny(unused_must_use)]

use std::time::Duration;

use anyio::{
    BlockingPortal, CancelScope, Lock, checkpoint, fail_after, shield, shutdown_on_signals, sleep,
    task_group, to_thread, to_thread_with_stop,
};

fn main() {
    anyio::run(async {
        sleep(Duration::ZERO);
        checkpoint();
        shield(async {});
        task_group(async |_| {});
        CancelScope::new().run(async {});
        Lock::new(1).lock();
        to_thread(|| ());
        to_thread_with_stop(|_| ());

        task_group(async |_| {}).await;
        fail_after(Duration::ZERO, async {}).await;
        to_thread(|| async {}).await;
        shutdown_on_signals(Duration::ZERO, async {}).unwrap();
        shutdown_on_signals(Duration::ZERO, async {}).unwrap().await;
    });
}

async fn portals(portal: BlockingPortal) {
    portal.call_async(async {});
    portal.child().name("nothing yet");
    portal.spawn(async {});
    portal.call(async {});
}
