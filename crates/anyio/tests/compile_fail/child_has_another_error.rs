//! The tasks of a group have the group's error.

async fn number(text: &str) -> Result<u8, std::num::ParseIntError> {
    text.parse()
}

async fn numbers() -> std::io::Result<()> {
    anyio::task_group(async |tg| -> std::io::Result<()> {
        tg.spawn(number("1"));
        Ok(())
    })
    .await
}

fn main() {
    numbers();
}
