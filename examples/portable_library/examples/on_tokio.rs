//! The application, on tokio.

mod program;

fn main() -> std::io::Result<()> {
    program::run_on::<anyio::Tokio>()
}
