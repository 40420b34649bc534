//! The application, on async-std.

mod program;

fn main() -> std::io::Result<()> {
    program::run_on::<anyio::AsyncStd>()
}
