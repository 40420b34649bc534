//! What a thread has run elsewhere, in its task's run or in a portal, owns what it uses, even if the thread
//! waits for it: the run may go on with it for a while after the thread has been told that it has ended.

use anyio::{from_thread, start_blocking_portal, to_thread};

fn main() {
    let name = String::from("ant");
    let portal = start_blocking_portal().unwrap();
    _ = portal.call(async { name.len() });
    _ = portal.spawn(async { name.len() });
    _ = portal.call(async {
        to_thread(|| {
            let name = String::from("bee");
            _ = from_thread::run(async { name.len() });
            _ = from_thread::run_sync(|| name.len());
        })
        .await;
    });
}
