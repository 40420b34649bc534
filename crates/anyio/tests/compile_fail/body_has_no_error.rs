//! A group that is followed by `?` has to say what its error is.

async fn work() -> std::io::Result<()> {
    anyio::task_group(async |tg| {
        tg.spawn(async { Ok(()) });
        Ok(())
    })
    .await?;
    Ok(())
}

fn main() {
    _ = anyio::run(work());
}
