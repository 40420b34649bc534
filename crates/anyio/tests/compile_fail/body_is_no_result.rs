//! A body ends in a `Result`, or in nothing.

async fn work() -> std::io::Result<u8> {
    anyio::task_group(async |tg| {
        tg.spawn(async {});
        7
    })
    .await
}

fn main() {
    _ = anyio::run(work());
}
