//! The token is lent to the job.

use anyio::to_thread_with_stop;

fn main() {
    anyio::run(async {
        let stop = to_thread_with_stop(|stop| stop).await;
        stop.wait();
    });
}
