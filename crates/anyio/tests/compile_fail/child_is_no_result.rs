//! A task ends in a `Result`, or in nothing.

fn main() {
    _ = anyio::run(anyio::task_group(async |tg| {
        tg.spawn(async { 7 });
    }));
}
