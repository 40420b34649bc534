//! A task is ready once: `started` takes `ready` along.

use anyio::{Ready, task_group};

async fn serve(ready: Ready<u16>) {
    ready.started(80);
    ready.started(443);
}

fn main() {
    _ = anyio::run(task_group(async |tg| {
        _ = tg.start(serve).await;
    }));
}
