//! The application, on smol.

mod program;

fn main() -> std::io::Result<()> {
    program::run_on::<anyio::Smol>()
}
