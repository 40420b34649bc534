//! A group that is followed by `?` has to say what its error is. (The `::<_, _, _>` only silences a
//! suggestion that rustc underlines as long as the path of this checkout is.)

async fn work() -> std::io::Result<()> {
    anyio::task_group::<_, _, _>(async |tg| {
        tg.spawn(async { Ok(()) });
        Ok(())
    })
    .await?;
    Ok(())
}

fn main() {
    _ = anyio::run(work());
}
