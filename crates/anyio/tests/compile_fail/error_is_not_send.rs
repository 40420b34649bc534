//! The error of a group goes from one thread to another.

use std::error::Error;

async fn work() -> Result<(), Box<dyn Error>> {
    anyio::task_group(async |_| -> Result<(), Box<dyn Error>> { Ok(()) }).await
}

fn main() {
    _ = anyio::run(work());
}
