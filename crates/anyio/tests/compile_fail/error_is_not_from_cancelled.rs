//! The error of a group has to say that it was cancelled.

#[derive(Debug)]
enum AppError {
    Broken,
}

async fn work() -> Result<(), AppError> {
    anyio::task_group(async |_| -> Result<(), AppError> { Err(AppError::Broken) }).await
}

fn main() {
    _ = anyio::run(work());
}
