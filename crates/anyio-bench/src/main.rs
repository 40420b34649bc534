//! Side-by-side benchmarks: see the README.

mod measure;
mod rows;

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let once = arguments.iter().position(|argument| argument == "--once");
    if let Some(position) = once {
        arguments.remove(position);
    }
    let wanted = |name: &str| arguments.iter().all(|word| name.contains(word.as_str()));
    let mut any = false;
    for mut row in rows::all() {
        if once.is_some() {
            any |= measure::once(&mut row, &wanted);
        } else if wanted(&row.name) {
            any = true;
            measure::compare(&mut row);
        }
    }
    if any {
        ExitCode::SUCCESS
    } else {
        eprintln!("no row has all of these words in its name: {arguments:?}");
        ExitCode::FAILURE
    }
}
